"""A person's own files: private under any umask, and somewhere in any case."""

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.telling import told
from wcode_magics.runtime import private_files
from wcode_magics.session.conversations import Chats
from wcode_magics.session.session import Session
from wcode_magics.store import Store

posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


@contextmanager
def no_umask():
    """A system that masks nothing."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@posix
def test_all_that_is_written_is_private(tmp_path, loopback):
    """Profiles, chats, saved chats, stores, exports, and the folders made for them."""
    with no_umask(), Session(base_url=loopback().url, api_key="k") as session:
        session.settings.save_profile("p", {"system": "a secret persona"})
        session.chats = Chats(tmp_path / "data" / "chats" / "notebook")
        session.chat("a").ask("hi")
        session.chat("a").save(tmp_path / "saved.json")
        session.store.export(tmp_path / "deep" / "er" / "exported.db")
    made = [one for one in tmp_path.rglob("*") if "ipython" not in str(one)]
    loose = {one: oct(one.stat().st_mode) for one in made if one.stat().st_mode & 0o077}
    assert loose == {}
    assert {one.name for one in made} >= {"profiles.json", "a.json", "exported.db"}


@posix
def test_a_store_that_others_can_open_is_told_once(tmp_path):
    """In one line with the remedy; a private one is not."""
    path = tmp_path / "answers.db"
    Store(path).close()
    path.chmod(0o666)
    with told("others on this machine"):
        Store(path).close()
    with pytest.raises(AssertionError), told("."):
        Store(path).close()


HOLDS = """
import sys
from pathlib import Path
from wcode_magics.runtime.private_files import lock
held = lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_ends_with_its_process(tmp_path):
    """Nobody else has it meanwhile, in any process; kill -9 frees it."""
    path = tmp_path / "of.lock"
    argv = [sys.executable, "-c", HOLDS, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(TimeoutError):
            private_files.lock(path)
        process.kill()
        process.wait()
        held = private_files.lock(path)
        with pytest.raises(TimeoutError):
            private_files.lock(path)
        with ThreadPoolExecutor(1) as other:
            other.submit(held.release).result()
        private_files.lock(path).release()


def test_without_flock_there_is_a_lock_all_the_same(tmp_path, monkeypatch):
    """Some network file systems are mounted without: the file itself is the lock."""
    fcntl = pytest.importorskip("fcntl")

    def absent(_file, _operation) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", absent)
    with private_files.lock(tmp_path / "of.lock"), pytest.raises(TimeoutError):
        private_files.lock(tmp_path / "of.lock")
    private_files.lock(tmp_path / "of.lock").release()


def test_a_file_is_whole_or_not_there(tmp_path):
    """What cannot be written leaves what was there, and nothing beside it."""
    path = tmp_path / "file.json"
    private_files.write(path, "first")
    with pytest.raises(UnicodeEncodeError):
        private_files.write(path, "half \ud800")
    assert [one.name for one in tmp_path.iterdir()] == ["file.json"]
    assert path.read_text() == "first"


HOMELESS = """
import importlib.readers, os, sys
from wcode_magics import Session
with Session(store=sys.argv[1]) as session:
    session.ask("loads all that is loaded late")
os.setuid(54321)
for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
if sys.argv[2]:
    os.environ["HOME"] = sys.argv[2]
with Session() as session:
    print(session.ask("hi"))
    session.store.flush()
    print(len(session.store.history()), session.store.path)
    print(session.settings.saved_profiles())
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be others"
)
@pytest.mark.parametrize(
    ("home", "said"), [("", "no home folder"), ("/", "cannot be written to")]
)
def test_without_a_home_everything_works(loopback, tmp_path, home, said):
    """Another user id, as in containers: the store is elsewhere, and that is said."""
    tmp_path.chmod(0o755)
    env = {**os.environ, "WCODE_BASE_URL": loopback().url, "WCODE_API_KEY": "k"}
    words = [HOMELESS, str(tmp_path / "first.db"), home]
    run = subprocess.run(
        [sys.executable, "-c", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
    )
    assert run.returncode == 0, run.stderr
    answer, kept, profiles = run.stdout.splitlines()
    assert (answer, kept[:2], profiles) == ("Hello.", "1 ", "{}"), run.stderr
    (line,) = run.stderr.splitlines()
    assert said in line
    assert "WCODE_STORE" in line
    assert stat.S_IMODE(Path(kept[2:]).parent.stat().st_mode) == 0o700
