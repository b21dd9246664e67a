"""``--sweep`` and ``--models``: one prompt, many requests, one table."""

from collections.abc import Mapping
from typing import Any

from wcode_magics.display import bundles, reply_bundles, sweep_bundles
from wcode_magics.display.live_display import Live
from wcode_magics.errors import OptionError, Stopped
from wcode_magics.notebook.cell_run import NotebookScreen, show_bundle, watching
from wcode_magics.notebook.shell_state import ShellState, show_advice
from wcode_magics.sending.request_run import awaited
from wcode_magics.session.sweep import Sweep, Trial, grid_of
from wcode_magics.settings import options
from wcode_magics.text import say


def send_sweep(
    home: ShellState, prompt: str, values: Mapping[str, Any]
) -> Sweep | None:
    """Send all combinations, bind the table, show the answers side by side.

    Raises:
        UsageError: nothing was sent.
        WcodeError: every request failed; this is the first error.
    """
    _refuse_others(values)
    points, ready = home.session.sweep_plan(
        prompt,
        grid_of(values),
        names=None if values.get("raw") else home.variables,
        yes=bool(values.get("yes") or values.get("dry_run")),
        **options.of_request(values),
    )
    if values.get("dry_run"):
        show_bundle(bundles.note_bundle(say("ui.sweep_first", count=len(ready))))
        home.show_request(ready[0])
        return None
    names = {} if values.get("raw") else home.variables
    show_advice(home.advised(ready[0], prompt, names).advice)
    home.remember(ready[0], values)
    out, ended = values.get("out"), [Trial(point) for point in points]
    screen = NotebookScreen()
    waits = not home.session.endpoint(ready[0].resolved).sandbox
    live, group = Live(screen, reply_bundles.growing_bundle), home.session.group
    try:
        with watching(home.shell, live, waits=waits) as tell:
            swept = awaited(group(points, ready, ended.__setitem__), tell)
    except KeyboardInterrupt:
        swept = Sweep(tuple(ended))
        if swept.replies:
            _show(home, swept, out, screen)
        else:
            screen.clear()
        raise Stopped(kept=bool(swept.replies)) from None
    _show(home, swept, out, screen)
    if not swept.replies and swept.trials[0].error is not None:
        raise swept.trials[0].error
    return swept


def _refuse_others(values: Mapping[str, Any]) -> None:
    option = "--sweep" if values.get("sweep") else "--models"
    for name in ("as", *sorted(options.staged("conversation", "cell") - {"out"})):
        if values.get(name):
            raise OptionError("not_together", one=option, other=f"--{name}")


def _show(
    home: ShellState, swept: Sweep, out: str | None, screen: NotebookScreen
) -> None:
    home.bind(swept)
    if out is not None:
        home.shell.user_ns[out] = swept.frame()
    screen.end(sweep_bundles.bundle(swept))
