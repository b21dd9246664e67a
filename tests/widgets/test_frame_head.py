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
