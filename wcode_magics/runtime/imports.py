"""Imports of slow libraries on a background thread, safe from interruption.

An interrupted import leaves a library broken for the rest of the process. Third-party
libraries that a first cell or table needs are therefore imported here; Stop ends only
the wait, the import continues, and the next cell finds the module loaded.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

NETWORK = ("httpx", "aiohttp", "httpx_aiohttp", *filter(find_spec, ["keyring"]))
DISPLAY = ("markdown_it", "mdit_py_plugins.dollarmath", "pygments.lexers")
TEMPLATES = ("jinja2",)
SCHEMAS = ("pydantic", "jsonschema_rs")
TICK_S = 0.1

_under_way: dict[str, "_Import"] = {}
_lock = threading.Lock()


class _Import:
    """Import of modules in turn on a background thread, and the error it raised."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._done = threading.Event()
        self._error: BaseException | None = None
        title = f"import {' '.join(names)}"
        threading.Thread(target=self._run, name=title, daemon=True).start()

    def _run(self) -> None:
        try:
            for name in self._names:
                import_module(name)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def wait(self) -> None:
        """Wait for the import; an interrupt ends the wait, not the import."""
        while not self._done.wait(TICK_S):
            pass
        with _lock:
            for name in self._names:
                _under_way.pop(name, None)
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


def data_frame(rows: Any, **named: Any) -> "pd.DataFrame":
    """Return a DataFrame; raises SettingError without pandas."""
    with of_extra("pandas"):
        import pandas as pd
    return pd.DataFrame(rows, **named)


def begin(names: Iterable[str]) -> None:
    """Begin to import modules in turn; :func:`prepare` waits where they are needed.

    Much of an import waits for a disk or loads certificates, which leaves Python to
    what is done meanwhile.
    """
    _coming([*names])


def prepare(names: Iterable[str]) -> None:
    """Import modules in turn; KeyboardInterrupt ends the wait and breaks no import.

    Raises:
        ImportError: a module is not installed; any other error of its import
            propagates.
    """
    for coming in _coming([*names]):
        coming.wait()


def _coming(names: Sequence[str]) -> set[_Import]:
    """Return what imports these modules, begun for those that nothing imports yet."""
    with _lock:
        left = [n for n in names if n not in _under_way and n not in sys.modules]
        if left:
            _under_way.update(dict.fromkeys(left, _Import(left)))
        return {_under_way[name] for name in names if name in _under_way}
