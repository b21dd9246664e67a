"""The batch: every request ends as an outcome, in its place, whatever happens."""

import asyncio
import gc
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.sending.skipping import Skipping
from wcode_magics import errors as e
from wcode_magics.protocol.messages import HOSTED_URL, Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending import batch as flow
from wcode_magics.sending import run_stop
from wcode_magics.sending.batch import Batch
from wcode_magics.sending.budget import Budget, worst_cost
from wcode_magics.sending.endpoint_health import Health
from wcode_magics.sending.limiter import Limiter
from wcode_magics.sending.outcome import STATUSES, status_of
from wcode_magics.sending.recorded_replies import RecordedReplies
from wcode_magics.sending.retry import Retry

QWEN = "qwen/qwen-2.5-7b-instruct"
QUICK = Retry(wait=0.001, longest=0.01, outage=0)
FACTS = {"status": 500, "message": "m", "url": "u", "model": "m", "reason": "r"}


def ask(prompt: object, **params) -> Request:
    """A request of one message."""
    return Request(QWEN, (Message("user", f"p{prompt}"),), params)


def answer(request: Request, **more) -> Reply:
    """Its answer: the prompt in capitals."""
    facts = {"usage": Usage(10, 5), "cost": 0.01, "finish_reason": "stop", **more}
    return Reply(request.prompt.upper(), request, "m", **facts)


def status_error(status: int, kind=e.ServerError, **facts) -> e.StatusError:
    """An error of the endpoint."""
    return kind("server", **{**FACTS, "status": status, **facts})


class Endpoint:
    """Answers after ``delay`` seconds, or fails as ``faults`` say, once each."""

    def __init__(self, delay: float = 0.0, faults=None) -> None:
        self.delay = delay
        self.faults = {f"p{k}": list(v) for k, v in (faults or {}).items()}
        self.seen: Counter[str] = Counter()
        self.flying = self.most = 0

    async def send(self, request: Request) -> Reply:
        """One request to its reply."""
        self.seen[request.prompt] += 1
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await asyncio.sleep(self.delay)
            left = self.faults.get(request.prompt)
            if left:
                raise left.pop(0)
            return answer(request)
        finally:
            self.flying -= 1


def make(endpoint: Endpoint, **more) -> Batch[str]:
    """A batch that keeps the text."""
    options = {"limiter": Limiter(), "retry": QUICK, **more}
    return Batch(
        endpoint.send, options.pop("read", lambda reply: reply.text), **options
    )


def run(batch: Batch, asks) -> list:
    """All its outcomes."""
    asks = list(asks)
    return asyncio.run(batch.run(iter(asks), len(asks)))


def test_in_order():
    """Outcomes stand where their requests stood, however answers arrive."""

    class Shuffled(Endpoint):
        async def send(self, request: Request) -> Reply:
            self.delay = random.uniform(0, 0.01)
            return await super().send(request)

    outcomes = run(make(Shuffled()), map(ask, range(300)))
    assert [o.value for o in outcomes] == [f"P{n}" for n in range(300)]
    assert {o.status for o in outcomes} == {"ok"}


def test_rows_leave_no_garbage():
    """Cycles would pile up until the collector looks through all that is in flight."""
    rows = 300

    def garbage() -> int:
        batch = make(Endpoint(), timeout=60.0, budget=Budget(under=Budget()))
        gc.collect()
        gc.disable()
        try:
            run(batch, map(ask, range(rows)))
            return gc.collect()
        finally:
            gc.enable()

    assert min(garbage() for _ in range(5)) < rows * 2  # threads of others leave some


def test_identical_requests_are_sent_once():
    """A repeated request costs nothing and has the same value."""
    endpoint = Endpoint(0.001)
    batch = make(endpoint)
    outcomes = run(batch, [ask(n % 7) for n in range(100)])
    assert [o.value for o in outcomes] == [f"P{n % 7}" for n in range(100)]
    assert set(endpoint.seen.values()) == {1}
    assert sum(batch.tally.costs.values()) == pytest.approx(0.07)
    assert batch.tally.repeated == 93


def test_no_task_per_row():
    """The iterator is pulled as needed: never far ahead of the answers."""
    endpoint = Endpoint(0.001)
    pulled = []
    tasks = []

    def asks():
        for n in range(2_000):
            pulled.append(n)
            assert n - sum(endpoint.seen.values()) < 200
            tasks.append(len(asyncio.all_tasks()))
            yield ask(n)

    outcomes = asyncio.run(make(endpoint).run(asks(), 2_000))
    assert len(outcomes) == len(pulled) == 2_000
    assert max(tasks) < 80


