"""Branching of a reply at a token, and the request that continues from there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wcode_magics.errors import UsageError
from wcode_magics.logprobs.byte_dialects import decode, spelt
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.position import Position
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.protocol import parameters, prefixes, providers
from wcode_magics.protocol.reply import Reply, is_answer, logprobs_of
from wcode_magics.protocol.request import Request


def continuation(
    beginning: Reply, options: Mapping[str, Any], dialect: str = ""
) -> Request:
    """Return the request that makes the model continue the text of ``beginning``.

    The text replaces an earlier beginning. ``dialect`` is a row of
    :data:`~wcode_magics.protocol.prefixes.PREFIXES`; of any other word, it is that of
    the provider at the reply's host, else that of vLLM and SGLang, which others ignore.
    Parameters and model in ``options`` override those of the first request.

    Raises:
        UsageError: the reply is not an answer.
    """
    if not is_answer(beginning):
        raise UsageError("no_beginning")
    own = {n: v for n in parameters.NAMES if (v := options.get(n)) is not None}
    if dialect not in prefixes.PREFIXES:
        provider = providers.at(beginning.base_url)
        dialect = (provider and provider.prefix) or prefixes.DEFAULT
    request = prefixes.without(beginning.request, plain=_is_joined(beginning))
    request = replace(
        request,
        model=options.get("model") or request.model,
        params={**request.params, **own},
    )
    return prefixes.begun(request, beginning.text, dialect)


def prefix_of(reply: Reply) -> str | None:
    """Return the beginning that a reply's request asks to continue, or None."""
    return prefixes.beginning(reply.request, plain=_is_joined(reply))


def _is_joined(reply: Reply) -> bool:
    """Return whether a reply, or the one it branches off, went on from a beginning."""
    return (reply.parent or reply).seam is not None


def branched(reply: Reply, position: int, alternative: int | str) -> Reply:
    """Return a child's beginning: ``reply`` up to ``position``, then ``alternative``.

    ``position`` is a token number as in the heat map; ``alternative`` is the number of
    one shown there, 1 the most likely, or its text. The server retokenizes the text,
    which may differ at the seam.

    Raises:
        UsageError: there are no token probabilities, no such token or alternative,
            or the text would end inside a character.
    """
    logprobs = logprobs_of(reply)
    if not 0 <= position < len(logprobs):
        last = len(logprobs) - 1
        raise UsageError("branch.no_position", given=position, last=last)
    chosen = _chosen(logprobs, logprobs.positions[position], alternative)
    raw = spelt(chosen, alphabet=logprobs.alphabet)
    text = decode(logprobs.data[: _start(logprobs, position)] + raw) if raw else None
    if text is None:
        shown = logprobs.readable(chosen)
        raise UsageError("branch.splits", given=shown, position=position)
    taken = TokenLogprob(
        chosen.token, chosen.logprob, chosen.bytes, reply.tokens[position].top
    )
    tokens = (*reply.tokens[:position], taken)
    return replace(reply, text=text, tokens=tokens, parent=reply, seam=None)


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
    matches = [n for n, word in enumerate(words) if word.strip() == alternative]
    if len(matches) == 1:
        return shown[matches[0]]
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
