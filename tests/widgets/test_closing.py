"""A panel that is closed leaves nothing behind."""

import gc
import time
from collections.abc import Callable

import ipywidgets
import psutil
from ipywidgets.widgets import widget as registry

from tests.loopback import Loopback, either
from wcode_magics.session.session import Session
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.panel import Panel


def alive() -> int:
    """Widgets, layouts and styles that the kernel and the front end hold."""
    if int(ipywidgets.__version__.partition(".")[0]) < 8:
        return len(ipywidgets.Widget.widgets)
    return len(registry._instances)


def use(session: Session) -> None:
    """Open a panel, talk in two turns, delete one, change the language, close it."""
    panel = Panel(session, None, Draft("hi"))
    ask = panel.pages[0]
    ask._keep.value = True
    ask.send()
    assert ask._worker.wait(30)
    panel.state.put("prompt", None)
    ask.turns._delete(0)
    panel._switch_language({"new": "zh"})
    panel._switch_language({"new": "en"})
    panel.close()


def test_closed_panels_leave_no_widget(loopback: Callable[..., Loopback]) -> None:
    """The count of widgets, threads and bytes ends where it began."""
    process = psutil.Process()
    with Session(base_url=loopback(either("Hello")).url, replay="off") as session:
        use(session)
        gc.collect()
        before, threads = alive(), process.num_threads()
        held = process.memory_info().rss
        for _ in range(10):
            use(session)
        gc.collect()
        assert alive() == before
        ended = time.monotonic() + 10
        while process.num_threads() > threads and time.monotonic() < ended:
            time.sleep(0.01)  # the server ends the threads of its connections
        assert process.num_threads() <= threads
        assert process.memory_info().rss - held < 30_000_000
