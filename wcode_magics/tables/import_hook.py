"""Callbacks run when a package is imported, now or later, without importing it.

An import hook delegates finding the package to the other finders, runs the callback
after the import and removes itself. Thus ``df.wcode`` exists whether pandas is imported
before the extension or after. The hook stays in place if the import is interrupted or
only the spec is looked up. (wrapt's import hooks cannot be removed, which unloading the
extension requires.)
"""

import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader


def when_imported(name: str, call: Callable[[], object]) -> Callable[[], None]:
    """Call now if the package is already imported, else right after its import.

    Returns a function that cancels the callback.
    """
    if name in sys.modules:
        import_module(name)  # waits if another thread is still importing it
        call()
        return lambda: None
    finder = _Finder(name, call)
    sys.meta_path.insert(0, finder)
    return finder.remove


class _Finder:
    def __init__(self, name: str, call: Callable[[], object]) -> None:
        self._name = name
        self._call = call
        self._looking = threading.local()

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        if getattr(self._looking, "now", False):
            return None
        self._looking.now = True
        try:
            others = [one for one in sys.meta_path if one is not self]
            found = (one.find_spec(fullname, path, target) for one in others)
            spec = next((one for one in found if one is not None), None)
        finally:
            self._looking.now = False
        if spec is not None and spec.loader is not None:
            then: Any = _Then(spec.loader, self._arrived)
            spec.loader = then
        return spec

    def _arrived(self) -> None:
        self._call()
        self.remove()


class _Then:
    """Loader that runs a callback after executing the module."""

    def __init__(self, loader: "Loader", call: Callable[[], object]) -> None:
        self._loader = loader
        self._call = call

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._call()
