"""Functions, forms, sweeps and fixes in cells."""

import io
import re
from collections.abc import Callable

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from tests.loopback import Answer, Loopback, Seen, completion, either, streamed
from tests.terminal import Runner
from wcode_magics.session.sweep import Sweep

DEFINED = '''
import wcode_magics as wcode
ran = []
def area(width: int, height: int = 2) -> int:
    """The area of a rectangle."""
    ran.append((width, height))
    return width * height
def fail():
    raise ValueError("no luck")
@wcode.confirm
def delete(path: str):
    ran.append(path)
async def later(n: int):
    ran.append(n)
    return n
'''


def calling(*calls: tuple[str, str]) -> Answer:
    """A stream that calls functions."""
    pieces = [
        {
            "index": place,
            "id": f"c{place}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for place, (name, arguments) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": pieces}
    return completion(message=message, finish_reason="tool_calls")


def told(server: Loopback, place: int = -1) -> list[str]:
    """What the functions said, as a request tells it."""
    messages = server.seen[place].body["messages"]
    return [one["content"] for one in messages if one["role"] == "tool"]


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_functions_run_until_the_answer(
    stream: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """Their schema is sent, calls run, results go back, the trace is shown."""
    made = server(
        calling(("area", '{"width": 3}'), ("later", '{"n": 7}')), either("Six.")
    )
    run(DEFINED)
    ran = run(f"%%wcode {stream} --functions area,later -o out\nHow big?")
    assert ran.success
    names = [tool["function"]["name"] for tool in made.seen[0].body["tools"]]
    assert names == ["area", "later"]
    assert told(made) == ["6", "7"]
    assert sorted(shell.user_ns["ran"], key=str) == [(3, 2), 7]
    assert "Six." in ran.stdout
    assert 'area({"width": 3})' in ran.stdout
    assert str(shell.user_ns["out"]) == "Six."
    assert [one.name for one in shell.user_ns["out"].trace] == ["area", "later"]


def test_failures_are_told_to_the_model(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """Exceptions, bad arguments and unlisted functions; the cell goes on."""
    calls = (("fail", "{}"), ("area", '{"width": "wide"}'), ("delete", '{"path": "x"}'))
    made = server(calling(*calls), streamed("Sorry."))
    run(DEFINED)
    assert run("%%wcode --functions area,fail\nhi").success
    failed, wrong, unlisted = told(made)
    assert "ValueError: no luck" in failed
    assert "width" in wrong
    assert "no function delete" in unlisted
    assert shell.user_ns["ran"] == []


def test_an_endless_loop_ends(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """After --rounds the cell fails in one line; what was said is kept."""
    made = server(calling(("area", '{"width": 3}')))
    run(DEFINED)
    ran = run("%%wcode --functions area --rounds 3 -o out\nhi")
    assert not ran.success
    assert "3 rounds" in ran.error_lines[-1]
    assert len(made.seen) == 4
    assert len(shell.user_ns["out"].trace) == 3


def test_marked_functions_ask_the_person(
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """Nobody there to say yes: it does not run."""
    made = server(calling(("delete", '{"path": "x"}')), streamed("ok"))
    run(DEFINED)
    assert run("%%wcode --functions delete\nhi").success
    assert "did not allow" in told(made)[0]
    assert shell.user_ns["ran"] == []


def test_raw_tools_are_returned_and_not_run(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--tools as the API has them: the calls are the answer."""
    made = server(calling(("area", '{"width": 3}')))
    run(DEFINED)
    tools = '[{"type": "function", "function": {"name": "area"}}]'
    assert run(f"%%wcode --no-stream --tools {tools} -o out\nhi").success
    assert shell.user_ns["out"].tool_calls[0].name == "area"
    assert shell.user_ns["ran"] == []
    assert len(made.seen) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--functions aera", "Did you mean .area"),
        ("--functions ran", "--functions is"),
        ("--functions area,area", "Two functions"),
        (
            '--functions area --tools [{"type":"function","function":{"name":"f"}}]',
            "excl",
        ),
        ("--schema $nothing", "no variable nothing"),
        ('--schema {"a": "itn"}', "int"),
        ("--schema 3", "--schema is 3"),
        ("--json --schema $area", "exclude each other"),
        ("--sweep temperature", "name=v1"),
        ("--sweep tempature=1", "temperature"),
        ("--sweep temperature=1,3", "0 … 2"),
        ("--sweep temperature=1 temperature=2", "given twice"),
        ("--sweep temperature=1 --chat t", "exclude each other"),
        ("--models a,b --functions area", "exclude each other"),
        ("--sweep seed=1,2,3,4,5,6,7 top_k=1,2,3", "21 requests.*--yes"),
    ],
)
def test_mistakes_are_one_line_and_send_nothing(
    line: str, words: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """What was given, what is allowed."""
    made = server()
    run(DEFINED)
    ran = run(f"%%wcode {line}\nJSON")
    assert not ran.success
    assert len(ran.error_lines) == 1, ran.stdout

    assert re.search(words, ran.error_lines[0])
    assert not made.seen


def test_schema_binds_the_value(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--out is the instance, _wcode the reply; a notebook shows a table of it."""
    server(completion('{"name": "Rome", "people": 3}'))
    run("from pydantic import BaseModel")
    run("class City(BaseModel):\n    name: str\n    people: int")
    assert run("%%wcode --no-stream --schema $City -o city\nhi").success
    assert shell.user_ns["city"].people == 3
    reply = shell.user_ns["_wcode"]
    assert reply.parsed is shell.user_ns["city"]
    assert reply.text == '{"name": "Rome", "people": 3}'


def test_repair_asks_once_more(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """A misfit keeps its text and names the path; %wcode_repair binds --out."""
    made = server(completion('{"name": "Rome"}'), completion('{"name": "R", "n": 1}'))
    line = '%%wcode --no-stream --schema {"name": "str", "n": "int"} -o city\nhi'
    ran = run(line)
    assert not ran.success
    assert "$.n" in ran.error_lines[-1]
    assert shell.user_ns["_wcode"].text == '{"name": "Rome"}'
    assert run("%wcode_repair").success
    assert shell.user_ns["city"] == {"name": "R", "n": 1}
    assert "$.n" in made.seen[1].body["messages"][-1]["content"]
    assert "nothing to repair" in run("%wcode_repair").error_lines[0]


def test_repair_mends_what_wcode_is(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """With the schema that it was asked with, whatever was asked since."""
    made = server(
        completion('{"name": "Rome"}'),
        completion('{"x": "a"}'),
        completion('{"name": "R", "n": 1}'),
    )
    run('%%wcode --no-stream --schema {"name": "str", "n": "int"} -o city\nfirst')
    run("first = _wcode")
    run('%%wcode --no-stream --schema {"x": "str"} -o other\nsecond')
    run("_wcode = first")
    assert run("%wcode_repair --out mended").success
    assert shell.user_ns["mended"] == {"name": "R", "n": 1}
    assert shell.user_ns["other"] == {"x": "a"}
    said = [one["content"] for one in made.seen[2].body["messages"]]
    assert said[0] == "first"
    assert "$.n" in said[-1]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("%%wcode --json --sweep seed=1,2\nJSON", "Sweep.*replies"),
        ("%%wcode --json --repeat 2 --seed 5\nJSON", "Runs.*replies"),
        ("_wcode = pd.DataFrame()", r"DataFrame.*retry\(\)"),
    ],
)
def test_repair_says_what_it_can_do(
    before: str, words: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """After many answers it asks for one; an item of them is mended."""
    made = server(completion("no json"))
    run("import pandas as pd")
    run(before)
    sent = len(made.seen)
    ran = run("%wcode_repair")
    assert re.search(words, ran.error_lines[0])
    assert len(made.seen) == sent
    if sent:
        run("_wcode = _wcode.replies[0]")
        run("%wcode_repair")
        assert len(made.seen) == sent + 1


def test_json_mode_binds_the_value(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--json asks for JSON mode and --out is what it says."""
    made = server(streamed('{"a": ', "[1]}"))
    assert run("%%wcode --json -o data\nJSON please").success
    assert made.seen[0].body["response_format"] == {"type": "json_object"}
    assert shell.user_ns["data"] == {"a": [1]}


def by_seed(seen: Seen) -> Answer:
    """One answer a seed; seed 3 fails."""
    seed = seen.body.get("seed")
    if seed == 3:
        return Answer([b'{"error": {"message": "unlucky"}}'], 400)
    return completion(f"Answer {seed} of {seen.body['model']}")


def test_sweeps_are_tables(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """The cross product is sent; --out is a DataFrame, _wcode shows side by side."""
    made = server(by_seed)
    ran = run(
        "%%wcode --sweep temperature=0,0.5 seed=1,2,3 -n 9 -o table\nhi {{ 1 + 1 }}"
    )
    assert ran.success
    table = shell.user_ns["table"]
    assert isinstance(table, pd.DataFrame)
    assert list(table["seed"]) == [1, 2, 3] * 2
    assert len(made.seen) == 6
    assert {one.body["messages"][0]["content"] for one in made.seen} == {"hi 2"}
    assert isinstance(shell.user_ns["_wcode"], Sweep)
    assert "4 of 6 answered" in ran.plain
    assert "unlucky" in ran.plain
    shown = shell.display_formatter.format(shell.user_ns["_wcode"])[0]["text/html"]
    assert "background" in shown


def test_models_and_yes(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--models is a dimension; --yes sends more than twenty."""
    made = server(by_seed)
    line = "--models a,b --sweep seed=10,11,12,13,14,15,16,17,18,19,20 --yes -o t"
    assert run(f"%%wcode {line}\nhi").success
    assert len(made.seen) == 22
    assert set(shell.user_ns["t"]["model"]) == {"a", "b"}


def test_a_sweep_without_any_answer_fails(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """The table is bound, and the cell fails with the first error."""
    server(by_seed)
    ran = run("%%wcode --sweep seed=3 -o t\nhi")
    assert not ran.success
    assert "unlucky" in ran.error_lines[-1]
    assert shell.user_ns["t"]["text"].isna().all()


def test_fix_sends_traceback_cell_and_names(
    run: Runner, server: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are shortened, secrets are masked, all that is sent is shown first."""
    monkeypatch.setenv("SOME_API_KEY", "supersecret-1")
    made = server(streamed("Use 1.\n```python\nxs[1]\n```"))
    run("import os, pandas as pd")
    run("xs = [1, 2]; long = 'y' * 9000; password = 'hunter2-hunter2'; untold = 5")
    run("df = pd.DataFrame({'city': ['x'], 'n': [1]}); seen = 'k supersecret-1 k'")
    assert not run(
        "y = xs[2] + len(long) + len(df) + len(password) + len(seen)"
    ).success
    ran = run("%wcode_fix --yes --code why?")
    assert ran.success
    sent = made.seen[0].body["messages"][0]["content"]
    assert "IndexError: list index out of range" in sent
    assert "y = xs[2] + len(long)" in sent
    assert "xs = [1, 2]" in sent
    assert "city: " in sent
    assert sent.rstrip().endswith("why?")
    assert "supersecret" not in sent
    assert "hunter2" not in sent
    assert "untold" not in sent
    assert len(sent) < 2500
    assert sent in ran.plain


@pytest.mark.parametrize(
    ("said", "sent"),
    [("y\n", 1), ("是\n", 1), ("\n", 0), ("no\n", 0), ("", 0), (None, 0)],
)
def test_fix_asks_before_it_sends(
    said: str | None,
    sent: int,
    run: Runner,
    server: Callable[..., Loopback],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What would be sent is shown; without a yes, or somebody to ask, nothing is."""
    made = server()
    run("secret_word = 'abracadabra'\nsecret_word + 1")
    if said is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
    ran = run("%wcode_fix")
    assert len(made.seen) == sent
    assert ran.success == bool(sent)
    assert "TypeError" in ran.plain
    assert "abracadabra" not in ran.plain
    if not sent:
        assert "--yes" in ran.error_lines[-1]


def test_fix_needs_a_failure_of_the_persons_own(
    run: Runner, server: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing failed, or it was one of our own errors: one line, nothing sent."""
    monkeypatch.delattr("sys.last_value", raising=False)
    made = server()
    assert "No cell has failed" in run("%wcode_fix").error_lines[0]
    run("%wcode --temprature 3 hi")
    assert "--temperature" in run("%wcode_fix").error_lines[0]
    assert not made.seen


def test_fix_asks_about_the_same_failure_again(
    run: Runner, server: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of %wcode_fix, also of the endpoint, leaves what it was about."""
    made = server(Answer([b"{}"], 500), completion("Use 1 / 1."))
    run("1 / 0")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert "Nothing was sent" in run("%wcode_fix").error_lines[-1]
    assert "--temperature" in run("%wcode_fix --temprature 3").error_lines[0]
    assert "500" in run("%wcode_fix --yes --no-stream").plain
    assert run("%wcode_fix --yes --no-stream").success
    prompts = [one.body["messages"][0]["content"] for one in made.seen]
    assert all("ZeroDivisionError" in prompt for prompt in prompts)
    assert len(prompts) == 2


def test_fix_knows_syntax_errors(run: Runner, server: Callable[..., Loopback]) -> None:
    """A cell that cannot be read is sent as well; --dry-run sends nothing."""
    made = server()
    run("for x in range(3)\n    pass")
    shown = run("%wcode_fix --dry-run").plain
    assert "for x in range(3)" in shown
    assert "SyntaxError" in shown
    assert not made.seen


def test_completion_knows_functions_and_dimensions(shell: InteractiveShell) -> None:
    """Names of functions after --functions, name= after --sweep."""
    shell.Completer.use_jedi = False  # IPython 7 adds its guesses to any line
    shell.run_cell("def area(): pass\nareal = 3")

    def offered(flag: str, typed: str) -> list[str]:
        code = f"%%wcode {flag} {typed}"
        with provisionalcompleter():
            found = shell.Completer.completions(code, len(code))
            lines = [code[: one.start] + one.text for one in found]
        return [line.removeprefix(f"%%wcode {flag} ") for line in lines]

    assert offered("--functions", "ar") == ["area"]
    assert offered("--functions", "f,ar") == ["f,area"]
    assert offered("--sweep", "temp") == ["temperature="]
    assert offered("--trim", "o") == ["oldest"]
