"""Secrets stored by hosted notebooks: Google Colab's and Kaggle's.

Colab: ``google.colab.userdata.get(name)``, which asks the user for permission. Kaggle:
``kaggle_secrets.UserSecretsClient().get_secret(name)``. Both modules exist only on
the host itself, and both raise if there is no such secret or no permission.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

_HOSTS: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
    ("google.colab.userdata", lambda host, name: host.get(name)),
    ("kaggle_secrets", lambda host, name: host.UserSecretsClient().get_secret(name)),
)


def read(name: str) -> str | None:
    """Return the secret of a name, or None if no host has it."""
    for module, ask in _HOSTS:
        try:
            found = ask(import_module(module), name)
        except Exception:  # noqa: S112 - any error means that there is no key
            continue
        if isinstance(found, str) and found.strip():
            return found.strip()
    return None
