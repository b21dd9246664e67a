"""Estimates of a run before it is sent: requests, tokens, ¥ and seconds."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import add
from typing import Any

from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.token_counts import Count, count_request
from wcode_magics.sending.budget import longest
from wcode_magics.settings.resolved import Resolved
from wcode_magics.tables.missing_values import Floats
from wcode_magics.tables.rows import Rows
from wcode_magics.text import say

CHUNK = 256
ENOUGH = 3
LENGTH = 32
"""Answer tokens that take as long to generate as the time to the first one."""
QUEUED_RATIO = 0.5
"""Requests were queued if the fastest took less than this share of the slowest.

Times are per token, with :data:`LENGTH` added to each answer.
"""
LOW, HIGH = 0.1, 0.9

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Estimate of a run; ``str()`` gives it as one line.

    ``sends`` is the number of requests to be sent for ``rows``, without those that are
    skipped, repeated, replayed (``recorded``) or invalid, and without those that depend
    on answers. ``answer`` (tokens), ``cost`` and
    ``seconds`` are intervals for all requests together: the 10th to the 90th percentile
    of recorded requests of the same run. With fewer than three of these, ``answer``
    ranges from one token per request to the maximum (None for an unknown model), and
    ``seconds`` is None. ``notes`` are remarks on values that prompts would not show.
    """

    rows: int
    skipped: int
    invalid: int
    repeated: int
    recorded: int
    sends: int
    prompt: Count
    answer: tuple[int, int | None]
    cost: Interval | None
    seconds: Interval | None
    notes: tuple[str, ...] = ()
    currency: str = models.CURRENCY

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def __str__(self) -> str:
        whole = "{:,.0f}".format
        money = partial(models.money, currency=self.currency)
        counts = {
            "sends": self.sends,
            "recorded": self.recorded,
            "repeated": self.repeated,
            "skipped": self.skipped + self.invalid,
        }
        cost = "–" if self.cost is None else _span(self.cost, money)
        facts = {
            "mark": "" if self.prompt.exact else say("ui.approx"),
            "prompt": f"{self.prompt.tokens:,}",
            "answer": _span(self.answer, whole),
            "cost": cost,
        }
        parts = [say("frame.summary_rows", rows=f"{self.rows:,}")]
        parts += [
            say(f"frame.forecast_{key}", count=f"{count:,}")
            for key, count in counts.items()
            if count or key == "sends"
        ]
        parts.append(say("frame.forecast", **facts) if self.sends else cost)
        if self.sends and self.seconds is not None:
            parts.append(say("ui.seconds", seconds=_span(self.seconds, whole)))
        return " · ".join([*parts, *self.notes])


