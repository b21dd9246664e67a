"""What is remembered of how the columns of a table were asked for.

A result keeps it among its ``attrs``, which pandas drops where tables are put
together. So this process remembers as well what failed of its last runs: a row whose
request is among them was asked for in that way.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import NoneType
from typing import Any

from wcode_magics.protocol.request import Request
from wcode_magics.sending.batch import Ask

CALLS = "wcode"
"""Where a result keeps, among its ``attrs``, how each column was asked for."""
NEEDS = "needs"
"""The names of values that cannot be kept beside a table."""
RUNS, ROWS = 16, 10_000
"""How many runs are remembered, and how many failed rows of each."""

_runs: OrderedDict[str, tuple[dict[str, Any], set[str]]] = OrderedDict()


def calls_of(frame: Any) -> dict[str, Any]:
    """How the columns of a frame were asked for; empty where something else is."""
    held = getattr(frame, "attrs", {}).get(CALLS)
    return dict(held) if isinstance(held, Mapping) else {}


def noted_names(names: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that can be kept beside a table, and the names of the others."""
    kinds = (str, int, float, bool, NoneType)
    kept = {name: value for name, value in names.items() if type(value) in kinds}
    others = sorted(set(names) - set(kept))
    return {"names": kept, **({NEEDS: others} if others else {})}


def remember(given: Mapping[str, Any], failed: Iterable[Ask]) -> None:
    """Remember the failed requests of a run, and how it was asked for."""
    hashes = {ask.hash for ask in islice(failed, ROWS) if isinstance(ask, Request)}
    if not hashes:
        return
    told = {k: v for k, v in given.items() if v is not None and k != "replay"}
    key = repr(sorted(told.items(), key=lambda pair: pair[0]))
    _, before = _runs.pop(key, ({}, set()))
    _runs[key] = told, before | hashes
    while len(_runs) > RUNS:
        _runs.popitem(last=False)


def remembered(into: str | None) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """The last runs first, of a column or of any, and the requests that failed."""
    for given, failed in reversed(_runs.values()):
        if into in (None, given["into"]):
            yield given, failed
