"""A probe tells what an endpoint does with each parameter, by measured effect.

The sandbox obeys all 20; its switches turn each off, refuse it or get it wrong.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.loopback import Answer, Seen, completion, sse, streamed
from wcode_magics.errors import BudgetError, CreditError, Stopped, UsageError
from wcode_magics.protocol import providers
from wcode_magics.protocol.parameters import NAMES
from wcode_magics.protocol.probe import Probe
from wcode_magics.sandbox import Sandbox
from wcode_magics.session.probe import announcement
from wcode_magics.session.session import Session
from wcode_magics.store import Store

MODEL = "wcode-sandbox"
BUILT_ON = {
    "logprobs": ("top_logprobs",),
    "tools": ("tool_choice", "parallel_tool_calls"),
}
"""Without the first, the others cannot show an effect."""
OFF = (
    "",
    "top_p frequency_penalty stop response_format seed",
    "top_k presence_penalty verbosity structured_outputs parallel_tool_calls",
    "min_p repetition_penalty logit_bias tools top_logprobs",
    "top_a tool_choice max_tokens",
    "temperature",
    "logprobs",
)
REFUSED = (" ".join(NAMES), "top_logprobs tool_choice parallel_tool_calls")
WRONG = (
    "frequency_penalty verbosity logit_bias tool_choice top_logprobs seed",
    "temperature parallel_tool_calls",
)
CASES = [
    *[(names, "ignored") for names in OFF],
    *[(names, "refused") for names in REFUSED],
    *[(names, "wrong") for names in WRONG],
]


def expected(switches: Mapping[str, str]) -> dict[str, str]:
    """The verdicts that are right for a sandbox with switches."""
    told = dict.fromkeys(NAMES, "obeyed")
    told |= dict.fromkeys(switches, "ignored")
    told |= {name: way for name, way in switches.items() if way == "refused"}
    later = [one for name in switches for one in BUILT_ON.get(name, ())]
    return told | dict.fromkeys(later, "unknown")


def test_each_parameter_is_switched_off() -> None:
    """No row of the table is left out of the groups."""
    assert sorted(" ".join(OFF).split()) == sorted(NAMES)


@pytest.mark.parametrize(("names", "way"), CASES)
def test_verdicts_are_right(names: str, way: str, tmp_path: Path) -> None:
    """20 of 20, whatever else the endpoint does not obey; the evidence agrees.

    Draws in which nothing unlikely came decide nothing: a probe asks anew.
    """
    switches = dict.fromkeys(names.split(), way)
    with (
        Sandbox(switches=switches) as sandbox,
        Session(base_url=sandbox.base_url, model=MODEL, store=str(tmp_path / "s")) as s,
    ):
        right = expected(switches)
        for _ in range(3):
            probe = s.probe(fresh=True)
            told = {one.name: one.verdict for one in probe.findings}
            undecided = {k for k, verdict in told.items() if verdict == "unknown"}
            if all(right[name] == "unknown" for name in undecided):
                break
    assert told == right, probe.frame().to_string()
    for one in probe.findings:
        if one.verdict == "obeyed" and one.key == "repeats":
            assert one.facts["less"] < one.facts["more"], one
        if one.verdict == "obeyed" and one.key == "top_a":
            assert one.facts["after"] < one.facts["before"], one
    if not switches:
        assert probe.facts == {
            "json_mode": "obeyed",
            "schema": "obeyed",
            "usage": "yes",
            "prefix": "continue",
            "context": probe.facts.get("context", "–"),
            "stage": "before",
            "bytes": "bytes",
            "thinking": "no",
        }


FLAT = 'The answer is "no" to all.'


def flat(seen: Seen):
    """Say the same to everything, as ten tokens."""
    if seen.method == "GET":
        return completion()
    return streamed(FLAT) if seen.body.get("stream") else completion(FLAT)


def going_on(seen: Seen, way: str):
    """Say the same to everything, and go on from a beginning in one way."""
    body = seen.body if seen.method == "POST" else {}
    last = [*body.get("messages", ()), {}][-2]
    if way == "field":
        return completion(" four five") if "prefix" in body else flat(seen)
    if last.get("role") != "assistant":
        return flat(seen)
    begun = last["content"]
    return completion(f"{begun} four" if way == "repeats" else f"Zero {begun} four")


@pytest.mark.parametrize(
    ("way", "told"), [("anew", "none"), ("repeats", "continue"), ("field", "field")]
)
def test_the_way_to_continue_a_beginning(loopback, tmp_path, way, told) -> None:
    """An answer that repeats the beginning continues it, a new one does not."""
    server = loopback(lambda seen: going_on(seen, way))
    given = {"base_url": server.url, "model": "m", "store": tmp_path / "s"}
    with Session(**given) as session:
        assert session.probe().facts["prefix"] == told


@pytest.mark.parametrize(
    ("text", "finish", "verdict"),
    [
        ('{"story": "Once upon', "length", "obeyed"),
        ('{"story": "Once upon', "stop", "ignored"),
        ("Once upon a time", "length", "ignored"),
    ],
)
def test_a_long_object_is_json_mode_though_cut(
    loopback, tmp_path, text, finish, verdict
) -> None:
    """The few tokens of a probe may not hold the object that a model writes."""

    def answer(seen: Seen):
        form = seen.body.get("response_format") if seen.method == "POST" else None
        whole = completion(text, finish_reason=finish)
        return whole if form == {"type": "json_object"} else flat(seen)

    given = {"base_url": loopback(answer).url, "model": "m", "store": tmp_path / "s"}
    with Session(**given) as session:
        assert session.probe().facts["json_mode"] == verdict


@pytest.mark.priced
def test_what_was_learnt_stays_when_the_money_runs_out(loopback, tmp_path) -> None:
    """The rest is unknown, and the table says why; less than one request is refused."""
    server = loopback(flat)
    store = str(tmp_path / "store.db")
    model = "qwen/qwen-2.5-7b-instruct"
    with Session(base_url=server.url, model=model, store=store) as session:
        with pytest.raises(BudgetError):
            session.probe(budget=1e-9)
        assert not server.seen
        probe = session.probe(budget=0.001)
        assert probe.cut
        assert 0 < probe.cost <= 0.001
        assert probe["temperature"].verdict == "ignored"
        assert probe["parallel_tool_calls"].verdict == "unknown"
        assert "budget ran out" in probe["parallel_tool_calls"].evidence
        assert "--budget" in probe._repr_mimebundle_()["text/plain"]
        whole = session.probe(fresh=True)
        assert not whole.cut
        assert whole.cost < 0.01
        assert not [one for one in whole.findings if one.verdict == "obeyed"]
        assert session.budgets.of("CNY").known == pytest.approx(probe.cost + whole.cost)


def charging(seen: Seen):
    """Say the same, for $0.001 each."""
    told = flat(seen)
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.001}
    if seen.method == "POST" and not seen.body.get("stream"):
        body = {**json.loads(b"".join(told.pieces)), "usage": usage}
        return Answer([json.dumps(body).encode()])
    *begun, _usage, done = told.pieces
    return replace(told, pieces=[*begun, sse({"choices": [], "usage": usage}), done])


def test_charges_without_a_price_end_it(loopback, tmp_path, monkeypatch) -> None:
    """Where the endpoint tells what it charged, the default limit is in its money."""
    server = loopback(charging)
    row = replace(providers.named("openrouter"), base_url=server.url)
    monkeypatch.setattr(providers, "PROVIDERS", (providers.PROVIDERS[0], row))
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-canary-of-openrouter")
    given = {"base_url": server.url, "model": "m", "store": str(tmp_path / "s")}
    with Session(**given) as session:
        assert "$0.05" in announcement(session, {"budget": 0.05})
        probe = session.probe()
    assert probe.cut
    assert probe.currency == "USD"
    assert 0.01 < probe.cost < 0.02
    assert 0 < probe.measured < len(NAMES)


def test_what_broke_off_is_kept_unless_more_is(loopback, tmp_path) -> None:
    """An empty account and a stop lose nothing; a slash does not pay again."""
    left, pause = [40], [0.0]

    def poor(seen: Seen):
        left[0] -= seen.method == "POST"
        said = b'{"error": {"message": "Insufficient Balance"}}'
        return (
            Answer([said], 402) if left[0] < 0 else replace(flat(seen), delay=pause[0])
        )

    server = loopback(poor)
    given = {"model": "m", "store": str(tmp_path / "s")}
    with Session(base_url=f"{server.url}/", **given) as session:
        with pytest.raises(CreditError):
            session.probe()
        some = session.probed()
        assert 0 < some.measured < len(NAMES)
        left[0] = 10
        with pytest.raises(CreditError):
            session.probe(fresh=True)
        assert session.probed() is some
        left[0] = 1000
        whole = session.probe(fresh=True)
        assert whole.measured == len(NAMES)

    def stop(_name: str) -> None:
        raise KeyboardInterrupt

    with Session(base_url=server.url, **given) as session:
        before, pause[0] = left[0], 0.5
        assert session.probe().findings == whole.findings
        assert left[0] == before
        with pytest.raises(Stopped):
            session.probe(fresh=True, watch=stop)
        assert session.probe().findings == whole.findings


def test_a_probe_is_kept(loopback, tmp_path) -> None:
    """Per endpoint and model; asked for again it sends nothing."""
    server = loopback(flat)
    store = tmp_path / "store.db"
    given = {"base_url": server.url, "model": "m", "store": str(store)}
    with (
        Session(**given, replay="only") as session,
        pytest.raises(UsageError, match="never probed"),
    ):
        session.probe()
    with Session(**given) as session:
        probe = session.probe()
        count = len(server.seen)
        assert session.probe() is probe
        assert len(session.history) == 0
    with Session(**given, replay="only") as session:
        assert session.probe() == probe
        assert session.probed(model="other") is None
    assert len(server.seen) == count
    with Store(store) as kept:
        assert kept.probe(server.url, "m") == probe
    assert Probe.from_dict(probe.to_dict()) == probe
    assert list(probe.frame()["parameter"]) == list(NAMES)


def test_tables_leave_out_what_is_refused(tmp_path) -> None:
    """After a probe, classify and extract send what the endpoint accepts."""
    from wcode_magics.tables import accessor

    refused = dict.fromkeys(("logprobs", "response_format", "temperature"), "refused")
    with (
        Sandbox(switches=refused) as sandbox,
        Session(base_url=sandbox.base_url, model=MODEL, store=str(tmp_path / "s")) as s,
    ):
        accessor.register(s)
        frame = pd.DataFrame({"said": ["I love it, great!"]})
        before = frame.wcode.classify("{{ said }}", ["good", "bad"], progress=False)
        assert before["label_status"].tolist() == ["http_4xx"]
        s.probe()
        after = frame.wcode.classify(
            "{{ said }}", ["good", "bad"], seed=1, progress=False
        )
        assert after["label"].tolist() == ["good"], after.T.to_string()


def test_a_cell_warns_once_of_what_it_sets_in_vain(run, monkeypatch) -> None:
    """The command shows the table and gives the value; then each cell knows."""
    with Sandbox(switches={"top_k": "ignored"}) as sandbox:
        monkeypatch.setenv("WCODE_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("WCODE_MODEL", MODEL)
        first = run("%%wcode --top-k 5\nHello")
        assert "no effect" not in first.plain + first.stderr
        probed = run("p = %wcode_probe")
        assert probed.success, probed.plain
        assert "75 short requests" in probed.plain
        kept = run("%wcode_probe")
        assert "✗ ignored" in kept.plain
        assert "nothing was sent" in kept.plain
        assert run("assert p['top_k'].verdict == 'ignored'").success
        with Sandbox() as other:
            run(f"%wcode_config base_url={other.base_url}\n")
            run("%wcode_config --save other")
            run(f"%wcode_config base_url={sandbox.base_url}")
            there = run("%%wcode --profile other --top-k 5\nHello")
            assert "no effect" not in there.plain + there.stderr
        second = run("%%wcode --top-k 5\nHello")
        assert "top_k has no effect" in second.plain + second.stderr
        third = run("%%wcode --top-k 5\nHello")
        assert "no effect" not in third.plain + third.stderr
        wrong = run("%wcode_probe --top-k 5")
        assert "there is no option --top_k" in wrong.plain
