"""What is told of a run, and how it is stopped."""

import signal
import threading
from collections import Counter

import pandas as pd

from tests.frames.asking import QUIET, echo, texts
from tests.loopback import Answer


def test_told_in_a_line(serve, capsys):
    """Skipped, failed and replayed rows are told in one line; else nothing."""
    serve()
    df = pd.DataFrame({"text": ["a", None]})
    texts(2).wcode.ask("{{ text }}")
    assert capsys.readouterr().err == ""
    df.wcode.ask("{{ text }}")
    assert "skipped 1" in capsys.readouterr().err
    df.wcode.ask("{{ text }}")
    assert "1 answers replayed" in capsys.readouterr().err


def test_stop_is_a_pause(serve):
    """Stop returns what was answered; running again sends the rest alone."""

    def slow(seen) -> Answer:
        return Answer(echo(seen).pieces, delay=0.05)

    server = serve(slow, concurrency=4)
    main = threading.main_thread().ident
    timer = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    made = texts(100).wcode.ask("{{ text }}", **QUIET)
    timer.join()
    done = Counter(made["answer_status"])
    assert done["stopped"] > 20
    assert done["ok"] == len(server.seen) >= 4
    whole = texts(100).wcode.ask("{{ text }}", **QUIET)
    assert len(server.seen) == 100
    assert whole["answer"].tolist() == [f"ROW {n}" for n in range(100)]
