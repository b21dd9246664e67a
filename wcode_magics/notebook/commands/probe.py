"""``%wcode_probe``: measure what the endpoint does with each parameter."""

from collections.abc import Callable

from wcode_magics.display import bundles, probe_table
from wcode_magics.errors import OptionError, Stopped
from wcode_magics.notebook.cell_run import NotebookScreen, is_notebook, show_bundle
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.output import terminal
from wcode_magics.protocol.probe import Probe
from wcode_magics.session.probe import ORDER, announcement
from wcode_magics.settings import option_line as lines
from wcode_magics.settings import options
from wcode_magics.text import say

TAKEN = ("model", "budget", "fresh", "profile")
FLAGS = {flag: row for flag, row in options.FLAGS.items() if row.name in TAKEN}


def wcode_probe(home: ShellState, line: str) -> Probe:
    """Return the kept probe of the endpoint and model, or measure one.

    The value shows itself as a table.

    Raises:
        OptionError: an option that a probe does not take.
        WcodeError: not even a plain request was answered.
        Stopped: the user stopped it; what was measured is kept, bound and shown.
    """
    parsed = lines.parse(line, home.variables)
    parsed.refuse_rest()
    values = dict(parsed.values)
    for name in values.keys() - {*TAKEN}:
        near = " · ".join(sorted({row.flag for row in FLAGS.values()}))
        raise OptionError("unknown_option", given=f"--{name}", near=near)
    fresh = bool(values.pop("fresh", False))
    kept = None if fresh else home.session.probed(**values)
    if kept is not None:
        show_bundle(bundles.faint_bundle(say("probe.kept")))
        return kept
    show_bundle(bundles.faint_bundle(announcement(home.session, values)))
    watch, done = _watch(home)
    try:
        probe = home.session.probe(fresh=True, watch=watch, **values)
    except Stopped as stopped:
        done()
        home.bind(stopped.value)
        show_bundle(probe_table.bundle(stopped.value))
        raise
    done()
    return probe


def _watch(home: ShellState) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Return callbacks that show what is measured, and that clear it."""
    if not is_notebook(home.shell):
        status = terminal.Status()
        return (lambda name: status.show(_status_line(name))), (lambda: status.show(""))
    screen, last = NotebookScreen(), [""]

    def show(name: str) -> None:
        line = _status_line(name)
        if line != last[0]:
            last[0] = line
            screen.show(bundles.faint_bundle(line), 0)

    return show, screen.clear


def _status_line(name: str) -> str:
    if name not in ORDER:
        return ""
    number, total = ORDER.index(name) + 1, len(ORDER)
    return say("probe.now", name=name, number=number, total=total)
