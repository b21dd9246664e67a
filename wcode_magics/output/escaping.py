"""The one place where text becomes safe inside HTML, and on a terminal.

A notebook's page typesets TeX wherever it finds it outside code, also in a price, a
file name or an error; and TeX can fetch a picture. MathJax reads a formula only where
its delimiters stand in one run of text, so :func:`escape` gives each ``$`` and each
backslash an element of its own. Formulas of an answer pass
:func:`wcode_magics.display.formulas.checked` instead.
"""

import html
import re

FAINT = "font-size:85%;color:#767676"
WRAPPED = "white-space:pre-wrap;overflow-wrap:anywhere;margin:0"

_CONTROLS: dict[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t\r"},
    **{code: f"⟨U+{code:04X}⟩" for code in range(0x80, 0xA0)},
    **{code: f"⟨U+{code:04X}⟩" for code in range(0x202A, 0x202F)},
    **{code: f"⟨U+{code:04X}⟩" for code in range(0x2066, 0x206A)},
    **dict.fromkeys(range(55296, 57344), "�"),
    0x0D: None,
    0x7F: "␡",
    0x2028: "\n",
    0x2029: "\n",
}
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_TEX = re.compile(r"\$|\\+")
_TAG = re.compile(r"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")


def inert(text: str) -> str:
    """The text with control characters drawn, so that none commands a terminal.

    Escape sequences could set its title, fill its clipboard or hide what was said;
    marks of direction show a text in another order than it has. Line feeds and tabs
    stay; carriage returns, which overwrite a line, go.
    """
    return text.translate(_CONTROLS) if _UNSAFE.search(text) else text


def escape(text: str) -> str:
    """The text as HTML, fit for an element; for an attribute, :func:`attribute`."""
    return apart(attribute(text))


def attribute(text: str) -> str:
    """The text as HTML, fit for an attribute in quotes."""
    return html.escape(inert(text), quote=True)


def without_tex(page: str) -> str:
    """HTML that another library made, with TeX in its texts left as text."""
    kept, at = [], 0
    for tag in _TAG.finditer(page):
        kept += [apart(page[at : tag.start()]), tag.group()]
        at = tag.end()
    return "".join([*kept, apart(page[at:])])


def apart(page: str) -> str:
    """Escaped text with each delimiter of TeX in an element of its own."""
    return _TEX.sub(lambda found: f"<span>{found.group()}</span>", page)


def clipped(text: str, most: int) -> str:
    """The text, its end left out and marked where it is longer than ``most``."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
