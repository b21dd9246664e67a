"""Retry delay that an endpoint requests in the headers of an error response.

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
LONGEST_S = 366 * 86_400.0
"""Longest plausible delay in seconds; longer ones are ignored as errors."""
_UNIX_SECONDS = 1e9
_UNIX_MILLISECONDS = 1e12


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the requested delay in seconds, or None if the headers name none."""
    for name, unit in ASKED:
        wait = seconds(headers.get(name, ""), unit)
        if wait is not None:
            return wait
    found = [(name, seconds(headers.get(name, ""))) for name in RESETS]
    waits = {name: wait for name, wait in found if wait is not None}
    used_up = [wait for name, wait in waits.items() if _remaining(name, headers) == "0"]
    return max(used_up) if used_up else next(iter(waits.values()), None)


def seconds(value: str, unit: float = 1.0) -> float | None:
    """Parse a header value into seconds from now; None if it is not a time."""
    wait = _read(value.strip(), unit)
    return None if wait is None or wait > LONGEST_S else wait


def _read(value: str, unit: float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return _duration(value) if _DURATION.fullmatch(value) else _until(value)
    if not math.isfinite(number):
        return None
    if number >= _UNIX_MILLISECONDS:
        number = number / 1000 - time.time()
    elif number >= _UNIX_SECONDS:
        number -= time.time()
    return max(0.0, number * unit)


def _remaining(name: str, headers: Mapping[str, str]) -> str:
    return headers.get(name.replace("reset", "remaining"), "").strip()


def _duration(value: str) -> float:
    return sum(float(n) * _UNITS[u.lower()] for n, u in _PIECE.findall(value))


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
