"""A worker's journal outlives the worker."""

import asyncio
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.loopback import completion
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.session import Session
from wcode_magics.store import Store
from wcode_magics.tables.worker_journal import FILE, Journal, Recalled

KILLED = """
import os, pickle, signal, sys
from pathlib import Path
from wcode_magics.tables.worker_journal import Journal

journal = Journal(Path(sys.argv[1]), "me")
journal.store.put(pickle.loads(Path(sys.argv[2]).read_bytes()), "http://there")
journal.store.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def reply(loopback) -> Reply:
    """An answer that was paid for."""
    with Session(base_url=loopback(completion("Hi.")).url, api_key="k") as session:
        return session.ask("Hello")


@pytest.fixture
def journal(tmp_path) -> Journal:
    """This process's."""
    made = Journal(tmp_path / "journals", "me")
    yield made
    made.close()


def killed(folder: Path, reply: Reply, tmp_path: Path) -> None:
    """A process keeps an answer in its journal and is killed."""
    import pickle

    data = tmp_path / "reply"
    data.write_bytes(pickle.dumps(reply))
    args = [sys.executable, "-c", KILLED, str(folder), str(data)]
    assert subprocess.run(args, check=False).returncode < 0


def test_adopts_the_dead(journal, reply, tmp_path):
    """What a killed worker was answered is found by the next, its folder gone."""
    killed(tmp_path / "journals", reply, tmp_path)
    assert len([*(tmp_path / "journals").rglob(FILE)]) == 2
    journal.adopt()
    found = journal.store.get_many([reply.request], "http://there")
    assert found[reply.request.hash].text == "Hi."
    assert len([*(tmp_path / "journals").rglob(FILE)]) == 1
    own = journal.store.path.parent
    assert {path.name for path in own.parent.iterdir()} == {
        own.name,
        f"{own.name}.lock",
    }


def test_leaves_the_living(journal, tmp_path):
    """A journal in use, one of another host and a stranger's folder stay."""
    living = Journal(tmp_path / "journals", "me")
    (tmp_path / "journals" / "me" / "elsewhere-1-2").mkdir()
    (tmp_path / "journals" / "me" / "notes").mkdir()
    journal.adopt()
    all_here = (tmp_path / "journals" / "me").iterdir()
    names = {path.name for path in all_here if path.is_dir()}
    assert {"elsewhere-1-2", "notes"} < names
    assert len(names) == 4
    assert living.store.path.exists()
    living.close()


def test_keeps_the_damaged(journal, reply, tmp_path):
    """What cannot be taken in stays, and what can is taken in nevertheless."""
    folder = tmp_path / "journals" / "me"
    own = journal.store.path
    for _ in range(2):
        killed(tmp_path / "journals", reply, tmp_path)
    broken = next(path.parent for path in folder.rglob(FILE) if path != own)
    (broken / FILE).write_bytes(b"no store at all")
    journal.adopt()
    assert journal.store.count() == 1
    asyncio.run(journal.send(nowhere))
    journal.close()
    assert [path.parent.name for path in folder.rglob(FILE)] == [broken.name]
    later = Journal(tmp_path / "journals", "me")
    later.adopt()
    later.close()
    assert next(folder.rglob(FILE)).read_bytes() == b"no store at all"


async def nowhere(_rows, _images) -> None:
    """Take rows."""


def test_sends_once(journal, reply):
    """Each row is sent home once; a journal that was sent leaves no file."""
    sent: list = []

    async def merge(rows, _images) -> None:
        sent.extend(rows)

    journal.store.put(reply, "http://there")
    asyncio.run(journal.send(merge))
    asyncio.run(journal.send(merge))
    assert [row[0] for row in sent] == [reply.request.hash]
    journal.close()
    assert [*journal.store.path.parents[1].iterdir()] == []


def test_images_go_home_before_their_rows(journal, reply, tmp_path):
    """Each once; the store at home then has the image that the rows refer to."""
    image = ImagePart("", b"\x89PNG", "image/png", 1, 1, "ab" * 32)
    asked = Message("user", "What?", images=(image,))
    seen = replace(reply, request=replace(reply.request, messages=(asked,)))
    journal.store.put(seen, "http://there")
    with Store(tmp_path / "home.db") as home:

        async def merge(rows, images) -> None:
            home.take(rows, images)

        asyncio.run(journal.send(merge))
        assert home.image(image.digest) == image.data
        assert home.recorded()[0].hash == seen.request.hash


def test_keeps_the_unsent(tmp_path, reply):
    """A journal with an answer that could not be sent stays."""
    journal = Journal(tmp_path / "journals", "me")
    journal.store.put(reply, "http://there")
    journal.close()
    assert journal.store.path.exists()


def test_recalled(journal, reply):
    """What came from home is found before the journal is asked."""
    data = reply.to_dict()
    data.pop("request")
    import json

    recalled = Recalled(journal.store, {reply.request.hash: json.dumps(data).encode()})
    found = recalled.get_many([reply.request], "http://there")
    assert found[reply.request.hash].source == "replayed"
    assert not Recalled(journal.store, {}).get_many([reply.request], "http://there")


def test_recalled_since(journal, reply):
    """What was answered before a moment is not found from then on."""
    journal.store.put(reply, "http://there")
    for flush in (False, True):
        if flush:
            journal.store.flush()
        for since, there in ((time.time() - 60, 1), (time.time() + 60, 0)):
            recalled = Recalled(journal.store, {}, since)
            assert len(recalled.get_many([reply.request], "http://there")) == there
