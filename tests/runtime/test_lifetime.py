"""Every way for a process to end: by itself, soon, in silence, with what was paid."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.kernel import kernel
from tests.loopback import Answer, either, event
from wcode_magics.store import Store

LATE_S = 3.0
"""How long a process may take to end after its last line."""
SLOW = Answer([event({"content": "x"})] * 2_000, kind="text/event-stream", pause=0.05)

WAYS = {
    "script": "session.ask('hi')",
    "closed": """
        with session:
            session.ask("hi")
    """,
    "system exit": """
        session.ask("hi")
        over()
        sys.exit(0)
    """,
    "exit in a thread": """
        import threading
        def leave():
            session.ask("hi")
            sys.exit(3)
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
    """,
    "stream in flight": """
        session.ask("hi")
        stream = session.stream("slow")
        next(stream)
    """,
    "request of a thread in flight": """
        import threading
        session.ask("hi")
        threading.Thread(target=session.ask, args=("hang",), daemon=True).start()
        wait_until_asked()
    """,
    "request of a loop in flight": """
        import asyncio
        session.ask("hi")
        async def main():
            asking = asyncio.create_task(session.aio.ask("hang"))
            await asyncio.to_thread(wait_until_asked)
        asyncio.run(main())
    """,
    "tool at work": """
        import threading
        session.ask("hi")
        def rest(seconds: int) -> str:
            os.mkdir(os.environ["ASKED"])
            time.sleep(60)
        async def main():
            from wcode_magics.runtime import loop as portal
            await portal.arun(asyncio.to_thread, rest, 60)
        import asyncio
        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
        wait_until_asked()
    """,
    "table": """
        import pandas as pd
        from wcode_magics.tables import accessor as frame
        frame.register(session)
        pd.DataFrame({"n": ["hi"]}).wcode.ask("{{ n }}", progress=False)
    """,
    "sandbox": """
        from wcode_magics.sandbox import Sandbox
        free = Sandbox().start()
        session.ask("hi")
    """,
    "panel": """
        import contextlib, io
        import wcode_magics
        session.ask("hi")
        with contextlib.redirect_stdout(io.StringIO()):
            wcode_magics.panel("a prompt", session=session)
    """,
    "fork": """
        session.ask("parent")
        child = os.fork()
        if not child:
            session.ask("hi")
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """,
    "fork of multiprocessing": """
        import multiprocessing
        session.ask("parent")
        fork = multiprocessing.get_context("fork")
        child = fork.Process(target=session.ask, args=("hi",))
        child.start()
        child.join()
        assert child.exitcode == 0
    """,
    "spawn of multiprocessing": """
        import multiprocessing
        spawn = multiprocessing.get_context("spawn")
        child = spawn.Process(target=ask)
        child.start()
        child.join()
        assert child.exitcode == 0
    """,
    "cluster": """
        from distributed import Client, LocalCluster
        import dask.dataframe as dd, pandas as pd
        import wcode_magics
        from wcode_magics.tables import accessor as frame
        frame.register(session)
        cluster = LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        )
        client = Client(cluster)
        df = dd.from_pandas(pd.DataFrame({"n": ["hi"]}), npartitions=1)
        df.wcode.ask("{{ n }}").compute()
    """,
}
SCRIPT = """
import os, sys, time
from wcode_magics import Session

def over():
    with open(os.environ["OVER"], "w") as file:
        file.write(str(time.time()))

def wait_until_asked():
    while not os.path.exists(os.environ["ASKED"]):
        time.sleep(0.01)

def ask():
    Session().ask("hi")

if __name__ == "__main__":
    session = Session()
{body}
    over()
"""


@pytest.fixture
def place(loopback, tmp_path, monkeypatch) -> Path:
    """A folder where a process leaves what it did; its prompts have an endpoint."""

    def answer(seen):
        prompt = seen.body["messages"][-1]["content"]
        if prompt == "hang":
            (tmp_path / "asked").touch()
            return Answer(hang=True)
        return SLOW if prompt == "slow" else either()(seen)

    monkeypatch.setenv("WCODE_BASE_URL", loopback(answer).url)
    monkeypatch.setenv("WCODE_API_KEY", "k")
    monkeypatch.setenv("WCODE_STORE", str(tmp_path / "answers.db"))
    monkeypatch.setenv("PYTHONWARNINGS", "error::ResourceWarning,ignore:This process")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    for name in ("OVER", "ASKED"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


def late(seconds: float) -> float:
    """The same on a machine that has as much to do as this one."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def prompts(place: Path) -> set[str]:
    """What was asked and is kept."""
    with Store(place / "answers.db", readonly=True) as store:
        return {row["prompt"] for row in store.history()}


