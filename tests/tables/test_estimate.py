"""What a run will take, told before it is paid for."""

import json

import pandas as pd
import pytest

from tests.loopback import completion
from tests.tables.asking import QUIET, texts
from wcode_magics.session.session import Session
from wcode_magics.settings.resolved import Resolved
from wcode_magics.tables import accessor
from wcode_magics.tables.estimate import Survey


@pytest.mark.priced
def test_estimate_sends_nothing(serve):
    """The estimate counts rows, tokens and ¥ from the store and the template."""
    server = serve()
    df = pd.DataFrame({"text": ["a", "b", "b", None, "c"]})
    df[:1].wcode.ask("{{ text }}", max_tokens=10, **QUIET)
    told = df.wcode.estimate("{{ text }}", max_tokens=10)
    assert (told.rows, told.skipped, told.repeated) == (5, 1, 1)
    assert (told.recorded, told.sends) == (1, 2)
    assert told.answer == (2, 20)
    assert told.prompt.tokens > 10
    assert told.cost[0] < told.cost[1] < 0.001
    assert "2 to send" in str(told)
    assert len(server.seen) == 1


def test_counts_of_zero_are_left_out(serve):
    """A table that is all new says how many rows are sent, and nothing else of them."""
    serve()
    told = str(texts(2).wcode.estimate("{{ text }}"))
    assert told.startswith("2 rows · 2 to send · ≈")
    assert "0 re" not in told


def test_nothing_to_send_has_no_tokens(serve):
    """A table that is all recorded says so, and what it costs."""
    serve()
    texts(2).wcode.ask("{{ text }}", **QUIET)
    told = str(texts(2).wcode.estimate("{{ text }}"))
    assert told.startswith("2 rows · 0 to send · 2 recorded · ")
    assert "token" not in told


def test_the_sandbox_costs_nothing(serve):
    """Before it answers, as afterwards."""
    serve()
    with Session() as session:
        accessor.register(session)
        told = texts(2).wcode.estimate("{{ text }}")
    assert told.cost == (0, 0)
    assert str(told).endswith(" · ¥0")


@pytest.mark.parametrize("options", [{"fresh": True}, {"replay": "off"}])
def test_estimate_of_what_is_sent_anew(serve, options):
    """Where records are not used they are to be sent, and still tell how long."""
    server = serve()
    df = texts(6)
    df[:4].wcode.ask("{{ text }}", max_tokens=10, **QUIET)
    told = df.wcode.estimate("{{ text }}", max_tokens=10, **options)
    assert (told.recorded, told.sends) == (0, 6)
    assert told.answer == (30, 30)
    assert told.seconds is not None
    df.wcode.ask("{{ text }}", max_tokens=10, **options, **QUIET)
    assert len(server.seen) == 4 + 6


def test_estimate_of_a_model_that_is_not_known(serve):
    """Its longest answer is not known either, and that is what is shown."""
    serve(model="my-local")
    told = texts(3).wcode.estimate("{{ text }}")
    assert told.answer == (3, None)
    assert told.cost is None
    assert "3 – ? out" in str(told)


def test_preview_is_paid_once(serve, capsys):
    """A preview of short and long rows is reused by the run, and forecasts it."""
    server = serve()
    df = pd.DataFrame({"text": ["x" * n for n in range(1, 41)]})
    some = df.wcode.preview("{{ text }}", 5, progress=False)
    assert some.index.tolist() == [0, 10, 20, 29, 39]
    told = capsys.readouterr().out
    assert "35 to send · 5 recorded" in told
    df.wcode.ask("{{ text }}", into="answer", **QUIET)
    assert len(server.seen) == 40


@pytest.mark.parametrize("slots", [1, 2, 64])
def test_a_preview_tells_how_many_are_answered_at_once(slots):
    """Where rows of a preview waited for each other, so will those of the run."""
    times = [0.2 * (n // slots + 1) for n in range(6)]
    found = Survey(rows=500, sends=500, times=times, lengths=[10] * 6)
    resolved = Resolved({"concurrency": 64}, {})
    low, high = found.forecast("m", resolved, resolved.place, together=True).seconds
    real = 500 * 0.2 / min(slots, 64)
    assert low <= real * 1.1
    assert high >= real * 0.9
    assert high <= real * 1.6


def test_patterns_that_are_not_sent_are_told_once(serve, capsys):
    """The estimate and the last line of a run name what only the check holds."""
    server = serve(completion('{"id": "a1"}'))
    looks = {"type": "string", "pattern": "^(?=a)[a-z]\\d$"}
    schema = {"type": "object", "properties": {"id": looks}, "required": ["id"]}
    told = texts(2).wcode.estimate("{{ text }}", schema=schema)
    assert "^(?=a)[a-z]\\d$" in str(told)
    texts(2).wcode.extract("{{ text }}", schema)
    assert capsys.readouterr().out.count("it was not sent") == 1
    sent = server.seen[0].body["response_format"]
    assert "pattern" not in json.dumps(sent)
