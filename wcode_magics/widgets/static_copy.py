"""Plain output below a panel with its last result, for notebooks without the panel.

A saved notebook, nbconvert and a page without a kernel show it in place of the widget.
While the panel lives, it is hidden: the result stands in the panel.
"""

from typing import Any

from wcode_magics.display import bundles
from wcode_magics.output.escaping import escape
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.output.mimebundle import bundle as bundle_of

MARK = "wcode-picture"
QUOTE = (
    "white-space:pre-wrap;border-left:3px solid #8889;padding:.1em .6em;"
    "margin:.2em 0;background-color:#8882"
)
"""Style of the user's message."""
_HIDE_DEAD = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .wcode-picture)"
    ":not(:has(.widget-box)){display:none}</style>"
)
"""Hides the panel above, which shows only «model not found» without a kernel."""
HIDE_COPY = "".join(
    f"{output}:has(.wcode-panel) ~ {output}:has(.{MARK}) {{ display: none }}\n"
    for output in (".lm-Widget.jp-OutputArea-child", ".output_area", ".output_subarea")
)
"""Style of the panel that hides the output: JupyterLab and Notebook 7 (nbconvert's
pages lack the first class), Notebook 6, Colab."""


class StaticCopy:
    """Output below the panel: the last result, as HTML and plain text."""

    def __init__(self) -> None:
        self._handle: Any = None

    def open(self) -> None:
        """Display the output, still empty."""
        from IPython.display import DisplayHandle

        self._handle = DisplayHandle()
        self._handle.display(self._bundle(bundles.note_bundle("")), raw=True)

    def show(self, bundle: Bundle, metadata: dict[str, Any] | None = None) -> None:
        """Replace the result shown."""
        if self._handle is not None:
            shown = self._bundle(bundle)
            self._handle.update(shown, raw=True, metadata=metadata or {})

    def _bundle(self, bundle: Bundle) -> Bundle:
        plain = bundle["text/plain"]
        body = bundle["text/html"] if plain else ""
        shown = f'<div class="{MARK}">{_HIDE_DEAD}{body}</div>'
        return bundle_of(shown, plain)


def with_prompt(prompt: str, bundle: Bundle) -> Bundle:
    """Return a result below the prompt that it answers."""
    head = f'<div style="{QUOTE}">{escape(prompt)}</div>'
    plain = f"> {prompt}\n\n{bundle['text/plain']}"
    return bundle_of(head + bundle["text/html"], plain)
