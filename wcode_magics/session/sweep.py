"""One prompt over a grid of values: the requests, and the answers as a table."""

import asyncio
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import OptionError, UsageError, WcodeError
from wcode_magics.logprobs.alignment import compare
from wcode_magics.protocol import models, parameters, token_counts
from wcode_magics.protocol.messages import Usage
from wcode_magics.protocol.models import Costs
from wcode_magics.protocol.reply import Reply, reply_of
from wcode_magics.protocol.request import Request
from wcode_magics.runtime.imports import data_frame, shown_by
from wcode_magics.sending.budget import longest
from wcode_magics.sending.request_run import Exchange

if TYPE_CHECKING:
    import pandas as pd

MOST_UNCONFIRMED = 20
CONCURRENCY = 8
DIMENSIONS = ("model", *parameters.NAMES)

Point = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the grid and its result: a reply, an error, or both."""

    point: Point
    reply: Reply | None = None
    error: WcodeError | None = None

    def __repr__(self) -> str:
        point = " ".join(f"{name}={value!r}" for name, value in self.point.items())
        end = (
            type(self.error).__name__ if self.error else f"{len(self.text)} characters"
        )
        return f"<Trial {point}: {end}>"

    @property
    def text(self) -> str:
        """The answer; empty if there is none."""
        return self.reply.text if self.reply is not None else ""


@dataclass(frozen=True)
class Sweep:
    """The trials of a grid, its last dimension varying fastest."""

    trials: tuple[Trial, ...]

    _repr_mimebundle_ = shown_by("wcode_magics.display.sweep_bundles.bundle")

    @property
    def replies(self) -> list[Reply]:
        """The replies received, in order."""
        return [trial.reply for trial in self.trials if trial.reply is not None]

    @property
    def cost(self) -> float | None:
        """Total cost; None if a price is unknown or currencies differ (``costs``)."""
        return None if self.costs is None else self.costs.only

    @property
    def costs(self) -> Costs | None:
        """Total costs by currency; None if a price is unknown."""
        made = Costs()
        for reply in self.replies:
            if reply.cost is None:
                return None
            made.add(reply.cost, reply.currency)
        return made

    @cached_property
    def agreements(self) -> tuple[float, ...]:
        """Share of characters in which each answer agrees with the first, 0 to 1.

        1 for equal text, nan without an answer.
        """
        first = next(iter(self.replies), None)
        return tuple(
            compare(first, trial.reply).agreement
            if first is not None and trial.reply is not None
            else math.nan
            for trial in self.trials
        )

    def frame(self) -> "pd.DataFrame":
        """Return one row per trial.

        The values of the grid, then text, prompt_tokens, completion_tokens, cost,
        currency, mean_logprob (natural, nan without ``logprobs``), agreement (with the
        first answer, 0 to 1), finish_reason, seconds, error.
        """
        rows = map(_row, self.trials, self.agreements)
        return data_frame(list(rows))


def grid_points(grid: Mapping[str, Sequence[Any]]) -> list[Point]:
    """Return the cross product of a grid, each value checked.

    Raises:
        OptionError: unknown dimension, or one without values.
        ParameterError: a value is not allowed.
    """
    columns = [[(name, value) for value in _values(name, grid[name])] for name in grid]
    if not columns:
        raise OptionError("sweep.empty", name="grid")
    return [dict(point) for point in itertools.product(*columns)]


def grid_of(options: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the grid of ``sweep`` and ``models``; raises OptionError for a repeat."""
    model_names = options.get("models")
    grid: dict[str, list[Any]] = {"model": model_names} if model_names else {}
    for name, values in options.get("sweep") or ():
        if name in grid:
            raise OptionError("given_twice", name=name)
        grid[name] = values
    return grid


def estimated(requests: Sequence[tuple[Request, str]]) -> tuple[int, Costs | None]:
    """Return the estimated prompt tokens and the maximum costs (None: unknown).

    Each of ``requests`` comes with its endpoint. The maximum assumes answers of
    ``max_tokens``, or of the model's maximum length.
    """
    total, most = 0, Costs()
    known = True
    for request, place in requests:
        prompt = token_counts.count_request(request, place).tokens
        most_out = longest(request, prompt, place)
        price = models.cost(request.model, Usage(prompt, most_out), place)
        total += prompt
        known = known and price is not None
        most.add(price or 0.0, models.currency(request.model, place))
    return total, most if known else None


class Group:
    """Requests sent together, :data:`CONCURRENCY` at a time.

    An error becomes the outcome of its trial. ``on_end`` is called with the index and
    the trial as each one ends.
    """

    def __init__(
        self,
        points: Sequence[Point],
        exchanges: Sequence[Exchange],
        on_end: Callable[[int, Trial], object] = lambda _place, _trial: None,
    ) -> None:
        self._points, self._exchanges, self._on_end = points, exchanges, on_end
        self._sent: dict[int, Exchange] = {}

    @property
    def waits(self) -> float:
        """Seconds until the first retry, if all requests in flight wait; else 0."""
        return min((one.waits for one in tuple(self._sent.values())), default=0.0)

    async def whole(self) -> Sweep:
        """Send all requests and return their trials."""
        gate = asyncio.Semaphore(CONCURRENCY)

        async def trial(place: int) -> Trial:
            async with gate:
                self._sent[place] = sent = self._exchanges[place]
                try:
                    ended = Trial(self._points[place], await sent.whole())
                except WcodeError as error:
                    ended = Trial(self._points[place], reply_of(error), error)
                finally:
                    del self._sent[place]
            self._on_end(place, ended)
            return ended

        places = range(len(self._points))
        return Sweep(tuple(await asyncio.gather(*map(trial, places))))


def refuse_many(count: int, most: Costs | None) -> None:
    """Raise UsageError for more than :data:`MOST_UNCONFIRMED` requests."""
    if count > MOST_UNCONFIRMED:
        price = "–" if most is None else str(most)
        raise UsageError("sweep.many", count=count, limit=MOST_UNCONFIRMED, price=price)


def require_consent(requests: Sequence[tuple[Request, str]]) -> None:
    """Raise as :func:`refuse_many`, with the cost from :func:`estimated`."""
    _tokens, most = estimated(requests)
    refuse_many(len(requests), most)


def _values(name: str, values: Any) -> list[Any]:
    if name not in DIMENSIONS:
        hint = parameters.hint(name, DIMENSIONS)
        raise OptionError("sweep.unknown", given=name, hint=hint)
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        values = [values]
    found = list(values)
    if not found:
        raise OptionError("sweep.empty", name=name)
    if name == "model":
        return [str(value) for value in found]
    return [parameters.check(name, value) for value in found]


def _row(trial: Trial, agreement: float) -> dict[str, Any]:
    reply = trial.reply
    usage = reply.usage if reply is not None else None
    logprobs = reply.logprobs if reply is not None else None
    return {
        **trial.point,
        "text": reply.text if reply is not None else None,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "cost": reply.cost if reply is not None else None,
        "currency": reply.currency if reply is not None else None,
        "mean_logprob": logprobs.mean if logprobs is not None else math.nan,
        "agreement": agreement,
        "finish_reason": reply.finish_reason if reply is not None else None,
        "seconds": reply.elapsed if reply is not None else None,
        "error": None if trial.error is None else str(trial.error),
    }