def test_recalled_rows_are_not_sent():
    """What is recorded is replayed; only what is missing is sent."""
    endpoint = Endpoint()

    def recall(requests):
        return {
            r.hash: replace(answer(r), source="replayed")
            for r in requests
            if int(r.prompt[1:]) % 2
        }

    batch = make(endpoint, recorded=RecordedReplies(recall))
    outcomes = run(batch, map(ask, range(100)))
    assert len(endpoint.seen) == batch.tally.replayed == 50
    assert [o.status for o in outcomes[:2]] == ["ok", "replayed"]
    assert sum(batch.tally.costs.values()) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("error", "status", "tries"),
    [
        (status_error(500), "http_5xx", 5),
        (status_error(503), "http_5xx", 5),
        (status_error(429, e.RateLimitError), "http_4xx", 5),
        (status_error(408, e.RejectedError), "http_4xx", 5),
        (status_error(400, e.RejectedError), "http_4xx", 1),
        (status_error(400, e.ContextError), "http_4xx", 1),
        (status_error(400, e.FilteredError), "refused", 1),
        (e.ConnectionFailed("no_connection", **FACTS), "connection", 5),
        (e.StreamError("connection_cut", **FACTS), "connection", 5),
        (e.TimedOut("timed_out", seconds=1, **FACTS), "timeout", 2),
        (e.AnswerError("answer_not_json", start="<"), "invalid", 5),
    ],
)
def test_retried_by_class(error, status, tries):
    """What may pass is tried again up to a limit, what may not never is."""
    endpoint = Endpoint(faults={3: [error] * 99})
    outcomes = run(make(endpoint), map(ask, range(8)))
    assert outcomes[3].status == status
    assert outcomes[3].error is error
    assert endpoint.seen["p3"] == tries
    assert all(o.status == "ok" for o in outcomes[:3] + outcomes[4:])


def test_passing_faults_pass():
    """A request that fails and then is answered is right."""
    faults = {
        n: [status_error(500), status_error(429, e.RateLimitError)] for n in (1, 5)
    }
    endpoint = Endpoint(faults=faults)
    outcomes = run(make(endpoint), map(ask, range(9)))
    assert [o.value for o in outcomes] == [f"P{n}" for n in range(9)]
    sent = [endpoint.seen[f"p{n}"] for n in range(9)]
    assert sent == [1, 3, 1, 1, 1, 3, 1, 1, 1]


def test_retry_after_stops_everybody():
    """While a Retry-After runs nothing is sent at all."""
    moments = []

    class Watched(Endpoint):
        async def send(self, request: Request) -> Reply:
            moments.append(asyncio.get_running_loop().time())
            return await super().send(request)

    busy = status_error(429, e.RateLimitError, retry_after=0.3)
    endpoint = Watched(0.01, {10: [busy]})
    with asyncio.Runner(loop_factory=Skipping) as runner:
        limiter = Limiter(most=4, clock=runner.get_loop().time)
        batch = make(endpoint, limiter=limiter)
        outcomes = runner.run(batch.run(map(ask, range(60)), 60))
    assert {o.status for o in outcomes} == {"ok"}
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert max(gaps) == pytest.approx(0.3, abs=0.015)


def test_quota_is_waited_for():
    """Where everybody is refused for a while no row is given up."""
    begun = time.monotonic()

    async def send(request: Request) -> Reply:
        await asyncio.sleep(0.002)
        if 0.1 < time.monotonic() - begun < 1.5:
            raise status_error(429, e.RateLimitError)
        return answer(request)

    batch = Batch(send, lambda reply: reply.text, limiter=Limiter(most=8))
    outcomes = run(batch, map(ask, range(1_500)))
    assert {o.status for o in outcomes} == {"ok"}


