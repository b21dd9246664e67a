"""Branching of a reply at a token, and the request that continues from there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wcode_magics.errors import UsageError
from wcode_magics.logprobs.byte_dialects import decode, spelt
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import visible
from wcode_magics.logprobs.position import Position
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol import parameters, providers
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.providers import PREFIXES, Provider
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.unread_body import is_answer

_BODY = frozenset(name for prefix in PREFIXES.values() for name in prefix.body)


def onward(
    beginning: Reply,
    given: Mapping[str, Any],
    provider: Provider | None = None,
    measured: str = "",
) -> Request:
    """Return the request that makes the model continue the text of ``beginning``.

    The text is sent as a partial assistant message, in the dialect of the provider
    (None: the one at the reply's host; if it is unknown, that of vLLM and SGLang,
    which others ignore), and replaces an earlier one. ``measured`` is the dialect that
    a probe found to work. Parameters and model in ``given`` override those of the first
    request.

    Raises:
        UsageError: what came was no answer.
    """
    if not is_answer(beginning):
        raise UsageError("no_beginning")
    own = {n: v for n in parameters.NAMES if (v := given.get(n)) is not None}
    asked = beginning.request
    provider = provider or providers.at(beginning.base_url)
    known = measured if measured in PREFIXES else provider and provider.prefix
    prefix = PREFIXES[known or next(iter(PREFIXES))]
    head = asked.messages[:-1] if is_prefixed(beginning) else asked.messages
    said = Message("assistant", beginning.text, flags=prefix.flags)
    kept = {name: value for name, value in asked.extra.items() if name not in _BODY}
    return replace(
        asked,
        model=given.get("model") or asked.model,
        messages=(*head, said),
        params={**asked.params, **own},
        extra={**kept, **prefix.body},
    )


def is_prefixed(beginning: Reply) -> bool:
    """Return whether the last message of a reply's request is a beginning of it."""
    asked, reply = beginning.request, beginning.parent or beginning
    last = asked.messages[-1]
    told = last.flags or reply.seam is not None or bool(_BODY & set(asked.extra))
    return last.role == "assistant" and bool(told)


def branched(reply: Reply, position: int, alternative: int | str) -> Reply:
    """Return a child's beginning: ``reply`` up to ``position``, then ``alternative``.

    ``position`` is a token number as in the heat map; ``alternative`` is the number of
    one shown there, 1 the most likely, or its text. The server retokenizes the text,
    which may differ at the seam.

    Raises:
        UsageError: there are no token probabilities, no such token or alternative,
            or the text would end inside a character.
    """
    logprobs = reply.logprobs
    if logprobs is None:
        raise UsageError("logprobs.none")
    if not 0 <= position < len(logprobs):
        last = len(logprobs) - 1
        raise UsageError("branch.no_position", given=position, last=last)
    chosen = _chosen(logprobs, logprobs.positions[position], alternative)
    raw = spelt(chosen, alphabet=logprobs.alphabet)
    text = decode(logprobs.data[: _start(logprobs, position)] + raw) if raw else None
    if text is None:
        given = logprobs.readable(chosen)
        raise UsageError("branch.splits", given=given, position=position)
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
    alike = [n for n, word in enumerate(words) if word.strip() == alternative]
    if len(alike) == 1:
        return shown[alike[0]]
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
