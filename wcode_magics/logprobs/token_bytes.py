r"""Map each reported token to its bytes in the answer.

Code in an answer may contain a literal ``\xe9``, ``é`` or U+FFFD, so the dialect of a
token is not inferred from its appearance: a reading counts only if its bytes occur in
the answer's text. Tokens whose bytes are lost are unknown stretches between known
ones. All possible positions are tracked in parallel, as in the simulation of a
nondeterministic automaton, so a wrong guess does no harm and the time stays linear.

If no reading fits, because a server dropped tokens or lists a stop token that it cut
from the text, alignment resumes at the nearest position where tokens and text agree.
Tokens and text in between stay unaligned.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from wcode_magics.logprobs.byte_dialects import (
    ESCAPE,
    LOST,
    LOST_BYTES,
    encode,
    of_alphabet,
)
from wcode_magics.logprobs.token import TokenLogprob

Place = tuple[int, int] | None
"""Byte offsets (start, stop) in the text; None if the token is not in the text."""

MAX_LOST_BYTES = 3  # bytes of a character that continues in the next token
MAX_EMPTY_BYTES = 12  # bytes that a server may report as empty text
MAX_BRANCHES = 32
RESUME_TOKENS = 16
RESUME_BYTES = 4096
RESUME_PROBES = (3, 2, 1)
PROBE_PENALTY = 4  # bytes of distance that one more agreeing token is worth

_LOST_RUN = re.compile(f"({LOST}+)")


def place_tokens(tokens: Sequence[TokenLogprob], data: bytes) -> list[Place]:
    """Return the place of each token in ``data``, the answer's text in UTF-8.

    Places never decrease. Tokens that cannot be separated share one place. White space
    that a server stripped from the start or end of the text has no place, nor have
    empty tokens after the text, such as a stop token.
    """
    spellings = [encode(t.token) if t.bytes is None else t.bytes for t in tokens]
    places: list[Place]
    if b"".join(spellings) == data:
        places = [*pairwise(accumulate(map(len, spellings), initial=0))]
    else:
        readings = [_reading(token) for token in tokens]
        skipped = _trim(readings, data)
        places = [*[None] * skipped, *_walk(readings[skipped:], data)]
    end = (len(data), len(data))
    for index in range(len(spellings) - 1, -1, -1):
        if spellings[index] or places[index] not in (end, None):
            break
        places[index] = None
    return places


def thinking_length(tokens: Sequence[TokenLogprob], text: str) -> int:
    """Return how many tokens at the start are of the reasoning before ``text``.

    Servers list the tokens of the reasoning too (SGLang; all servers if it is tagged
    in the text), or only those of the text (DashScope): then there are none.
    """
    spellings = [encode(t.token) if t.bytes is None else t.bytes for t in tokens]
    whole = b"".join(spellings)
    start = whole.rfind(encode(text)) if text else len(whole)
    if start <= 0:
        return 0
    return sum(end <= start for end in accumulate(map(len, spellings)))


def uses_alphabet(
    tokens: Sequence[TokenLogprob], places: Sequence[Place], data: bytes
) -> bool:
    """Return whether the server spells tokens in GPT-2's byte alphabet."""
    return any(
        place is not None
        and not token.token.isascii()
        and encode(token.token) != data[slice(*place)] == of_alphabet(token.token)
        for token, place in zip(tokens, places, strict=True)
    )


class _TokenReading(NamedTuple):
    """All possible readings of one token."""

    plain: tuple[bytes, ...]
    escaped: tuple[str, ...]
    lossy: tuple[str, ...]


class _State(NamedTuple):
    """Possible end of a token in the text: a byte offset in [low, high].

    ``start`` is where the token began (-1: wherever the previous one ended) and
    ``before`` the index of the previous stand.
    """

    low: int
    high: int
    before: int
    start: int


def _reading(token: TokenLogprob) -> _TokenReading:
    text, data = token.token, token.bytes
    plain: list[bytes | None] = []
    if data and LOST_BYTES not in data:
        plain.append(data)
    if text:
        plain.append(encode(text))
    if not text.isascii():
        plain.append(of_alphabet(text))
    escaped = tuple(ESCAPE.split(text)) if "\\x" in text else ()
    lossy = tuple(_LOST_RUN.split(text)) if LOST in text or not text else ()
    return _TokenReading(tuple(p for p in dict.fromkeys(plain) if p), escaped, lossy)


def _trim(readings: list[_TokenReading], data: bytes) -> int:
    """Strip white space from the first tokens if the text begins without it.

    Returns the number of tokens that are only white space.
    """
    for index, reading in enumerate(readings):
        if reading.lossy or not reading.plain:
            return 0
        if index == 0 and _begins(reading.plain, data):
            return 0
        bare = tuple(filter(None, (plain.lstrip() for plain in reading.plain)))
        if bare and not _begins(bare, data):
            return 0
        if bare:
            readings[index] = reading._replace(plain=bare)
            return index
    return 0


def _begins(plain: tuple[bytes, ...], data: bytes) -> bool:
    return any(data.startswith(p) or (data and p.startswith(data)) for p in plain)


def _walk(readings: Sequence[_TokenReading], data: bytes) -> list[Place]:
    places: list[Place] = []
    at = 0
    while len(places) < len(readings):
        segment, at = _segment(readings, len(places), at, data)
        places += segment
        if len(places) == len(readings):
            break
        if _reaches_past(readings[len(places)], data[at:]):
            places.append((at, len(data)))
            at = len(data)
        first, at = _resume(readings, len(places), at, data)
        places += [None] * (first - len(places))
    return places