@pytest.mark.parametrize(
    "error", [status_error(429, e.RateLimitError), e.ConnectionFailed("no_connection")]
)
def test_an_endpoint_that_does_not_come_back_ends_the_run(error):
    """What outlasts the outage befell all: the rows left are not waited for in turn."""
    error.facts |= {"url": "u", "reason": "r"}
    sent = []

    async def send(request: Request) -> Reply:
        sent.append(request)
        late = len(sent) > 20
        await asyncio.sleep(0.002)
        if late:
            raise error
        return answer(request)

    retry = Retry(wait=0.01, longest=0.02, outage=0.3)
    batch = Batch(send, lambda r: r.text, limiter=Limiter(most=4), retry=retry)
    statuses = Counter(o.status for o in run(batch, map(ask, range(5_000))))
    assert batch.reason is error
    assert statuses["ok"] == 20
    assert statuses["stopped"] > 4_900


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_to_come_back_much_later_stops(status):
    """A wait of more than ten minutes ends the run, whatever the status."""
    after = {n: [status_error(status, retry_after=900.0)] * 9 for n in range(20)}
    batch = make(Endpoint(faults=after), limiter=Limiter(most=2))
    outcomes = run(batch, map(ask, range(20)))
    assert batch.reason is not None
    assert sum(o.status == "stopped" for o in outcomes) >= 18


def test_outage_is_waited_for():
    """An endpoint that is down for a while costs no row its attempts."""

    class Dying(Endpoint):
        async def send(self, request: Request) -> Reply:
            now = asyncio.get_running_loop().time()
            if sum(self.seen.values()) >= 20 and now < 0.6:
                self.seen[request.prompt] += 1
                await asyncio.sleep(0)
                raise e.ConnectionFailed("no_connection", **FACTS)
            return await super().send(request)

    patient = replace(QUICK, attempts=1, outage=5)
    with asyncio.Runner(loop_factory=Skipping) as runner:
        shared = {"limiter": Limiter(clock=runner.get_loop().time), "health": Health()}
        runner.run(make(Endpoint(0.001), **shared).run([ask(0)], 1))
        endpoint = Dying(0.001)
        batch = make(endpoint, retry=patient, **shared)
        outcomes = runner.run(batch.run(map(ask, range(200)), 200))
    assert {o.status for o in outcomes} == {"ok"}
    assert max(endpoint.seen.values()) > patient.attempts


@pytest.mark.parametrize(
    "error",
    [
        status_error(401, e.AuthenticationError),
        status_error(402, e.CreditError),
        status_error(404, e.ModelError),
        e.CertificateError("certificate", url="u"),
        status_error(429, e.RateLimitError, retry_after=3_600.0),
    ],
)
def test_what_befalls_all_stops_the_run(error):
    """A refused key, no credit and the like are not tried on every row."""
    endpoint = Endpoint(0.001, {n: [error] * 9 for n in range(500)})
    batch = make(endpoint, limiter=Limiter(most=4))
    outcomes = run(batch, map(ask, range(500)))
    assert batch.reason is error
    assert sum(endpoint.seen.values()) <= 8
    assert outcomes[-1].status == "stopped"


def test_a_key_that_is_revoked_stops_the_run():
    """A 401 befalls all that follow, also after many answers."""
    revoked = status_error(401, e.AuthenticationError)
    endpoint = Endpoint(0.001, {n: [revoked] for n in range(50, 500)})
    batch = make(endpoint, limiter=Limiter(most=4))
    outcomes = run(batch, map(ask, range(500)))
    assert batch.reason is revoked
    assert sum(endpoint.seen.values()) < 60
    assert Counter(o.status for o in outcomes)["ok"] >= 46


def test_one_forbidden_row_stops_nothing():
    """After a first answer a 403 is its row's own affair."""
    refused = status_error(403, e.AuthenticationError)
    batch = make(Endpoint(0.001, {50: [refused]}), limiter=Limiter(most=4))
    outcomes = run(batch, map(ask, range(80)))
    assert batch.reason is None
    assert Counter(o.status for o in outcomes) == {"ok": 79, "http_4xx": 1}


def test_store_that_fails_stops_the_run():
    """When answers cannot be kept no more are paid for; those there are stay."""
    full = e.StoreError("store.full", path="x")
    kept = []

    def keep(reply: Reply) -> None:
        kept.append(reply)
        if len(kept) == 10:
            raise full

    endpoint = Endpoint(0.001)
    batch = make(endpoint, keep=keep, limiter=Limiter(most=4))
    outcomes = run(batch, map(ask, range(500)))
    assert batch.reason is full
    done = Counter(o.status for o in outcomes)
    assert done["ok"] == sum(endpoint.seen.values()) == len(kept) <= 14


