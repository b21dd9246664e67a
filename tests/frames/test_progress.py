"""What is told of a run, and how it is stopped."""

import os

import pandas as pd

from tests.frames.asking import echo, texts
from tests.kernel import kernel
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
    assert "1 answer replayed" in capsys.readouterr().err


def test_nothing_is_left_of_the_bar(loopback):
    """In a notebook a bar of widgets is shown, and none is in what is saved."""
    server = loopback(lambda seen: Answer(echo(seen).pieces, delay=0.1))
    env = {**os.environ, "WCODE_BASE_URL": server.url, "WCODE_API_KEY": "k"}
    env["WCODE_CONCURRENCY"] = "2"
    with kernel(env) as run:
        run.run("import pandas as pd")
        made = "pd.DataFrame({'t': range(50)}).wcode.ask('{{ t }}').shape"
        kinds: set[str] = set()

        def look(shown) -> None:
            kinds.update(kind for o in shown.outputs for kind in o.get("data", ()))

        ran = run.run(made, on_output=look)
    assert "application/vnd.jupyter.widget-view+json" in kinds
    bar, value = ran.outputs
    assert bar["data"] == {"text/plain": ""}
    assert value["data"]["text/plain"] == "(50, 4)"
