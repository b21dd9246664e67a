"""Access rules for prompt templates: what they may read and call.

Templates may read values of any kind and call functions of the user and of libraries.
Modules and the running shell are inaccessible, as they lead to everything else.
Builtins and the standard library may not be called, as many of their functions act on
the machine, except for modules that only compute. Methods of values may be called, as
in ``{{ name.upper() }}``.
"""

import sys
from functools import lru_cache, partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

_COMPUTING = frozenset(
    {
        *("calendar", "cmath", "collections", "datetime", "decimal", "fractions"),
        *("html", "json", "math", "re", "statistics", "textwrap", "unicodedata"),
        *("_collections", "_datetime", "_decimal", "_json", "_statistics"),
    }
)
"""Standard library modules whose functions and types only compute."""
_VALUES = _COMPUTING | {
    *("array", "builtins", "enum", "io", "ipaddress", "pathlib", "random", "types"),
    *("uuid", "xml", "zoneinfo", "_io", "_random"),
}
"""Standard library modules whose instances have methods that may be called."""
_OURS = __name__.partition(".")[0]
_CLOSED = ("IPython", "ipykernel")
"""Packages that run cells."""
_OPEN = ("IPython.core.display", "IPython.lib.display")
"""Display objects, which count as values."""


def is_closed(value: Any) -> bool:
    """Return whether a value is inaccessible: a module, or part of the shell."""
    return _is_closed(value.__class__)


@lru_cache(4096)
def _is_closed(kind: type) -> bool:
    return issubclass(kind, ModuleType) or any(
        _root(one.__module__) in _CLOSED and not one.__module__.startswith(_OPEN)
        for one in kind.__mro__
    )


def can_call(value: Any) -> bool:
    """Return whether a template may call a value."""
    while True:
        if isinstance(value, partial):
            value = value.func
        elif hasattr(value, "__wrapped__") and not isinstance(value, FunctionType):
            value = value.__wrapped__  # functools.cache
        else:
            break
    if isinstance(value, MethodType) and isinstance(value.__func__, FunctionType):
        return _is_free(value.__self__)
    if isinstance(value, MethodType):
        return can_call(value.__func__)
    if isinstance(value, BuiltinFunctionType):
        owner = value.__self__
        if owner is not None and not isinstance(owner, ModuleType):
            return _is_free(owner)
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return value is dict or _is_allowed(value)
    return _is_allowed(type(value))


def _is_free(owner: Any) -> bool:
    """Return whether methods of a value, or of a class, may be called."""
    if isinstance(owner, type):
        return _is_allowed(owner) or owner.__module__ == "builtins"
    kind = type(owner)
    known = _root(kind.__module__) in {*_VALUES, _OURS}
    return not is_closed(owner) and (known or _is_allowed(kind))


def _is_allowed(defined: Any) -> bool:
    """Return whether a function or type may be called, by its module."""
    module = getattr(defined, "__module__", None)
    if not isinstance(module, str):
        return isinstance(defined, FunctionType)  # created by Jinja or at run time
    root = _root(module)
    if root in _CLOSED or root == _OURS:
        return False
    return root in _COMPUTING or root not in sys.stdlib_module_names


def _root(module: Any) -> str:
    return module.partition(".")[0] if isinstance(module, str) else ""
