"""Access to the system keyring, which may be locked, broken, missing or blocking.

Each call runs on its own thread; any exception means that there is no key.
"""

import threading
from importlib.util import find_spec
from typing import Any

from wcode_magics.errors import SettingError, print_error
from wcode_magics.logprobs.number_format import decimal

PATIENCE_S = 3.0
"""Maximum time in seconds that a wallet may wait for its password."""
KEY_VARIABLE = "WCODE_API_KEY"

_SERVICE = "wcode-magics"


def ask(method: str, account: str, *more: str) -> list[Any]:
    """Call a method of the keyring; return its result, or nothing if it fails.

    If it times out, a notice is printed.
    """
    if not is_installed():
        return []
    answer: list[Any] = []

    def run() -> None:
        try:
            import keyring

            answer.append(getattr(keyring, method)(_SERVICE, account, *more))
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
        return []
    return answer


def is_installed() -> bool:
    """Return whether the library that reaches the keyring is installed."""
    return find_spec("keyring") is not None
