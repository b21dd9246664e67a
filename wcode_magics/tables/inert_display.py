"""Sanitized display of tables in a shell, as cells may hold a model's text.

pandas allows MathJax in its HTML tables, which turns prices into formulas and lets
formulas fetch resources; ``pd.options.display.html.use_mathjax = True`` enables it
again. The plain text of pandas contains control characters unescaped.
"""

import sys
from collections.abc import Callable
from typing import Any

from wcode_magics.output.escaping import inert
from wcode_magics.tables.import_hook import when_imported

_OPTION = "display.html.use_mathjax"
_KINDS = [
    (module, name)
    for name, home in (("DataFrame", "frame"), ("Series", "series"))
    for module in ("pandas", f"pandas.core.{home}")
]


def show_inert(shell: Any) -> Callable[[], None]:
    """Sanitize tables shown in a shell; return a function that undoes it."""
    formatter = shell.display_formatter.formatters["text/plain"]
    for module, name in _KINDS:
        formatter.for_type_by_name(module, name, _print)
    before: list[bool] = []

    def untypeset() -> None:
        pandas = sys.modules["pandas"]
        before.append(pandas.get_option(_OPTION))
        pandas.set_option(_OPTION, False)

    forget = when_imported("pandas", untypeset)

    def undo() -> None:
        forget()
        for module, name in _KINDS:
            formatter.pop(f"{module}.{name}", None)
        if before:
            sys.modules["pandas"].set_option(_OPTION, before[0])

    return undo


def _print(value: Any, printer: Any, _cycle: bool) -> None:
    printer.text(inert(repr(value)))
