"""The store: paid answers, replayed, shared, and safe from every accident."""

import contextlib
import datetime as dt
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.telling import told
from wcode_magics.errors import StoreError
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.messages import SANDBOX, Message, ToolCall, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.store import Store, database, file_system, prune
from wcode_magics.store.row import StoredAnswer
from wcode_magics.store.transfer import bounded, rows_of

URL = "http://127.0.0.1/v1"


def request(prompt: str = "hello", **params) -> Request:
    """A request of one message."""
    return Request("m", (Message("user", prompt),), params)


def reply(prompt: str = "hello", text: str = "hi", **more) -> Reply:
    """A whole answer to it."""
    facts = {"usage": Usage(3, 2), "cost": 0.5, "finish_reason": "stop", **more}
    return Reply(text=text, request=request(prompt), model="m", **facts)


@pytest.fixture
def path(tmp_path):
    """Where the store of a test lies."""
    return tmp_path / "answers.db"


@pytest.fixture
def store(path):
    """An empty store."""
    with_answers = Store(path)
    yield with_answers
    with_answers.close()


def run(script: str, *args: object) -> subprocess.CompletedProcess:
    """Run a script in a process of its own."""
    code = textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_round_trip(store):
    """What was put comes back equal in every field, but marked as replayed."""
    token = TokenLogprob("好", -0.5, "好".encode(), (Alternative("坏", -9999.0, None),))
    calls = (ToolCall("1", "f", '{"a": 1}'),)
    put = reply(text="好 😀", tokens=(token,), tool_calls=calls, elapsed=1.5)
    store.put(put, URL)
    store.flush()
    assert store.get(put.request, URL) == replace(put, source="replayed")


def test_read_your_writes(store):
    """An answer is found at once, before it is on the disk."""
    store.put(reply(), URL)
    assert store.get(request(), URL).text == "hi"


def test_key(store):
    """Another parameter, model, prompt or endpoint is another answer."""
    store.put(reply(), URL)
    for flushed in (False, True):
        if flushed:
            store.flush()
        assert store.get(request(), f"{URL}/")
        assert store.get(request(), None)
        assert not store.get(request(), "http://127.0.0.1/v2")
        assert not store.get(request(temperature=0), URL)
        assert not store.get(replace(request(), model="n"), URL)
        assert not store.get(request("hello "), URL)


def test_newest_wins(store):
    """Of two answers to one request the newer is replayed; both are history."""
    store.put(reply(text="old"), URL)
    store.flush()
    store.put(reply(text="new"), URL)
    store.flush()
    assert store.get(request(), URL).text == "new"
    assert [row["text"] for row in store.history()] == ["new", "old"]


@pytest.mark.parametrize("fact", [{"interrupted": True}, {"finish_reason": None}])
def test_partial_answers_are_history_only(store, fact):
    """What broke off was paid for and is kept, but never stands for the answer."""
    store.put(reply(**fact), URL)
    store.flush()
    assert store.get(request(), URL) is None
    assert len(store.history()) == 1


def test_get_many(store):
    """Many are looked up at once, by hash; what is missing is left out."""
    for number in range(1_200):
        store.put(reply(f"p{number}", f"t{number}"), URL)
    asked = [request(f"p{number}") for number in range(0, 2_400, 2)]
    found = store.get_many(asked, URL)
    assert len(found) == 600
    assert all(found[r.hash].text == f"t{r.prompt[1:]}" for r in asked[:600])


def test_a_request_that_shares_its_body_is_kept_as_any_other():
    """The rows of a table are encoded together with what they share."""
    base = Request(
        "m", (Message("system", "é"), Message("user", "{{ a }}")), {"seed": 1}
    )
    shared = base.with_texts(["é", "row\n1"])
    rows = [shared, replace(shared, extra={})]
    one, two = (
        StoredAnswer(Reply("a", row, "m", finish_reason="stop"), "u", 1.0).columns()
        for row in rows
    )
    assert shared.shared_record() is not None
    assert rows[1].shared_record() is None
    assert one == two


def test_behind(path, store):
    """A commit is at most 50 ms behind the answer (checked from outside)."""
    store.put(reply("first"), URL)
    store.flush()
    lags = []
    for number in range(20):
        store.put(reply(f"p{number}"), URL)
        start = time.monotonic()
        while count(path) < number + 2:
            assert time.monotonic() - start < 10
            time.sleep(0.002)
        lags.append(time.monotonic() - start)
    assert min(lags) < 0.05  # load only adds


def count(path: Path) -> int:
    """How many answers another program sees in the file."""
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT count(*) FROM answers").fetchone()[0]
    db.close()
    return found


def test_mode_and_secrecy(path, store):
    """The file and its side files are the person's alone."""
    store.put(reply(), URL)
    store.flush()
    made = list(path.parent.glob("answers.db*"))
    assert len(made) == 3
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in made)


def test_recognised(path):
    """The file says whose it is and which migrations it had."""
    Store(path).close()
    with sqlite3.connect(path) as db:
        mark = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    assert (mark, version) == (database.APPLICATION_ID, len(database.MIGRATIONS))


