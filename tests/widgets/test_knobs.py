"""The rows of a panel, without a front end."""

import json
from typing import Any

import ipywidgets as widgets
import pytest

from wcode_magics import text
from wcode_magics.protocol import parameters, token_counts
from wcode_magics.settings.option_values import escaped, unescaped
from wcode_magics.widgets.knobs import Knob, Knobs

VALUES: dict[str, Any] = {
    "stop": ["\n", "END"],
    "logit_bias": {"17": -3.5, "4": 100},
    "response_format": {"type": "json_object"},
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "required",
    "verbosity": "low",
}
ROWS = pytest.mark.parametrize("row", parameters.PARAMS, ids=lambda row: row.name)


def value_of(row: parameters.Param) -> Any:
    """A value of the row that is neither its default nor falsy by chance."""
    if row.name in VALUES:
        return VALUES[row.name]
    if row.kind == "bool":
        return False
    return 3 if row.kind == "int" else 0.37


def told_by(row: parameters.Param) -> tuple[Knob, list[Any]]:
    """A row, and the values that it tells."""
    told: list[Any] = []
    return Knob(row, lambda _name, value: told.append(value)), told


@ROWS
def test_a_row_tells_what_it_shows(row: parameters.Param) -> None:
    """For each parameter: a value that was put in comes out when the row is touched."""
    knob, told = told_by(row)
    value = value_of(row)
    knob.show(value)
    assert (told, knob.sent) == ([], True)
    knob.show(None)
    assert not knob.sent
    first = knob.widget.children[1]
    before = first.value
    knob.show(value)
    after = first.value
    knob.show(None)
    first.value = after
    if before != after:
        assert told == [value]
        assert knob.sent


@ROWS
def test_ticking_sends_and_reset_does_not(row: parameters.Param) -> None:
    """A tick sends the value that stands there; reset takes it out again."""
    knob, told = told_by(row)
    knob.show(value_of(row))
    cells = knob.widget.children
    tick = cells[0]
    reset = next(cell for cell in cells if isinstance(cell, widgets.Button))
    tick.value = False
    tick.value = True
    assert told == [None, value_of(row)]
    reset.click()
    assert told[-1] is None
    assert (tick.value, reset.disabled) == (False, True)


def test_nothing_is_sent_until_touched() -> None:
    """A fresh panel sends none of the parameters, whatever its sliders show."""
    told: list[Any] = []
    counts: list[int] = []
    tell = lambda name, value: told.append((name, value))  # noqa: E731
    knobs = Knobs(tell, {}, counts.append)
    knobs.show({})
    assert (told, {*counts}) == ([], {0})


def test_a_wrong_value_is_refused_in_its_row() -> None:
    """What is out of range is not told; the row says the range."""
    knob, told = told_by(parameters.find("top_p"))
    typed = knob.widget.children[2]
    typed.value = 5.0
    assert told == [None]
    assert "0 … 1" in knob.problem
    typed.value = 0.5
    assert told[-1] == 0.5
    assert not knob.problem


def test_changed_rows_are_counted() -> None:
    """The panel counts all rows; a folded group shows its own, though not built."""
    counts: list[int] = []
    knobs = Knobs(lambda _name, _value: None, {}, counts.append)
    knobs.show({"temperature": 0, "min_p": 0.1, "top_a": 0.2})
    assert counts[-1] == 3
    group = next(group for group in knobs._groups if group.name == "sampling")
    assert group._button.description == "Sampling · Min-P 0.1, Top-A 0.2"
    group.open()
    rows = group.widget.children[1].children
    assert [row.children[0].value for row in rows] == [True, True]


def test_a_rejected_parameter_is_marked_and_kept() -> None:
    """It is not sent any more; one tick offers it again with its value."""
    told: list[Any] = []
    tell = lambda name, value: told.append((name, value))  # noqa: E731
    knobs = Knobs(tell, {"top_k": 40})
    knobs.reject("top_k", "refused")
    assert told == [("top_k", None)]
    row = next(w for w in knobs.widget.children if "refused" in _note(w))
    row.children[0].value = True
    assert told[-1] == ("top_k", 40)
    assert "refused" not in _note(row)


def _note(widget: Any) -> str:
    children = getattr(widget, "children", ())
    return getattr(children[-1], "value", "") if len(children) > 3 else ""


@pytest.mark.parametrize(
    "spelt", ["\n", "a\\b", 'say "x"', "\\n", '\\"', "中文\t", "\\"]
)
def test_tags_spell_what_cannot_be_typed(spelt: str) -> None:
    """A string of any characters stands in a tag and comes out again."""
    assert "\n" not in escaped(spelt)
    assert unescaped(escaped(spelt)) == spelt


def test_rows_speak_the_language() -> None:
    """Labels are in the language that is in force when the panel is built."""
    text.use("zh")
    knob = Knob(parameters.find("temperature"), lambda _name, _value: None)
    assert knob.widget.children[0].description == "温度"


def test_a_bias_is_written_by_words() -> None:
    """A word stands for its tokens where the vocabulary is; a number for itself."""
    knob, told = told_by(parameters.find("logit_bias"))
    field = knob.widget.children[1]
    field.value = "17 = -3.5"
    assert told[-1] == {"17": -3.5}
    field.value = "no = -100"
    if token_counts.count("no").exact:
        ids = map(str, token_counts.encode_words("no"))
        assert told[-1] == dict.fromkeys(ids, -100)
    else:
        assert "wcode-magics[tokens]" in knob.problem
    field.value = "no"
    assert "word = 5" in knob.problem


@pytest.mark.parametrize("value", [True, {"choice": ["yes", "no"]}, {"regex": "a+"}])
def test_structured_outputs_are_edited_as_json(value: Any) -> None:
    """Also vLLM's object, which is shown as it is sent and can be typed anew."""
    knob, told = told_by(parameters.find("structured_outputs"))
    knob.show(value)
    typed = knob.widget.children[1]
    assert json.loads(typed.value) == value
    typed.value = '{"choice": ["a"]}'
    assert told == [{"choice": ["a"]}]
    typed.value = '{"choice": 1}'
    assert knob.problem
    assert told[-1] is None
