"""A cluster of two worker processes, and a server that they ask."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from tests.loopback import Loopback

KEY = "sk-of-the-workers-1234567890"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where workers keep what they need on disk."""
    return tmp_path / "scratch"


@pytest.fixture
def cluster(scratch: Path) -> Iterator[Callable]:
    """Start it: ``cluster(**environment)``; its workers have a key unless told None."""
    running: list[Any] = []

    def start(**environment: str | None) -> Client:
        held = {"WCODE_API_KEY": KEY, **environment}
        made = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=str(scratch),
            env={name: value for name, value in held.items() if value is not None},
        )
        running.append(made)
        running.append(Client(made))
        return running[-1]

    yield start
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for one in reversed(running):
            one.close()


@pytest.fixture
def lead(serve: Callable[..., Loopback]) -> Callable[..., Loopback]:
    """Make a server and a session that leads runs to it: ``lead(script, **settings)``.

    The session's own key is another one than the workers'.
    """
    return partial(serve, api_key="sk-of-the-client")