def _reaches_past(reading: _TokenReading, rest: bytes) -> bool:
    """Return whether the text ends inside this token."""
    return bool(rest) and any(plain.startswith(rest) for plain in reading.plain)


def _segment(
    readings: Sequence[_TokenReading], first: int, at: int, data: bytes
) -> tuple[list[Place], int]:
    """Align as many tokens as fit without a gap; return their places and end."""
    states = [[_State(at, at, 0, at)]]
    for reading in readings[first:]:
        after = _step(reading, states[-1], data)
        if not after:
            break
        states.append(after)
    return _retrace(states, len(data))


def _step(reading: _TokenReading, states: list[_State], data: bytes) -> list[_State]:
    found: dict[tuple[int, int], _State] = {}
    for before, state in enumerate(states):
        for start, stop in _match_known(reading, data, state.low, state.high):
            found.setdefault((stop, stop), _State(stop, stop, before, start))
        if reading.lossy:
            for after in _match_lossy(reading.lossy, data, state, before):
                found.setdefault(after[:2], after)
    kept = [*found.values()][:MAX_BRANCHES]
    return sorted(kept, key=lambda after: _is_last_resort(after, states[after.before]))


def _is_last_resort(after: _State, before: _State) -> bool:
    """Sort key: true if lost tokens get the least text possible, a last resort."""
    return after.start == before.low < before.high


def _match_known(
    reading: _TokenReading, data: bytes, low: int, high: int
) -> Iterator[tuple[int, int]]:
    """Yield start and end of a token with known bytes, starting in [low, high]."""
    for plain in reading.plain:
        for start in _occurrences(plain, data, low, high):
            yield start, start + len(plain)
    if reading.escaped:
        for start in range(low, high + 1):
            stop = _match_escaped(reading.escaped, data, start)
            if stop >= 0:
                yield start, stop


def _occurrences(part: bytes, data: bytes, low: int, high: int) -> Iterator[int]:
    """Yield the offsets in [low, high] at which ``part`` occurs in ``data``."""
    found = data.find(part, low, high + len(part))
    while found >= 0:
        yield found
        found = data.find(part, found + 1, high + len(part))


def _match_escaped(pieces: Sequence[str], data: bytes, at: int) -> int:
    """Return where ``pieces`` end in ``data``, or -1 if they do not match.

    Each escape may match literally or as its byte.
    """
    for place, piece in enumerate(pieces):
        literal = encode(piece)
        if data.startswith(literal, at):
            at += len(literal)
        elif place % 2 and data[at : at + 1] == bytes.fromhex(piece[2:]):
            at += 1
        else:
            return -1
    return at


def _match_lossy(
    pieces: Sequence[str], data: bytes, state: _State, before: int
) -> list[_State]:
    """Return where a token with lost bytes may end: each run is an unknown stretch."""
    spans = [(state.low, state.high, -1)]
    if pieces == ("",):
        spans = [(state.low, state.high + MAX_EMPTY_BYTES, -1)]
    for place, piece in enumerate(pieces):
        if place % 2:
            most = MAX_LOST_BYTES * len(piece)
            spans = [(low + len(piece), high + most, at) for low, high, at in spans]
        elif piece:
            literal = encode(piece)
            spans = [
                (at + len(literal), at + len(literal), start if place else at)
                for low, high, start in spans
                for at in _occurrences(literal, data, low, high)
            ]
    size = len(data)
    return [
        _State(low, min(high, size), before, start)
        for low, high, start in spans
        if low <= size
    ]


def _retrace(states: list[list[_State]], size: int) -> tuple[list[Place], int]:
    last = next(
        (i for i, state in enumerate(states[-1]) if state.low <= size <= state.high), 0
    )
    end = at = min(states[-1][last].high, size)
    places: list[Place] = []
    sharing = 0
    for row, row_before in zip(states[:0:-1], states[-2::-1], strict=True):
        sharing += 1
        start, last = row[last].start, row[last].before
        before = row_before[last]
        if start < 0 and before.low == before.high:
            start = before.low
        if start >= 0:
            places += [(start, at)] * sharing
            at, sharing = start, 0
    return places[::-1], end


def _resume(
    readings: Sequence[_TokenReading], first: int, at: int, data: bytes
) -> tuple[int, int]:
    """Return the nearest token and byte from which tokens and text agree again."""
    if at == len(data):
        return len(readings), at
    best = (RESUME_BYTES, min(first + RESUME_TOKENS, len(readings)), at)
    skipped = 0
    for token in range(first, best[1]):
        if skipped >= best[0]:
            break
        if not readings[token].plain:
            continue
        for count in RESUME_PROBES:
            probe = _probe(readings[token : token + count])
            found = data.find(probe, at, at + RESUME_BYTES)
            if found >= 0:
                missing = RESUME_PROBES[0] - count
                cost = found - at + skipped + PROBE_PENALTY * missing
                best = min(best, (cost, token, found))
        skipped += len(readings[token].plain[0])
    return best[1:]


def _probe(readings: Sequence[_TokenReading]) -> bytes:
    return b"".join(reading.plain[0] for reading in readings if reading.plain)
