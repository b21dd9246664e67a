"""The system's keyring, which may be locked, broken or not there, and must not hang.

Each question runs on a thread of its own; what it raises means that there is no key.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from wcode_magics.errors import SettingError, tell

T = TypeVar("T")

PATIENCE_S = 3.0
"""How long a wallet may wait for its password before the work goes on without."""
KEY_VARIABLE = "WCODE_API_KEY"

_SERVICE, _ACCOUNT = "wcode-magics", "api-key"


def ask(question: Callable[[], T]) -> T | None:
    """What the keyring answers; None where it fails, or not in time, which is told."""
    answer: list[T] = []

    def run() -> None:
        try:
            answer.append(question())
        except BaseException:  # whatever its backend raises: there is no key
            return

    thread = threading.Thread(target=run, name="wcode-keyring", daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    if thread.is_alive():
        seconds = f"{PATIENCE_S:g}"
        tell(SettingError("keyring_waits", seconds=seconds, variable=KEY_VARIABLE))
        return None
    return answer[0] if answer else None


def read() -> str | None:
    """The key, or None."""
    return _backend().get_password(_SERVICE, _ACCOUNT)  # type: ignore[no-any-return]


def keep(key: str) -> bool:
    """Keep the key."""
    _backend().set_password(_SERVICE, _ACCOUNT, key)
    return True


def remove() -> bool:
    """Remove the key."""
    _backend().delete_password(_SERVICE, _ACCOUNT)
    return True


def _backend() -> Any:
    import keyring

    return keyring
