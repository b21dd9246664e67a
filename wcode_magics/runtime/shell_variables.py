"""The user's variables in an IPython shell.

IPython adds its own names (``get_ipython``, ``In``, ``exit``, ``open``), and what a
cell imports or Python keeps there (modules, ``__builtins__``) is code rather than data.
None of these is offered to options, templates or hints.
"""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

LAST = "_wcode"
"""Name that is always bound to the result of the last cell or panel."""

_OUTPUTS = frozenset({"Out", "_", "__", "___"})
"""IPython's names for cell outputs."""


def own(shell: Any) -> dict[str, Any]:
    """Return the user's variables and functions, and IPython's names for outputs."""
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
    """Bind a value to ``_wcode`` and, if set, to the user's variable ``out``.

    ``named`` is bound to ``out`` instead of the value, such as the parsed answer.
    """
    shell.user_ns[LAST] = value
    if out is not None:
        shell.user_ns[out] = value if named is None else named


def is_dunder(name: str) -> bool:
    """Return whether a name is one of Python's, such as ``__builtins__``."""
    return name.startswith("__") and name.endswith("__") and name.strip("_") != ""


def public(names: Iterable[str]) -> list[str]:
    """Return the names to suggest: no output names, no leading underscore."""
    return [name for name in names if name not in _OUTPUTS and name[:1] != "_"]
