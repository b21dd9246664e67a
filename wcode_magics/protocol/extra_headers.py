"""Extra request headers set by the user, whose values are never displayed."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from wcode_magics.output.secret_forms import MASK

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


class Headers(Mapping[str, str]):
    """Headers by name; repr, JSON, pickles and copies contain no value."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return json.dumps(dict.fromkeys(self._headers, MASK))

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, ({},)


def headers_in(value: Any) -> Headers | None:
    """Return a mapping of valid headers as Headers; None for anything else."""
    if not isinstance(value, Mapping):
        return None
    for name, text in value.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            return None
        if not (isinstance(text, str) and text.isascii() and text.isprintable()):
            return None
    return Headers(value)
