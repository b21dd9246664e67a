"""A server behind ``df.wcode``."""

from collections.abc import Iterator

import pytest

from tests.frames.asking import echo
from tests.loopback import Loopback
from wcode_magics.frames import frame as frames
from wcode_magics.session import Session


@pytest.fixture
def serve(loopback) -> Iterator:
    """Make a server and let ``df.wcode`` use it: ``serve(script, **settings)``."""
    sessions = []

    def make(*script, **settings) -> Loopback:
        server = loopback(*(script or [echo]))
        sessions.append(Session(base_url=server.url, api_key="k", **settings))
        frames.register(sessions[-1])
        return server

    yield make
    for session in sessions:
        session.close()
    frames.register()
