"""Slow imports, on a thread that Stop does not reach.

A library whose import is interrupted half-way stays broken for the rest of the
process. So whatever a first cell or a first table imports from other people is
imported here; Stop ends the wait, the import goes on, and the next cell finds it.
"""

import sys
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

NETWORK = ("httpx", "aiohttp", "httpx_aiohttp", "keyring")
DISPLAY = ("markdown_it", "mdit_py_plugins.dollarmath", "pygments.lexers", "jinja2")
SCHEMAS = ("pydantic", "jsonschema")
TICK_S = 0.1

_under_way: dict[str, "_Import"] = {}
_lock = threading.Lock()


class _Import:
    """One module on its way, and what it raised."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._done = threading.Event()
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name=f"import {name}", daemon=True).start()

    def _run(self) -> None:
        try:
            import_module(self._name)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def wait(self) -> None:
        """Wait for it; an interrupt gets through, and leaves it on its way."""
        while not self._done.wait(TICK_S):
            pass
        with _lock:
            _under_way.pop(self._name, None)
        if self._error is not None:
            raise self._error


def late(path: str) -> Any:
    """What a dotted path names, of a module that is loaded when it is first asked for.

    So a value of a lower floor hands over to a higher one, and the package's names
    load no more than is used.
    """
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def shown_by(path: str) -> Callable[..., Any]:
    """A ``_repr_mimebundle_`` that hands over to a function of a higher floor.

    So values show themselves wherever IPython's protocol is kept: in notebooks with
    the extension and without it, in marimo, in scripts that call ``display``.
    """

    def bundle(value: Any, **_asked: Any) -> Any:
        """The value as a mimebundle."""
        return late(path)(value)

    return bundle


def prepare(names: Iterable[str]) -> None:
    """Import modules; KeyboardInterrupt ends the wait and breaks none of them.

    Raises:
        ImportError: one of them is not there, or what else its import raises.
    """
    for name in names:
        with _lock:
            coming = _under_way.get(name)
            if coming is None and name in sys.modules:
                continue
            coming = _under_way.setdefault(name, coming or _Import(name))
        coming.wait()
