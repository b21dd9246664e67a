"""What a run will take: requests, tokens, ¥ and seconds, before it is paid for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from wcode_magics import models
from wcode_magics.errors import WcodeError
from wcode_magics.flow.budget import longest
from wcode_magics.frames.rows import Rows
from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.text import say
from wcode_magics.tokens import Count, count_request
from wcode_magics.values import Usage

AT_ONCE = 256
ENOUGH = 3
LOW, HIGH = 0.1, 0.9

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """An estimate; ``str()`` of it is one line.

    ``sends`` requests remain of ``rows`` after those that are skipped, repeated,
    recorded or cannot be made. ``answer`` tokens, ``cost`` (¥) and ``seconds`` are
    intervals: the 10th to the 90th percentile of what like requests took that are
    recorded, for all requests together. Where there are fewer than three, an answer
    has from one token to the most it may have, and seconds are None.
    """

    rows: int
    skipped: int
    invalid: int
    repeated: int
    recorded: int
    sends: int
    prompt: Count
    answer: tuple[int, int]
    cost: Interval | None
    seconds: Interval | None

    def __str__(self) -> str:
        facts = {
            "rows": f"{self.rows:,}",
            "sends": f"{self.sends:,}",
            "recorded": f"{self.recorded:,}",
            "repeated": f"{self.repeated:,}",
            "skipped": f"{self.skipped + self.invalid:,}",
            "mark": "" if self.prompt.exact else say("ui.approx"),
            "prompt": f"{self.prompt.tokens:,}",
            "answer": _span(self.answer, ",.0f"),
            "cost": "–" if self.cost is None else _span(self.cost, ".4f"),
            "seconds": "–" if self.seconds is None else _span(self.seconds, ",.0f"),
        }
        return say("frame.forecast", **facts)


def forecast(
    rows: Rows,
    recall: Callable[[Sequence[Request]], Mapping[str, Reply]],
    *,
    concurrency: int,
    requests_per_minute: float | None = None,
) -> Forecast:
    """Count what a run over ``rows`` would send, with nothing sent."""
    seen: set[str] = set()
    skipped = invalid = repeated = 0
    unsent = _Unsent(recall)
    for ask in rows.asks():
        if ask is None:
            skipped += 1
        elif isinstance(ask, WcodeError):
            invalid += 1
        elif ask.hash in seen:
            repeated += 1
        else:
            seen.add(ask.hash)
            unsent.add(ask)
    unsent.close()
    seconds = unsent.seconds(concurrency)
    if seconds is not None and requests_per_minute:
        floor = unsent.sends * 60 / requests_per_minute
        seconds = (max(seconds[0], floor), max(seconds[1], floor))
    return Forecast(
        len(rows),
        skipped,
        invalid,
        repeated,
        unsent.recorded,
        unsent.sends,
        unsent.prompt,
        unsent.answer,
        unsent.cost(rows.task.base.model),
        seconds,
    )


class _Unsent:
    """Requests that are not recorded, counted; and how those went that are."""

    def __init__(
        self, recall: Callable[[Sequence[Request]], Mapping[str, Reply]]
    ) -> None:
        self.sends = self.recorded = 0
        self.prompt = Count(0, exact=True)
        self._most = 0
        self._recall = recall
        self._held: list[Request] = []
        self._lengths: list[int] = []
        self._times: list[float] = []

    def add(self, request: Request) -> None:
        self._held.append(request)
        if len(self._held) == AT_ONCE:
            self.close()

    def close(self) -> None:
        found = self._recall(self._held)
        for request in self._held:
            reply = found.get(request.hash)
            if reply is None:
                self._count(request)
            else:
                self._learn(reply)
        self._held = []

    @property
    def answer(self) -> tuple[int, int]:
        if len(self._lengths) < ENOUGH:
            return (self.sends, self._most)
        low, high = percentiles(self._lengths)
        return (round(low * self.sends), round(high * self.sends))

    def cost(self, model: str) -> Interval | None:
        low, high = (
            models.cost(model, Usage(self.prompt.tokens, tokens))
            for tokens in self.answer
        )
        return None if low is None or high is None else (low, high)

    def seconds(self, concurrency: int) -> Interval | None:
        if len(self._times) < ENOUGH:
            return None
        low, high = percentiles(self._times)
        waves = -(-self.sends // max(concurrency, 1))
        return (low * waves, high * waves)

    def _count(self, request: Request) -> None:
        count = count_request(request)
        self.sends += 1
        self.prompt += count
        self._most += longest(request, count.most)

    def _learn(self, reply: Reply) -> None:
        self.recorded += 1
        self._times.append(reply.elapsed)
        if reply.usage is not None:
            self._lengths.append(reply.usage.completion_tokens)


def percentiles(values: Sequence[float]) -> Interval:
    """The 10th and the 90th percentile, by the nearest rank."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[round(LOW * last)], ordered[round(HIGH * last)]


def spread(rows: Rows, number: int) -> list[int]:
    """Places of rows whose prompts are short, long and in between."""
    sizes = [
        (len(ask.prompt), place)
        for place, ask in enumerate(rows.asks())
        if isinstance(ask, Request)
    ]
    sizes.sort()
    number = min(number, len(sizes))
    steps = (round(k * (len(sizes) - 1) / max(number - 1, 1)) for k in range(number))
    return sorted(sizes[step][1] for step in steps)


def _span(pair: tuple[float, float], form: str) -> str:
    low, high = (f"{value:{form}}" for value in pair)
    return low if low == high else f"{low} – {high}"
