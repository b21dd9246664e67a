"""``%wcode_login`` and ``%wcode_logout``: the key in the system keyring."""

import getpass

from IPython.core.error import StdinNotImplementedError

from wcode_magics.errors import SettingError, UsageError
from wcode_magics.notebook.shell_state import ShellState, tell
from wcode_magics.settings import settings
from wcode_magics.text import say


def wcode_login(home: ShellState, line: str) -> None:
    """Read the key from hidden input and save it in the system keyring."""
    if line.strip():
        raise UsageError("key_on_line", url=settings.GET_KEY_URL)
    try:
        key = getpass.getpass(say("ui.key_prompt", url=settings.GET_KEY_URL))
    except StdinNotImplementedError:
        variable = settings.KEY_VARIABLE
        raise SettingError("login_needs_input", variable=variable) from None
    if not key.strip():
        raise SettingError("empty_key")
    settings.keep_key(key.strip())
    home.session.settings.forget_read_key()
    tell(say("ui.key_kept"))


def wcode_logout(home: ShellState, _line: str) -> None:
    """Remove the key from the system keyring."""
    removed = settings.forget_key()
    home.session.settings.forget_read_key()
    tell(say("ui.key_forgotten" if removed else "ui.key_absent"))
