"""First rows of a DataFrame as the panel shows them."""

import pandas as pd

from wcode_magics.widgets.frame_head import MOST_CELL, head_html


def test_an_answer_keeps_its_lines_and_its_length() -> None:
    """Pandas alone escapes line breaks and ends texts after 50 characters."""
    long = "word " * 40
    frame = pd.DataFrame(
        {"answer": ["one\n\n<b>two</b>\n", long, None], "n": [1, 2, 3]}
    )
    page = head_html(pd.concat([frame, frame[["answer"]]], axis=1))
    assert page.count("<td>one\n\n&lt;b&gt;two&lt;/b&gt;</td>") == 2
    assert f"<td>{long.strip()}</td>" in page
    assert "white-space:pre-line" in page


def test_a_cell_of_any_length_and_content_is_shown_safely() -> None:
    """It is clipped; no control character and no TeX is left."""
    page = head_html(pd.DataFrame({"answer": ["x" * 9_000, "\x1b[2J", "$x$"]}))
    assert f"{'x' * (MOST_CELL - 1)}…</td>" in page
    assert "\x1b" not in page
    assert "<span>$</span>x<span>$</span>" in page


def test_what_is_missing_is_a_dash() -> None:
    """Whatever the kind of its column; the others look as pandas shows them."""
    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, None], "t": ["a", None]})
    frame["p"] = pd.array([None, None], dtype="Float64")
    page = head_html(pd.concat([frame, frame[["p"]]], axis=1))
    assert page.count("<td>–</td>") == 6
    assert "<td>0.5</td>" in page
    assert "NA" not in page
    assert head_html(pd.DataFrame(index=[1]))
