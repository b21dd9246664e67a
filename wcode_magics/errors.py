"""What can go wrong, each as facts and a remedy in one line.

::

    WcodeError
    ├── UsageError              what was written in the cell or the call
    │   ├── OptionError
    │   ├── ParameterError
    │   ├── TemplateError
    │   └── VariableError
    ├── SettingError            a setting, a profile or the key
    ├── BudgetError
    ├── StoreError
    │   └── ReplayError
    ├── ClusterError            a worker of a cluster and who leads it
    └── EndpointError           what came, or did not come, from the endpoint
        ├── ConnectionFailed
        │   └── CertificateError
        ├── TimedOut
        ├── StatusError
        │   ├── AuthenticationError
        │   ├── ForbiddenError
        │   ├── CreditError
        │   ├── ModelError
        │   ├── RejectedError
        │   │   └── ContextError
        │   ├── RateLimitError
        │   ├── FilteredError
        │   └── ServerError
        ├── AnswerError
        ├── LimitError
        ├── CutPromptError
        └── StreamError

An error is made from a key of ``[errors]`` in ``locale/`` and the facts that its
sentence names, so it speaks the person's language. ``WcodeError.reply`` is the
answer as far as it arrived, or None; ``WcodeError.value`` what came of many requests
that it ended, such as a table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wcode_magics import text
from wcode_magics.output import terminal
from wcode_magics.output.escaping import inert
from wcode_magics.output.secret_forms import without_forms, without_random


class WcodeError(Exception):
    """The root: catch it to catch everything this package raises on purpose."""

    def __init__(self, key: str, /, **facts: Any) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts
        self.reply: Any = None
        self.value: Any = None
        self.kept = False
        self.told = ""
        self.tries, self.seconds = 1, 0.0

    def __str__(self) -> str:
        again = self._again() if self.tries > 1 else ""
        kept = self.kept or self.reply is not None
        return _line(f"{self.said} {again}".rstrip(), self.told, kept=kept)

    def _again(self) -> str:
        """How often the request was sent, and how long that took in all."""
        seconds = f"{self.seconds:.{0 if self.seconds >= 10 else 1}f}"
        return text.say("errors.tried", count=self.tries, seconds=seconds)

    @property
    def said(self) -> str:
        """The sentence alone, without where the reply is.

        It shows no key: people type one in the place of a name or of a value.
        """
        facts = self.facts
        if "given" in facts:
            facts = {**facts, "given": without_random(str(facts["given"]))}
        said = text.say(f"errors.{self.key}", **facts)
        return inert(without_forms(" ".join(said.split())))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.key, self.facts), vars(self)

    def _render_traceback_(self) -> list[str]:
        """One line in an IPython cell; the cell still fails and keeps the cause."""
        return [f"{type(self).__name__}: {self}"]


class Stopped(KeyboardInterrupt):
    """When the person stopped the cell; what came of many requests is ``value``."""

    def __init__(self, *, kept: bool, value: Any = None, told: str = "") -> None:
        super().__init__()
        self._kept = kept
        self._told = told
        self.value = value

    def __str__(self) -> str:
        return _line(text.say("errors.stopped"), self._told, kept=self._kept)

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@contextmanager
def stoppable() -> Iterator[None]:
    """Have an interrupt of the body, wherever it comes, be one line.

    Its words are read before: to read them is to import, and an import that the body
    has begun on another thread may hold the lock.
    """
    text.say("errors.stopped")
    try:
        yield
    except Stopped:
        raise
    except KeyboardInterrupt:
        raise Stopped(kept=False) from None


def tell(error: WcodeError) -> None:
    """Say in one line what nobody can be raised to."""
    terminal.note(str(error))


def _line(said: str, told: str, *, kept: bool) -> str:
    parts = (said, text.say("errors.kept") if kept else "", told)
    return inert(" ".join(part for part in parts if part))


def _rebuild(kind: type[WcodeError], key: str, facts: dict[str, Any]) -> WcodeError:
    return kind(key, **facts)


class UsageError(WcodeError):
    """When what the person wrote cannot be carried out."""


class OptionError(UsageError):
    """When an option is unknown, repeated, or its value cannot be read."""


class ParameterError(UsageError):
    """When a parameter's value is of the wrong kind or out of its range."""


class TemplateError(UsageError):
    """When a prompt template has a syntax error or a name nobody knows."""


class VariableError(UsageError):
    """When ``$name`` or ``@path`` points at nothing."""


class SettingError(WcodeError):
    """When a setting, a profile or the key is missing or unusable."""


class BudgetError(WcodeError):
    """When a request would cost more than what is left of the budget."""


class StoreError(WcodeError):
    """When the store of paid answers cannot be read or written."""


class ReplayError(StoreError):
    """When only recorded answers may be used and this one was not recorded."""


class ClusterError(WcodeError):
    """When a worker of a cluster cannot do its part of a run."""


class EndpointError(WcodeError):
    """When the endpoint failed; retrying is decided by the kind of failure."""


class ConnectionFailed(EndpointError):  # noqa: N818 - reads as what happened
    """When no connection could be made, or it broke before an answer."""


class CertificateError(ConnectionFailed):
    """When the server's certificate is not trusted."""


class TimedOut(EndpointError):  # noqa: N818 - TimeoutError is Python's own
    """When the endpoint sent nothing for longer than the timeout."""


class StatusError(EndpointError):
    """When the endpoint answered with an error status or an error object."""

    @property
    def status(self) -> int:
        """The HTTP status, or the code inside the stream."""
        return int(self.facts["status"])


class AuthenticationError(StatusError):
    """When the endpoint refuses the key (401)."""


class ForbiddenError(StatusError):
    """When this account, network or country may not use the endpoint (403)."""


class CreditError(StatusError):
    """When the account has no credit left (402, and 400 to 429 in their words)."""


class ModelError(StatusError):
    """When the endpoint does not know the model or the path (404)."""


class RejectedError(StatusError):
    """When the endpoint refuses the request as it is (400, 422 and the like)."""


class ContextError(RejectedError):
    """When prompt and answer together exceed the model's context (413)."""


class RateLimitError(StatusError):
    """When too many requests were sent (429)."""


class FilteredError(StatusError):
    """When a content filter refused the request."""


class ServerError(StatusError):
    """When the endpoint itself failed (5xx)."""


class AnswerError(EndpointError):
    """When the answer is not JSON, or has no choices."""


class LimitError(EndpointError):
    """When an answer takes longer, or is larger, than allowed; what came is kept."""


class CutPromptError(EndpointError):
    """When the endpoint read a prompt without its beginning; the answer is kept."""


class StreamError(EndpointError):
    """When a stream broke before its finish reason; what came is kept."""
