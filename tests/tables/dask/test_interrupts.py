"""Stop while Dask computes answers: one line, as for any other cell."""

import pytest

from tests.stopping import interrupted
from tests.tables.dask.tables import slow, table

CELL = """
made = table.wcode.ask("Say {{ 评论 }}", into="said")
short = made[made["said"].str.len() > 2].assign(more=1)
"""


@pytest.mark.parametrize("where", ["threads", "sync", "cluster"])
def test_stop_is_told_in_one_line(*, where, run, shell, server, cluster, monkeypatch):
    """Also of what was made of the answers, wherever these are computed."""
    if where == "cluster":
        cluster()
    monkeypatch.setenv("WCODE_API_KEY", "k")
    asked = server(slow)
    shell.user_ns["table"] = table(400)
    assert run(CELL).success
    computed = "" if where == "cluster" else f"scheduler={where!r}"
    with interrupted(lambda: len(asked.seen) > 20):
        ran = run(f"short.compute({computed})")
    assert isinstance(ran.error, KeyboardInterrupt)
    assert "Traceback" not in ran.stdout
    assert [line for line in ran.error_lines if "compute again to go on" in line]
    assert len(ran.error_lines) <= 2  # the line that tells of asking goes before it


def test_any_other_interrupt_is_shown_as_ever(run, shell):
    """A cell of the person's own keeps its traceback, also where Dask computes."""
    shell.user_ns["table"] = table(4)
    assert run("asked = table.wcode.ask('{{ 评论 }}')").success
    ran = run(
        "def stopped(part):\n    raise KeyboardInterrupt\n"
        "table.n.map_partitions(stopped, meta=('n', int)).compute()"
    )
    assert "Traceback" in ran.stdout
    assert "compute again" not in ran.stdout


def test_a_handler_that_stands_is_kept(run, shell):
    """IPython has one handler of exceptions: loading leaves another's alone."""
    shell.run_line_magic("unload_ext", "wcode_magics")
    assert shell.custom_exceptions == ()
    shell.set_custom_exc((ZeroDivisionError,), lambda *_args, **_more: print("mine"))
    shell.run_line_magic("load_ext", "wcode_magics")
    assert run("1 / 0").stdout == "mine\n"
    shell.run_line_magic("unload_ext", "wcode_magics")
    assert shell.custom_exceptions == (ZeroDivisionError,)
