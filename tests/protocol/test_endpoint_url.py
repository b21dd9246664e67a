"""Addresses: a base URL as people paste it, and what is never printed."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wcode_magics.errors import SettingError
from wcode_magics.protocol import endpoint_url

BASE = "https://h.example/v1"


@pytest.mark.parametrize(
    "pasted",
    [
        BASE,
        f"{BASE}\n",
        f"  {BASE}\r\n",
        f'"{BASE}"',
        f"<{BASE}>",
        f"\ufeff{BASE}\u200b",
        f"\u3000{BASE}",
    ],
)
def test_what_a_url_was_copied_with_is_taken_off(pasted):
    """Line ends, spaces and quotes around it are no part of it."""
    assert endpoint_url.checked(pasted) == BASE


@pytest.mark.parametrize("end", endpoint_url.ENDPOINTS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_pasted_endpoint_leads_to_its_base(end, slash):
    """Documentation shows the whole URL."""
    assert endpoint_url.trimmed(f"{BASE}{end}{slash}") == BASE


@pytest.mark.parametrize(
    ("base", "joined"),
    [
        (BASE, f"{BASE}/models"),
        (f"{BASE}/", f"{BASE}/models"),
        ("http://h", "http://h/models"),
        (
            "https://h/openai?api-version=2024-06-01",
            "https://h/openai/models?api-version=2024-06-01",
        ),
    ],
)
def test_a_path_is_joined_before_the_query(base, joined):
    """As Azure wants it."""
    assert endpoint_url.joined(base, "models") == joined


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@h/v1",
        "http://s3cret@h/v1",
        "http://h/v1?key=s3cret",
        "http://h/v1?api_key=s3cret",
        "http://h/v1?x=1&access_token=s3cret",
        "http://h/v1?sig=s3cret",
        "http://h/v1?id=s3cret-0123456789-abcdefgh",
        "http://h/v1#s3cret",
        "http://h:x/v1?key=s3cret",
        "http://[h/v1?key=s3cret",
        "ftp://user:s3cret@h",
        "sk-s3cret-0123456789-0123456789",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url):
    """It would be kept with each answer."""
    with pytest.raises(SettingError) as caught:
        endpoint_url.checked(url)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value.facts)


@pytest.mark.parametrize("url", ["h/v1", "localhost:8000/v1", "http://", "a b", ""])
def test_what_is_no_url_is_told(url):
    """With the form that a base URL has."""
    with pytest.raises(SettingError, match="https://host/v1"):
        endpoint_url.checked(url)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_url_or_an_error(url):
    """Nothing breaks the reading."""
    with suppress(SettingError):
        assert endpoint_url.joined(
            endpoint_url.trimmed(endpoint_url.checked(url)), "models"
        )
    assert isinstance(endpoint_url.shown(url), str)
