"""Detect prompts that a server silently truncated, from its token counts.

Servers whose context is shorter than the prompt drop its beginning without an error
(Ollama: 4,096 tokens unless set). The count in ``usage`` reveals this even without the
model's tokenizer: it is below the minimum of any vocabulary for the text, equal for
prompts of clearly different lengths, or lower than an earlier count of the same
conversation. If the tokenizer is known, the text is tokenized instead.

:func:`fewest` computes that minimum. BPE and unigram tokenizers split at words:
English prose has 1.1 to 1.4 tokens per word, and even the few vocabularies that join
words have more than :data:`_WEIGHTS` assumes. In the vocabularies of Qwen, DeepSeek,
o200k and SentencePiece models, a token holds at most two to five Chinese characters
or three digits. Runs of white space and punctuation can form one token of any length,
so they count as zero.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from wcode_magics.protocol import models, token_counts
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.text import say

LEAST = 256
"""Tokens or characters below which a prompt fits into any context."""
SPREAD = 1.3
"""Ratio of lengths from which two prompts count as clearly different."""
MANY = 3
"""Number of prompts of different length that do not share a count by chance."""
TEMPLATE = 64
"""Tokens by which a chat template may be shorter than the one counted here."""
MARKS = 8
"""Tokens around an answer that a template may omit from the next turn's prompt."""
ANEW = 0.05
"""Fraction of an answer's tokens that may vanish when its text is tokenized again."""

_WEIGHTS = tuple(
    (re.compile(pattern), weight)
    for pattern, weight in (
        (r"[\u3400-\u9fff\uf900-\ufaff]", 0.2),  # Chinese characters
        (r"[\u3040-\u30ff\uac00-\ud7af]", 0.2),  # kana, hangul
        (r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+", 0.5),
        (r"[0-9]", 0.1),
    )
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A truncated prompt: the server read ``read`` of about ``sent`` tokens.

    ``turn`` is the first turn that was read; None if the prompt has only one turn.
    """

    read: int
    sent: int
    turn: int | None = None

    @property
    def facts(self) -> dict[str, str]:
        """Both numbers, formatted for messages."""
        return {"read": f"{self.read:,}", "sent": f"{self.sent:,}"}

    def __str__(self) -> str:
        sentence = say("errors.cut_prompt", **self.facts)
        return (
            sentence
            if self.turn is None
            else sentence + say("cut.turn", turn=self.turn)
        )


class Length(msgspec.Struct, frozen=True, gc=False):
    """Length of a prompt: ``read`` tokens counted by the server, and characters."""

    read: int
    characters: int


def fewest(text: str) -> int:
    """Return the minimum number of tokens of a text in any vocabulary."""
    return int(sum(weight * len(p.findall(text)) for p, weight in _WEIGHTS))


def cut_of(reply: Reply) -> Cut | None:
    """Return how the prompt of a reply was truncated, or None if undetected."""
    read, texts = _read(reply), reply.request.texts
    if not read or reply.from_sandbox or sum(map(len, texts)) < LEAST:
        return None
    known = max(reply.prompt_least or 0, _counted(reply, read))
    if known < LEAST or known <= read:
        known = _bound(read, texts)
        if known < LEAST or known <= read:
            return None
    about = token_counts.count_request(
        reply.request, count=token_counts.estimate
    ).tokens
    sent = max(known, about)
    return Cut(read, sent, _turn(reply.request, read * about / sent))


def least_of(reply: Reply) -> int | None:
    """Return the minimum tokens of a conversation after a reply, or None if unknown.

    Reasoning is not part of the next prompt, though endpoints that hide it still
    count it in the answer.
    """
    thought = any(message.reasoning for message in reply.request.messages)
    if reply.usage is None or thought or not reply.is_whole:
        return None
    answered = reply.usage.completion_tokens - (reply.usage.reasoning_tokens or 0)
    answered = min(answered, token_counts.estimate(reply.text).most)
    return reply.usage.prompt_tokens + int(answered * (1 - ANEW)) - MARKS


def length_of(reply: Reply) -> Length | None:
    """Return the length of a prompt that may have been truncated, else None."""
    read = _read(reply)
    if read < LEAST or reply.from_sandbox:
        return None
    return Length(read, sum(map(len, reply.request.texts)))


def alike(lengths: Sequence[Length]) -> dict[int, Cut]:
    """Return, by index, the prompts of different length but equal token count."""
    groups: dict[int, list[int]] = {}
    for place, one in enumerate(lengths):
        groups.setdefault(one.read, []).append(place)
    found: dict[int, Cut] = {}
    for read, places in groups.items():
        sizes = {lengths[place].characters for place in places}
        if len(sizes) >= MANY and max(sizes) > SPREAD * min(sizes):
            each = read / min(sizes)
            for place in places:
                found[place] = Cut(read, round(each * lengths[place].characters))
    return found


def _bound(read: int, texts: Sequence[str]) -> int:
    """Return :func:`fewest` of all texts, or 0 if a quick check shows it too low."""
    if read >= sum(map(_about, texts)):
        return 0
    return sum(map(fewest, texts))


def _counted(reply: Reply, read: int) -> int:
    """Return the tokens of the prompt if the tokenizer is known, else 0."""
    row = models.find(reply.request.model, reply.base_url)
    if row is None or not row.tokenizer:
        return 0
    if (
        read
        > token_counts.count_request(reply.request, count=token_counts.estimate).most
    ):
        return 0
    count = token_counts.count_request(reply.request, reply.base_url)
    return count.tokens - TEMPLATE if count.exact else 0


def _about(text: str) -> float:
    """Return a cheap estimate that :func:`fewest` never exceeds by much."""
    return len(text.split()) if text.isascii() else len(text) / 4


def _read(reply: Reply) -> int:
    """Return prompt tokens that were read; some servers count cached ones apart."""
    usage = reply.usage
    return 0 if usage is None else usage.prompt_tokens + (usage.cached_tokens or 0)


def _turn(request: Request, read: float) -> int | None:
    """Return the first turn read at least in part; None for a single turn."""
    asked = [m for m in request.messages if m.role == "user"]
    left, number = read, len(asked)
    if number < 2:
        return None
    messages = [message for message in request.messages if message.role != "system"]
    for message in reversed(messages):
        left -= token_counts.estimate(message.content or "").tokens
        if left <= 0 or number == 1:
            break
        number -= message.role == "user"
    return max(number, 1)
