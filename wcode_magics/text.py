"""Words of the interface by key and language, read from ``locale/*.toml``.

The language is one per process, like the locale it defaults to: what
:func:`use` was given, else ``WCODE_LANGUAGE``, else the locale's language if it
is one of :data:`LANGUAGES`, else English.
"""

import os
import tomllib
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "zh")

_chosen: dict[str, str] = {}


def use(language: str | None) -> None:
    """Speak ``language`` from now on; None goes back to environment and locale."""
    _chosen.clear()
    if language is not None:
        _chosen["language"] = language


def language() -> str:
    """The language in force, one of :data:`LANGUAGES`."""
    if _chosen:
        return _chosen["language"]
    for variable in ("WCODE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "").lower()
        if value:
            return value[:2] if value[:2] in LANGUAGES else "en"
    return "en"


def say(key: str, /, lang: str | None = None, **facts: object) -> str:
    """The words of ``key`` with ``facts`` filled in.

    Raises:
        KeyError: no such key; a fault of the program, not of the person.
    """
    words = _words(lang or language())[key]
    return words.format(**facts) if facts else words


def keys(lang: str) -> frozenset[str]:
    """All keys of one language."""
    return frozenset(_words(lang))


@cache
def _words(lang: str) -> dict[str, str]:
    source = resources.files(__package__) / "locale" / f"{lang}.toml"
    return dict(_flat(tomllib.loads(source.read_text("utf-8")), ""))


def _flat(table: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        rows += _flat(value, f"{key}.") if isinstance(value, dict) else [(key, value)]
    return rows
