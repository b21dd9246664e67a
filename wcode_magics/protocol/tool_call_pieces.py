"""Assign the pieces of streamed tool calls to their calls.

By convention, pieces of one call share an ``index``, and only the first has an id and a
name. Servers also number all calls 0, or none of them, count from 1, repeat the id and
the name in every piece, or send no id at all.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from wcode_magics.protocol.messages import MOST_CALLS, CallPiece


@dataclass(slots=True)
class _Call:
    """Call in progress: its position and what has been received so far."""

    place: int
    index: int
    id: str
    name: str
    arguments: str


class CallNumbering:
    """Assigns each piece the position of its call, from 0."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def numbered(
        self, pieces: Iterable[CallPiece], *, whole: bool
    ) -> tuple[CallPiece, ...]:
        """Number the pieces of one event, or all calls of a ``whole`` answer.

        Pieces of calls beyond the first :data:`MOST_CALLS` are dropped.
        """
        made: list[CallPiece] = []
        taken: set[int] = set()
        for piece in pieces:
            call = None if whole else self._begun(piece, taken)
            if call is None:
                if len(self._calls) == MOST_CALLS:
                    continue
                call = _Call(len(self._calls), piece.index, piece.id, piece.name, "")
                self._calls.append(call)
            call.id = call.id or piece.id
            call.name = call.name or piece.name
            call.arguments += piece.arguments
            taken.add(call.place)
            made.append(replace(piece, index=call.place))
        return tuple(made)

    def _begun(self, piece: CallPiece, taken: set[int]) -> _Call | None:
        """Return the call that a piece continues, or None if it begins one."""
        for call in reversed(self._calls):
            if piece.index != call.index:
                continue
            if piece.id and call.id:
                if piece.id == call.id:
                    return call
                continue
            if piece.index < 0 and call.place in taken:
                continue
            return None if _begins_another(piece, call) else call
        return None


def _begins_another(piece: CallPiece, call: _Call) -> bool:
    if not piece.name or not call.name:
        return False
    more = bool(piece.arguments) and _is_whole(call.arguments)
    return more or piece.name != call.name


def _is_whole(arguments: str) -> bool:
    if not arguments.rstrip().endswith("}"):
        return False
    try:
        json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return False
    return True
