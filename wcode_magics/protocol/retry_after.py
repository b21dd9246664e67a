"""Retry delay that an endpoint requests in the headers or words of an error response.

``Retry-After`` (RFC 9110, section 10.2.3) is seconds or a date; providers also send
milliseconds, durations such as ``6m0s``, ISO timestamps and Unix times, and a reset
time for each of several rate limits, of which exhausted ones take precedence.
"""

import datetime as dt
import email.utils
import math
import re
import time
from collections.abc import Mapping

ASKED = (
    ("retry-after-ms", 0.001),  # Azure, OpenAI
    ("x-ms-retry-after-ms", 0.001),
    ("retry-after", 1.0),
    ("llm_provider-retry-after", 1.0),  # litellm
)
"""Headers with a delay, most precise first, and their unit in seconds."""
RESETS = (
    "x-ratelimit-reset-requests",  # OpenAI, Groq, vLLM's gateways
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-reset",
    "x-ratelimit-reset",  # OpenRouter: a Unix time in milliseconds
    "ratelimit-reset",  # the IETF's draft
)
"""Headers with the time at which a rate limit resets."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+", re.IGNORECASE)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])", re.IGNORECASE)
_DELAY = re.compile(
    r"(?:(?:retry|try again) (?:in|after)|wait) (?:about )?((?:\d[\d.]* ?[a-z]+ ?)+)",
    re.IGNORECASE,
)
_DELAY_IN_CHINESE = re.compile(r"((?:\d[\d.]* ?(?:秒|分钟?|小时) ?)+)[之以]?后")
_DELAY_PIECE = re.compile(r"(\d+(?:\.\d+)?) ?(ms|milli|[smhd秒分小])", re.IGNORECASE)
_DELAY_UNITS = {**_UNITS, "milli": 0.001, "秒": 1.0, "分": 60.0, "小": 3600.0}
MOST_READ = 2000
"""Characters of a message, the last ones, that are searched for a delay."""
LONGEST_S = 366 * 86_400.0
"""Longest plausible delay in seconds; longer ones are ignored as errors."""
_UNIX_SECONDS = 1e9
_UNIX_MILLISECONDS = 1e12


def retry_after(headers: Mapping[str, str], *, limited: bool = True) -> float | None:
    """Return the requested delay in seconds, or None if the headers name none.

    ``limited``: a rate limit rejected the request. Servers name the resets of their
    limits with any response; otherwise only those of exhausted ones count.
    """
    for name, unit in ASKED:
        wait = seconds(headers.get(name, ""), unit)
        if wait is not None:
            return wait
    found = [(name, seconds(headers.get(name, ""))) for name in RESETS]
    waits = {name: wait for name, wait in found if wait is not None}
    used_up = [wait for name, wait in waits.items() if _remaining(name, headers) == "0"]
    if used_up or not limited:
        return max(used_up, default=None)
    return next(iter(waits.values()), None)


def asked_in(message: str) -> float | None:
    """Return the delay in seconds that a message asks for, or None.

    >>> asked_in("Please retry in 1m2.5s."), asked_in("请在 30 秒后重试")
    (62.5, 30.0)
    """
    message = message[-MOST_READ:]
    found = _DELAY.search(message) or _DELAY_IN_CHINESE.search(message)
    pieces = _DELAY_PIECE.findall(found[1]) if found else ()
    wait = sum(float(n) * _DELAY_UNITS[unit.lower()] for n, unit in pieces)
    return wait if 0 < wait <= LONGEST_S else None


def seconds(value: str, unit: float = 1.0) -> float | None:
    """Parse a header value into seconds from now; None if it is not a time."""
    wait = _read(value.strip(), unit)
    return None if wait is None or wait > LONGEST_S else wait


def _read(value: str, unit: float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        if not _DURATION.fullmatch(value):
            return _until(value)
        return sum(float(n) * _UNITS[u.lower()] for n, u in _PIECE.findall(value))
    if not math.isfinite(number):
        return None
    if number >= _UNIX_MILLISECONDS:
        number = number / 1000 - time.time()
    elif number >= _UNIX_SECONDS:
        number -= time.time()
    return max(0.0, number * unit)


def _remaining(name: str, headers: Mapping[str, str]) -> str:
    return headers.get(name.replace("reset", "remaining"), "").strip()


def _until(value: str) -> float | None:
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
