"""What is told of a run, and how it is stopped."""

import pandas as pd

from tests.frames.asking import texts


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
