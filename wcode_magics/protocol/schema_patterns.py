r"""Rewrite regular expressions of a JSON Schema in syntax that every endpoint accepts.

Endpoints compile a pattern to a grammar. Few of them support ``\d``, ``\w``, ``\s`` or
groups with ``?``, and one crashes on them; none supports lookaround or
backreferences. The former are expanded here. A pattern with the latter cannot be sent;
the answer is validated against it instead.
"""

import re

_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": r" \t\n\r"}
_ANCHORS = {"A": "^", "Z": "$", "z": "$"}
_NAMED = re.compile(r"\(\?(?::|P?<[^\W\d]\w*>)")
_TOKEN = re.compile(
    r"(?P<escape>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.))"
    r"|(?P<group>\(\??[^)]?)|(?P<count>(?:[*+?]|\{\d*,?\d*\})(?P<how>[?+]?))|(?P<one>.)",
    re.DOTALL,
)
_SPECIAL = frozenset(r"\^$.|?*+()[]{}-")


def portable(pattern: str) -> str | None:
    """Rewrite a pattern in portable syntax; None if that is impossible."""
    made, at, inside = "", 0, False
    while at < len(pattern):
        named = None if inside else _NAMED.match(pattern, at)
        token = _TOKEN.match(pattern, at)
        assert token is not None
        part: str | None
        if named is not None:
            part, end = "(", named.end()
        elif token["escape"]:
            part, end = _escaped(token["escape"], inside=inside), token.end()
        elif inside or not (token["group"] or token["count"]):
            part, end = pattern[at], at + 1
            inside = (
                "]" in pattern[at + 1 :]
                if part == "[" and not inside
                else (inside and part != "]")
            )
        elif token["group"]:
            part, end = (None if token["group"].startswith("(?") else "("), at + 1
        else:
            lazy = token["how"] == "?"
            part, end = (None if token["how"] == "+" else token[0]), token.end()
            part = part[:-1] if part and lazy else part
        if part is None:
            return None
        made, at = made + part, end
    return made


def _escaped(escape: str, *, inside: bool) -> str | None:
    letter = escape[1]
    if len(escape) > 2:
        shown = chr(int(f"0x{escape[2:]}", 0))
        return f"\\{shown}" if shown in _SPECIAL else shown
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES:
        return None if inside else f"[^{_CLASSES[letter.lower()]}]"
    if letter in _ANCHORS and not inside:
        return _ANCHORS[letter]
    known = letter in "tnr" or not letter.isalnum()
    return escape if known else None
