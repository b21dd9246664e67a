"""Room for answers on their way: measured on the disk, learnt from what was written."""

import asyncio
import math
from contextlib import closing
from types import SimpleNamespace

import pytest

from tests.store.test_store import URL, reply
from wcode_magics.errors import StoreError
from wcode_magics.store import Store, room
from wcode_magics.store.file_system import longest_file, space


def test_the_disk_is_asked(tmp_path):
    """A disk tells its free bytes; one that counts none, or is gone, tells nothing."""
    assert 0 < space(tmp_path / "answers.db") < math.inf
    assert space(tmp_path / "gone" / "answers.db") == math.inf
    assert longest_file() > 0


def test_a_disk_without_a_size_is_unknown(tmp_path, monkeypatch):
    """Drives in the cloud report zero bytes in all: nothing follows from it."""
    usage = SimpleNamespace(disk_usage=lambda _path: (0, 0, 0))
    monkeypatch.setattr("wcode_magics.store.file_system.shutil", usage)
    assert space(tmp_path / "answers.db") == math.inf


def test_large_answers_need_more_room(tmp_path, monkeypatch):
    """What was written tells how much the next answers take."""
    free = 4_000_000
    monkeypatch.setattr(room, "space", lambda _path: free)
    with Store(tmp_path / "answers.db") as store:
        asyncio.run(store.ready(64))
        for number in range(64):
            store.put(reply(f"p{number}", "x" * 50_000), URL)
        store.flush()
        asyncio.run(store.ready(8))
        with pytest.raises(StoreError, match="disk is full"):
            asyncio.run(store.ready(64))
        free = 40_000_000
        asyncio.run(store.ready(64))


def test_free_pages_count_as_room(tmp_path, monkeypatch):
    """A file that other answers were deleted from takes as many again."""
    monkeypatch.setattr(room, "space", lambda _path: 0)
    with Store(tmp_path / "answers.db") as store:
        with pytest.raises(StoreError, match="disk is full"):
            asyncio.run(store.ready(1))
        for number in range(40):
            store.put(reply(f"p{number}", "x" * 4_000), URL)
        store.flush()
        with closing(store._file.connect()) as db:
            db.execute("DELETE FROM answers")
        store.put(reply("one more"), URL)
        store.flush()
        asyncio.run(store.ready(1))


def test_deleting_makes_no_answer_small(tmp_path, monkeypatch):
    """What others delete meanwhile is not taken off what answers need."""
    monkeypatch.setattr(room, "space", lambda _path: 100_000)
    with Store(tmp_path / "answers.db") as store:
        for number in range(200):
            store.put(reply(f"p{number}", "x" * 6_000), URL)
        store.flush()
        with closing(store._file.connect()) as db:
            db.execute("DELETE FROM answers WHERE id > 20")
            db.execute("VACUUM")
        store.put(reply("one more"), URL)
        store.flush()
        with pytest.raises(StoreError, match="disk is full"):
            asyncio.run(store.ready(20))
