"""``%wcode_login`` and ``%wcode_logout``: the key of the endpoint in force."""

import getpass
import warnings

from IPython.core.error import StdinNotImplementedError

from wcode_magics.errors import SettingError, UsageError
from wcode_magics.notebook.shell_state import ShellState, show_note
from wcode_magics.settings import api_keys, keyring_access, settings
from wcode_magics.text import say


def wcode_login(home: ShellState, line: str) -> None:
    """Read a key from hidden input and save it in the system keyring.

    It is the key of the endpoint in force alone. Without a keyring it is kept for this
    session.
    """
    if line.strip():
        raise UsageError("key_on_line", url=settings.GET_KEY_URL)
    held = home.session.settings
    resolved = held.resolve({})
    owner = resolved.key_owner
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            key = getpass.getpass(_prompt(owner.host)).strip()
    except (StdinNotImplementedError, EOFError, getpass.GetPassWarning):
        variable = next(iter(owner.variables), api_keys.KEY_VARIABLE)
        raise SettingError("login_needs_input", variable=variable) from None
    if not key:
        raise SettingError("empty_key")
    kept = api_keys.keep_key(key, owner.host)
    held.given_key = None
    if kept:
        held.keys.drop(owner.host)
    else:
        held.keys.hold(owner.host, key)
    held.keys.reread()
    found = held.found_key(resolved)
    shadow = found is not None and found.value != key
    held_by = "ui.key_held" if keyring_access.is_installed() else "ui.key_no_keyring"
    show_note(say("ui.key_kept" if kept else held_by, host=owner.host))
    if shadow and found is not None:
        show_note(say("ui.key_shadowed", name=found.name))


def _prompt(host: str) -> str:
    if host == api_keys.HOSTED:
        return say("ui.key_prompt", url=settings.GET_KEY_URL)
    return say("ui.key_prompt_at", host=host)


def wcode_logout(home: ShellState, _line: str) -> None:
    """Remove the key of the endpoint in force from the keyring and this session."""
    held = home.session.settings
    host = held.resolve({}).key_owner.host
    removed = held.keys.drop(host) | api_keys.forget_key(host)
    held.keys.reread()
    show_note(say("ui.key_forgotten" if removed else "ui.key_absent"))
