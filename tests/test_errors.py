"""Errors: one line each, in both languages, and they travel."""

import pickle
import re

import pytest

from tests.catalogues import keys
from wcode_magics import errors, text
from wcode_magics.errors import (
    OptionError,
    Stopped,
    UsageError,
    VariableError,
    WcodeError,
    called_from,
)
from wcode_magics.protocol.http_errors import fault
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.settings import option_values, options
from wcode_magics.text import LANGUAGES, say

PLACE = re.compile(r"(?<!{){(\w+)}(?!})")
FACED = sorted(
    key for key in keys("en") if key.startswith(("script.", "command_line."))
)
KEYS = sorted(key for key in keys("en") if key.startswith("errors."))


def tree(kind: type = WcodeError) -> list[type[WcodeError]]:
    """A class and all below it that this package defines, in the order of the file."""
    below = [k for k in kind.__subclasses__() if k.__module__ == errors.__name__]
    return [kind, *(each for child in below for each in tree(child))]


def error_of(key: str, kind: type[WcodeError] = WcodeError) -> WcodeError:
    """An error with every fact that its words name."""
    short = key.removeprefix("errors.")
    names = {place for lang in LANGUAGES for place in PLACE.findall(say(key, lang))}
    return kind(short, **{name: f"two\nlines of {name}" for name in names})


def partial() -> Reply:
    """An answer that broke off."""
    return Reply("half", Request("m", (Message("user", "hi"),)), "m")


@pytest.mark.parametrize("kind", [*tree(), Stopped], ids=lambda kind: kind.__name__)
def test_every_class_says_in_one_sentence_when_it_is_raised(kind):
    """A reader of the reference knows when an error comes."""
    lines = kind.__doc__.strip().split("\n")
    assert len(lines) == 1
    assert lines[0].endswith(".")
    assert lines[0].startswith(("When ", "The root"))


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    """The picture at the top of the file shows what is there."""
    drawn = re.findall(r"^([│ ]*[├└]── )?(\w+)", _picture(), re.MULTILINE)
    picture = [(len(branch) // 4, name) for branch, name in drawn]
    depths = [(len(kind.__mro__) - len(WcodeError.__mro__), kind) for kind in tree()]
    assert picture == [(depth, kind.__name__) for depth, kind in depths]


def _picture() -> str:
    block = errors.__doc__.split("::\n\n")[1].split("\n\n")[0]
    return "\n".join(line.removeprefix("    ") for line in block.splitlines())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_every_error_is_one_line_in_the_cell(key, lang):
    """Whatever the facts hold, the cell shows one line in the person's language."""
    text.use(lang)
    (line,) = error_of(key)._render_traceback_()
    assert "\n" not in line
    assert PLACE.search(line) is None
    assert line.startswith("WcodeError: ")
    assert line.endswith((".", "。", "）", "？", "?", "two lines of hint", '"'))


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "no such file. Check"), ("zh", "没有这个文件。请")]
)
def test_the_system_speaks_the_language(lang, said, tmp_path):
    """The commonest reasons are words without a number; the cause is kept."""
    text.use(lang)
    path = tmp_path / "nothing.txt"
    with pytest.raises(VariableError) as caught:
        option_values.read(options.flag("--system"), f"@{path}", {})
    assert said in str(caught.value)
    assert "Errno" not in str(caught.value)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("kind", tree(), ids=lambda kind: kind.__name__)
def test_every_class_pickles_with_its_facts_and_its_reply(kind):
    """An error comes back whole from another process."""
    error = kind("bad_value", name="top_p", given="2", allowed="float", status=400)
    error.reply, error.value, error.summary = partial(), [1], "1 row"
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is kind
    assert twin.key == error.key
    assert twin.facts == error.facts
    assert (twin.reply, twin.value) == (error.reply, error.value)
    assert str(twin) == str(error)


def test_an_error_speaks_the_language_of_the_moment():
    """The language may change after the error was raised."""
    error = UsageError("empty_prompt")
    text.use("zh")
    assert "提示是空的" in str(error)


def test_an_error_tells_that_something_was_kept():
    """Who paid for half an answer learns where it is."""
    error = UsageError("stream_cut")
    assert "kept" not in str(error)
    error.reply = partial()
    assert str(error).endswith("What arrived is kept in the error's reply.")
    error.face = "cell"
    assert str(error).endswith("What arrived is kept in _wcode.")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key", FACED)
