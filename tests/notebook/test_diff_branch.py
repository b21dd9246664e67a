"""Comparing, repeating and branching from cells, against real servers."""

import json
import re
from collections.abc import Callable

import pytest
from IPython.core.interactiveshell import InteractiveShell

import wcode_magics
from tests.display.test_logprob_bundles import ASKED, JSON, ONE, TWO, YES, reply, runs
from tests.loopback import Answer, Loopback, completion
from tests.sending.test_prefill import Endpoint
from tests.session.test_repeat import FAILED, in_turn
from tests.stopping import interrupted
from tests.terminal import Runner
from wcode_magics.logprobs.alignment import agree
from wcode_magics.notebook import load_ext
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.repeat import Runs


@pytest.fixture
def server(
    server: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Loopback]:
    """The same; answers come whole."""
    monkeypatch.setenv("WCODE_STREAM", "0")
    return server


@pytest.fixture
def named(shell: InteractiveShell) -> InteractiveShell:
    """A shell with answers under names."""
    shell.user_ns.update(first=reply(ONE), second=reply(TWO), runs=[reply(TWO)])
    shell.user_ns.update(_wcode=reply(ONE), number=5)
    return shell


@pytest.mark.parametrize(
    "words", ["first second", "$first $second", "_wcode runs[0]", "first $runs[-1]"]
)
@pytest.mark.usefixtures("named")
def test_two_answers_side_by_side(words: str, run: Runner) -> None:
    """By name, as a variable, an item, the last reply."""
    ran = run(f"%wcode_diff {words}")
    assert ran.success
    names = words.replace("$", "").split()
    assert f"{names[0]} says cat (60.0%)" in ran.plain
    assert f"{names[1]} says dog (70.0%)" in ran.plain
    assert "<table" in ran.outputs[0].data["text/html"]


