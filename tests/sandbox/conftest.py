"""A running sandbox and plain clients for it: sockets, no client of the package."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.sandbox.wire import Answered, Wire
from wcode_magics.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    """A plain HTTP client of the sandbox."""
    return Wire(sandbox.base_url)


@pytest.fixture
def chat(wire: Wire) -> Callable[..., Answered]:
    """Ask in one line: ``chat("text", temperature=0)``."""

    def ask(prompt: Any = "What does temperature do?", **more: Any) -> Answered:
        return wire.chat(prompt, **more)

    return ask