def make_foreign(path: Path) -> None:
    """A database of somebody else."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()


def make_newer(path: Path) -> None:
    """A store of a later version."""
    Store(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 999")
    db.close()


def make_torn(path: Path) -> None:
    """A store whose first page is overwritten."""
    kept = Store(path)
    for number in range(200):
        kept.put(reply(f"p{number}", "x" * 500), URL)
    kept.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * 4_000 + whole[4_100:])


def make_text(path: Path) -> None:
    """No database at all."""
    path.write_text("these are my notes, " * 100)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (make_foreign, "store.foreign"),
        (make_newer, "store.newer"),
        (make_torn, "store.damaged"),
        (make_text, "store.foreign"),
        (Path.mkdir, "store.failed"),
    ],
)
def test_other_files_are_refused_and_left(path, make, key):
    """A foreign, newer or damaged file is one line of error and keeps every byte."""
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for readonly in (False, True):
        with pytest.raises(StoreError) as caught:
            Store(path, readonly=readonly)
        missing = path.is_dir() and readonly
        assert caught.value.key == ("store.missing" if missing else key)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert before is None or path.read_bytes() == before


def remove_file(path: Path) -> None:
    """The file alone; its side files stay."""
    path.unlink()


def remove_all(path: Path) -> None:
    """The folder with all that is in it."""
    shutil.rmtree(path.parent)


def replace_file(path: Path) -> None:
    """Another store comes in its place."""
    made = path.with_name("made.db")
    with Store(made) as other:
        other.put(reply("theirs"), URL)
    made.replace(path)


@pytest.mark.parametrize("befall", [remove_file, remove_all, replace_file])
def test_a_file_that_goes_while_it_is_open(tmp_path, befall):
    """What comes after is kept in the one that is there now, or is made anew."""
    path = tmp_path / "folder" / "answers.db"
    with Store(path) as store:
        store.put(reply("lost"), URL)
        store.flush()
        befall(path)
        for prompt in ("second", "third"):
            store.put(reply(prompt), URL)
            store.flush()
        theirs = befall is replace_file
        assert bool(store.get(request("theirs"), URL)) == theirs
        assert store.get(request("second"), URL)
        assert not store.get(request("lost"), URL)
        assert store.count() == count(path) == 2 + theirs


@pytest.mark.parametrize("befall", [remove_file, remove_all, replace_file])
def test_a_file_that_goes_is_not_read_on(tmp_path, befall):
    """A look-up sees what is there now, before anything more is kept."""
    path = tmp_path / "folder" / "answers.db"
    with Store(path) as store:
        store.put(reply("lost"), URL)
        store.flush()
        befall(path)
        assert not store.get(request("lost"), URL)
        assert bool(store.get(request("theirs"), URL)) == (befall is replace_file)
        store.put(reply("second"), URL)
    assert count(path) == 1 + (befall is replace_file)


def test_what_waits_at_the_end_is_kept_where_the_file_should_be(path):
    """A file that is gone when the store is closed is made for what still waits."""
    with Store(path) as store:
        store.put(reply("lost"), URL)
        store.flush()
        remove_all(path)
        store.put(reply("second"), URL)
    assert count(path) == 1


def test_what_comes_in_place_of_a_store_is_refused_and_left(path, store):
    """Where it is no store, what waits waits on until it is taken away."""
    path.with_name("notes").write_text("mine " * 100)
    store.count()
    path.with_name("notes").replace(path)
    store.put(reply("second"), URL)
    with pytest.raises(StoreError, match="is not a store"):
        store.flush()
    assert path.read_text() == "mine " * 100
    path.unlink()
    store.flush()
    assert store.count() == 1


def test_a_file_that_goes_and_comes_back(path, store):
    """While something else is in its place it is an error, and no longer."""
    store.put(reply(), URL)
    store.flush()
    path.rename(path.with_name("aside"))
    path.write_text("mine " * 100)
    with pytest.raises(StoreError, match="is not a store"):
        store.count()
    path.with_name("aside").replace(path)
    assert store.count() == 1


def test_locked(path):
    """While another program holds the file: an error, and nothing is lost."""
    store = Store(path, patience=1)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    store.put(reply(), URL)
    with pytest.raises(StoreError) as caught:
        store.flush()
    assert caught.value.key == "store.locked"
    with pytest.raises(StoreError):
        store.put(reply("second"), URL)
    db.execute("COMMIT")
    db.close()
    store.flush()
    assert {row["prompt"] for row in store.history()} == {"hello", "second"}
    store.close()


UNFIT = {
    "number": {"usage": Usage(10**30, 1)},
    "surrogate": {"model": "m\ud83d"},
    "dict": {"model": {"name": "m"}},
    "none": {"model": None},
    "huge": {"model": 10**30},
}


@pytest.mark.parametrize("fact", UNFIT)
def test_what_no_file_can_hold_is_set_aside(path, fact):
    """It is told once; what came before, with and after it is written."""
    store = Store(path)
    unfit = replace(reply("unfit"), **UNFIT[fact])
    for one in (reply("before"), unfit, reply("with")):
        store.put(one, URL)
    with pytest.raises(StoreError, match="1 answer could not be stored"):
        store.flush()
    store.put(reply("after"), URL)
    store.flush()
    store.close()
    assert count(path) == 3


def test_what_was_set_aside_is_told_by_the_next_put(store):
    """Where nobody waits for the store, the next answer that comes finds out, once."""
    store.put(replace(reply("unfit"), model=None), URL)
    while store._writer.waiting():
        time.sleep(0.01)
    with pytest.raises(StoreError, match="1 answer could not be stored"):
        store.put(reply("second"), URL)
    store.put(reply("third"), URL)
    store.flush()
    assert store.count() == 2


def test_what_was_set_aside_is_told_at_the_end(path):
    """A store that is closed does not keep it to itself."""
    store = Store(path)
    store.put(replace(reply("unfit"), model=None), URL)
    with pytest.raises(StoreError, match="1 answer could not be stored"):
        store.close()


def test_full_disk(path):
    """A file that cannot grow: an error, and later all that waited is written."""
    script = """
        import resource, signal, sys
        from tests.store.test_store import *
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = Store(sys.argv[1])
        store.put(reply("first"), URL); store.flush()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        for number in range(50):
            try:
                store.put(reply(f"p{number}", "x" * 10_000), URL)
            except StoreError:
                pass
        try:
            store.flush()
        except StoreError as error:
            print(error.key)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        store.flush()
        print(len(store.history()))
        store.close()
    """
    done = run(script, path)
    assert done.stdout.split() in (["store.failed", "51"], ["store.full", "51"])


def test_a_full_journal_is_emptied_for_what_waits(path):
    """The first write that fails is told; what waited goes where the journal was."""
    script = """
        import resource, signal, sys
        from tests.store.test_store import *
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = Store(sys.argv[1])
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        for number in range(1_000):
            try:
                store.put(reply(f"p{number}"), URL)
                store.flush()
            except StoreError:
                break
        store.close()
        print(0 < number < 999)
        with Store(sys.argv[1]) as again:
            print(again.count() == number + 1)
    """
    done = run(script, path)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_prune_makes_room_on_a_full_disk(path):
    """Answers that wait for room do not keep others from being forgotten."""
    script = """
        import resource, signal, sys
        from tests.store.test_store import *
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with Store(sys.argv[1]) as store:
            for number in range(20):
                store.put(reply(f"p{number}", "x" * 5_000), URL)
        store = Store(sys.argv[1])
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (160_000, limits[1]))
        store.put(reply("big", "x" * 300_000), URL)
        print(store.prune(keep=2), Path(sys.argv[1]).stat().st_size < 60_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        store.flush()
        print(store.count())
        store.close()
    """
    done = run(script, path)
    assert done.stdout.split() == ["18", "True", "3"], done.stderr


def test_forgetting_a_few_at_a_time(path, store):
    """Where the journal cannot take all that is to go, it is emptied in between."""
    for number in range(12):
        store.put(reply(f"p{number}"), URL)
    store.flush()

    class Tight:
        """A connection whose journal has room for few rows."""

        total_changes = 0

        def execute(self, sql: str, values: tuple = ()) -> sqlite3.Cursor:
            """Refuse to delete many rows at once."""
            if "DELETE" in sql and len(json.loads(values[0])) > prune.AT_A_TIME:
                wrong = sqlite3.OperationalError("full")
                wrong.sqlite_errorname = "SQLITE_FULL"
                raise wrong
            return db.execute(sql, values)

    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert prune.forget(Tight(), None, 1) == 11
    assert [row["prompt"] for row in store.history()] == ["p11"]


def test_readonly(path, tmp_path):
    """A store opened for reading replays, cannot be written and is not touched."""
    recorded = Store(path)
    recorded.put(reply(), URL)
    recorded.export(tmp_path / "project.db")
    recorded.close()
    before = (tmp_path / "project.db").read_bytes()
    store = Store(tmp_path / "project.db", readonly=True)
    assert store.get(request(), URL).text == "hi"
    store.put(reply("other"), URL)
    with pytest.raises(StoreError) as caught:
        store.flush()
    assert caught.value.key == "store.readonly"
    with pytest.raises(StoreError):
        store.close()
    assert (tmp_path / "project.db").read_bytes() == before
    assert not list(tmp_path.glob("project.db-*"))


def test_whether_it_can_be_written(path):
    """It is found out without a row, and a busy file is waited for."""
    with Store(path, patience=0.1) as store, closing(sqlite3.connect(path)) as db:
        store.check_writable()
        db.isolation_level = None
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            store.check_writable()
        assert caught.value.key == "store.locked"
        db.execute("ROLLBACK")
        store.check_writable()
        assert store.count() == 0
        with Store(path, readonly=True) as reading:
            with pytest.raises(StoreError) as caught:
                reading.check_writable()
            assert caught.value.key == "store.readonly"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_only_be_read_is_told_before(path):
    """By its mode, though it is opened for writing."""
    Store(path).close()
    path.chmod(0o400)
    with Store(path) as store, pytest.raises(StoreError) as caught:
        store.check_writable()
    assert caught.value.key == "store.readonly"


def test_missing(path):
    """To replay from what is not there is an error; nothing is made."""
    with pytest.raises(StoreError) as caught:
        Store(path, readonly=True)
    assert caught.value.key == "store.missing"
    assert not path.exists()


def test_a_relative_path_is_meant_from_where_it_was_said(tmp_path, monkeypatch):
    """A process that changes its folder reads, writes and copies the same store."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    with Store("answers.db") as store:
        monkeypatch.chdir(tmp_path / "two")
        store.put(reply(), URL)
        store.flush()
        assert store.get(request(), URL)
        assert store.export("copy.db") == 1
        assert store.prune(keep=1) == 0
    assert {file.name for file in (tmp_path / "two").iterdir()} == {"copy.db"}
    assert count(tmp_path / "one" / "answers.db") == 1


@pytest.mark.parametrize("said", ["~nobody-here/x.db", "a\0b.db", "a\ud83d.db"])
def test_a_path_that_no_file_can_have_is_told(store, said):
    """Wherever it is given, one line names it and says what can be."""
    for use in (Store, store.export, store.absorb):
        with pytest.raises(StoreError, match=r"nobody-here.* ~/…|NUL or half"):
            use(said)


def test_closed_at_exit(path):
    """A program that ends without closing has written everything."""
    script = """
        import sys
        from tests.store.test_store import *
        store = Store(sys.argv[1])
        for number in range(300):
            store.put(reply(f"p{number}"), URL)
    """
    assert run(script, path).returncode == 0
    assert count(path) == 300


@pytest.mark.parametrize(
    ("magic", "mode"), [(0xEF53, "wal"), (0x6969, "delete")], ids=["ext4", "NFS"]
)
def test_several_processes(path, magic, mode):
    """Several kernels make the file at once, share it and lose nothing."""
    script = """
        import sys
        from tests.store.test_store import *
        magic = int(sys.argv[2])
        store = Store(sys.argv[1], magic=lambda _path: magic)
        for number in range(100):
            store.put(reply(f"{sys.argv[3]}-{number}"), URL)
            if number % 10 == 0:
                store.flush()
        store.close()
    """
    code = textwrap.dedent(script)
    argv = [sys.executable, "-c", code, str(path), str(magic)]
    started = [subprocess.Popen([*argv, str(n)]) for n in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert journal_of(path) == mode
    with Store(path, magic=lambda _path: magic) as store:
        prompts = {row["prompt"] for row in store.history()}
    assert prompts == {f"{n}-{number}" for n in range(3) for number in range(100)}


def journal_of(path: Path) -> str:
    """The mode that the file has, as SQLite says it."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA journal_mode").fetchone()[0]


@pytest.mark.parametrize("magic", sorted(file_system.NETWORK), ids=hex)
def test_a_store_that_moves_to_a_network_changes_its_journal(path, magic):
    """And back: what was answered is there, and shared memory is not."""
    Store(path).close()
    with Store(
        path, magic=lambda folder: magic * folder.samefile(path.parent)
    ) as store:
        store.put(reply(), URL)
        store.flush()
        assert {file.name for file in path.parent.glob("answers.db*")} == {path.name}
        assert store.get(request(), URL).text == "hi"
    assert journal_of(path) == "delete"
    with Store(path) as store:
        assert store.count() == 1
    assert journal_of(path) == "wal"


@pytest.mark.skipif(sys.platform != "linux", reason="asks statfs of Linux")
def test_the_file_system_is_what_statfs_says(tmp_path):
    """As coreutils have it; what is not there has none."""
    for folder in (tmp_path, Path("/proc"), Path("/sys")):
        argv = ["stat", "-f", "-c", "%t", str(folder)]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert file_system.magic_of(folder) == int(told, 16)
    assert file_system.magic_of(tmp_path / "nowhere") is None


def test_a_store_that_is_being_made_is_no_foreign_file(path):
    """Another process makes it while this one looks whose it is: both can use it."""

    class Looking:
        """A connection; between its questions another process makes the store."""

        def execute(self, sql: str) -> SimpleNamespace:
            """Answer, and give the other one its turn."""
            rows = db.execute(sql).fetchall()
            with suppress(StoreError):
                database.open_file(path, 0).close()
            return SimpleNamespace(fetchone=rows.pop)

    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        database._recognise(Looking(), path)


def test_closing_one_leaves_the_other_its_locks(path, store):
    """A process that comes and goes does not take the journal from one that stays."""
    script = """
        import sys
        from tests.store.test_store import *
        store = Store(sys.argv[1])
        store.put(reply(sys.argv[2]), URL)
        store.close()
    """
    for number in range(3):
        store.put(reply(f"ours{number}"), URL)
        store.flush()
        Store(path).close()
        assert run(script, path, f"theirs{number}").returncode == 0
    assert count(path) == len(store.history()) == 6


@pytest.mark.slow
def test_killed(path):
    """After kill -9 the file opens, and all but the last 50 ms are there."""
    script = """
        import sys, time
        from tests.store.test_store import *
        store = Store(sys.argv[1])
        for number in range(100_000):
            store.put(reply(f"p{number}"), URL)
            print(number, time.monotonic(), flush=True)
            time.sleep(0.001)
    """
    argv = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    for _ in range(3):
        path.unlink(missing_ok=True)
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            said = [process.stdout.readline() for _ in range(20)]
            time.sleep(random.uniform(1.2, 1.6))
            os.kill(process.pid, signal.SIGKILL)
            said += process.stdout.readlines()
        told = [line.split() for line in said if line.endswith("\n")]
        end = float(told[-1][1])
        due = [int(number) for number, moment in told if float(moment) < end - 1]
        assert due
        store = Store(path)
        kept = {row["prompt"] for row in store.history()}
        store.close()
        assert {f"p{number}" for number in due} <= kept


def test_usage(store):
    """Totals by day and model: answers, tokens and ¥."""
    days = [dt.datetime.now(dt.UTC).date().isoformat()]
    for number in range(3):
        store.put(reply(f"p{number}"), URL)
    [told] = store.usage()
    days.append(dt.datetime.now(dt.UTC).date().isoformat())
    assert told.pop("day") in days
    assert told == {
        "model": "m",
        "answers": 3,
        "prompt_tokens": 9,
        "completion_tokens": 6,
        "cost": 1.5,
        "currency": "CNY",
    }


def test_usage_adds_up_no_different_currencies(store):
    """Each currency has its own total; the reply keeps it, as do copies."""
    for code in ("CNY", "USD", "USD"):
        store.put(reply(code, currency=code), URL)
    assert [(row["currency"], row["cost"]) for row in store.usage()] == [
        ("CNY", 0.5),
        ("USD", 1.0),
    ]
    assert store.get(request("USD"), URL).currency == "USD"
    assert {row["currency"] for row in store.history()} == {"CNY", "USD"}


def test_model_lists_are_kept_with_their_time(path):
    """The newest of an endpoint; a store that is only read and old has none."""
    with Store(path) as store:
        assert store.listed_models(URL) is None
        store.keep_models(URL, [{"id": "a"}])
        store.keep_models(URL + "/", [{"id": "b"}])
        at, rows = store.listed_models(URL)
        assert rows == [{"id": "b"}]
        assert abs(at - time.time()) < 600
    make_old(path)
    with Store(path, readonly=True) as old:
        assert old.listed_models(URL) is None
        assert [row["currency"] for row in old.usage()] == ["CNY"]


def test_history(store):
    """History tells prompt, text, tokens, price, time and hash, newest first."""
    for number in range(5):
        store.put(reply(f"p{number}"), URL)
    rows = store.history(limit=2)
    assert [row["prompt"] for row in rows] == ["p4", "p3"]
    assert rows[0]["hash"] == request("p4").hash
    assert abs(rows[0]["time"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert json.dumps(rows[0], default=str)
    future = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert store.history(since=future) == []


def test_prune(store):
    """Old answers are forgotten by date or by count."""
    for number in range(10):
        store.put(reply(f"p{number}"), URL)
    assert store.prune(keep=4) == 6
    assert store.get(request("p9"), URL)
    assert not store.get(request("p0"), URL)
    assert store.prune(before=dt.datetime(2000, 1, 1, tzinfo=dt.UTC)) == 0
    future = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert store.prune(before=future) == 4
    assert store.prune() == 0


def test_prune_gives_room_back(path, store):
    """The file is smaller at once, while it is open here and elsewhere."""
    for number in range(200):
        store.put(reply(f"p{number}", text="x" * 5_000), URL)
    store.flush()
    with closing(Store(path)) as other:
        assert other.count() == 200
        full = store.size
        assert store.prune(keep=1) == 199
        assert (store.count(), other.count()) == (1, 1)
        assert store.size < full / 5


def test_a_span_of_time(tmp_path, store):
    """From a time on and up to another: listed and copied, the end left out."""
    told = []
    for number in range(3):
        store.put(reply(f"p{number}"), URL)
        told = [row["time"] for row in store.history()]
        time.sleep(0.002)
    newest, middle, _oldest = told
    span = {"since": middle, "before": newest}
    assert [row["prompt"] for row in store.history(**span)] == ["p1"]
    naive = middle.astimezone().replace(tzinfo=None)
    assert len(store.history(since=naive)) == 2
    target = tmp_path / "copy.db"
    assert store.export(target, **span) == 1
    assert store.export(target) == 2
    assert sorted(entry.name for entry in tmp_path.glob("copy.db*")) == ["copy.db"]
    with Store(target, readonly=True) as copy:
        assert [row["prompt"] for row in copy.history()] == ["p2", "p1", "p0"]


def test_what_is_taken_in_is_as_old_as_it_is(tmp_path, store):
    """An older answer from elsewhere neither replaces a newer one nor outlives it."""
    with Store(tmp_path / "other.db") as other:
        other.put(reply(text="old"), URL)
        other.flush()
        time.sleep(0.002)
        store.put(reply(text="new"), URL)
        store.flush()
    assert store.absorb(tmp_path / "other.db") == 1
    assert store.get(request(), URL).text == "new"
    assert [one.text for one in store.records(request(), URL, 2)] == ["old", "new"]
    assert [row["text"] for row in store.history()] == ["new", "old"]
    assert store.prune(keep=1) == 1
    assert store.get(request(), URL).text == "new"


def test_a_closed_store_says_so(path):
    """What is put into it would be lost, so it is an error that names the file."""
    with Store(path) as closed:
        closed.put(reply(), URL)
    with pytest.raises(StoreError, match=r"answers\.db is closed"):
        closed.put(reply("late"), URL)


@pytest.mark.parametrize("name", ["export", "absorb"])
def test_a_store_is_no_copy_of_itself(path, store, name):
    """Its own file is refused, by whatever path, and stays as it is."""
    store.put(reply(), URL)
    for spelt in (path, path.parent / ".." / path.parent.name / path.name):
        with pytest.raises(StoreError, match="the store itself"):
            getattr(store, name)(spelt)
    assert store.count() == 1


def test_records_of_equal_requests(store):
    """The newest so many, each its own, in the order they came, written or not."""
    for number in range(4):
        store.put(reply(text=f"t{number}"), URL)
    store.put(reply(text="cut", finish_reason=None), URL)
    store.put(reply("other"), URL)
    store.put(reply(text="elsewhere"), "http://127.0.0.1/v2")
    for _ in ("waiting", "written"):
        found = store.records(request(), f"{URL}/", 3)
        assert [one.text for one in found] == ["t1", "t2", "t3"]
        assert {one.source for one in found} == {"replayed"}
        anywhere = store.records(request(), None, 9)
        assert [one.text for one in anywhere] == ["t0", "t1", "t2", "t3", "elsewhere"]
        store.flush()
    assert store.records(request("never"), None, 1) == []


ODD = [
    {"usage": [5]},
    {"usage": []},
    {"usage": {"prompt_tokens": "5", "completion_tokens": 1}},
    {"usage": {"prompt_tokens": None, "completion_tokens": 1}},
    {"base_url": 5},
    {"cost": "5"},
    {"elapsed": []},
    {"finish_reason": {}},
    {"tool_calls": [{"id": 1, "name": "f", "arguments": "{}"}]},
    {"tokens": [{"token": "a", "logprob": -1, "bytes": 50_000_000}]},
    {"tokens": [{"token": "a", "logprob": "-1"}]},
    {"tokens": [{"token": 5, "logprob": -1.0}]},
]
DAMAGED = {
    "no text": b"\x00\xff",
    "empty": b"",
    "no bytes": '{"text": "x", "model": "m"}',
    "a number": 7,
    "a list": b"[]",
    "no words": b'{"text": 5, "model": "m"}',
    "cut": b'{"text": "x',
    "of a later version": b'{"text": "x", "model": "m", "mood": "good"}',
    "without a field": b'{"text": "x"}',
    "deep": b"[" * 100_000,
    **{
        f"of another type {number}": json.dumps(
            {"text": "x", "model": "m", "finish_reason": "stop", **odd}
        ).encode()
        for number, odd in enumerate(ODD)
    },
}


def damage(path: Path, column: str, data: object, where: str = "true") -> None:
    """Overwrite a column of the records."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"UPDATE answers SET {column} = ? WHERE {where}", (data,))
        db.commit()


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_answer_is_as_none(path, store, kind):
    """It is neither found nor listed, which is told once; a new one takes its place."""
    store.put(reply(), URL)
    store.put(reply("other"), URL)
    store.flush()
    damage(path, "reply", DAMAGED[kind], f"hash = '{request().hash}'")
    with told("cannot be read"):
        assert store.get(request(), URL) is None
    assert store.records(request(), URL, 1) == []
    assert store.find([request().hash], URL) == {}
    assert [row["prompt"] for row in store.history()] == ["other"]
    store.put(reply(text="new"), URL)
    for _ in ("waiting", "written"):
        assert store.get(request(), URL).text == "new"
        assert store.records(request(), URL, 1)[0].text == "new"
        store.flush()


def test_an_older_answer_stands_for_a_damaged_one(path, store):
    """What was paid for and can be read is replayed."""
    for text in ("old", "new"):
        store.put(reply(text=text), URL)
        store.flush()
        time.sleep(0.002)
    damage(path, "reply", b"", "id = 2")
    with told("cannot be read"):
        assert store.get(request(), URL).text == "old"
    assert [one.text for one in store.records(request(), URL, 1)] == ["old"]


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_request_is_left_out(path, store, kind):
    """Of lists; its answer is still found, for it is known by its hash."""
    store.put(reply(), URL)
    store.flush()
    damage(path, "request", DAMAGED[kind])
    with told("cannot be read"):
        assert store.history() == []
    assert store.recorded() == []
    assert store.get(request(), URL).text == "hi"


def test_what_the_sandbox_said_is_known_for_it(store):
    """A record tells that the sandbox made it, whose port is gone by then."""
    said = reply(source="sandbox", base_url="http://127.0.0.1:5/v1")
    store.put(said, SANDBOX)
    found = store.get(said.request, SANDBOX)
    assert (found.source, found.base_url, found.from_sandbox) == (
        "replayed",
        SANDBOX,
        True,
    )
    assert "wcode.net" in found.code("curl")


def test_absorb(tmp_path, store):
    """Another store's answers are taken in once."""
    other = Store(tmp_path / "other.db")
    other.put(reply("theirs"), URL)
    other.flush()
    assert store.absorb(other.path) == 1
    assert store.absorb(other.path) == 0
    assert store.get(request("theirs"), URL)
    other.close()


@pytest.mark.parametrize("bound", [{"most": 2}, {"seconds": -1.0}])
def test_an_import_is_bounded_in_rows_and_time(tmp_path, store, bound):
    """Beyond its bounds nothing is taken in, and the error says so."""
    with Store(tmp_path / "other.db") as other:
        for number in range(3):
            other.put(reply(f"p{number}"), URL)
        other.flush()
        with (
            closing(other._file.connect()) as source,
            closing(rows_of(source, other.path)) as rows,
            pytest.raises(StoreError, match=r"none of its answers") as caught,
        ):
            store.take(bounded(rows, other.path, **bound))
        assert caught.value.facts["path"] == other.path
        assert store.count() == 0
        assert store.absorb(other.path) == 3


def test_a_damaged_name_is_damage(tmp_path, store):
    """SQLite repeats it in what it says, in bytes that are no text."""
    source = tmp_path / "named.db"
    Store(source).close()
    held = source.read_bytes()
    source.write_bytes(
        held.replace(b"CREATE TABLE answers", b"CREATE TAB\xff\xfe\xfdanswers")
    )
    with pytest.raises(StoreError, match="damaged"):
        store.absorb(source)
    with pytest.raises(StoreError, match="damaged"):
        Store(source).count()


def make_worn(path: Path) -> None:
    """A store that opens, but whose later pages are overwritten."""
    with Store(path) as kept:
        for number in range(200):
            kept.put(reply(f"p{number}", "x" * 500), URL)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))


