"""The variables of a shell that are the person's own.

IPython puts names of its own beside them (``get_ipython``, ``In``, ``exit``, ``open``),
and what a cell imports or Python keeps there (modules, ``__builtins__``) is code rather
than a value. None of these is offered to options, templates or hints.
"""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

LAST = "_wcode"
"""What the last cell or panel gave, under a name that is always there."""

_OUTPUTS = frozenset({"Out", "_", "__", "___"})
"""IPython's names for what the person's cells gave."""


def own(shell: Any) -> dict[str, Any]:
    """The person's variables and functions, and IPython's names for their outputs."""
    hidden = getattr(shell, "user_ns_hidden", {})
    return {
        name: value
        for name, value in shell.user_ns.items()
        if name in _OUTPUTS
        or not (
            is_dunder(name)
            or isinstance(value, ModuleType)
            or (name in hidden and hidden[name] is value)
        )
    }


def bind(shell: Any, value: Any, out: str | None = None, named: Any = None) -> None:
    """Bind a value to ``_wcode`` and to a name of the person's.

    ``named``: what their name is for in its place, such as the parsed answer.
    """
    shell.user_ns[LAST] = value
    if out is not None:
        shell.user_ns[out] = value if named is None else named


def is_dunder(name: str) -> bool:
    """Whether a name is one of Python's, such as ``__builtins__``."""
    return name.startswith("__") and name.endswith("__") and name.strip("_") != ""


def public(names: Iterable[str]) -> list[str]:
    """The names to suggest: those that the person chose to be seen."""
    return [name for name in names if name not in _OUTPUTS and name[:1] != "_"]
