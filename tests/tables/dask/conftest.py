"""A cluster of two worker processes, and a server that they ask."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from tests.loopback import Loopback

KEY = "sk-of-the-workers-1234567890"


@contextmanager
def workers(scratch: Path, env: Mapping[str, str]) -> Iterator[LocalCluster]:
    """Two of them, with their own folder."""
    made: Any = LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        local_directory=str(scratch),
        env=dict(env),
    )
    try:
        yield made
    finally:
        _close(made)


def _close(one: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        one.close()


def _live_in(environment: Mapping[str, str]) -> None:
    """Give a worker's process the environment of a test."""
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where a test's own workers keep what they need on disk."""
    return tmp_path / "scratch"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """Workers that outlive a test, as those of a real cluster do."""
    with workers(tmp_path_factory.mktemp("scratch"), {}) as made:
        yield made


@pytest.fixture
def cluster(request: pytest.FixtureRequest, scratch: Path) -> Iterator[Callable]:
    """Connect to it: ``cluster(**environment)``; workers have a key unless told None.

    They are those of other tests, in this test's environment. A test that kills them
    or looks into their folder has the mark ``own_workers``.
    """
    own = request.node.get_closest_marker("own_workers")
    clients: list[Any] = []

    def connect(**environment: str | None) -> Client:
        held = {**os.environ, "WCODE_API_KEY": KEY, **environment}
        given = {name: value for name, value in held.items() if value is not None}
        if own:
            made = stack.enter_context(workers(scratch, given))
        else:
            made = request.getfixturevalue("shared")
        clients.append(Client(made))
        clients[-1].run(_live_in, given)
        return clients[-1]

    with ExitStack() as stack:
        yield connect
        for one in reversed(clients):
            _close(one)


@pytest.fixture
def lead(serve: Callable[..., Loopback]) -> Callable[..., Loopback]:
    """Make a server and a session that leads runs to it: ``lead(script, **settings)``.

    The session's own key is another one than the workers'.
    """
    return partial(serve, api_key="sk-of-the-client")
