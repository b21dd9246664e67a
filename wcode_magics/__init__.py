"""A hosted language model in the notebook: cells, panels and DataFrames."""

from typing import TYPE_CHECKING, Any

from wcode_magics.errors import stoppable as _stoppable
from wcode_magics.frames import accessors as _accessors
from wcode_magics.imports import late as _late
from wcode_magics.imports import prepare as _prepare

if TYPE_CHECKING:
    from wcode_magics.dialogue.tools import confirm
    from wcode_magics.errors import WcodeError
    from wcode_magics.parts import parquet
    from wcode_magics.probability.alignment import compare
    from wcode_magics.reply import Reply
    from wcode_magics.session import Session, sweep

__version__ = "0.1.0"
__all__ = [
    "Reply",
    "Session",
    "WcodeError",
    "compare",
    "confirm",
    "load_ipython_extension",
    "panel",
    "parquet",
    "sweep",
    "unload_ipython_extension",
]

_HOMES = {
    "Reply": "wcode_magics.reply",
    "Session": "wcode_magics.session",
    "WcodeError": "wcode_magics.errors",
    "compare": "wcode_magics.probability.alignment",
    "confirm": "wcode_magics.dialogue.tools",
    "parquet": "wcode_magics.parts",
    "sweep": "wcode_magics.session",
}


_accessors.watch()  # df.wcode in scripts and in notebooks without the extension


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext wcode_magics``"""
    from wcode_magics import magic

    magic.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext wcode_magics``"""
    from wcode_magics import magic

    magic.unload(shell)


def panel(prompt: str = "", *, session: "Session | None" = None, **values: Any) -> None:
    """Open the panel in the running cell, as ``%wcode_panel`` does.

    Args:
        prompt: what stands in it to begin with.
        session: sends the requests; None: the session of the notebook's cells.
        **values: options by name, parameters and all: ``temperature=0.2``.

    Raises:
        UsageError: an option or a value is not allowed.
        SettingError: ipywidgets is not installed.
    """
    from IPython import get_ipython

    from wcode_magics import magic, options
    from wcode_magics.playground import open_panel
    from wcode_magics.session import Session

    shell: Any = get_ipython()
    if session is None and shell is not None:
        magic.load(shell)
        session = magic.session(shell)
    open_panel(session or Session(), shell, options.check_given(values), prompt)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    with _stoppable():
        _prepare([_HOMES[name]])
    return _late(f"{_HOMES[name]}.{name}")
