"""Connections: opened when needed, kept, closed, opened anew."""

from wcode_magics.protocol.messages import Endpoint
from wcode_magics.sending.client_pool import Connections


def test_a_client_is_kept_for_its_endpoint():
    """One for each endpoint, another after closing."""
    held = Connections()
    here, there = Endpoint("http://127.0.0.1:1/v1"), Endpoint("http://127.0.0.1:2/v1")
    first = held.client(here)
    assert held.client(Endpoint(here.base_url)) is first
    assert held.client(there) is not first
    held.close()
    held.close()
    assert held.client(here) is not first
    held.close()


def test_the_sandbox_is_started_once():
    """It stays where it is until it is closed."""
    held = Connections()
    place = held.sandbox()
    assert place.sandbox
    assert held.sandbox() == place
    held.close()
    assert held.sandbox().sandbox
    held.close()
