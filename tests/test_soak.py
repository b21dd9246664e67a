"""A day's work in one kernel: at its end it holds what it held at its beginning."""

import os
from ast import literal_eval
from collections.abc import Callable

import pytest

from tests.kernel import kernel
from tests.loopback import Loopback, either

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

MEASURE = """
import gc, os, threading
import psutil
from ipywidgets.widgets import widget as _registry
_me = psutil.Process()
def _held():
    gc.collect()
    return {
        "memory": _me.memory_info().rss,
        "threads": _me.num_threads(),
        "sockets": len(_me.net_connections("tcp")),
        "widgets": len(_registry._instances),
    }
"""
WORK = """
import pandas as pd
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.panel import Panel
from wcode_magics.notebook import load_ext as magic
_ip = get_ipython()
def _work(cells, panels, tables):
    for _n in range(cells):
        _way = "--no-stream" if _n % 2 else "--stream"
        _ip.run_line_magic("wcode", f"--fresh {_way} hi {_n}")
    for _n in range(panels):
        _panel = Panel(magic.session(_ip), _ip, Draft(f"hi {_n}"))
        _panel.open()
        _panel.pages[0].send()
        assert _panel.pages[0]._worker.wait(30)
        _panel.close()
    for _n in range(tables):
        pd.DataFrame({"a": range(20)}).wcode.ask(
            f"{_n} {{{{ a }}}}", into="b", progress=False
        )
"""


def test_a_thousand_cells_thirty_panels_ten_tables(
    loopback: Callable[..., Loopback],
) -> None:
    """Memory, threads, sockets and widgets end where they began."""
    env = {**os.environ, "WCODE_BASE_URL": loopback(either("Hello")).url}
    with kernel(env) as made:
        assert made.run(MEASURE + WORK).status == "ok"
        assert made.run("_work(30, 3, 2)").status == "ok"
        before = literal_eval(made.value("_held()"))
        for part in range(100):  # a longer cell would outrun the kernel's queue
            panels, tables = int(part % 10 < 3), int(part % 10 == 0)
            assert made.run(f"_work(10, {panels}, {tables})").status == "ok"
        after = literal_eval(made.value("_held()"))
    assert after["widgets"] == before["widgets"]
    assert after["threads"] <= before["threads"] + 1
    assert after["sockets"] <= before["sockets"] + 2
    assert after["memory"] - before["memory"] < 60_000_000
