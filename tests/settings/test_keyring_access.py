"""The keyring: whatever is wrong with it, cells go on without a key from there."""

import time

import keyring
import pytest
from keyring.backend import KeyringBackend

from tests.telling import told
from wcode_magics.settings import api_keys, keyring_access


class Broken(KeyringBackend):
    """Raises what it likes."""

    priority = 1

    def __init__(self, wrong):
        self.wrong = wrong

    def get_password(self, service, username):
        """As where D-Bus is gone."""
        raise self.wrong

    def set_password(self, service, username, password):
        """The same."""
        raise self.wrong

    def delete_password(self, service, username):
        """The same."""
        raise self.wrong


class Locked(KeyringBackend):
    """Waits for a password that nobody types."""

    priority = 1

    def get_password(self, service, username):
        """As a wallet does."""
        time.sleep(60)

    set_password = delete_password = get_password


@pytest.fixture
def use():
    """Make a keyring the system's."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    "wrong", [OSError("D-Bus"), RuntimeError("no home"), SystemExit(1)]
)
def test_a_keyring_that_breaks_has_no_key(use, wrong):
    """Whatever it raises; none is kept there."""
    use(Broken(wrong))
    assert api_keys.read_key() is None
    assert api_keys.forget_key() is False
    assert api_keys.keep_key("k") is False


def test_a_locked_keyring_is_not_waited_for(use, monkeypatch):
    """It has its time, then a line says what to do, and the work goes on."""
    monkeypatch.setattr(keyring_access, "PATIENCE_S", 0.1)
    use(Locked())
    with told("did not answer.*WCODE_API_KEY"):
        assert api_keys.read_key() is None