def test_a_damaged_source_is_named_and_no_copy_is_left(tmp_path, path, store):
    """Whichever way rows go, the file that cannot be read is the one to blame."""
    worn, copy = tmp_path / "worn.db", tmp_path / "copy.db"
    make_worn(worn)
    store.put(reply(), URL)
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            store.absorb(worn)
        assert (caught.value.key, caught.value.facts["path"]) == ("store.damaged", worn)
    assert store.count() == 1
    with Store(worn) as damaged, pytest.raises(StoreError) as caught:
        damaged.export(copy)
    assert (caught.value.key, caught.value.facts["path"]) == ("store.damaged", worn)
    assert not [*tmp_path.glob("copy.db*")]
    with Store(worn) as damaged, pytest.raises(StoreError):
        damaged.export(path)
    assert store.count() == 1


def test_a_target_that_cannot_be_written_is_named(tmp_path, store):
    """One that was there is left as it is."""
    store.put(reply(), URL)
    held = tmp_path / "held.db"
    Store(held).close()
    with closing(sqlite3.connect(held, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        store._patience = 0.1
        with pytest.raises(StoreError) as caught:
            store.export(held)
    assert (caught.value.key, caught.value.facts["path"]) == ("store.locked", held)
    assert held.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_store_in_a_folder_that_may_only_be_read_is_taken_in(tmp_path, store):
    """As it can be replayed from."""
    folder = tmp_path / "folder"
    with Store(folder / "theirs.db") as other:
        other.put(reply("theirs"), URL)
    folder.chmod(0o500)
    assert store.absorb(folder / "theirs.db") == 1


def test_rows_travel(store, tmp_path):
    """Rows of one store are taken into another once, and are found there."""
    for prompt in ("first", "second"):
        store.put(reply(prompt, text=prompt), URL)
    store.flush()
    rows = store.since(0, 10)
    assert store.since(rows[0][0], 10) == rows[1:]
    with closing(Store(tmp_path / "other.db")) as other:
        for _ in range(2):
            other.take([row[1:] for row in rows])
        assert [row["text"] for row in other.history()] == ["second", "first"]
        assert [*other.find({request("first").hash}, URL)] == [request("first").hash]


def test_the_half_characters_of_early_versions_are_mended(store):
    """A store that holds what cannot be encoded stays readable."""
    put = reply(text="Hi \ud83d and \ud83d\ude00")
    store.put(put, URL)
    store.flush()
    assert store.get(put.request, URL).text == "Hi \ufffd and 😀"


@pytest.mark.parametrize("column", ["reply", "request"])
def test_a_flipped_byte_is_no_answer(path, store, column):
    """Whichever it is, nothing is told that was not answered."""
    store.put(reply(text="hi there"), URL)
    store.flush()
    with closing(sqlite3.connect(path)) as db:
        ((whole,),) = db.execute(f"SELECT {column} FROM answers").fetchall()
    for place in range(0, len(whole), 3):
        flipped = bytes([whole[place] ^ 4])
        damage(path, column, whole[:place] + flipped + whole[place + 1 :])
        with contextlib.redirect_stderr(io.StringIO()):
            found, listed = store.get(request(), URL), store.history()
        assert listed == []
        assert (found and found.text) == (None if column == "reply" else "hi there")


def test_a_record_answers_its_own_request_alone(path, store):
    """An answer that was put under another hash is not replayed."""
    for prompt in ("one", "two"):
        store.put(reply(prompt, prompt), URL)
    store.flush()
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "UPDATE answers SET reply = (SELECT reply FROM answers WHERE id = 1)"
        )
        db.commit()
    with told("cannot be read"):
        assert store.get(request("two"), URL) is None
    assert store.get(request("one"), URL).text == "one"


def make_old(path: Path) -> None:
    """A store of the first version, without checksums."""
    with closing(Store(path)) as kept:
        kept.put(reply(), URL)
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT request, reply FROM answers").fetchall()
        plain = [json.loads(record) for record in rows[0]]
        for record in plain:
            record.pop("checksum")
            record.pop("time", None)
        db.execute("UPDATE answers SET request = ?, reply = ?", [*map(dumped, plain)])
        db.execute("DROP TABLE images")
        db.execute("DROP TABLE image_uses")
        db.execute("ALTER TABLE answers DROP COLUMN currency")
        db.execute("DROP TABLE model_lists")
        db.execute("DROP TABLE probes")
        db.execute("PRAGMA user_version = 1")
        db.commit()


def dumped(record: dict) -> bytes:
    """As the first version wrote it."""
    return json.dumps(record, ensure_ascii=False).encode()


def test_an_old_store_gets_its_checksums(path):
    """Its answers are replayed, with their moment, and are checked from then on."""
    make_old(path)
    with Store(path) as store:
        found = store.get(request(), URL)
        assert (found.text, len(store.history())) == ("hi", 1)
        assert abs(found.answered.timestamp() - time.time()) < 600
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (
            len(database.MIGRATIONS),
        )
        for column in ("request", "reply"):
            ((record,),) = db.execute(f"SELECT {column} FROM answers").fetchall()
            assert "checksum" in json.loads(record)


def test_an_old_store_of_a_project_is_read(path, tmp_path):
    """It is not changed, and what is taken from it gets its checksum."""
    make_old(path)
    before = path.read_bytes()
    with Store(path, readonly=True) as store:
        assert store.get(request(), URL).text == "hi"
    other = tmp_path / "other.db"
    with Store(other) as store:
        assert store.absorb(path) == 1
        assert store.get(request(), URL).answered is not None
    assert path.read_bytes() == before
    with closing(sqlite3.connect(other)) as db:
        ((record,),) = db.execute("SELECT reply FROM answers").fetchall()
    assert "checksum" in json.loads(record)


ODD = {
    "view": "DROP TABLE answers; CREATE VIEW answers AS SELECT 1 AS hash",
    "another view": "CREATE VIEW v AS SELECT 1",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON answers BEGIN SELECT 1; END",
    "virtual table": "CREATE VIRTUAL TABLE v USING fts5(x)",
}


@pytest.mark.parametrize("kind", ODD)
def test_a_store_that_would_run_something_is_refused(store, tmp_path, kind):
    """Its table of answers is a table, and nothing else is in the file."""
    other = tmp_path / "other.db"
    with Store(other) as theirs:
        theirs.put(reply(), URL)
    with closing(sqlite3.connect(other)) as db:
        db.executescript(ODD[kind])
    for use in (Store, store.absorb):
        with pytest.raises(StoreError, match="is not a store of answers"):
            use(other)
    assert store.count() == 0


def test_rows_taken_in_side_by_side_are_all_counted(tmp_path):
    """Two workers of a cluster hand over their answers at one time."""
    with Store(tmp_path / "there.db") as other:
        for number in range(2):
            other.put(reply(f"p{number}"), URL)
        other.flush()
        first, second = ([row[1:]] for row in other.since(0, 2))
    inside, begun = threading.Event(), threading.Event()

    def slowly():
        inside.set()
        assert begun.wait(10)
        yield from first

    with Store(tmp_path / "here.db") as store, ThreadPoolExecutor(2) as pool:
        slow = pool.submit(lambda: store.take(slowly()))
        assert inside.wait(10)
        fast = pool.submit(lambda: (begun.set(), store.take(second)))
        slow.result()
        fast.result()
        assert store.kept == store.count() == 2
