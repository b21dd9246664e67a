"""Slow imports that Stop does not break."""

import os
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.kernel import kernel
from tests.loopback import Loopback, completion
from tests.stopping import interrupted, once
from wcode_magics.runtime.imports import begin, prepare

TABLE = pd.DataFrame({"a": [1]}).to_parquet()
SLOW = """
import sys, time, pathlib
def slow(event, args):
    if event == "import" and args[0] == {name!r}:
        pathlib.Path({mark!r}).touch()
        while not pathlib.Path({go!r}).exists():
            time.sleep(0.01)
sys.addaudithook(slow)
"""
PARTS = """
import wcode_magics
table = wcode_magics.parquet('a.parquet', to='parts')
print(table.ask('{{ a }}', progress=False))
"""


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("aiohttp.connector", "%%wcode\nhi"),
        ("markdown_it.main", "%%wcode\nhi"),
        ("jsonschema_rs.jsonschema_rs", '%%wcode --schema {"a": "int"}\nhi'),
        ("aiohttp.connector", "df.wcode.ask('{{ a }}', progress=False)"),
        ("aiohttp.connector", PARTS),
        ("wcode_magics.tables.parquet.pipeline", PARTS),
    ],
)
def test_stop_during_an_import_breaks_nothing(
    name: str, cell: str, loopback: Callable[..., Loopback], tmp_path: Path
) -> None:
    """The cell ends in one line, and the next one works."""
    server = loopback(completion('{"a": 1}'))
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_STREAM": "0"}
    mark, go = tmp_path / "mark", tmp_path / "go"
    with kernel(env) as made:
        made.run("import pandas as pd\ndf = pd.DataFrame({'a': [1]})")
        made.run(f"%cd {tmp_path}\n%env WCODE_STORE={tmp_path / 'answers.db'}")
        (tmp_path / "a.parquet").write_bytes(TABLE)
        made.run(SLOW.format(name=name, mark=str(mark), go=str(go)))
        with once(mark.exists, made.manager.interrupt_kernel):
            shown = made.run(cell)
        assert shown.status == "error"
        assert [one["evalue"] for one in shown.outputs if "evalue" in one] == [
            "Stopped."
        ]
        assert not server.seen
        go.touch()
        assert made.run(cell).status == "ok"
        assert len(server.seen) == 1


def test_stop_while_the_sandbox_is_loaded_breaks_nothing(tmp_path: Path) -> None:
    """The libraries of its server are imported like those of the client."""
    env = {**os.environ, "WCODE_STORE": str(tmp_path / "answers.db")}
    env.pop("WCODE_API_KEY", None)
    mark, go = tmp_path / "mark", tmp_path / "go"
    with kernel(env) as made:
        made.run("%load_ext wcode_magics")
        made.run(
            SLOW.format(name="wcode_magics.sandbox.answer", mark=str(mark), go=str(go))
        )
        with once(mark.exists, made.manager.interrupt_kernel):
            assert made.run("%%wcode\nhi").status == "error"
        go.touch()
        made.run(
            "while 'wcode_magics.sandbox.server' not in sys.modules: time.sleep(0.01)"
        )
        assert made.run("%%wcode\nhi").status == "ok"


def test_an_import_goes_on_when_its_wait_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks next waits for the same import, or gets what it raised."""
    (tmp_path / "wcode_slow.py").write_text(
        textwrap.dedent("""
            import pathlib, time
            here = pathlib.Path(__file__).parent
            (here / "begun").touch()
            while not (here / "go").exists():
                time.sleep(0.01)
            done = True
        """),
        "utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with interrupted((tmp_path / "begun").exists), pytest.raises(KeyboardInterrupt):
        prepare(["wcode_slow"])
    threading.Timer(0.05, (tmp_path / "go").touch).start()
    prepare(["wcode_slow"])
    assert sys.modules.pop("wcode_slow").done
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            prepare(["wcode_nowhere"])


def test_modules_that_are_begun_are_imported_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module may wait for one that was begun, and those begun come in turn."""
    (tmp_path / "wcode_waits.py").write_text(
        textwrap.dedent("""
            import sys, time
            while "wcode_second" not in sys.modules:
                time.sleep(0.01)
        """),
        "utf-8",
    )
    (tmp_path / "wcode_first.py").touch()
    follows = "import sys; assert 'wcode_first' in sys.modules"
    (tmp_path / "wcode_second.py").write_text(follows, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    begin(["wcode_first", "wcode_second"])
    prepare(["wcode_waits", "wcode_second"])
    for name in ("wcode_first", "wcode_second", "wcode_waits"):
        del sys.modules[name]
    begin(["wcode_nowhere"])
    with pytest.raises(ModuleNotFoundError):
        prepare(["wcode_nowhere"])
