"""How long an endpoint asks to wait: every header and form that was seen."""

import datetime as dt
import email.utils
import time

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wcode_magics.protocol.retry_after import (
    ASKED,
    RESETS,
    asked_in,
    retry_after,
    seconds,
)


def later(wait: float) -> dt.datetime:
    """The moment so many seconds from now."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wait)


FORMS = [
    ("3", 3.0),
    (" 3 ", 3.0),
    ("1.5", 1.5),
    ("-3", 0.0),
    ("0", 0.0),
    ("1s", 1.0),
    ("20ms", 0.02),
    ("6m0s", 360.0),
    ("2m59.56s", 179.56),
    ("1h2m3s", 3723.0),
    ("1D", 86_400.0),
    ("soon", None),
    ("", None),
    ("nan", None),
    ("inf", None),
    ("1e300", None),
    ("99999999", None),
    ("9999999d", None),
    ("Fri, 31 Dec 9999 23:59:59 GMT", None),
    ("9999-12-31T23:59:59Z", None),
    ("5 apples", None),
    ("Thu, 99 Foo 2026 99:99:99 GMT", None),
]
MOMENTS = {
    "http": lambda: email.utils.format_datetime(later(60), usegmt=True),
    "http without a zone": lambda: later(60).strftime("%a, %d %b %Y %H:%M:%S"),
    "iso": lambda: later(60).isoformat(),
    "iso with Z": lambda: later(60).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "unix": lambda: str(int(time.time() + 60)),
    "unix milliseconds": lambda: str(int(time.time() * 1000 + 60_000)),
}


@pytest.mark.parametrize(("value", "wait"), FORMS)
def test_every_form_is_read(value, wait):
    """Numbers, durations, and what names no time."""
    assert seconds(value) == (None if wait is None else pytest.approx(wait))


@pytest.mark.parametrize("form", MOMENTS)
def test_a_moment_is_read_as_the_time_until_then(form):
    """Dates of HTTP and ISO, and Unix times."""
    assert seconds(MOMENTS[form]()) == pytest.approx(60, abs=5)


def test_a_moment_that_is_over_is_no_wait():
    """Clocks differ."""
    assert seconds("2020-01-01T00:00:00Z") == 0.0
    assert seconds("1500000000") == 0.0


@pytest.mark.parametrize(("name", "unit"), ASKED)
def test_every_header_that_asks_is_read(name, unit):
    """In seconds or milliseconds, in any case of letters."""
    headers = httpx.Headers({name.upper(): "2500"})
    assert retry_after(headers) == pytest.approx(2500 * unit)


@pytest.mark.parametrize("name", RESETS)
def test_every_reset_is_read(name):
    """Where nothing asks to wait, the reset of a limit counts."""
    assert retry_after({name: "7"}) == 7.0


def test_of_several_limits_the_one_that_is_used_up_counts():
    """A daily limit that is not used up does not stop anybody for a day."""
    headers = {
        "x-ratelimit-reset-requests": "23h",
        "x-ratelimit-remaining-requests": "900",
        "x-ratelimit-reset-tokens": "7.66s",
        "x-ratelimit-remaining-tokens": "0",
    }
    assert retry_after(headers) == pytest.approx(7.66)


@pytest.mark.parametrize("name", RESETS)
def test_a_reset_is_no_wait_where_nothing_was_limited(name):
    """Servers name it with every response; one that is used up counts all the same."""
    assert retry_after({name: "7"}, limited=False) is None
    assert retry_after({"retry-after": "3", name: "7"}, limited=False) == 3.0
    used_up = {name: "7", name.replace("reset", "remaining"): "0"}
    assert retry_after(used_up, limited=False) == 7.0


SAYINGS = {
    "Please retry in 17.529882s.": 17.529882,  # Gemini, which sends no header
    "Rate limit reached for x. Please try again in 20ms. Visit": 0.02,  # OpenAI
    "Please try again in 6m0s.": 360.0,
    "Please try again in 1h2m3.5s": 3723.5,
    "Please retry after 6 seconds.": 6.0,  # Azure
    "Rate limit is exceeded. Try again in 59 seconds.": 59.0,
    "Wait 2 minutes, then go on.": 120.0,
    "请求过于频繁，请在 30 秒后重试": 30.0,
    "请1分钟之后再试": 60.0,
    "Please try again later.": None,
    "Rate limit exceeded: 5 per 1 minute": None,
    "Retry in 99999999s": None,
    "": None,
}


@pytest.mark.parametrize(("message", "wait"), SAYINGS.items())
def test_a_message_may_ask_to_wait(message, wait):
    """In its last words, however long it is."""
    expected = None if wait is None else pytest.approx(wait)
    assert asked_in(message) == expected
    assert asked_in("1" * 1_000_000 + message) == expected


def test_the_more_exact_header_counts():
    """Azure rounds seconds up and sends milliseconds beside them."""
    assert retry_after({"retry-after": "3", "retry-after-ms": "2500"}) == 2.5


def test_without_headers_there_is_no_time():
    """Nothing is guessed."""
    assert retry_after({}) is None


@settings(deadline=None)
@given(st.text())
def test_any_value_is_read(value):
    """No header breaks the reading."""
    found = seconds(value)
    assert found is None or found >= 0
