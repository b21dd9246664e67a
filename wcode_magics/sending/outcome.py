"""Outcome of one request of a batch: a status with its value or error."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError
from wcode_magics.protocol.models import Costs
from wcode_magics.protocol.reply import Reply

T = TypeVar("T")

STATUSES = (
    "ok",
    "replayed",
    "refused",
    "truncated",
    "cut_prompt",
    "empty",
    "invalid",
    "http_4xx",
    "http_5xx",
    "connection",
    "timeout",
    "budget",
    "stopped",
    "skipped",
    "disagrees",
)
PLAIN = frozenset({"ok", "replayed"})
GOOD = PLAIN | {"disagrees"}

_STATUS_OF: tuple[tuple[type[WcodeError], str], ...] = (
    (e.BudgetError, "budget"),
    (e.CutPromptError, "cut_prompt"),
    (e.FilteredError, "refused"),
    (e.TimedOut, "timeout"),
    (e.ServerError, "http_5xx"),
    (e.StatusError, "http_4xx"),
    (e.ConnectionFailed, "connection"),
    (e.LimitError, "timeout"),
    (e.StreamError, "connection"),
    (e.StoreError, "stopped"),
    (WcodeError, "invalid"),
)


class Outcome(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """Outcome of one request; ``status`` is one of :data:`STATUSES`.

    ``value`` is what was read from the reply, even from a truncated one.
    ``unconfirmed``: the endpoint did not report how the reply ended. The garbage
    collector does not walk it, as a run may have a million of them.
    """

    status: str
    value: T | None = None
    unconfirmed: bool = False

    @property
    def error(self) -> WcodeError | None:
        """The error of a :class:`ErrorOutcome`; else None."""
        return None


class ErrorOutcome(Outcome[T], frozen=True, gc=True, kw_only=True):
    """Outcome with an error; ``error.reply`` is a reply that could not be read.

    The error's traceback may refer to the run and its outcomes, which is a cycle.
    """

    error: WcodeError


@dataclass(slots=True)
class Tally:
    """Progress of a run; readable from any thread.

    ``costs`` are what was paid; ``sandbox`` counts answers of the sandbox, live or
    replayed. ``by_model`` are the costs of all answers by the model that was asked,
    also of answers that were paid before.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    replayed: int = 0
    repeated: int = 0
    skipped: int = 0
    sandbox: int = 0
    costs: Costs = field(default_factory=Costs)
    by_model: dict[str, Costs] = field(default_factory=lambda: defaultdict(Costs))
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began


def is_answered(outcome: Outcome[Any]) -> bool:
    """Return whether a model answered, regardless of the answer's validity."""
    error = outcome.error
    held = outcome.value is not None or (error is not None and error.reply is not None)
    return held or outcome.status in {
        *GOOD,
        "refused",
        "truncated",
        "empty",
        "cut_prompt",
    }


def status_of(error: WcodeError) -> str:
    """Return the status of an error."""
    return next(word for kind, word in _STATUS_OF if isinstance(error, kind))


def ending_of(reply: Reply) -> str:
    """Return the status of a reply by how it ended; ``empty`` if only reasoning."""
    if reply.refusal or reply.finish_reason == "content_filter":
        return "refused"
    if reply.finish_reason == "length" or not reply.is_whole:
        return "truncated"
    if not reply.text.strip():
        return "empty"
    return "replayed" if reply.source == "replayed" else "ok"
