"""What became of a request among many, in one word, with its value or its error."""

import time
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from wcode_magics import errors as e
from wcode_magics.errors import WcodeError
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
GOOD = frozenset({"ok", "replayed", "disagrees"})

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
    (WcodeError, "invalid"),
)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of one request; ``status`` is one of :data:`STATUSES`.

    ``value`` is what was read from the reply, also of one that was cut off;
    ``error.reply`` is the reply that could not be read. ``paid`` is in ¥, for this
    run and this place alone: nothing for a replayed answer or a repeated request.
    ``unconfirmed``: the endpoint did not tell how the reply ended.
    """

    status: str
    value: T | None = None
    error: WcodeError | None = None
    attempts: int = 0
    paid: float = 0.0
    unconfirmed: bool = False


@dataclass(slots=True)
class Tally:
    """Where a run stands; read from any thread.

    ``spent`` in ¥; ``sandbox`` answers are the sandbox's, now or when recorded.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    replayed: int = 0
    repeated: int = 0
    skipped: int = 0
    sandbox: int = 0
    spent: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


def is_answered(outcome: Outcome[Any]) -> bool:
    """Whether a model answered, whatever the answer is worth."""
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
    """The word for a failure."""
    return next(word for kind, word in _STATUS_OF if isinstance(error, kind))


def ending_of(reply: Reply) -> str:
    """The word for a reply, by how it ended; one of thinking alone is empty."""
    if reply.refusal or reply.finish_reason == "content_filter":
        return "refused"
    if reply.finish_reason == "length" or not reply.is_whole:
        return "truncated"
    if not reply.text.strip():
        return "empty"
    return "replayed" if reply.source == "replayed" else "ok"
