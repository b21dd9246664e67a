"""Interface strings by key and language, read from ``locale/*.toml``.

The language is one per process, like the locale it defaults to: the one set by
:func:`use`, else ``WCODE_LANGUAGE``, else the locale's language if it is one of
:data:`LANGUAGES`, else English.

``{count} {count:token|tokens}`` is rendered as «1 token» and «2 tokens»; a count may be
a string, such as «1,204» or «≈1». Quoted text, such as ``{reason}``, loses its final
full stop if the sentence continues with its own, or with a bracket. The space between
Chinese and Latin words beside a placeholder is left out where both sides are Chinese.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

LANGUAGES = ("en", "zh")

_QUOTED = re.compile(r"{(reason|message|problem|error|start)}(?=[.。)）])")

_chosen: dict[str, str] = {}


_CHINESE = (("\u3000", "\u303f"), ("\u4e00", "\u9fff"), ("\uff00", "\uffef"))


class _Numerus(Formatter):
    """Formatter that chooses between ``one|many`` by the number."""

    def vformat(
        self, format_string: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> str:
        """Fill in; leave out the space beside a value where both sides are Chinese."""
        line = ""
        for literal, name, spec, _ in self.parse(format_string):
            spare = literal[:1] == " " and _both_chinese(line[-1:], literal[1:2])
            line += literal[spare:]
            if name is None:
                continue
            value = self.format_field(self.get_field(name, args, kwargs)[0], spec or "")
            if line[-1:] == " " and _both_chinese(line[-2:-1], value[:1]):
                line = line[:-1]
            line += value
        return line

    def format_field(self, value: Any, format_spec: str) -> Any:
        one, bar, many = format_spec.partition("|")
        if bar:
            return one if str(value).removeprefix("≈") == "1" else many
        return super().format_field(value, format_spec)


def _both_chinese(before: str, after: str) -> bool:
    return all(
        any(first <= letter <= last for first, last in _CHINESE)
        for letter in (before, after)
    )


_numerus = _Numerus()


def use(language: str | None) -> None:
    """Set the language; None restores the default from environment and locale."""
    _chosen.clear()
    if language is not None:
        _chosen["language"] = language


def language() -> str:
    """Return the current language, one of :data:`LANGUAGES`."""
    if _chosen:
        return _chosen["language"]
    for variable in ("WCODE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "").lower()
        if value:
            return value[:2] if value[:2] in LANGUAGES else "en"
    return "en"


def say(key: str, /, lang: str | None = None, **facts: object) -> str:
    """Return the string of ``key`` with ``facts`` filled in.

    Raises:
        KeyError: no such key, which is a bug of this package.
    """
    words = _words(lang or language())[key]
    if not facts:
        return words
    quoted = {name: _unended(facts[name]) for name in _QUOTED.findall(words)}
    return _numerus.vformat(words, (), facts | quoted)


def has(key: str) -> bool:
    """Return whether there is a string of this key."""
    return key in _words("en")


def sentences(parts: Iterable[str]) -> str:
    """Join the sentences that are not empty; Chinese has no space between them."""
    return ("" if language() == "zh" else " ").join(part for part in parts if part)


def _unended(fact: object) -> str:
    words = str(fact).rstrip()
    return words.rstrip(".。") or words


@cache
def _words(lang: str) -> dict[str, str]:
    import tomllib

    source = Path(__file__).parent / "locale" / f"{lang}.toml"
    return dict(_flat(tomllib.loads(source.read_text("utf-8")), ""))


def _flat(table: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        rows += _flat(value, f"{key}.") if isinstance(value, dict) else [(key, value)]
    return rows