@pytest.fixture
def unhurried(monkeypatch):
    """What is in flight at a Stop has longer than any test takes."""
    monkeypatch.setattr(run_stop, "GRACE_S", 300)


def stopped(
    batch: Batch, total: int, due: Callable[[], bool], *, stops: int = 1
) -> tuple[list, float]:
    """Run, stop from another thread when that is due; seconds it took after."""

    async def main() -> tuple[list, float]:
        running = asyncio.create_task(batch.run(map(ask, range(total)), total))
        while not due():  # noqa: ASYNC110 - seen in every turn of the loop
            await asyncio.sleep(0)
        begun = time.monotonic()
        for _ in range(stops):
            presser = threading.Thread(target=batch.stop)
            presser.start()
            presser.join()
        return await running, time.monotonic() - begun

    return asyncio.run(main())


@pytest.mark.usefixtures("unhurried")
def test_stop_keeps_what_is_in_flight():
    """Stop sends nothing more, and what is in flight arrives and is kept."""
    endpoint = Endpoint(0.15)
    batch = make(endpoint, limiter=Limiter(most=8))
    outcomes, took = stopped(batch, 500, lambda: endpoint.flying == 8)
    done = Counter(o.status for o in outcomes)
    assert done["ok"] == sum(endpoint.seen.values()) == 8
    assert done["stopped"] == 492
    assert took < 30


@pytest.mark.parametrize("row", [lambda: ask(1), lambda: None])
def test_rows_that_need_no_request_leave_room(row):
    """A million equal or empty rows neither hold the loop up nor hide a Stop."""
    batch, turns = make(Endpoint()), 0

    def rows():
        for number in range(200_000):
            yield row()
            if number == 50_000:
                batch.stop()

    async def scenario() -> list:
        nonlocal turns
        task = asyncio.create_task(batch.run(rows(), 200_000))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return task.result()

    outcomes = asyncio.run(scenario())
    assert turns > 20
    assert batch.tally.done < 60_000
    assert outcomes[-1].status == "stopped"


@pytest.mark.usefixtures("unhurried")
def test_second_stop_leaves_at_once():
    """A second Stop does not wait for what is in flight."""
    endpoint = Endpoint(300)
    outcomes, took = stopped(make(endpoint), 100, lambda: endpoint.flying > 0, stops=2)
    assert {o.status for o in outcomes} == {"stopped"}
    assert took < 30


@pytest.mark.usefixtures("unhurried")
def test_stop_ends_waiting_for_another_try():
    """A row that waits for its next attempt does not hold Stop up."""
    slow = Retry(wait=300, longest=300)
    endpoint = Endpoint(faults={n: [status_error(500)] for n in range(4)})

    def waiting() -> bool:
        return endpoint.seen.total() == 4 and not endpoint.flying

    outcomes, took = stopped(make(endpoint, retry=slow), 4, waiting)
    assert {o.status for o in outcomes} == {"stopped"}
    assert took < 30


def test_skipped_and_unmade():
    """None is skipped, an error in place of a request is its row's outcome."""
    wrong = e.UsageError("empty_prompt")
    batch = make(Endpoint())
    outcomes = run(batch, [None, wrong, ask(1)])
    assert [o.status for o in outcomes] == ["skipped", "invalid", "ok"]
    assert (batch.tally.skipped, batch.tally.failed, batch.tally.done) == (1, 1, 3)


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ({"finish_reason": "length"}, "truncated"),
        ({"finish_reason": None}, "truncated"),
        ({"finish_reason": "content_filter"}, "refused"),
        ({"refusal": "no"}, "refused"),
        ({"source": "replayed"}, "replayed"),
        ({}, "ok"),
    ],
)
def test_how_an_answer_ended(ending, status):
    """An answer that was cut off or refused is never called ok, but is kept."""

    async def send(request: Request) -> Reply:
        return answer(request, **ending)

    batch = Batch(send, lambda reply: reply.text, limiter=Limiter())
    [outcome] = run(batch, [ask(1)])
    assert (outcome.status, outcome.value) == (status, "P1")


def unreadable(reply: Reply) -> str:
    """Reads only what was asked twice."""
    if "again" not in reply.request.prompt:
        raise e.AnswerError("text_not_json", reason="r")
    return reply.text