MISTAKES = {
    "%wcode_diff": r"Write two answers.*–",
    "%wcode_diff first": r"Write two answers.*first",
    "%wcode_diff first second third": r"Write two answers",
    "%wcode_diff first secnd": r"secnd.*\$second",
    "%wcode_diff first number": r"Write two answers.*number",
    "%wcode_tree number": r"Write an answer.*number.*%%wcode first",
    "%wcode_tree tell me a joke": r"Write an answer.*given was: tell me a joke",
    "%wcode_tree 讲个笑话": r"Write an answer.*given was: 讲个笑话",
    "%wcode_tree jokes!": r"Write an answer.*given was: jokes!",
    "%wcode_tree $jokes": r"no variable jokes",
    "%wcode_diff first 笑话": r"Write two answers.*笑话",
    "%wcode_tree firts": r"no variable firts.*\$first",
    "%wcode_diff first runs[3]": r"runs has no item 3",
    "%wcode_branch": r"Write the number",
    "%wcode_branch x 2": r"Write the number",
    "%wcode_branch 0": r"Write the number",
    "%wcode_branch 9 1": r"No token 9.*0 … 2",
    "%wcode_branch 1 bird": r"No alternative bird.*1 cat, 2 dog",
    "%wcode_branch 1 2 --of $number": r"--of is 5",
    "%wcode_branch 1 2 more words": r"more is not an option",
    "%wcode --of $first hi": r"--of has no effect",
    "%%wcode --repeat 0\nhi": r"--repeat is 0.*1 or more",
    "%%wcode --repeat 2.5\nhi": r"--repeat is 2\.5",
    "%%wcode --repeat 2 --chat t\nhi": r"--repeat and --chat",
    "%%wcode --repeat 2 --sweep temperature=0,1\nhi": r"--sweep and --repeat",
    "%%wcode --repeat 2 --code\nhi": r"--repeat and --code",
    "%%wcode --repeat 30\nhi": r"30 requests",
}


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_is_one_line(
    code: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """What was given, what is allowed; nothing is sent."""
    made = server()
    ran = run(code)
    assert not ran.success
    assert len(ran.error_lines) == 1, ran.stdout
    assert re.search(MISTAKES[code], ran.error_lines[0])
    assert not made.seen


def test_repeat_shows_and_binds_the_runs(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """Each answer once with its runs; _wcode and --out are all replies."""
    made = server(in_turn(completion("a cat"), completion("a dog")))
    ran = run("%%wcode --repeat 3 --seed 1 -o runs\nhi")
    assert ran.success
    assert "3 runs gave 2 different answers. The most common one came 2" in ran.plain
    assert "a dog" in ran.plain
    assert {seen.body["seed"] for seen in made.seen} == {1}
    runs = shell.user_ns["runs"]
    assert runs is shell.user_ns["_wcode"]
    assert isinstance(runs, Runs)
    assert len(runs) == 3
    assert "says" in run("%wcode_diff runs[0] runs[1]").plain or runs[0] == runs[1]


@pytest.mark.parametrize("many", ["--repeat 3", "--sweep seed=1,2,3"])
def test_many_replies_are_offered_one_by_one(
    many: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """What takes one reply says that several are there, and how to take one."""
    server(in_turn(*[completion(text) for text in ("a cat", "a dog", "a cow")]))
    assert run(f"%%wcode {many}\nhi").success
    for line in ("_tree", "_branch 0 2", " --continue", "_repair"):
        (error,) = run(f"%wcode{line}").error_lines
        assert re.search(r"_wcode holds 3 replies \(\w+\), and %wcode", error), line
        assert error.endswith("Choose it first: _wcode = _wcode.replies[0].")
    run("_wcode = _wcode.replies[0]")
    assert "_wcode holds" not in run("%wcode_tree").stdout


def test_a_failed_run_is_a_row(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """One failure is told and the cell succeeds; all of them fail the cell."""
    server(in_turn(FAILED, completion("fine")))
    ran = run("%%wcode --repeat 2\nhi")
    assert ran.success
    assert re.search(r"run \d\n⚠ .*unlucky", ran.plain)
    assert "1 of 2 runs answered" in ran.plain
    assert [r.text for r in shell.user_ns["_wcode"]] == ["fine"]
    server(FAILED)
    ran = run("%%wcode --repeat 2\nhi")
    assert not ran.success
    assert "unlucky" in ran.error_lines[-1]


def test_stopping_binds_what_came(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """The runs that were over are shown and bound."""
    server(in_turn(completion("early"), Answer(hang=True)))
    with interrupted(lambda: bool(load_ext.session(shell).history)):
        ran = run("%%wcode --repeat 3\nhi")
    assert not ran.success
    assert "Stopped. What arrived is kept" in ran.plain
    assert [r.text for r in shell.user_ns["_wcode"]] == ["early"]


SAID = {
    "kept": ("Rome is the capital of France.", "approximate"),
    "repeated": ("Rome is the capital of France.", "repeated the given beginning"),
    "ignored": ("Sure: it is Paris.", "ignored the given beginning"),
}


@pytest.mark.parametrize("how", SAID)
def test_branch_from_a_cell(
    how: str, run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """By rank or text, of _wcode or another; what the endpoint did is said."""
    made = server(Endpoint(how))
    run("%%wcode -l --top-logprobs 2 -o first\nhi")
    for line in ("0 2", "0 Rome --of $first", '0 "Rome" --of $first --seed 3'):
        ran = run(f"%wcode_branch {line} -o child")
        assert ran.success
        assert all(words in ran.plain for words in SAID[how])
        child = shell.user_ns["child"]
        assert child.parent is shell.user_ns["first"]
        assert child.seam.how == how
        assert made.seen[-1].body["messages"][-1] == {
            "role": "assistant",
            "content": "Rome",
        }
    assert made.seen[-1].body["seed"] == 3


@pytest.mark.parametrize("how", ["repeated", "ignored"])
def test_what_became_of_a_beginning_is_said(
    how: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """--continue says it too, also for another reply than the last."""
    server(Endpoint(how))
    run("%%wcode -n 2 -o cut\nhi")
    run("%%wcode\nhi")
    ran = run("%wcode --continue --of $cut -n 9")
    assert ran.success
    assert SAID[how][1] in ran.plain


def test_a_branch_can_be_repeated_or_shown(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--repeat and --dry-run do for a branch what they do for a prompt."""
    made = server(Endpoint("kept"))
    run("%%wcode -l --top-logprobs 2\nhi")
    assert '"continue_final_message": true' in run("%wcode_branch 0 2 --dry-run").plain
    assert len(made.seen) == 1
    assert run("%wcode_branch 0 2 --repeat 2").success
    texts = {child.text for child in shell.user_ns["_wcode"]}
    assert texts == {"Rome is the capital of France."}


def test_the_boundary_is_marked(shell: InteractiveShell) -> None:
    """The heat map of a child has the mark where its beginning ends."""
    run = shell.run_cell
    given = "--no-stream -t 0.7 -s 3 -l --top-logprobs 5"
    run(f"%%wcode {given}\nWhat is the capital of France?")
    assert run('%wcode_branch 0 "Paris" --no-stream -o child').success
    data, metadata = shell.display_formatter.format(shell.user_ns["child"])
    assert re.search(r">Paris<.*?>┊</span>", data["text/html"], re.DOTALL)
    assert "first 5 characters were given" in data["text/html"]
    assert "wcode" in metadata


VALUES = {
    "confidence": reply(JSON).confidence("a"),
    "labels": reply(YES).confidence(labels=["yes", "no"]),
    "logprobs": YES,
}


@pytest.mark.parametrize("name", VALUES)
def test_numbers_show_themselves(name: str, shell: InteractiveShell) -> None:
    """At the end of a cell: HTML and text, rounded."""
    data, _metadata = shell.display_formatter.format(VALUES[name])
    assert "<table" in data["text/html"]
    assert not re.search(r"\d\.\d{5}", data["text/plain"])


def test_comparisons_show_themselves(shell: InteractiveShell) -> None:
    """What the public function gives, and how several answers agree."""
    shown = {
        "A says cat": wcode_magics.compare(reply(ONE), reply(TWO)),
        "Times": agree([ONE, TWO]),
        "run 1, 3": runs(),
    }
    for words, value in shown.items():
        data, _metadata = shell.display_formatter.format(value)
        assert words in data["text/plain"]
        assert "<table" in data["text/html"]


def test_names_are_completed(named: InteractiveShell) -> None:
    """Names for a comparison, options for a branch."""
    from wcode_magics.notebook.commands import complete

    found = complete("wcode_diff", "first sec", named.user_ns)
    assert [one.text for one in found] == ["second"]
    found = complete("wcode_branch", "0 2 --o", named.user_ns)
    assert {one.text for one in found} == {"--of", "--out"}


def test_a_reply_without_tokens_cannot_branch(
    run: Runner, shell: InteractiveShell
) -> None:
    """The error says what to ask with."""
    shell.user_ns["_wcode"] = Reply("hi", ASKED, "m")
    assert "--logprobs" in run("%wcode_branch 0 1").plain
    assert json.dumps(shell.user_ns["_wcode"].to_dict())
