"""How values read inside prompts."""

import pandas as pd
import pytest

from wcode_magics.errors import TemplateError
from wcode_magics.prompts import template
from wcode_magics.prompts.prompt_repr import LONGEST


class Spoken:
    """Says what a model should read of it."""

    def __init__(self, said: object) -> None:
        self.said = said

    def _ai_repr_(self, **_asked: object) -> object:
        return self.said


def test_a_table_is_markdown_with_shape_and_dtypes() -> None:
    """A DataFrame goes in as a Markdown table that says its size and kinds."""
    df = pd.DataFrame({"城市": ["北京", "a|b"], "n": [1, 2]})
    assert template.render("{{ df }}", {"df": df}).splitlines() == [
        "2 rows × 2 columns",
        "",
        f"| 城市 ({df['城市'].dtype}) | n (int64) |",
        "| --- | --- |",
        "| 北京 | 1 |",
        "| a\\|b | 2 |",
    ]


def test_a_big_table_is_capped_and_says_so() -> None:
    """20 rows and 30 columns of a table are shown; the title tells the whole size."""
    df = pd.DataFrame([range(40)] * 5000)
    said = template.render("{{ df }}", {"df": df})
    assert said.startswith(
        "5,000 rows × 40 columns (first 20 rows, first 30 columns)\n"
    )
    assert len(said.splitlines()) == 2 + 2 + 20
    assert len(said) < 5000


def test_an_index_with_meaning_is_shown() -> None:
    """Every level of an index that is not a row number is a column."""
    df = pd.DataFrame(
        {"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    )
    said = template.render("{{ df }}", {"df": df})
    assert "| index | index | v (int64) |" in said
    assert "| b | 2 | 2 |" in said


def test_a_series_is_a_table() -> None:
    """A Series is a table of one column."""
    said = template.render("{{ s }}", {"s": pd.Series([1.5], name="x")})
    assert "| x (float64) |" in said


async def _later(said: str) -> str:
    return said


@pytest.mark.parametrize(
    "make",
    [
        lambda: "seen",
        lambda: {"text/html": "<b>", "text/markdown": "seen"},
        lambda: _later("seen"),
    ],
    ids=["text", "bundle", "coroutine"],
)
def test_ai_repr_is_honoured(make: object) -> None:
    """An object with _ai_repr_ says itself what goes in."""
    assert template.render("{{ x }}", {"x": Spoken(make())}) == "seen"  # type: ignore[operator]


def test_ai_repr_without_text_is_refused() -> None:
    """What gives no text is an error that names the class."""
    with pytest.raises(TemplateError, match="Spoken"):
        template.render("{{ x }}", {"x": Spoken(3)})


@pytest.mark.parametrize("value", ["x" * (LONGEST + 1), list(range(LONGEST))])
def test_a_huge_value_is_refused_with_its_size(value: object) -> None:
    """The error tells kind, size and limit, and what to do."""
    with pytest.raises(TemplateError, match=r"(str|list).*,\d{3} characters.*400,000"):
        template.render("{{ x }}", {"x": value})


def test_plain_values_are_their_text() -> None:
    """Numbers, None and texts go in as str() says."""
    names = {"a": 1, "b": None, "c": "{{ a }}"}
    assert template.render("{{ a }} {{ b }} {{ c }}", names) == "1 None {{ a }}"
