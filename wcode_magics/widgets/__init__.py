"""Interactive panel built with ipywidgets: every parameter of a request.

``wcode_magics.panel()`` and ``%wcode_panel`` open one. The folder is not called
``panel`` because the function is.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wcode_magics.runtime.imports import of_extra
from wcode_magics.session.session import Session
from wcode_magics.widgets.draft import Draft

if TYPE_CHECKING:
    from wcode_magics.widgets.panel import Panel


def open_panel(
    session: Session,
    shell: Any = None,
    values: Mapping[str, Any] | None = None,
    prompt: str = "",
) -> "Panel":
    """Open a panel in the output of the running cell.

    A panel opened by the same cell before is closed, and its request cancelled.

    Args:
        session: session that sends the requests.
        shell: IPython shell whose variables fill templates; None: no templates.
        values: initial options of the cell, by name.
        prompt: initial prompt.

    Raises:
        SettingError: ipywidgets is not installed.
    """
    with of_extra("widgets"):
        from wcode_magics.widgets.panel import Panel
    cell = _cell(shell)
    before = _opened.pop(cell, None) if cell else None
    if before is not None:
        before.close()
    panel = Panel(session, shell, Draft.from_line(values or {}, prompt))
    if cell:
        _opened[cell] = panel
        panel.closed = lambda: _forget(cell, panel)
    panel.open()
    return panel


_opened: dict[str, "Panel"] = {}


def _forget(cell: str, panel: "Panel") -> None:
    if _opened.get(cell) is panel:
        del _opened[cell]


def _cell(shell: Any) -> str:
    """Return the front end's id of the running cell, or an empty string."""
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return ""
    return str(kernel.get_parent("shell").get("metadata", {}).get("cellId", ""))
