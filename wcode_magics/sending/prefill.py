"""Join a prefilled beginning and the model's continuation into one reply.

Not every endpoint continues from a prefilled assistant message. Some repeat it before
continuing (llama.cpp, vLLM with ``echo``), and some start a new turn. The latter is
detected in two ways. A turn that ends and begins again costs some four prompt tokens
more than the question and the beginning. And a new answer often begins like the first
one. A new answer that shows neither cannot be detected.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from wcode_magics.logprobs.byte_dialects import encode
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.logprobs.token_bytes import place_tokens
from wcode_magics.logprobs.word_diff import common_start
from wcode_magics.protocol.messages import Seam
from wcode_magics.protocol.reply import Reply

TURN_TOKENS = 3
"""Extra prompt tokens that indicate a new turn; retokenizing the text adds fewer."""

ALIKE = 12
"""Length in characters of a common prefix that is not a coincidence."""

TELLING = 3
"""Minimum length in characters of a beginning whose repetition is not a coincidence."""


def joined(before: Reply, after: Reply) -> Reply:
    """Join the beginning ``before`` and the continuation ``after`` into a child reply.

    Its parent is ``before.parent``; its ``seam`` says how the endpoint treated the
    beginning. A recorded answer already includes the beginning and a seam.
    """
    whole = replace(after, parent=before.parent)
    if after.seam is not None:
        return whole
    if _is_anew(before, after):
        return replace(whole, seam=Seam(0, "ignored"))
    if _is_repeated(before, after):
        seam = Seam(len(before.text), "repeated")
        return replace(whole, seam=seam, tokens=_tokens_of_both(before, after))
    both = bool(before.tokens) and bool(after.tokens)
    return replace(
        whole,
        text=before.text + after.text,
        tokens=(*before.tokens, *after.tokens) if both else (),
        seam=Seam(len(before.text), "kept"),
    )


def starts_anew(first: Reply, after: Iterable[tuple[int, Reply]]) -> bool:
    """Return whether an endpoint answers anew where it is to go on from beginnings.

    ``after`` are replies to the request of ``first`` with a beginning, with the most
    tokens that this has. An endpoint either goes on or does not, so that one reply
    whose prompt grew by no more than its beginning decides; where prompts do not grow,
    all begin as ``first`` does.
    """
    completed = list(after)
    usages = [(tokens, first.usage, reply.usage) for tokens, reply in completed]
    grown = [
        (more.prompt_tokens - before.prompt_tokens, tokens)
        for tokens, before, more in usages
        if before is not None and more is not None
    ]
    known = [more - tokens for more, tokens in grown if more > 0]
    if known:
        return min(known) >= TURN_TOKENS
    texts = [reply.text for _tokens, reply in completed if reply.text]
    return bool(texts) and all(first.text.startswith(text) for text in texts)


def _is_anew(before: Reply, after: Reply) -> bool:
    excess = _excess(before, after)
    if not after.text or (excess is not None and -TURN_TOKENS < excess <= 0):
        return False
    if excess is not None and excess >= TURN_TOKENS:
        return True
    if _is_repeated(before, after):
        return False
    return any(_begins_alike(elder.text, after.text) for elder in _ancestors(before))


def _begins_alike(first: str, second: str) -> bool:
    shared = common_start(first, second)
    return first == second or shared >= max(TELLING, min(len(first), ALIKE))


def _excess(before: Reply, after: Reply) -> int | None:
    """Return the prompt tokens beyond question and beginning; None if unknown."""
    *_, eldest = _ancestors(before)
    parent = before.parent
    if parent is None or parent.usage is None or after.usage is None or eldest.trace:
        return None
    if before.text == parent.text:
        return after.usage.prompt_tokens - parent.usage.total_tokens
    first = eldest.usage
    if first is None or abs(first.completion_tokens - len(eldest.tokens)) > 1:
        return None
    return after.usage.prompt_tokens - first.prompt_tokens - len(before.tokens)


def _ancestors(reply: Reply) -> Iterator[Reply]:
    """Yield the parent, its parent and so on; the reply itself if it has none."""
    if reply.parent is None:
        yield reply
    while reply.parent is not None:
        reply = reply.parent
        yield reply


def _is_repeated(before: Reply, after: Reply) -> bool:
    if not after.text.startswith(before.text):
        return False
    if not after.tokens or len(before.text.strip()) >= TELLING:
        return len(before.text.strip()) >= TELLING
    return not _covers(after.tokens, before.text, after.text)


def _tokens_of_both(before: Reply, after: Reply) -> tuple[TokenLogprob, ...]:
    if not after.tokens or _covers(after.tokens, before.text, after.text):
        return after.tokens
    return (*before.tokens, *after.tokens) if before.tokens else ()


def _covers(tokens: tuple[TokenLogprob, ...], beginning: str, text: str) -> bool:
    """Return whether the tokens also spell the beginning, not only the rest."""
    rest = text[len(beginning) :]
    whole, part = (place_tokens(tokens, encode(one)) for one in (text, rest))
    return sum(p is not None for p in whole) > sum(p is not None for p in part)
