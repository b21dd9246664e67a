"""Splitting of a streaming text into a final part and a part that may change."""

import re

from wcode_magics.display import markdown

TAIL_LIMIT = 400
"""Maximum characters of the growing part before it is cut at a line or space."""
LONG_TAIL = 20_000
"""Length in characters above which a text is cut at a line without parsing."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_FENCE_LINE = re.compile(r"^(`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_TABLE_HEAD = re.compile(r"\A([^\n]*\|[^\n]*\n[ \t]*\|?[ :|-]*-[ :|-]*\n)")


def split(text: str) -> tuple[str, str]:
    """Split a text into (finished, growing); later characters change only the latter.

    The finished part ends before the last block, or after a paragraph that an empty
    line follows; an incomplete line does not start a block, since ``a | b`` may still
    become a table header. A block longer than :data:`TAIL_LIMIT` is split: a fence is
    closed and reopened, a table header repeated; other parts join to the block.
    """
    if len(text) > LONG_TAIL:
        return split_lines(text)
    whole = text[: text.rfind("\n") + 1]
    blocks = [token for token in markdown.blocks(whole) if token.level == 0]
    starts = [token.map[0] for token in blocks if token.map]
    lines = _LINE.findall(text)
    at = sum(len(line) for line in lines[: starts[-1]]) if starts else 0
    if starts and blocks[-1].type == "paragraph_close" and whole.endswith("\n\n"):
        at = len(whole)
    finished, growing = text[:at], text[at:]
    if len(growing) <= TAIL_LIMIT:
        return finished, growing
    cut, rest = _cut(growing)
    return finished + cut, rest


def _cut(block: str) -> tuple[str, str]:
    fence = _FENCE_LINE.match(block)
    if fence is not None:
        at = _last_line(block)
        if at <= fence.end() + 1:
            return "", block
        opening = fence.group()
        return f"{block[:at]}{fence.group(1)}\n\n", f"{opening}\n{block[at:]}"
    table = _TABLE_HEAD.match(block)
    if table is not None:
        at = _last_line(block)
        if at <= table.end():
            return "", block
        return f"{block[:at]}\n", table.group(1) + block[at:]
    at = _cut_position(block)
    return (block[:at], block[at:].lstrip(" ")) if at else ("", block)


def _last_line(block: str) -> int:
    return block.rstrip("\n").rfind("\n") + 1


def _cut_position(block: str) -> int:
    """Return the last unindented line's start, else a sentence or word end, else 0."""
    for match in reversed(list(re.finditer(r"\n(?=\S)", block))):
        return match.end()
    for pattern in (r"[.!?]\s|[。！？]", r"\s|[，、；]"):
        places = [match.end() for match in re.finditer(pattern, block)]
        if places:
            return places[-1]
    return 0


def split_lines(text: str) -> tuple[str, str]:
    """Split a text that is not Markdown before its last line."""
    at = text.rfind("\n") + 1 if len(text) > TAIL_LIMIT else 0
    if len(text) - at > LONG_TAIL:
        at = len(text)
    return text[:at], text[at:]
