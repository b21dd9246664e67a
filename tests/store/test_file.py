"""Connections of a store's file, closed while other threads use them."""

import os
import threading

import pytest

from tests.store.test_store import run
from wcode_magics.store import file as store_file
from wcode_magics.store.file import File
from wcode_magics.store.file_system import magic_of

CLOSED_IN_USE = """
import sys, threading
from pathlib import Path
from wcode_magics.errors import StoreError
from wcode_magics.store.file import File
from wcode_magics.store.file_system import magic_of

COUNT = '''WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
           WHERE i < 3000) SELECT i, hex(i) FROM n'''

def read(file, begun):
    try:
        while True:
            begun.set()
            file.select(COUNT)
    except StoreError:
        pass

for turn in range(40):
    file = File(Path(sys.argv[1]), readonly=False, patience=1, magic=magic_of)
    begun = threading.Event()
    reading = threading.Thread(target=read, args=[file, begun])
    reading.start()
    begun.wait()
    file.close()
    reading.join()
"""

FORKED_IN_USE = """
import os, sys, threading
from pathlib import Path
from wcode_magics.store.file import File
from wcode_magics.store.file_system import magic_of

PUT = "INSERT OR REPLACE INTO images VALUES (?, ?)"

def opened():
    return File(Path(sys.argv[1]), readonly=False, patience=5, magic=magic_of)

def write(file, begun):
    for number in iter(int, 1):
        file.commit({PUT: [(f"parent {number}", b"x" * 100_000)]})
        begun.set()

begun = threading.Event()
threading.Thread(target=write, args=[opened(), begun], daemon=True).start()
begun.wait()
for turn in range(20):
    if not (child := os.fork()):
        opened().commit({PUT: [(f"child {turn}", b"")]})
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_a_file_is_closed_while_it_is_read(tmp_path):
    """SQLite frees what a statement uses: the process would end by a signal."""
    done = run(CLOSED_IN_USE, tmp_path / "answers.db")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_is_forked_while_another_thread_writes(tmp_path):
    """The child inherits no lock of SQLite that nobody would release."""
    done = run(FORKED_IN_USE, tmp_path / "answers.db")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("act", ["select", "commit"])
def test_a_connection_in_use_is_closed_by_its_thread(act, tmp_path, monkeypatch):
    """Closing waits for it, but not for ever."""
    monkeypatch.setattr(store_file, "CLOSE_S", 0.01)
    file = File(tmp_path / "a.db", readonly=False, patience=1, magic=magic_of)
    file.commit({"INSERT INTO images VALUES (?, x'')": [("a",)]})
    begun, go_on = threading.Event(), threading.Event()

    def values():
        begun.set()
        go_on.wait()
        yield ("b",)

    def wait(_value):
        begun.set()
        go_on.wait()
        return 1

    if act == "select":
        file._reader.create_function("wait", 1, wait)
        use = threading.Thread(target=file.select, args=["SELECT wait(1)"])
        connection = file._reader
    else:
        rows = {"INSERT INTO images VALUES (?, x'')": values()}
        use = threading.Thread(target=file.commit, args=[rows])
        connection = file._writer
    use.start()
    begun.wait()
    file.close()
    go_on.set()
    use.join()
    with pytest.raises(Exception, match="closed"):
        connection.execute("SELECT 1")
