"""Records of the calls that produced the columns of a table, for retries.

A result keeps them in its ``attrs``, which pandas drops when tables are combined.
Hence this process also remembers the failed requests of its latest runs: a row whose
request is among them was produced by that call.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import NoneType
from typing import Any

from wcode_magics.protocol.request import Request
from wcode_magics.sending.batch import Ask

CALLS = "wcode"
"""Key in ``attrs`` of the call that produced each column."""
NEEDS = "needs"
"""Key of the names whose values cannot be stored in ``attrs``."""
GOLDS = "wcode_gold"
"""Key in ``attrs`` of the column of answers that each column of gold is for."""
RUNS, ROWS = 16, 10_000
"""Number of runs remembered, and of failed rows for each."""

_runs: OrderedDict[str, tuple[dict[str, Any], set[str]]] = OrderedDict()


def calls_of(frame: Any) -> dict[str, Any]:
    """Return the calls recorded in a frame; empty if ``attrs`` holds no mapping."""
    calls = getattr(frame, "attrs", {}).get(CALLS)
    return dict(calls) if isinstance(calls, Mapping) else {}


def record_call(frame: Any, into: str, call: Mapping[str, Any]) -> None:
    """Record the call that produced a column, as the last of the frame's calls."""
    calls = calls_of(frame)
    calls.pop(into, None)
    frame.attrs = {**frame.attrs, CALLS: {**calls, into: dict(call)}}


def claim_gold(frame: Any, gold: str, into: str) -> str:
    """Record which answers a column of gold is for; return the first ones recorded."""
    recorded = frame.attrs.get(GOLDS)
    owners = dict(recorded) if isinstance(recorded, Mapping) else {}
    owner = owners.setdefault(gold, into)
    frame.attrs[GOLDS] = owners
    return str(owner)


def stored_names(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that can be stored in ``attrs``, and names of the others."""
    kinds = (str, int, float, bool, NoneType)
    kept = {name: value for name, value in names.items() if type(value) in kinds}
    others = sorted(set(names) - set(kept))
    return {"names": kept, **({NEEDS: others} if others else {})}


def remember(call: Mapping[str, Any], failed: Iterable[Ask]) -> None:
    """Remember the failed requests of a run and its call."""
    hashes = {ask.hash for ask in islice(failed, ROWS) if isinstance(ask, Request)}
    if not hashes:
        return
    arguments = {k: v for k, v in call.items() if v is not None and k != "replay"}
    key = repr(sorted(arguments.items(), key=lambda pair: pair[0]))
    _, before = _runs.pop(key, ({}, set()))
    _runs[key] = arguments, before | hashes
    while len(_runs) > RUNS:
        _runs.popitem(last=False)


def remembered(into: str | None) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Yield remembered calls and failed request hashes, latest first.

    ``into`` None: of any column.
    """
    for call, failed in reversed(_runs.values()):
        if into in (None, call["into"]):
            yield call, failed
