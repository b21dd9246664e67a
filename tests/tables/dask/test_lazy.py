"""A lazy table sends no row without a word, whatever of it is computed."""

import time

import dask.dataframe as dd
import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, texts
from tests.tables.dask.tables import WAIT_S
from wcode_magics.errors import RejectedError

WORDS = "Asking for answer: a Dask table sends its rows when anything of it is computed"


@pytest.mark.parametrize(
    "compute",
    [
        len,
        lambda lazy: lazy.index.compute(scheduler="synchronous"),
        lambda lazy: lazy["text"].compute(scheduler="synchronous"),
        lambda lazy: lazy["answer_error"].isna().sum().compute(scheduler="synchronous"),
        lambda lazy: lazy.compute(scheduler="threads"),
    ],
    ids=["len", "index", "column", "isna", "compute"],
)
def test_it_is_told_before_rows_are_sent(serve, capsys, compute):
    """One line, at the first request; what was answered is not sent again."""
    server = serve()
    lazy = dd.from_pandas(texts(4), npartitions=2).wcode.ask("{{ text }}")
    assert WORDS not in "".join(capsys.readouterr())
    compute(lazy)
    assert "".join(capsys.readouterr()).count(WORDS) == min(len(server.seen), 1)
    sent = len(server.seen)
    compute(lazy)
    assert WORDS not in "".join(capsys.readouterr())
    assert len(server.seen) == sent


def test_it_is_quiet_where_nothing_is_sent_or_told(serve, capsys):
    """Recorded answers need no word, and progress=False has none."""
    serve()
    table = dd.from_pandas(texts(4), npartitions=2)
    table.wcode.ask("{{ text }}", **QUIET).compute(scheduler="synchronous")
    table.wcode.ask("{{ text }}").compute(scheduler="synchronous")
    assert WORDS not in "".join(capsys.readouterr())


def test_workers_let_it_be_told(cluster, lead, capsys):
    """On a cluster the process that leads tells it, once for all workers."""
    cluster()
    server = lead()
    lazy = dd.from_pandas(texts(4), npartitions=2).wcode.ask("{{ text }}")
    assert len(lazy) == len(server.seen) == 4
    assert "".join(capsys.readouterr()).count(WORDS) == 1


UNSURE = "answer: the endpoint does not confirm the end of its answers"


def test_ends_that_nobody_confirms_are_told(serve, capsys):
    """Once for a table, as a run of pandas tells it; not where all were confirmed."""
    serve(lambda _seen: completion("fine", finish_reason=None))
    table = dd.from_pandas(texts(4), npartitions=2)
    made = table.wcode.ask("{{ text }}").compute(scheduler="synchronous")
    assert list(made["answer_status"]) == ["ok"] * 4
    assert "".join(capsys.readouterr()).count(UNSURE) == 1
    serve()
    table.wcode.ask("{{ text }}").compute(scheduler="synchronous")
    assert UNSURE not in "".join(capsys.readouterr())


def test_workers_tell_of_ends_that_nobody_confirms(cluster, lead, capsys):
    """They let the process that leads say it."""
    cluster()
    lead(lambda _seen: completion("fine", finish_reason=None))
    lazy = dd.from_pandas(texts(4), npartitions=2).wcode.ask("{{ text }}")
    told = ""
    lazy.compute()
    end = time.monotonic() + WAIT_S
    while UNSURE not in told and time.monotonic() < end:
        told += "".join(capsys.readouterr())
    assert told.count(UNSURE) == 1


@pytest.mark.parametrize("way", ["pandas", "dask"])
def test_rows_go_on_where_all_fail_alike(serve, way):
    """``on_error="continue"`` sends every row, on every face."""
    bad = Answer([b'{"error": {"message": "no such thing"}}'], status=400)
    server = serve(lambda _seen: bad, retries=0)
    frame = texts(50)
    with pytest.raises(RejectedError):
        ask(frame, way)
    assert len(server.seen) < 50
    server.seen.clear()
    made = ask(frame, way, on_error="continue")
    assert len(server.seen) == 50
    assert set(made["answer_status"]) == {"http_4xx"}


def ask(frame, way, **options):
    """Ask a frame one request at a time."""
    options = {"concurrency": 1, **QUIET, **options}
    if way == "pandas":
        return frame.wcode.ask("{{ text }}", **options)
    lazy = dd.from_pandas(frame, npartitions=1).wcode.ask("{{ text }}", **options)
    return lazy.compute(scheduler="synchronous")


def test_a_template_without_a_column_is_told_before_it_is_sent(serve, capsys):
    """In the line that says what computing sends."""
    serve()
    lazy = dd.from_pandas(texts(4), npartitions=2).wcode.ask("Say hello")
    lazy.compute(scheduler="synchronous")
    assert "the template uses no column" in capsys.readouterr().out
