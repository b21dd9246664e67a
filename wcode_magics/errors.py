"""Exceptions of the package, each with facts and a remedy in one line.

::

    WcodeError
    ├── UsageError              input of the cell or the call
    │   ├── OptionError
    │   ├── ParameterError
    │   ├── TemplateError
    │   └── VariableError
    ├── SettingError            a setting, a profile or the key
    ├── BudgetError
    ├── StoreError
    │   └── ReplayError
    ├── ClusterError            a cluster worker and its coordinator
    └── EndpointError           the endpoint or the connection to it
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

An error is built from a key of ``[errors]`` in ``locale/`` and the facts named in its
sentence, so it appears in the user's language. ``WcodeError.reply`` is the partial
answer, or None; ``WcodeError.value`` the partial result of many requests, such as a
table. ``WcodeError.face`` is where the call came from, see :func:`called_from`: a
remedy for a script stands under the same key in ``[script]``, one for the shell
in ``[command_line]``.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Literal, Protocol

from wcode_magics import text
from wcode_magics.output import terminal
from wcode_magics.output.escaping import clipped, inert
from wcode_magics.output.secret_forms import without_forms, without_random

_SHOWN = 60
"""Characters of a wrong argument that an error shows."""
_SYSTEM = ("ENOENT", "EACCES", "EPERM", "EISDIR", "ENOTDIR", "EROFS", "ENOSPC")

Face = Literal["cell", "setting", "script", "shell"]
"""A cell or command, an assignment of ``%wcode_config``, Python, the command line."""
_face: ContextVar[Face] = ContextVar("face", default="script")
_FLAG = re.compile(r"--(no-)?([a-z][\w-]*)")
_VARIABLE = re.compile(r"\$[A-Za-z]\w* · | · \$[A-Za-z]\w*")
_FLAGGED = frozenset({"name", "one", "other", "given", "near"})
"""Facts that may be an option as a cell writes it."""


class PartialReply(Protocol):
    """What an error knows of the answer that it keeps, a :class:`Reply`."""

    @property
    def text(self) -> str:
        """The text that was received."""

    @property
    def finish_reason(self) -> str | None:
        """The endpoint's finish reason, or None if the answer broke off."""

    @property
    def cost(self) -> float | None:
        """The cost in ¥, or None if the price of the model is unknown."""


class WcodeError(Exception):
    """The root of all errors that this package raises on purpose."""

    def __init__(self, key: str, /, **facts: Any) -> None:
        super().__init__(key)
        self.key = key
        self.facts = {name: _worded(value) for name, value in facts.items()}
        self.reply: PartialReply | None = None
        self.value: Any = None
        self.kept = False
        self.face: Face | None = None
        self.summary = ""
        self.tries, self.seconds = 1, 0.0

    def __str__(self) -> str:
        again = self._again() if self.tries > 1 else ""
        return _line(self.sentence, again, self._where(), self.summary)

    def _where(self) -> str:
        """Return where the partial answer is, or nothing."""
        if not self.kept and self.reply is None:
            return ""
        bound = self.kept or self._called_from == "cell"
        return text.say("errors.kept" if bound else _own("kept", self._called_from))

    @property
    def _called_from(self) -> Face:
        return self.face or _face.get()

    def _again(self) -> str:
        """Return how often the request was sent and how long that took in total."""
        seconds = f"{self.seconds:.{0 if self.seconds >= 10 else 1}f}"
        return text.say("errors.tried", count=self.tries, seconds=seconds)

    @property
    def sentence(self) -> str:
        """The message, without the note on where the reply is kept.

        It shows no key, not even one typed in place of a name or a value.
        """
        facts = dict(self.facts)
        if "given" in facts:
            facts["given"] = without_random(str(facts["given"]))
        face = self._called_from
        if face in {"script", "setting"}:
            facts |= {name: _in_python(facts[name]) for name in _FLAGGED & facts.keys()}
        if face == "shell" and "allowed" in facts:
            facts["allowed"] = without_variables(str(facts["allowed"]))
        own = _own(self.key, face)
        faced = face in {"script", "shell"} and text.has(own)
        words = text.say(own if faced else f"errors.{self.key}", **facts)
        return inert(without_forms(" ".join(words.split())))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), self.key, **self.facts), (), vars(self)

    def _render_traceback_(self) -> list[str]:
        """Return one line for IPython; the cell still fails and keeps the cause."""
        return [f"{type(self).__name__}: {self}"]


