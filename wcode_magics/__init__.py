"""A hosted language model in the notebook: cells, panels and DataFrames."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wcode_magics.alignment import compare
    from wcode_magics.errors import WcodeError
    from wcode_magics.reply import Reply
    from wcode_magics.session import Session

__version__ = "0.1.0"
__all__ = [
    "Reply",
    "Session",
    "WcodeError",
    "compare",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_HOMES = {
    "Reply": "reply",
    "Session": "session",
    "WcodeError": "errors",
    "compare": "alignment",
}


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext wcode_magics``"""
    from wcode_magics import magic

    magic.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext wcode_magics``"""
    from wcode_magics import magic

    magic.unload(shell)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"wcode_magics.{_HOMES[name]}"), name)
