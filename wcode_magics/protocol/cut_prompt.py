"""Whether a server read a prompt from its beginning, by the tokens it counted.

Servers with a context shorter than the prompt drop its beginning and say nothing
(Ollama: 4,096 tokens unless set). The count in ``usage`` gives it away without the
model's own tokenizer: it is below what any vocabulary could need for the text, the
same for prompts of clearly different length, or less than the turns of a conversation
had when they were counted before. Where the tokenizer is known, the text is counted.

:func:`fewest` is that bound. Byte pairs and unigrams split at words: English prose has
1.1 to 1.4 tokens a word, and the few vocabularies that join words still more than
:data:`_WEIGHTS` says. One Chinese character in two to five is a token in the
vocabularies of Qwen, DeepSeek, o200k and SentencePiece models; up to three digits are
one. Blanks and punctuation run together without end, so they count for nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wcode_magics.protocol import models, token_counts
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.text import say

LEAST = 256
"""Shorter prompts fit into every context."""
SPREAD = 1.3
"""Prompts differ clearly in length where one is so many times another."""
MANY = 3
"""So many different prompts of clearly different length share no count by chance."""
TEMPLATE = 64
"""Tokens that a chat template may say less than the one that is counted here."""
MARKS = 8
"""Tokens around an answer that a template may leave out of the next turn's prompt."""
ANEW = 0.05
"""The part of an answer's tokens that may be fewer when its text is read anew."""

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
    """``read`` tokens of about ``sent`` were read; ``turn``: from which turn on.

    ``turn`` is None where the prompt has one turn alone.
    """

    read: int
    sent: int
    turn: int | None = None

    @property
    def facts(self) -> dict[str, str]:
        """Both numbers as they are told."""
        return {"read": f"{self.read:,}", "sent": f"{self.sent:,}"}

    def __str__(self) -> str:
        told = say("errors.cut_prompt", **self.facts)
        return told if self.turn is None else told + say("cut.turn", turn=self.turn)


@dataclass(frozen=True, slots=True)
class Length:
    """A prompt's length: ``read`` tokens as counted by the server, and characters."""

    read: int
    characters: int


def fewest(text: str) -> int:
    """Tokens that any vocabulary needs at least for a text."""
    return int(sum(weight * len(p.findall(text)) for p, weight in _WEIGHTS))


def cut_of(reply: Reply) -> Cut | None:
    """What the server left out of the prompt of a reply, None where nothing is seen."""
    read, texts = _read(reply), _texts(reply.request)
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
    """Tokens that a conversation has at least after a reply; None: nobody counted.

    Thinking is left out of the next prompt, and what an endpoint hides of it is
    counted in the answer all the same.
    """
    thought = any(message.reasoning for message in reply.request.messages)
    if reply.usage is None or thought or not reply.is_whole:
        return None
    said = reply.usage.completion_tokens - (reply.usage.reasoning_tokens or 0)
    said = min(said, token_counts.estimate(reply.text).most)
    return reply.usage.prompt_tokens + int(said * (1 - ANEW)) - MARKS


def length_of(reply: Reply) -> Length | None:
    """The length of a prompt that may have been cut."""
    read = _read(reply)
    if read < LEAST or reply.from_sandbox:
        return None
    return Length(read, sum(map(len, _texts(reply.request))))


def alike(lengths: Sequence[Length]) -> dict[int, Cut]:
    """Places of prompts that differ clearly in length and not in count."""
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
    """:func:`fewest` of all texts, or 0 where a look tells that it is not above."""
    if read >= sum(map(_about, texts)):
        return 0
    return sum(map(fewest, texts))


def _counted(reply: Reply, read: int) -> int:
    """The tokens of the prompt where the tokenizer is known, else 0."""
    if models.find(reply.request.model, reply.base_url) is None:
        return 0
    if (
        read
        > token_counts.count_request(reply.request, count=token_counts.estimate).most
    ):
        return 0
    count = token_counts.count_request(reply.request, reply.base_url)
    return count.tokens - TEMPLATE if count.exact else 0


def _about(text: str) -> float:
    """Quickly, as many tokens as no bound of a text exceeds by far."""
    return len(text.split()) if text.isascii() else len(text) / 4


def _read(reply: Reply) -> int:
    """Tokens of the prompt that were read; some servers tell cached ones apart."""
    usage = reply.usage
    return 0 if usage is None else usage.prompt_tokens + (usage.cached_tokens or 0)


def _texts(request: Request) -> list[str]:
    return [message.content or "" for message in request.messages]


def _turn(request: Request, read: float) -> int | None:
    """The first of several turns that was read at least in part."""
    asked = [m for m in request.messages if m.role == "user"]
    left, number = read, len(asked)
    if number < 2:
        return None
    said = [message for message in request.messages if message.role != "system"]
    for message in reversed(said):
        left -= token_counts.estimate(message.content or "").tokens
        if left <= 0 or number == 1:
            break
        number -= message.role == "user"
    return max(number, 1)
