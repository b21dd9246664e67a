"""Emphasis beside Chinese, Japanese and Korean text."""

import pytest
from markdown_it import MarkdownIt

from wcode_magics.display.markdown import html

STRONG = {
    "**注意：**请先备份。": ["注意："],
    "这是**“重点”**内容。": ["“重点”"],
    "**别再点，等补包。**不是你的问题": ["别再点，等补包。"],
    "**Markdown（标记）**は軽量": ["Markdown（标记）"],
    "先**「甲」**后**（乙）**再**丙。**": ["「甲」", "（乙）", "丙。"],
    "이것은 **강조(중요)**입니다": ["강조(중요)"],
    "**重要！**🎉": ["重要！"],
    "共**50%**的人，**$5**以上": ["50%", "<span>$</span>5"],
}
PLAIN = ["2 * 3 * 4", "a**b", "snake_case_name", "你 ** 好 ** 吗", "a * b", "*", "**"]


@pytest.mark.parametrize("text", STRONG)
def test_marks_beside_wide_punctuation_are_read(text: str) -> None:
    """No star is left, and each stretch is strong."""
    page = html(text)
    assert "*" not in page
    assert [f"<strong>{inner}</strong>" in page for inner in STRONG[text]] == [
        True for _inner in STRONG[text]
    ]


def test_a_struck_text_is_read_alike() -> None:
    """``~~`` follows the same rule."""
    assert "<s>旧价：</s>" in html("~~旧价：~~新价")


@pytest.mark.parametrize("text", [*PLAIN, "**a** *b* __c__ _d_", "*a(*b", '"**x**"'])
def test_without_wide_text_all_is_as_commonmark_has_it(text: str) -> None:
    """What is no emphasis there is none here."""
    assert html(text) == MarkdownIt("commonmark", {"breaks": True}).render(text)
