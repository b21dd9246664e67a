"""Providers: keys of other services are told, never used and never shown."""

import os
import subprocess
import sys

import pytest

from tests.kernel import kernel
from wcode_magics.settings.providers import PROVIDERS, unused

KEY = "sk-canary-0123456789"


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.name)
def test_a_key_that_is_set_is_told_with_the_line_that_uses_it(row):
    """The line runs as it stands, and holds no key."""
    environ = {row.key: KEY}
    names, line = unused(environ)
    assert names == [row.key]
    assert KEY not in line
    assert _after(line, environ) == (KEY, row.base_url)


def test_a_base_url_of_its_own_is_taken_along():
    """Who points OpenAI's client at a server means that server."""
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}
    names, line = unused(environ)
    assert names == ["OPENAI_API_KEY", "OPENAI_BASE_URL"]
    assert _after(line, environ) == (KEY, "http://127.0.0.1:8000/v1")


def test_where_nothing_is_set_nothing_is_told():
    """An empty variable is none."""
    assert unused({"OPENAI_API_KEY": ""}) == ([], "")


def test_the_sandbox_tells_it_once():
    """With its notice, where nothing else answers."""
    others = {name for row in PROVIDERS for name in (row.key, row.url_variable)}
    environ = {name: value for name, value in os.environ.items() if name not in others}
    with kernel({**environ, "OPENAI_API_KEY": KEY}) as running:
        first = str(running.run("%%wcode\nhi").messages)
        again = str(running.run("%%wcode\nhi").messages)
    assert "OPENAI_API_KEY" in first
    assert "OPENAI_API_KEY" not in again
    assert KEY not in first + again


def _after(line: str, environ: dict[str, str]) -> tuple[str, str]:
    """The key and the URL that are set once the line has run."""
    shown = f'{line}; print(os.environ["WCODE_API_KEY"], os.environ["WCODE_BASE_URL"])'
    command = [sys.executable, "-c", shown]
    run = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True
    )
    key, url = run.stdout.split()
    return key, url
