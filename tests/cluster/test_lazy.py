"""A lazy table sends no row without a word, whatever of it is computed."""

import dask.dataframe as dd
import pytest

from tests.frames.asking import QUIET, texts

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
