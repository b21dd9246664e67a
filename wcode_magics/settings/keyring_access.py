"""Access to the system keyring, which may be locked, broken, missing or blocking.

Each call runs on its own thread; any exception means that there is no key.
"""

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

from wcode_magics.errors import SettingError, print_error
from wcode_magics.logprobs.number_format import decimal

T = TypeVar("T")

PATIENCE_S = 3.0
"""Maximum time in seconds that a wallet may wait for its password."""
KEY_VARIABLE = "WCODE_API_KEY"

_SERVICE, ACCOUNT = "wcode-magics", "api-key"


def ask(question: Callable[[], T]) -> T | None:
    """Call the keyring; None if it fails, or, with a notice, if it times out."""
    if not is_installed():
        return None
    answer: list[T] = []

    def run() -> None:
        try:
            answer.append(question())
        except BaseException:  # the backend may raise anything
            return

    thread = threading.Thread(target=run, name="wcode-keyring", daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    if thread.is_alive():
        seconds = decimal(PATIENCE_S)
        print_error(
            SettingError("keyring_waits", seconds=seconds, variable=KEY_VARIABLE)
        )
        return None
    return answer[0] if answer else None


def is_installed() -> bool:
    """Return whether the library that reaches the keyring is installed."""
    return find_spec("keyring") is not None


def read(account: str = ACCOUNT) -> str | None:
    """Return the key of an account, or None."""
    return _backend().get_password(_SERVICE, account)  # type: ignore[no-any-return]


def keep(account: str, key: str) -> bool:
    """Store the key of an account."""
    _backend().set_password(_SERVICE, account, key)
    return True


def remove(account: str = ACCOUNT) -> bool:
    """Delete the key of an account."""
    _backend().delete_password(_SERVICE, account)
    return True


def _backend() -> Any:
    import keyring

    return keyring