def test_words_of_a_face_name_no_other_face(key, lang):
    """A script is sent to no cell, and the command line to no notebook."""
    facts = set(PLACE.findall(say(key, lang)))
    face, short = key.split(".", 1)
    assert "%wcode" not in say(key, lang)
    assert face == "command_line" or "--" not in say(key, lang)
    for_all = short if short.startswith(("ui.", "advice.")) else f"errors.{short}"
    assert facts <= set(PLACE.findall(say(for_all, lang)))


OF_A_CELL = re.compile(r"%wcode|_wcode|\$[A-Za-z]|the cell|(?<![\w-])--[a-z]")
IN_CELLS_ALONE = {
    "errors.branch.usage",
    "errors.chat.not_deleted",
    "errors.diff.usage",
    "errors.evaluate.review_usage",
    "errors.fix.unsent",
    "errors.frame_only",
    "errors.key_on_line",
    "errors.many_replies",
    "errors.not_a_frame",
    "errors.not_a_reply",
    "errors.of_alone",
    "errors.open_quote",
    "errors.panel.lines_with_raw",
    "errors.panel.no_name",
    "errors.panel.terminal",
    "errors.tree.usage",
    "errors.unbounded",
}
"""Errors of commands and of the panel, which no script meets."""
FOR_ALL = {
    "errors.evaluate.gold_of": "the flag, and the argument in Python",
    "errors.evaluate.no_gold": "labels are given by keys in a notebook alone",
    "errors.evaluate.no_value": "labels are given by keys in a notebook alone",
    "errors.key_refused": "a key of %wcode_login is kept for scripts too",
    "errors.no_key": "a key of %wcode_login is kept for scripts too",
    "errors.no_key_of": "a key of %wcode_login is kept for scripts too",
    "errors.schema.reference": "$defs is a word of JSON Schema",
}


@pytest.mark.parametrize("key", sorted({*KEYS} - IN_CELLS_ALONE - {*FOR_ALL}))
def test_an_error_in_a_script_names_no_command(key):
    """Its remedy is an argument or a method; flags and magics are a cell's."""
    error = error_of(key)
    error.face = "script"
    assert OF_A_CELL.search(error.sentence) is None


OF_A_NOTEBOOK = re.compile(
    r"%wcode|_wcode|the cell|\$[A-Za-z]|notebook was|allow_http=|[（(=]Session\("
    r"|the setting headers|--(repeat|continue|chat|frame)\b"
)
IN_NOTEBOOKS_ALONE = {
    "errors.chat.damaged",
    "errors.chat.full",
    "errors.evaluate.no_gold",
    "errors.evaluate.no_value",
    "errors.kept",
    "errors.no_beginning",
    "errors.no_reply",
    "errors.probe.unrecorded",
    "errors.schema.reference",
    "errors.session_alone",
} | IN_CELLS_ALONE
"""Errors that the command line does not meet, which has no chats and no tables."""


@pytest.mark.parametrize("key", sorted({*KEYS} - IN_NOTEBOOKS_ALONE))
def test_an_error_on_the_command_line_names_what_works_there(key):
    """Its remedy is a flag or a variable of the environment."""
    error = error_of(key)
    error.face = "shell"
    assert OF_A_NOTEBOOK.search(error.sentence) is None


def test_options_are_named_as_they_are_written():
    """A flag in a cell, a name in Python and in an assignment."""
    error = OptionError("not_together", one="--no-think", other="--think-budget")
    assert str(error).startswith("think=False and think_budget exclude")
    with pytest.raises(OptionError) as caught, called_from("cell"):
        raise error
    assert str(caught.value).startswith("--no-think and --think-budget exclude")
    with called_from("setting"):
        assert str(error).startswith("--no-think")
        assert str(UsageError("no_value", name="--max-tokens", given=1)).startswith(
            "max_tokens"
        )


@pytest.mark.parametrize("kept", [True, False])
def test_stop_is_one_line_and_still_an_interrupt(kept):
    """Stop ends Run All, and says whether there is a partial answer."""
    stopped = Stopped(kept=kept)
    assert isinstance(stopped, KeyboardInterrupt)
    assert ("_wcode" in stopped._render_traceback_()[0]) is kept


def test_a_status_error_knows_its_status():
    """A program can ask for the number."""
    assert fault(418, "teapot").status == 418
