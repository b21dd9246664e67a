"""Imports of slow libraries on a background thread, safe from interruption.

An interrupted import leaves a library broken for the rest of the process. Third-party
libraries that a first cell or table needs are therefore imported here; Stop ends only
the wait, the import continues, and the next cell finds the module loaded.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from wcode_magics.errors import SettingError

NETWORK = ("httpx", "aiohttp", "httpx_aiohttp", *filter(find_spec, ["keyring"]))
DISPLAY = ("markdown_it", "mdit_py_plugins.dollarmath", "pygments.lexers")
TEMPLATES = ("jinja2",)
SCHEMAS = ("pydantic", "jsonschema_rs")
TICK_S = 0.1

_under_way: dict[str, "_Import"] = {}
_lock = threading.Lock()


class _Import:
    """Import of one module on a background thread, and the error it raised."""

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
        """Wait for the import; an interrupt ends the wait, not the import."""
        while not self._done.wait(TICK_S):
            pass
        with _lock:
            _under_way.pop(self._name, None)
        if self._error is not None:
            raise self._error


def late(path: str) -> Any:
    """Import the module of a dotted path on first use and return what the path names.

    Values of a lower layer delegate to a higher one this way, and the package's public
    names load no more than is used.
    """
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def shown_by(path: str) -> Callable[..., Any]:
    """Return a ``_repr_mimebundle_`` that delegates to a function of a higher layer.

    Values then display themselves wherever IPython's protocol is supported: in
    notebooks with or without the extension, in marimo, and in scripts that call
    ``display``.
    """

    def bundle(value: Any, **_asked: Any) -> Any:
        """Return the value as a mimebundle."""
        return late(path)(value)

    return bundle


@contextmanager
def of_extra(extra: str) -> Iterator[None]:
    """Guard the imports of an optional dependency.

    Args:
        extra: extra that installs it, as in ``wcode-magics[extra]``.

    Raises:
        SettingError: it is not installed; the message names the extra.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise SettingError(
            "not_installed", name=missing.name or extra, extra=extra
        ) from missing


def prepare(names: Iterable[str]) -> None:
    """Import modules; KeyboardInterrupt ends the wait and breaks no import.

    Raises:
        ImportError: a module is not installed; any other error of its import
            propagates.
    """
    for name in names:
        with _lock:
            coming = _under_way.get(name)
            if coming is None and name in sys.modules:
                continue
            coming = _under_way.setdefault(name, coming or _Import(name))
        coming.wait()