class Stopped(KeyboardInterrupt):
    """When the user stopped the cell; ``value`` holds the partial results."""

    def __init__(self, *, kept: bool, value: Any = None, summary: str = "") -> None:
        super().__init__()
        self._kept = kept
        self._summary = summary
        self.value = value

    def __str__(self) -> str:
        kept = text.say("errors.kept") if self._kept else ""
        return _line(text.say("errors.stopped"), kept, self._summary)

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn an interrupt anywhere in the body into a one-line :class:`Stopped`.

    The message is read beforehand: reading it imports a module, and an import that the
    body started on another thread may hold the import lock.
    """
    text.say("errors.stopped")
    try:
        yield
    except Stopped:
        raise
    except KeyboardInterrupt:
        raise Stopped(kept=False) from None


@contextmanager
def called_from(face: Face) -> Iterator[None]:
    """Let the errors of the body name options and remedies as one writes them there.

    An error keeps the face of the innermost body that it left.
    """
    outer = _face.set(face)
    try:
        yield
    except WcodeError as error:
        error.face = error.face or face
        raise
    finally:
        _face.reset(outer)


def in_shell(key: str) -> str:
    """Return the key of a string; on the command line that of its own words."""
    own = _own(key, "shell")
    return own if _face.get() == "shell" and text.has(own) else key


def without_variables(allowed: str) -> str:
    """Return the forms of a value without variables, which a shell does not have."""
    return _VARIABLE.sub("", allowed)


def _own(key: str, face: Face) -> str:
    return f"command_line.{key}" if face == "shell" else f"script.{key}"


def _in_python(fact: Any) -> Any:
    """Return a fact that begins with an option, with its name as in Python."""
    found = _FLAG.match(fact) if isinstance(fact, str) else None
    if found is None:
        return fact
    off, name = found.groups()
    return name.replace("-", "_") + ("=False" if off else "") + fact[found.end() :]


def mistyped(name: str, given: Any, allowed: str) -> "UsageError":
    """Return the error of an argument of another kind than the ``allowed`` one.

    ``allowed`` is a key of ``[kinds]``. An object is shown by its type alone.
    """
    plain = given is None or isinstance(given, str | bool | int | float)
    shown = clipped(repr(given), _SHOWN) if plain else type(given).__name__
    words = text.say(f"kinds.{allowed}")
    return UsageError("bad_option", name=name, given=shown, allowed=words)


def print_error(error: WcodeError) -> None:
    """Print an error that cannot be raised to a caller, in one line."""
    terminal.note(str(error))


def _line(*parts: str) -> str:
    return inert(text.sentences(parts))


def _worded(fact: Any) -> Any:
    """Return an exception as words; a system error's in the user's language."""
    if not isinstance(fact, Exception):
        return fact
    if not isinstance(fact, OSError):
        return str(fact)
    known = errno.errorcode.get(fact.errno or 0, "")
    if known in _SYSTEM:
        return text.say(f"system.{known}")
    return fact.strerror or str(fact)


class UsageError(WcodeError):
    """When the user's input cannot be carried out."""


class OptionError(UsageError):
    """When an option is unknown, repeated, or its value cannot be read."""


class ParameterError(UsageError):
    """When a parameter's value is of the wrong kind or out of its range."""


class TemplateError(UsageError):
    """When a prompt template has a syntax error or an unknown name."""


class VariableError(UsageError):
    """When ``$name`` or ``@path`` cannot be resolved."""


class SettingError(WcodeError):
    """When a setting, a profile or the key is missing or unusable."""


class BudgetError(WcodeError):
    """When a request would cost more than the remaining budget."""


class StoreError(WcodeError):
    """When the store of paid answers cannot be read or written."""


class ReplayError(StoreError):
    """When only recorded answers may be used and this one is not recorded."""


class ClusterError(WcodeError):
    """When a cluster worker cannot do its part of a run."""


class EndpointError(WcodeError):
    """When the endpoint failed; the kind of failure decides whether to retry."""


class ConnectionFailed(EndpointError):  # noqa: N818 - reads as what happened
    """When no connection could be made, or it broke before a response."""


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
    """When the account has no credit left (402, or 400 to 429 saying so)."""


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
    """When the response is not JSON, or has no choices."""


class LimitError(EndpointError):
    """When an answer exceeds its time or size limit; what arrived is kept."""


class CutPromptError(EndpointError):
    """When the endpoint dropped the beginning of a prompt; the answer is kept."""


class StreamError(EndpointError):
    """When a stream broke before its finish reason; what arrived is kept."""