def ended(place: Path, process: "subprocess.Popen[str]", **more) -> str:
    """Wait for its end, see that it came in time and in silence; what it printed."""
    try:
        printed, complained = process.communicate(timeout=90, **more)
    finally:
        process.kill()
    took = time.time() - float((place / "over").read_text())
    assert (complained, process.returncode) == ("", 0)
    assert took < late(LATE_S)
    assert "hi" in prompts(place)
    return printed


def begun(*words: str, **more) -> "subprocess.Popen[str]":
    """A process of this Python."""
    return subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


SLOW_WAYS = {"cluster": pytest.mark.slow}


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=SLOW_WAYS.get(way, ())) for way in WAYS]
)
def test_a_program_ends(place, way):
    """Whatever is open: within three seconds, exit code 0, and nothing is lost."""
    if "fork" in way and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    body = textwrap.indent(textwrap.dedent(WAYS[way]).strip(), "    ")
    program = place / "program.py"
    program.write_text(SCRIPT.replace("{body}", body))
    ended(place, begun(str(program)))


def test_the_command_line_ends(place):
    """``python -m wcode_magics`` prints its answer and is over."""
    process = begun("-m", "wcode_magics", "hi")
    printed, _complained = process.communicate(timeout=60)
    assert (printed, process.returncode) == ("Hello.\n", 0)
    assert prompts(place) == {"hi"}


@pytest.mark.parametrize(
    "last", ["exit\n", "exit()\n", ""], ids=["exit", "call", "end"]
)
def test_ipython_ends(place, last):
    """IPython is left by ``exit`` or by the end of what is typed."""
    over = "import os, pathlib, time\nover = pathlib.Path(os.environ['OVER'])\n"
    over += "over.write_text(str(time.time())) and None"
    typed = f"%load_ext wcode_magics\n%wcode hi\n{over}\n{last}"
    flags = ["--no-banner", "--simple-prompt", "--no-confirm-exit", "--colors=NoColor"]
    process = begun("-m", "IPython", *flags)
    assert "Hello." in ended(place, process, input=typed)


@pytest.mark.parametrize("restart", [False, True], ids=["shutdown", "restart"])
def test_a_kernel_ends(place, monkeypatch, restart):
    """A kernel that is asked to leave does, before it is killed."""
    monkeypatch.delenv("PYTHONWARNINGS")  # old ipykernels hang by errors in their own
    with kernel(dict(os.environ)) as run:
        run.run("%wcode hi")
        run.run("stream = wcode_magics.Session().stream('slow'); next(stream)")
        process = run.manager.provisioner.process
        begin = time.monotonic()
        run.manager.request_shutdown(restart=restart)
        assert process.wait(60) == 0
        assert time.monotonic() - begin < late(LATE_S)
    assert "hi" in prompts(place)


def test_ctrl_c_at_the_end_takes_nothing_away(place):
    """Whoever presses it while a process ends loses no answer, and sees nothing."""
    program = place / "program.py"
    body = "    session.ask('hi')\n    atexit.register(os.kill, os.getpid(), 2)"
    script = SCRIPT.replace("{body}", body).replace("import os,", "import atexit, os,")
    program.write_text(script)
    process = begun(str(program))
    process.communicate(timeout=60)
    assert "hi" in prompts(place)


def test_what_ends_is_not_asked_again(place):
    """Who asks after the end is told so in one line."""
    program = place / "program.py"
    late_ask = """
import atexit
def ask_late():
    try:
        session.ask("late")
    except Exception as error:
        print(type(error).__name__, error)
atexit.register(ask_late)
"""
    program.write_text(late_ask + SCRIPT.replace("{body}", "    session.ask('hi')"))
    assert "Python is shutting down" in ended(place, begun(str(program)))
