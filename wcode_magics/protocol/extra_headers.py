"""Headers that a person adds to each request, whose values are shown to nobody."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from wcode_magics.output.secret_forms import MASK

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


class Headers(Mapping[str, str]):
    """Names and values; neither repr, JSON, a pickle nor a copy holds a value."""

    def __init__(self, held: Mapping[str, str]) -> None:
        self._held = dict(held)

    def __getitem__(self, name: str) -> str:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return json.dumps(dict.fromkeys(self._held, MASK))

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, ({},)


def headers_in(value: Any) -> Headers | None:
    """The headers that a value holds, or None where it holds anything else."""
    if not isinstance(value, Mapping):
        return None
    for name, held in value.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            return None
        if not (isinstance(held, str) and held.isascii() and held.isprintable()):
            return None
    return Headers(value)
