"""Escaping of text for HTML and terminals, in one place.

A notebook page typesets TeX anywhere outside code, even in a price, a file name or an
error, and TeX can fetch an image. MathJax recognizes a formula only if its delimiters
are in one text node, so :func:`escape` puts each ``$`` and each run of backslashes into
its own element. Formulas of an answer go through
:func:`wcode_magics.display.formulas.allowed` instead.
"""

import re

FADED = "opacity:.75"
"""Fainter than the text around it; at least 4.5:1 in light and dark themes alike."""
SMALL = "font-size:85%"
FAINT = f"{SMALL};{FADED}"
WRAPPED = "white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal;margin:0"
"""JupyterLab breaks the words of outputs that are ``<pre>`` anywhere."""

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
_ODD = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_UNSAFE = re.compile(f"[{_ODD}]")
_SPECIAL = re.compile(f"[&<>\"'{_ODD}]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_RANGE = re.compile(r"(?<=[\d%]) … (?=[-\d])")
_TEX = re.compile(r"\$|\\+")
_TAG = re.compile(r"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")


def inert(text: str) -> str:
    """Replace control characters with visible ones, so that none reaches a terminal.

    Escape sequences could set its title, fill its clipboard or hide text; bidirectional
    controls change the order in which text is shown. Line feeds and tabs are kept;
    carriage returns, which overwrite a line, are removed.
    """
    return text.translate(_CONTROLS) if _UNSAFE.search(text) else text


def escape(text: str) -> str:
    """Escape text for an HTML element; for an attribute, use :func:`attribute`."""
    return apart(attribute(text))


def faint(text: str) -> str:
    """Return a line of text in faint, small print, as HTML."""
    return f'<div style="{FAINT}">{joined(text)}</div>'


def joined(text: str) -> str:
    """Escape a line of parts joined by «·», which breaks after a «·», never before.

    A range of numbers, «1 … 2», is not broken.
    """
    return _RANGE.sub("\u00a0…\u00a0", escape(text)).replace(" · ", "\u00a0· ")


def attribute(text: str) -> str:
    """Escape text for a quoted HTML attribute."""
    if not _SPECIAL.search(text):
        return text
    escaped = inert(text)
    for sign, entity in _ENTITIES.items():
        escaped = escaped.replace(sign, entity)
    return escaped


def without_tex(page: str) -> str:
    """Keep TeX in the text of another library's HTML from being typeset."""
    kept, at = [], 0
    for tag in _TAG.finditer(page):
        kept += [apart(page[at : tag.start()]), tag.group()]
        at = tag.end()
    return "".join([*kept, apart(page[at:])])


def apart(page: str) -> str:
    """Wrap each TeX delimiter of escaped text in its own element."""
    if "$" not in page and "\\" not in page:
        return page
    return _TEX.sub(lambda found: f"<span>{found.group()}</span>", page)


def clipped(text: str, most: int) -> str:
    """Truncate text longer than ``most`` characters, ending it with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
