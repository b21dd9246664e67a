"""One short line for each public value, as a prompt shows it."""

import pandas as pd
import pytest

import wcode_magics
from tests.loopback import completion
from tests.tables.asking import QUIET, texts
from wcode_magics.session.session import Session
from wcode_magics.text import use


def test_values_of_a_session(serve):
    """The session with its model, a chat with its turns, a fork with its place."""
    words = iter(["a cat", "a cow"])
    server = serve(lambda _seen: completion(next(words)))
    with Session(model="m", base_url=server.url, api_key="k") as own:
        assert repr(own) == "<Session: m>"
        assert repr(own.chat("tutor")) == "<Chat 'tutor': turns 0>"
        runs = own.repeat("x", 2, concurrency=1)
        trial, fork = runs.fork
    assert repr(trial) == "<Trial run=1: 5 characters>"
    assert repr(fork) == "<Fork after 3 characters>"
    assert str(runs.agreement).startswith("2 runs gave 2 different answers. ")


def test_a_key_in_place_of_a_model_is_not_shown():
    """A repr is as silent as an error."""
    key = "sk-" + "a1B2" * 10
    with Session(model=key) as own:
        assert key not in repr(own)


def test_values_of_tables(serve, tmp_path):
    """A frame, a Parquet table and what was written."""
    serve()
    frame = texts(2)
    assert repr(frame.wcode) == "<FrameAccessor: rows 2>"
    source = tmp_path / "in.parquet"
    frame.to_parquet(source)
    table = wcode_magics.parquet(source, to=tmp_path / "out")
    assert repr(table) == f"<Parquet: in.parquet into {tmp_path / 'out'}>"
    made = table.ask("{{ text }}", **QUIET)
    assert repr(made) == f"<Written: 2 of 2 rows in {tmp_path / 'out'}>"


@pytest.fixture
def chinese():
    """Chinese, until the test ends."""
    use("zh")
    yield
    use(None)


@pytest.mark.usefixtures("chinese")
def test_what_parquet_says_in_chinese(serve, tmp_path):
    """Statuses have the words of df.wcode."""
    serve()
    pd.DataFrame({"text": ["a", None]}).to_parquet(tmp_path / "in.parquet")
    table = wcode_magics.parquet(tmp_path / "in.parquet", to=tmp_path / "out")
    assert "跳过 1" in str(table.ask("{{ text }}", **QUIET))
