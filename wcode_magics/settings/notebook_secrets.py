"""The secrets that hosted notebooks keep for a person: Google Colab's and Kaggle's.

Colab: ``google.colab.userdata.get(name)``, which asks the person for leave. Kaggle:
``kaggle_secrets.UserSecretsClient().get_secret(name)``. Both modules are there only on
the host itself, and both raise where there is no such secret or no leave.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

_HOSTS: tuple[tuple[str, Callable[[Any, str], Any]], ...] = (
    ("google.colab.userdata", lambda host, name: host.get(name)),
    ("kaggle_secrets", lambda host, name: host.UserSecretsClient().get_secret(name)),
)


def read(name: str) -> str | None:
    """Return the secret of this name, or None where no host has it."""
    for module, ask in _HOSTS:
        try:
            found = ask(import_module(module), name)
        except Exception:  # noqa: S112 - whatever is raised, there is no key there
            continue
        if isinstance(found, str) and found.strip():
            return found.strip()
    return None
