"""Which of several labels a text names: alone, quoted, as JSON, or in a sentence."""

import json
import re
import unicodedata
from collections.abc import Sequence

from wcode_magics.errors import AnswerError

_WIDE = r"\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
"""Letters of scripts that put no spaces between words."""
_LETTER = rf"[^\W{_WIDE}]"
_SPACELESS = re.compile(f"[{_WIDE}]")
_NOT = re.compile(
    rf"((?<!{_LETTER})(not|no|never|neither)|n['’]t)(\s+\w+){{0,2}}\W*$"
    r"|([不没沒](?!错|錯)|[未无無](?!疑)|非(?!常))\w{0,8}\W*$"
)
"""Negation before a label. 不错, 无疑 and 非常 are not negations."""
_QUOTES = " \t\r\n\"'`*.。!！“”‘’「」"


def label_in(text: str, labels: Sequence[str]) -> str:
    """Return the only label that a text is or mentions, and does not negate.

    Raises:
        AnswerError: there is none, or more than one.
    """
    exact = exact_label(text, labels)
    if exact is not None:
        return exact
    known = {folded(label): label for label in labels}
    whole = unread = folded(_decoded(text))
    mentioned, denied = [], False
    for word in sorted(known, key=len, reverse=True):
        pattern = _whole_word(word)
        found = pattern.search(unread)
        if found:
            mentioned.append(word)
            denied = denied or bool(_NOT.search(unread[: found.start()]))
            unread = pattern.sub("\0", unread)
    if len(mentioned) != 1 or denied:
        listed = ", ".join(labels)
        raise AnswerError("frame.no_label", given=whole[:60], labels=listed)
    return known[mentioned[0]]


def exact_label(text: str, labels: Sequence[str]) -> str | None:
    """Return the label equal to a text, ignoring case, quotes and white space."""
    known = {folded(label): label for label in labels}
    decoded, raw = folded(_decoded(text)), folded(text)
    words = (decoded, raw, decoded.strip(_QUOTES))
    return next((known[word] for word in words if word in known), None)


def folded(text: str) -> str:
    """Normalize a text for comparison: NFC, stripped, case-folded."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def _decoded(text: str) -> str:
    """Decode a JSON string, the format asked for; return other text unchanged."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _whole_word(word: str) -> re.Pattern[str]:
    """Return a pattern for a whole word; scripts without spaces need no boundary."""
    before, after = (
        "" if _SPACELESS.match(edge) else _LETTER for edge in (word[0], word[-1])
    )
    left = f"(?<!{before})" if before else ""
    return re.compile(left + re.escape(word) + (f"(?!{after})" if after else ""))
