"""One line where a shell's user interrupts Dask while it computes answers.

Dask waits in its own code, so the interrupt is raised there, and the shell would print
a traceback of Dask. Interrupts of any other code are shown as before.
"""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from wcode_magics.errors import ClusterError

_PARTITION = "wcode_magics.tables.dask.partition"


def show_in_one_line(shell: Any) -> Callable[[], None]:
    """Handle the interrupts of a shell's cells; return a function that undoes it.

    IPython has a single handler for exceptions; one that is already set is kept.
    """
    if shell.custom_exceptions:
        return lambda: None
    shell.set_custom_exc((KeyboardInterrupt,), _show)
    custom = shell.CustomTB

    def undo() -> None:
        if shell.CustomTB is custom:
            shell.set_custom_exc((), None)

    return undo


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    partition = sys.modules.get(_PARTITION)
    if type(error) is KeyboardInterrupt and partition and partition.runs_in(trace):
        line = str(ClusterError("cluster.stopped"))
        error.args = (line,)
        vars(error)["_render_traceback_"] = lambda: [line]
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
