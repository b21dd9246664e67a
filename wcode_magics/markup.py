"""The one place where text becomes safe inside HTML."""

import html


def escape(text: str) -> str:
    """The text as HTML, fit for an element and for a quoted attribute."""
    return html.escape(text, quote=True)
