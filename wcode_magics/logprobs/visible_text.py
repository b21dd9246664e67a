"""Draw what is invisible in a text: white space, control and formatting characters."""

import re
from functools import lru_cache

DOT, RETURN, TAB = "·", "↵", "⇥"

_INVISIBLE = (
    r"\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_NEEDS_CARE = re.compile(rf"^[ \u0300-\u036f\u20d0-\u20ff]| $|  |[\n\t{_INVISIBLE}]")
_SPACES = re.compile(r"^ +$| {2,}")
_EDGE_SPACES = re.compile(r"^ +| {2,}| +$")
_JOINED = re.compile(r"(?<=[^\s\u200c\u200d])([\u200c\u200d\U000e0020-\U000e007f]+)")
_HIDDEN = re.compile(rf"[{_INVISIBLE}]")
_LONE_MARK = re.compile(r"^(?=[\u0300-\u036f\u20d0-\u20ff])")


@lru_cache(4_096)
def visible(text: str, *, breaks: bool = False) -> str:
    """Draw white space, control and formatting characters of a text.

    A single space between words stays a space. With ``breaks``, for running text, so
    does one at either end, a drawn line end is followed by a real one and a drawn tab
    by a real tab. Joiners inside an emoji or a word are kept, as their effect is
    visible.
    """
    if not _NEEDS_CARE.search(text):
        return text
    parts = _JOINED.split(text)
    drawn = [
        part if i % 2 else _HIDDEN.sub(_picture, part) for i, part in enumerate(parts)
    ]
    text = _LONE_MARK.sub("◌", "".join(drawn))
    spaces = _SPACES if breaks else _EDGE_SPACES
    text = spaces.sub(lambda run: DOT * len(run[0]), text)
    text = text.replace("\n", f"{RETURN}\n" if breaks else RETURN)
    return text.replace("\t", f"{TAB}\t" if breaks else TAB)


def _picture(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"