def test_an_answer_too_deep_for_its_reader():
    """An answer nested without end is its row's error, with its text."""

    def read(reply: Reply) -> str:
        return reply.text if reply.text != "P3" else read(reply)

    outcomes = run(make(Endpoint(), read=read), map(ask, range(6)))
    assert [o.status for o in outcomes] == ["ok"] * 3 + ["invalid"] + ["ok"] * 2
    assert "recursion" in str(outcomes[3].error)
    assert outcomes[3].error.reply.text == "P3"


def test_mended_once():
    """An answer that is not what was asked for is asked again, once."""
    endpoint = Endpoint()
    batch = make(
        endpoint, read=unreadable, mend=lambda reply, _: ask(f"{reply.text} again")
    )
    [outcome] = run(batch, [ask(1)])
    assert (outcome.status, outcome.value) == ("ok", "PP1 AGAIN")
    assert sum(endpoint.seen.values()) == 2
    assert sum(batch.tally.costs.values()) == 0.02


def test_unmended_keeps_its_text():
    """What could not be read stands in the error, with its text."""
    endpoint = Endpoint()
    batch = make(endpoint, read=unreadable, mend=lambda _reply, _error: ask(2))
    [outcome] = run(batch, [ask(1)])
    assert outcome.status == "invalid"
    assert outcome.error.reply.text == "P2"
    assert sum(endpoint.seen.values()) == 2


def test_budget_is_never_overrun():
    """No sum of worst cases in flight exceeds the budget, and it is used well."""
    one = worst_cost(ask(100, max_tokens=100), HOSTED_URL)
    most = []

    class Dear(Endpoint):
        async def send(self, request: Request) -> Reply:
            most.append(budget.spent + budget.aside)
            return replace(await super().send(request), cost=one * 0.4)

    budget = Budget(one * 10)
    batch = make(Dear(0.001), budget=budget)
    outcomes = run(batch, [ask(100 + n, max_tokens=100) for n in range(60)])
    done = Counter(o.status for o in outcomes)
    assert set(done) == {"ok", "budget"}
    assert sum(batch.tally.costs.values()) <= budget.limit * 1.0001
    assert max(most) <= budget.limit * 1.0001
    assert 20 <= done["ok"] <= 25


def test_budget_counts_an_answer_without_usage():
    """Where the endpoint does not tell what was used, the worst is taken as paid."""
    one = worst_cost(ask(100, max_tokens=100), HOSTED_URL)
    endpoint, budget = Endpoint(), Budget(one * 10)

    async def send(request: Request) -> Reply:
        return replace(await endpoint.send(request), cost=None, usage=None)

    batch = Batch(send, lambda reply: reply.text, limiter=Limiter(), budget=budget)
    outcomes = run(batch, [ask(100 + n, max_tokens=100) for n in range(60)])
    assert Counter(o.status for o in outcomes) == {"ok": 10, "budget": 50}
    assert budget.spent == pytest.approx(10 * one)


def test_budget_counts_what_a_second_stop_left():
    """The endpoint may bill what was in flight; what had not left costs nothing."""
    one = worst_cost(ask(100, max_tokens=100), HOSTED_URL)
    endpoint, budget = Endpoint(), Budget(one * 30)

    async def send(request: Request) -> Reply:
        endpoint.delay = 60 if endpoint.seen else 0
        if sum(endpoint.seen.values()) == 4:
            batch.stop()
            asyncio.get_running_loop().call_later(0.1, batch.stop)
        return replace(await endpoint.send(request), cost=one)

    limiter = Limiter(most=8)
    limiter.window.size = 4
    batch = Batch(send, lambda reply: reply.text, limiter=limiter, budget=budget)
    outcomes = run(batch, [ask(100 + n, max_tokens=100) for n in range(60)])
    assert Counter(o.status for o in outcomes) == {"ok": 1, "stopped": 59}
    assert sum(endpoint.seen.values()) == 5
    assert budget.spent == pytest.approx(5 * one)
    assert budget.unsure == pytest.approx(4 * one)
    assert budget.aside == pytest.approx(0)


def test_budget_under_another():
    """A run obeys its own budget and the session's, and is booked in both."""
    one = worst_cost(ask(100, max_tokens=100), HOSTED_URL)
    whole = Budget(one * 5)
    for own, most in ((one * 3, 3), (one * 10, 5)):
        budget = Budget(own, under=whole)
        endpoint = Endpoint()

        async def send(request: Request, endpoint=endpoint) -> Reply:
            return replace(await endpoint.send(request), cost=one * 0.9)

        batch = Batch(send, lambda reply: reply.text, limiter=Limiter(), budget=budget)
        run(batch, [ask(100 + n, max_tokens=100) for n in range(9)])
        assert len(endpoint.seen) <= most
        assert budget.spent <= own
    assert whole.spent <= whole.limit
    assert whole.aside == pytest.approx(0)


