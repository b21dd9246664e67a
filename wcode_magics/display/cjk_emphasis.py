"""Emphasis in Chinese, Japanese and Korean, which put no space around words.

CommonMark does not treat ``**`` between punctuation and a letter as a delimiter, so
``**注意：**请先备份`` shows its asterisks. Following the CJK-friendly amendment to
CommonMark, a wide character counts as neither: next to one, a delimiter opens if text
follows and closes if text precedes. Without wide characters nothing changes.
"""

import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline.state_inline import StateInline

Rule = Callable[["StateInline", bool], bool]


def wide_emphasis(parser: "MarkdownIt") -> None:
    """Make a Markdown parser recognize emphasis next to wide characters."""
    from markdown_it.rules_inline import emphasis, strikethrough

    parser.inline.ruler.at("emphasis", _beside_wide(emphasis.tokenize))
    parser.inline.ruler.at("strikethrough", _beside_wide(strikethrough.tokenize))


def _beside_wide(rule: Rule) -> Rule:
    def read(state: "StateInline", silent: bool) -> bool:
        start, known = state.pos, len(state.delimiters)
        if not rule(state, silent):
            return False
        before = state.src[start - 1] if start else " "
        after = state.src[state.pos] if state.pos < state.posMax else " "
        if _is_wide(before) or _is_wide(after):
            opens, closes = _flanks(before, after, state.src[start])
            for delimiter in state.delimiters[known:]:
                delimiter.open, delimiter.close = opens, closes
        return True

    return read


def _flanks(before: str, after: str, mark: str) -> tuple[bool, bool]:
    """Return whether a delimiter between two characters can open, and can close."""
    left = not after.isspace() and (not _is_mark(after) or _is_edge(before))
    right = not before.isspace() and (not _is_mark(before) or _is_edge(after))
    if mark != "_":
        return left, right
    inside = left and right
    opens = left and (not inside or _is_punctuation(before))
    closes = right and (not inside or _is_punctuation(after))
    return opens, closes


def _is_edge(character: str) -> bool:
    return character.isspace() or _is_mark(character) or _is_wide(character)


def _is_mark(character: str) -> bool:
    return _is_punctuation(character) and not _is_wide(character)


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WFH"
