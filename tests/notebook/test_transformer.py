"""Lines of our commands inside Python cells."""

from collections.abc import Callable

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.loopback import Loopback, streamed
from tests.terminal import Runner
from wcode_magics.protocol.reply import Reply
from wcode_magics.text import say

TEXTS = [
    's = """\n%wcode tell me why?\n"""\n',
    "s = '''\nx = %wcode why?\n'''\n",
    's = f"""\n    %wcode {1}?\n"""\n',
    's = r"""\n%%wcode\n%wcode_history 3?\n"""\n',
    "t = (\n    'a'  # %wcode what?\n)\n",
    "# %wcode what?\n",
    "x = 7 %wcode\n",
    "x = 'a %wcode b?'\n",
    "d = {'%wcode': '%wcode what?'}\n",
]


@pytest.mark.parametrize("code", TEXTS)
def test_text_is_never_rewritten(code: str, run: Runner) -> None:
    """A string or a comment that looks like a command stays as it is."""
    assert run("1").success
    shell = InteractiveShell.instance()
    assert shell.transform_cell(code) == code


CALLS = {
    "%wcode What?": ("wcode", "What?"),
    "%wcode What is 2 + 2??": ("wcode", "What is 2 + 2??"),
    "%wcode -t 0 It's (open?": ("wcode", "-t 0 It's (open?"),
    "%wcode no question": ("wcode", "no question"),
    "%wcode_fix why?": ("wcode_fix", "why?"),
    "%time %wcode What?": ("time", "%wcode What?"),
    "%timeit -n1 -r1 x = %wcode What?": ("timeit", "-n1 -r1 x = %wcode What?"),
    "%wcode one \\\n  two?": ("wcode", "one    two?"),
}


@pytest.mark.parametrize("code", CALLS)
@pytest.mark.parametrize("before", ["", "x = 1\n", "if True:\n    "])
def test_a_question_is_sent_and_not_helped(
    code: str, before: str, run: Runner, shell: InteractiveShell
) -> None:
    """A mark at the end of a prompt does not ask IPython for help."""
    assert run("1").success
    name, line = CALLS[code]
    made = shell.transform_cell(f"{before}{code}\n")
    assert made == f"{before}get_ipython().run_line_magic({name!r}, {line!r})\n"


@pytest.mark.parametrize("code", ["%wcode?", "%wcode??", "?%wcode", "x?"])
def test_help_is_still_helped(code: str, run: Runner, shell: InteractiveShell) -> None:
    """A command with nothing but the mark shows its page."""
    assert run("1").success
    assert "pinfo" in shell.transform_cell(code)


@pytest.mark.parametrize(
    "code",
    [
        "x = %wcode What is it?",
        "if True:\n    x = %wcode -t 0 What?",
        "d = {}\nd['k'] = %wcode What (?\nx = d['k']",
        "%time x = %wcode What?",
        "%%time\nx = %wcode What?",
        "x: object = %wcode no question",
        "s = '''\n%wcode a?\n'''\nx = %wcode b?",
    ],
)
def test_an_assigned_command_gives_the_reply(
    code: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """What was shown is the value as well, with a question mark or without."""
    made = server(streamed("Hi"))
    assert run(code).success
    assert isinstance(shell.user_ns["x"], Reply)
    assert shell.user_ns["x"] is shell.user_ns["_wcode"]
    assert len(made.seen) == 1


def test_a_command_alone_shows_its_answer_once(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """The value is not displayed once more; a table of %wcode_history is."""
    server(streamed("Hi"))
    ran = run("%wcode Hello?")
    assert ran.stdout.count("Hi") == 1
    assert not ran.outputs
    assert "Out[" in run("%wcode_history 1").plain


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("x = %wcode --repeat 2 hi", "Runs"),
        ("x = %wcode --sweep seed=1,2 hi", "Sweep"),
        ("x = %wcode --dry-run hi", "NoneType"),
    ],
)
def test_many_answers_are_given_as_wcode_has_them(
    code: str,
    kind: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """Runs and sweeps are values too; a dry run has none."""
    server()
    assert run(code).success
    assert type(shell.user_ns["x"]).__name__ == kind


@pytest.mark.parametrize(
    "code",
    [
        "%%wcode -t 0  # deterministic\nhi",
        "%%wcode # nothing set\nhi",
        "%%wcode --seed 1 #no space\nhi",
        "%wcode_config seed=3  # a note",
        '%wcode_config model="a #b"  # a note',
        "%wcode_history 2 # newest",
        "%wcode_chats # all",
        "%wcode_params top_p # one",
    ],
)
def test_a_comment_may_stand_behind_the_options(
    code: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """As in Python."""
    server()
    assert run(code).success


def test_a_number_sign_in_a_prompt_is_the_prompts(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """The text of a line is sent whole."""
    made = server()
    assert run("%wcode -t 0 # Heading").success
    assert made.seen[0].body["messages"][0]["content"] == "# Heading"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("code", ["%%wcode", "%%wcode -t 0\n", "\n%%wcode\n"])
def test_a_cell_without_a_body_is_answered_in_our_words(
    code: str, language: str, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to do, in the user's language; what needs no prompt goes on."""
    monkeypatch.setenv("WCODE_LANGUAGE", language)
    assert run(code).error_lines == [f"UsageError: {say('errors.empty_prompt')}"]
    (error,) = run("%%wcode --continue").error_lines
    assert error == f"UsageError: {say('errors.no_reply')}"


def test_a_cell_still_waits_for_its_body(run: Runner, shell: InteractiveShell) -> None:
    """In a terminal the command line alone is no whole cell, and help stays help."""
    assert run("1").success
    assert shell.check_complete("%%wcode -t 0") == ("incomplete", "")
    assert shell.check_complete("%%wcode -t 0\nhi") == ("incomplete", "")
    for code in ("%%wcode?\n", "%%wcode\nhi\n", "%%wcodes\n"):
        loaded = shell.transform_cell(code)
        run("%unload_ext wcode_magics")
        assert shell.transform_cell(code) == loaded
        run("%load_ext wcode_magics")
