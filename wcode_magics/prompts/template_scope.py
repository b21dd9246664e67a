"""What a prompt template may look into and call.

Values of any kind and the functions of the person and of libraries are theirs. Modules
and the running shell are closed: they lead to everything else. Functions and types of
Python itself and of its standard library are not called, for many of them act on the
machine, apart from modules that only compute. Methods of values are called, as in
``{{ name.upper() }}``.
"""

import sys
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

_COMPUTING = frozenset(
    {
        *("calendar", "cmath", "collections", "datetime", "decimal", "fractions"),
        *("html", "json", "math", "re", "statistics", "textwrap", "unicodedata"),
        *("_collections", "_datetime", "_decimal", "_json", "_statistics"),
    }
)
"""Modules of the standard library whose functions and types only compute."""
_VALUES = _COMPUTING | {
    *("array", "builtins", "enum", "io", "ipaddress", "pathlib", "random", "types"),
    *("uuid", "xml", "zoneinfo", "_io", "_random"),
}
"""Modules of the standard library whose values have methods that may be called."""
_OURS = __name__.partition(".")[0]
_CLOSED = ("IPython", "ipykernel")
"""Packages that run cells."""
_OPEN = ("IPython.core.display", "IPython.lib.display")
"""What a cell displays is a value."""


def is_closed(value: Any) -> bool:
    """Whether a template sees nothing of a value: a module, the running shell."""
    return isinstance(value, ModuleType) or any(
        _root(kind.__module__) in _CLOSED and not kind.__module__.startswith(_OPEN)
        for kind in type(value).__mro__
    )


def can_call(value: Any) -> bool:
    """Whether a template may call a value."""
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
    """Whether methods of a value, or of a class, may be called."""
    if isinstance(owner, type):
        return _is_allowed(owner) or owner.__module__ == "builtins"
    kind = type(owner)
    known = _root(kind.__module__) in {*_VALUES, _OURS}
    return not is_closed(owner) and (known or _is_allowed(kind))


def _is_allowed(defined: Any) -> bool:
    """Whether what a module defines may be called."""
    module = getattr(defined, "__module__", None)
    if not isinstance(module, str):
        return isinstance(defined, FunctionType)  # made by Jinja, or at run time
    root = _root(module)
    if root in _CLOSED or root == _OURS:
        return False
    return root in _COMPUTING or root not in sys.stdlib_module_names


def _root(module: Any) -> str:
    return module.partition(".")[0] if isinstance(module, str) else ""
