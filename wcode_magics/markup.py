"""The one place where text becomes safe inside HTML, and on a terminal."""

import html

_CONTROLS: dict[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t\r"},
    **{code: f"⟨U+{code:04X}⟩" for code in range(0x80, 0xA0)},
    0x0D: None,
    0x7F: "␡",
}


def escape(text: str) -> str:
    """The text as HTML, fit for an element and for a quoted attribute."""
    return html.escape(text, quote=True)


def inert(text: str) -> str:
    """The text for a terminal: control characters are drawn, so that none commands.

    Escape sequences could set its title, fill its clipboard or hide what was said.
    Line feeds and tabs stay; carriage returns, which overwrite a line, go.
    """
    return text.translate(_CONTROLS)