def test_budget_below_one_row():
    """A budget that cannot pay the first row sends nothing and says so."""
    endpoint = Endpoint()
    outcomes = run(make(endpoint, budget=Budget(1e-9)), map(ask, range(10)))
    assert {o.status for o in outcomes} == {"budget"}
    assert not endpoint.seen
    assert "max_tokens" in str(outcomes[0].error)
    assert "¥0 is spent" in str(outcomes[0].error)
    assert outcomes[0].error is not outcomes[1].error


def test_budget_needs_a_price():
    """Without a known price there is no budget to hold."""
    with pytest.raises(e.BudgetError) as caught:
        worst_cost(Request("unknown", (Message("user", "x"),)), HOSTED_URL)
    assert caught.value.key == "budget.no_price"


@pytest.mark.parametrize("kind", vars(e).values())
def test_every_error_has_a_status(kind):
    """Every error of the package has one of the status words."""
    if isinstance(kind, type) and issubclass(kind, e.WcodeError):
        assert status_of(kind("server", **FACTS)) in STATUSES


def test_faults_of_the_program_are_raised():
    """What is not an error of ours is a defect, and is not hidden in a row."""

    def read(_reply: Reply) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(make(Endpoint(), read=read), map(ask, range(9)))


def test_no_rows():
    """No rows are no outcomes."""
    assert run(make(Endpoint()), []) == []


def test_any_mixture_of_faults():
    """Random faults of every kind: each row is right or has its own error."""
    dice = random.Random(7)
    kinds = [
        status_error(429, e.RateLimitError, retry_after=0.001),
        status_error(500),
        e.StreamError("connection_cut", **FACTS),
        e.AnswerError("no_choices", start=""),
        e.TimedOut("timed_out", seconds=1, **FACTS),
        status_error(400, e.RejectedError),
    ]
    faults = {
        n: [dice.choice(kinds) for _ in range(dice.choice([0, 0, 1, 2, 6]))]
        for n in range(500)
    }
    endpoint = Endpoint(0.001, faults)
    outcomes = run(make(endpoint), map(ask, range(500)))
    for n, outcome in enumerate(outcomes):
        if outcome.status == "ok":
            assert outcome.value == f"P{n}"
        else:
            assert outcome.error in kinds
            assert endpoint.seen[f"p{n}"] <= max(1, len(faults[n]))
    assert sum(o.status == "ok" for o in outcomes) > 300


def test_recorded_rows_are_settled_some_each_turn_of_the_loop():
    """However many workers there are, answers in flight do not wait for all rows."""
    settled: Counter[int] = Counter()

    async def scenario():
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        def recall(requests):
            settled[turns] += len(requests)
            return {one.hash: answer(one, source="replayed") for one in requests}

        batch = Batch(
            Endpoint().send,
            lambda reply: reply.text,
            limiter=Limiter(),
            recorded=RecordedReplies(recall),
        )
        turning = asyncio.create_task(turn())
        outcomes = await batch.run(map(ask, range(5_000)), 5_000)
        turning.cancel()
        return outcomes, batch.tally.replayed

    outcomes, replayed = asyncio.run(scenario())
    assert [one.value for one in outcomes] == [f"P{n}" for n in range(5_000)]
    assert replayed == settled.total() == 5_000
    assert max(settled.values()) <= 2 * flow.TURN


@pytest.mark.parametrize("doubted", [True, False])
def test_a_recorded_reply_is_asked_about_where_it_is_doubted(doubted):
    """The server's list is read once, for a model that may be another by now."""
    asked = []

    async def changed(reply):
        asked.append(reply.request.prompt)

    batch = Batch(
        Endpoint().send,
        lambda reply: reply.text,
        limiter=Limiter(),
        recorded=RecordedReplies(
            lambda requests: {one.hash: answer(one) for one in requests},
            changed=changed,
            doubts=lambda _reply: doubted,
        ),
    )
    outcomes = asyncio.run(batch.run([ask(1), ask(2)], 2))
    assert [one.value for one in outcomes] == ["P1", "P2"]
    assert asked == (["p1", "p2"] if doubted else [])
