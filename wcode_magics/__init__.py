"""A hosted language model in the notebook: cells, panels and DataFrames."""

from typing import TYPE_CHECKING, Any

from wcode_magics.errors import stoppable as _stoppable
from wcode_magics.runtime.imports import late as _late
from wcode_magics.runtime.imports import prepare as _prepare
from wcode_magics.tables import registration as _accessors

if TYPE_CHECKING:
    from wcode_magics.errors import WcodeError
    from wcode_magics.logprobs.alignment import compare
    from wcode_magics.protocol.reply import Reply
    from wcode_magics.session.session import Session, sweep
    from wcode_magics.session.tools import confirm
    from wcode_magics.tables.parquet import parquet

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
    "Reply": "wcode_magics.protocol.reply",
    "Session": "wcode_magics.session.session",
    "WcodeError": "wcode_magics.errors",
    "compare": "wcode_magics.logprobs.alignment",
    "confirm": "wcode_magics.session.tools",
    "parquet": "wcode_magics.tables.parquet",
    "sweep": "wcode_magics.session.session",
}


_accessors.watch()  # df.wcode in scripts and in notebooks without the extension


def load_ipython_extension(shell: Any) -> None:
    """Load the extension: ``%load_ext wcode_magics``."""
    from wcode_magics.notebook import load_ext

    load_ext.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Unload the extension: ``%unload_ext wcode_magics``."""
    from wcode_magics.notebook import load_ext

    load_ext.unload(shell)


def panel(prompt: str = "", *, session: "Session | None" = None, **values: Any) -> None:
    """Open the panel in the running cell, as ``%wcode_panel`` does.

    Args:
        prompt: initial prompt.
        session: session that sends the requests; None: that of the notebook's cells.
        **values: options and parameters by name, such as ``temperature=0.2``.

    Raises:
        UsageError: an option or a value is not allowed, or IPython runs in a terminal.
        SettingError: ipywidgets is not installed.
    """
    from IPython import get_ipython

    from wcode_magics.notebook import load_ext
    from wcode_magics.notebook.cell_run import refuse_terminal
    from wcode_magics.session.session import Session
    from wcode_magics.settings import options
    from wcode_magics.widgets import open_panel

    shell: Any = get_ipython()
    if shell is not None:
        refuse_terminal(shell)
    if session is None and shell is not None:
        load_ext.load(shell)
        session = load_ext.session(shell)
    open_panel(session or Session(), shell, options.checked_options(values), prompt)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _stoppable():
        _prepare([_HOMES[name]])
    return _late(f"{_HOMES[name]}.{name}")