@dataclass
class Survey:
    """Counts over rows; surveys of parts of a table can be added.

    ``recorded`` requests will be replayed. ``floats`` describes the float columns in
    use. ``most`` is the maximum number of tokens of all answers together; ``lengths``
    (tokens) and ``times`` (s) are those of recorded requests.
    """

    rows: int = 0
    skipped: int = 0
    invalid: int = 0
    repeated: int = 0
    recorded: int = 0
    sends: int = 0
    prompt: Count = field(default_factory=lambda: Count(0, exact=True))
    most: int = 0
    lengths: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    floats: Floats = field(default_factory=Floats)

    def __add__(self, other: "Survey") -> "Survey":
        return Survey(*map(add, vars(self).values(), vars(other).values()))

    def forecast(
        self, model: str, resolved: Resolved, place: str, *, together: bool = False
    ) -> Forecast:
        """Estimate a run at a model's prices at ``place``, under the caps in force.

        ``together``: the recorded requests were sent concurrently, so that their times
        show how many the endpoint serves in parallel.
        """
        answer = self._answer
        return Forecast(
            self.rows,
            self.skipped,
            self.invalid,
            self.repeated,
            self.recorded,
            self.sends,
            self.prompt,
            answer,
            self._cost(model, answer, place),
            self._seconds(
                int(resolved["concurrency"]),
                resolved["requests_per_minute"],
                together=together,
            ),
            self._notes,
            models.currency(model, place),
        )

    @property
    def _notes(self) -> tuple[str, ...]:
        floats = {
            "frame.whole": self.floats.sent,
            "frame.floats": self.floats.whole - self.floats.sent,
        }
        return tuple(
            say(key, columns=", ".join(sorted(map(str, names))))
            for key, names in floats.items()
            if names
        )

    @property
    def _answer(self) -> tuple[int, int | None]:
        if len(self.lengths) < ENOUGH:
            return (self.sends, self.most if self.most >= self.sends else None)
        low, high = _percentiles(self.lengths)
        return (round(low * self.sends), round(high * self.sends))

    def _cost(
        self, model: str, answer: tuple[int, int | None], place: str
    ) -> Interval | None:
        prompt = self.prompt.tokens
        low, high = (
            None if tokens is None else models.cost(model, Usage(prompt, tokens), place)
            for tokens in answer
        )
        return None if low is None or high is None else (low, high)

    def _seconds(
        self, concurrency: int, per_minute: float | None, *, together: bool
    ) -> Interval | None:
        if len(self.times) < ENOUGH:
            return None
        low, high = _percentiles(self.times)
        waves: float = -(-self.sends // max(concurrency, 1))
        if together and self._queued:
            waves, longest = self.sends / len(self.times), max(self.times)
            low, high = 0.8 * longest, 1.3 * longest
        floor = self.sends * 60 / per_minute if per_minute else 0.0
        return (max(low * waves, floor), max(high * waves, floor))

    @property
    def _queued(self) -> bool:
        """Whether times relative to lengths show that requests were queued."""
        if len(self.lengths) < len(self.times):
            return False
        each = [t / (LENGTH + n) for t, n in zip(self.times, self.lengths, strict=True)]
        return min(each) < max(each) * QUEUED_RATIO

    def count(self, request: Request, place: str) -> None:
        """Add a request that will be sent."""
        count = count_request(request, place)
        self.sends += 1
        self.prompt += count
        self.most += longest(request, count.most, place)

    def learn(self, reply: Reply) -> None:
        """Add the time and length of a recorded reply."""
        self.times.append(reply.elapsed)
        if reply.usage is not None:
            self.lengths.append(reply.usage.completion_tokens)


def survey(
    rows: Rows,
    recall: Callable[[Sequence[Request]], Mapping[str, Reply]],
    *,
    place: str,
    fresh: bool = False,
) -> Survey:
    """Count what a run over ``rows`` would send to ``place``, without sending.

    ``fresh``: recorded requests will be sent too; their replies only provide times.
    """
    made = Survey(len(rows))
    requests = rows.requests()
    seen: set[str] = set()
    while chunk := list(itertools.islice(requests, CHUNK)):
        unseen: dict[str, Request] = {}
        for ask in chunk:
            if ask is None:
                made.skipped += 1
            elif isinstance(ask, WcodeError):
                made.invalid += 1
            elif ask.hash in seen:
                made.repeated += 1
            else:
                seen.add(ask.hash)
                every = (ask, *rows.task.siblings(ask))
                unseen |= {one.hash: one for one in every}
        found = recall(list(unseen.values()))
        for name, request in unseen.items():
            if name in found:
                made.learn(found[name])
            if name in found and not fresh:
                made.recorded += 1
            else:
                made.count(request, place)
    made.floats = rows.floats
    return made


def _percentiles(values: Sequence[float]) -> Interval:
    """Return the 10th and the 90th percentile, by nearest rank."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[round(LOW * last)], ordered[round(HIGH * last)]


def spread(rows: Rows, number: int) -> list[int]:
    """Return positions of rows with distinct prompts, from short to long.

    Raises:
        UsageError: ``number`` is not a positive integer.
    """
    if type(number) is not int or number < 1:
        raise UsageError("frame.preview", given=repr(number))
    found: dict[str, tuple[int, int]] = {}
    for place, ask in enumerate(rows.requests()):
        if isinstance(ask, Request):
            found.setdefault(ask.hash, (len(ask.prompt), place))
    sizes = sorted(found.values())
    number = min(number, len(sizes))
    steps = (round(k * (len(sizes) - 1) / max(number - 1, 1)) for k in range(number))
    return sorted(sizes[step][1] for step in steps)


def _span(pair: Iterable[float | None], form: Callable[[float], str]) -> str:
    low, high = ("?" if value is None else form(value) for value in pair)
    return low if low == high else f"{low} – {high}"
