"""What Windows lacks or does otherwise, as far as any system can be made to.

Its modules and functions are taken away from a process, a file system that ignores case
is one whose names differ in more than case, and a pipe has the encoding of a console.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.loopback import Answer, either
from wcode_magics.runtime import private_files
from wcode_magics.session.conversations import Chats
from wcode_magics.session.session import Session
from wcode_magics.store import file_system

LACKS = """
import os, signal, sys
for name in ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios"):
    sys.modules[name] = None
for name in ("aiohttp", "httpx", "keyring", "pandas", "platformdirs",
             "pyarrow.parquet"):
    __import__(name)  # what others choose by sys.platform is left to them
for name in (
    "chown", "fchown", "fork", "forkpty", "geteuid", "getgid", "getpgid",
    "getuid", "killpg", "mkfifo", "openpty", "register_at_fork", "setsid", "setuid",
    "statvfs", "sysconf", "uname", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW",
    "O_NONBLOCK",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT"):
    delattr(signal, name)
"""
FACES = """
import asyncio, sys
from pathlib import Path
import pandas as pd
import wcode_magics
from wcode_magics import Session, sandbox
from wcode_magics.session.conversations import Chats
from wcode_magics.tables import accessor

folder = Path(sys.argv[2])
with Session(base_url=sys.argv[1], store=str(folder / "answers.db")) as session:
    accessor.register(session)
    print(session.ask("hi", seed=1).text)
    print(session.ask("hi", seed=1).source)
    with session.stream("hi") as stream:
        print("".join(delta.text for delta in stream))
    print(len(session.repeat("hi", 2)))
    print(asyncio.run(session.aio.ask("hi")).text)
    print(session.ask("hi", schema={"type": "string"}, seed=2).text)
    session.chats = Chats(folder / "chats")
    print(session.chat("t").ask("hi").text)
    table = pd.DataFrame({"text": ["a", "b"]})
    print(*table.wcode.ask("{{ text }}", into="said", progress=False)["said"])
    table.to_parquet(folder / "in.parquet")
    parts = wcode_magics.parquet(folder / "in.parquet", to=folder / "out", rows=1)
    print(parts.ask("{{ text }}", progress=False).rows)
    session.store.export(folder / "exported.db")
    session.settings.save_profile("p", {"system": "short"})
with (
    sandbox.Sandbox() as offline,
    Session(base_url=offline.base_url, api_key="k") as session,
):
    print(len(session.ask("hi", max_tokens=3, logprobs=True).logprobs))
from wcode_magics.__main__ import main
sys.exit(main(["hi", "-t", "0"]))
"""


def test_every_face_does_without_what_windows_lacks(loopback, tmp_path):
    """Cells, rows, files, locks, chats, the sandbox, the shell; no line but theirs."""
    server = loopback(either('"Hello."'))
    done = subprocess.run(
        [sys.executable, "-c", LACKS + FACES, server.url, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "WCODE_BASE_URL": server.url},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    text = '"Hello."'
    lines = [text, "replayed", text, "2", text, text, text, f"{text} {text}", "2", "3"]
    assert done.stdout.splitlines() == [*lines, text], done.stderr
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "gbk"])
def test_a_console_of_another_encoding_gets_every_answer(loopback, encoding):
    """What it lacks is an escape; the help, an error and an export are whole, too."""
    refusal = json.dumps({"error": {"message": "“no” 🎉"}}).encode()
    server = loopback(either("Olá 你好 🎉"))
    poor = loopback(Answer([refusal], status=400))
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    env |= {"WCODE_RETRIES": "0", "WCODE_LANGUAGE": "zh"}

    def shell(*words: str, url: str = server.url) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "wcode_magics", *words],
            capture_output=True,
            timeout=60,
            env={**env, "WCODE_BASE_URL": url},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return (
            done.returncode,
            done.stdout.decode(encoding),
            done.stderr.decode(encoding),
        )

    lacks = {"cp1252": r"\u4f60\u597d", "gbk": r"\U0001f389"}[encoding]
    for way in ("--stream", "--no-stream"):
        code, out, err = shell("hi", way)
        assert (code, err) == (0, "")
        assert out.startswith("Ol")
        assert lacks in out
    code, out, err = shell("hi", url=poor.url)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert shell("--help")[0] == 0
    code, out, _err = shell("你好", "--as", "python-httpx")
    assert code == 0
    assert "import httpx" in out


def test_chats_that_differ_in_case_alone_are_two_files(tmp_path, loopback):
    """And one is named as a device of Windows; all are found by their names again."""
    names = ["Tutor", "tutor", "TUTOR", "con", "Nul.txt", "com1", "a:b?", "Ä", ".."]
    folder = tmp_path / "chats"
    with Session(base_url=loopback().url, api_key="k") as session:
        session.chats = Chats(folder)
        for name in names:
            session.chat(name).ask(f"of {name}")
    files = [path.name for path in folder.iterdir()]
    assert len({name.casefold() for name in files}) == len(names)
    assert not {name.split(".")[0] for name in files} & {"con", "nul", "com1"}
    again = Chats(folder)
    assert again.names() == sorted(names)
    for name in names:
        assert again[name].turns[0].messages[0].content == f"of {name}"
    assert again.forget("tutor")
    assert again.names() == sorted({*names} - {"tutor"})


class Held:
    """A file that cannot be renamed over another until it was tried ``tries`` times."""

    def __init__(self, tries: int) -> None:
        self.left = tries

    def replace(self, _path: Path) -> None:
        """As Windows does while somebody reads the other file."""
        self.left -= 1
        if self.left >= 0:
            raise PermissionError(13, "Access is denied")


def test_a_file_that_is_read_is_replaced_when_it_is_not(monkeypatch, tmp_path):
    """On Windows alone: elsewhere the error is one of rights, and told at once."""
    path = tmp_path / "file"
    with pytest.raises(PermissionError):
        private_files.replace(Held(1), path)
    monkeypatch.setattr(private_files.os, "name", "nt")
    monkeypatch.setattr(private_files, "TRY_S", 0.001)
    private_files.replace(Held(private_files.TRIES - 1), path)
    with pytest.raises(PermissionError):
        private_files.replace(Held(private_files.TRIES), path)


@pytest.mark.parametrize(("kind", "shared"), [(3, False), (4, True)])
def test_a_network_drive_is_shared(monkeypatch, tmp_path, kind, shared):
    """SQLite's write-ahead log is for one host; a local drive keeps it."""
    kernel = SimpleNamespace(GetDriveTypeW=lambda _root: kind)
    fake = SimpleNamespace(kernel32=kernel)
    monkeypatch.setattr(file_system.ctypes, "windll", fake, raising=False)
    monkeypatch.setattr(file_system.sys, "platform", "win32")
    assert file_system.is_shared(tmp_path / "answers.db") == shared
