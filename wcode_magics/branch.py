"""Where an answer could have gone on otherwise."""

from wcode_magics.alignment import Answer
from wcode_magics.dialects import decode, spelt
from wcode_magics.errors import UsageError
from wcode_magics.logprobs import Logprobs
from wcode_magics.position import Position
from wcode_magics.values import Alternative
from wcode_magics.visible import visible


def branch_prefix(answer: Answer, position: int, alternative: int | str) -> str:
    """The answer up to token ``position``, with ``alternative`` in that token's place.

    ``alternative`` is the number of one that is shown there, 1 the most likely, or
    its text. Sent as the beginning of the assistant's turn, the model goes on from
    it. The server cuts the text into tokens anew, which may differ at the seam.

    Raises:
        UsageError: there is no such token or alternative, or the text would end
            inside a character.
    """
    logprobs = Logprobs(answer.tokens, answer.text)
    if not 0 <= position < len(logprobs):
        last = len(logprobs) - 1
        raise UsageError("branch.no_position", given=position, last=last)
    chosen = _chosen(logprobs, logprobs.positions[position], alternative)
    raw = spelt(chosen, alphabet=logprobs.alphabet)
    text = decode(logprobs.data[: _start(logprobs, position)] + raw) if raw else None
    if text is None:
        given = logprobs.readable(chosen)
        raise UsageError("branch.splits", given=given, position=position)
    return text


def _chosen(
    logprobs: Logprobs, position: Position, alternative: int | str
) -> Alternative:
    shown = position.alternatives
    if isinstance(alternative, int) and 0 < alternative <= len(shown):
        return shown[alternative - 1]
    words = [logprobs.readable(other) for other in shown]
    for spelling in (words, [visible(word) for word in words]):
        if alternative in spelling:
            return shown[spelling.index(str(alternative))]
    listed = ", ".join(f"{n} {visible(word)}" for n, word in enumerate(words, 1))
    raise UsageError(
        "branch.no_alternative",
        given=alternative,
        position=position.index,
        shown=listed or "–",
    )


def _start(logprobs: Logprobs, position: int) -> int:
    place = logprobs.places[position]
    if place is not None:
        return place[0]
    before = [place[1] for place in logprobs.places[:position] if place is not None]
    return max(before, default=0)
