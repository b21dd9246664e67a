"""Requests that classify a row, and what their replies say about the labels.

The first request leaves the answer free, so that the alternatives of its first token
show the probability of every label: a grammar would show those among what it allows,
which depends on the server and on its 20 alternatives at most. Only where the
alternatives do not cover the labels is the row asked again with the labels as a
grammar. Measured on SmolLM2-135M against all tokens of its vocabulary (10 rows, two
orders): shares from the free answer are off by 0.004 on average, those from a grammar
and 5 alternatives by 0.09.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.logprobs.confidence import HIDDEN
from wcode_magics.logprobs.label_masses import LabelConfidence, beginnings, of_labels
from wcode_magics.protocol import prefixes
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.prefill import starts_anew
from wcode_magics.session.branch import continuation

UNCOVERED = 0.05
"""Probability outside the labels above which those under a grammar are unknown."""
LEAST_COVERED = 0.05
"""Probability on the labels below which a free answer is no evidence for them."""
_FORM = "response_format"

Done = Mapping[str, Reply]
"""Replies of a row by the hash of their request."""


@dataclass(frozen=True, slots=True)
class LabelAnswer:
    """Answer to one question; ``sure`` is None if the probabilities are unknown.

    ``reply`` is the reply whose text and ending count; ``uncovered`` the probability
    outside the labels, nan if the probabilities are those under a grammar.
    """

    reply: Reply
    sure: LabelConfidence | None
    uncovered: float


@dataclass(frozen=True)
class LabelPlan:
    """Plan for classifying a row.

    ``wordings`` are the sentences that list the labels, one for each order to ask in;
    prompts end in the first. ``form`` is the ``response_format`` with the labels, empty
    if the endpoint refuses it.
    ``exact``: complete beginnings of several labels, which are sent in ``dialect``.
    """

    labels: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()
    form: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False
    dialect: str = ""

    def siblings(self, request: Request) -> list[Request]:
        """Return the same question with the labels in the other orders."""
        return [_reworded(request, self.wordings[0], one) for one in self.wordings[1:]]

    def answer(
        self, request: Request, done: Done, reads: Callable[[Reply], object]
    ) -> LabelAnswer | tuple[Request, ...]:
        """Return the answer to one question, or the requests it still needs.

        ``reads`` reads the label of a text; raises AnswerError if there is none.
        """
        free = done.get(request.hash)
        if free is None:
            return (request,)
        sure = self._sure(free)
        if self.exact and sure is not None:
            after = self._after(free, done)
            missing = tuple(self._missing(free, after))
            if missing:
                return missing
            sure = of_labels(_logprobs(free), self.labels, after=after)
        left = math.nan if sure is None else sure.uncovered
        if sure is not None and _covers(sure, free.request):
            return LabelAnswer(free, sure, left)
        has_text = not free.refusal and free.text.strip()
        if (
            _FORM in request.params
            or not self.form
            or not has_text
            or (sure is None and _reads(reads, free))
        ):
            return LabelAnswer(free, None, left)
        constrained = replace(
            request, params={**request.params, _FORM: dict(self.form)}
        )
        forced = done.get(constrained.hash)
        if forced is None:
            return (constrained,)
        sure = self._sure(forced)
        if sure is not None and _covers(sure, constrained):
            return LabelAnswer(forced, sure, math.nan)
        if math.isnan(left) and sure is not None:
            left = sure.uncovered
        return LabelAnswer(forced, None, left)

    def _sure(self, reply: Reply) -> LabelConfidence | None:
        if reply.logprobs is None or reply.logprobs.certain:
            return None
        return reply.confidence(labels=self.labels)

    def _missing(self, free: Reply, after: Mapping[str, Any]) -> Iterator[Request]:
        for text in beginnings(_logprobs(free), self.labels, after):
            yield _next_token(free, text, self.dialect)

    def _after(self, free: Reply, done: Done) -> dict[str, Any]:
        """Return the known tokens after beginnings, by the text of the beginning.

        Raises:
            UsageError: the endpoint began new answers.
        """
        found: dict[str, Reply] = {}
        head = len(free.request.messages)
        for reply in done.values():
            text = prefixes.beginning(reply.request, plain=True)
            same_prompt = reply.request.messages[:head] == free.request.messages
            if (
                text is not None
                and same_prompt
                and reply.request.model == free.request.model
            ):
                found[text] = reply
        if starts_anew(free, ((_depth(text, found), found[text]) for text in found)):
            raise UsageError("frame.ignored")
        none = replace(_logprobs(free), tokens=())
        return {
            text: reply.logprobs or replace(none, text=text)
            for text, reply in found.items()
        }


def _depth(text: str, shorter: Iterable[str]) -> int:
    """Return the most tokens of a beginning: each came after a shorter one."""
    return sum(text.startswith(one) for one in shorter)


def _next_token(reply: Reply, text: str, dialect: str) -> Request:
    """Return the request for the one token that follows ``text`` as the answer."""
    return continuation(replace(reply, text=text), {"max_tokens": 1}, dialect)


def continues(request: Request) -> bool:
    """Return whether a request asks to continue a text."""
    return prefixes.beginning(request, plain=True) is not None


def orders(labels: Sequence[str], number: int) -> list[tuple[str, ...]]:
    """Return orders of labels: as given, reversed, rotated, then all the others."""
    own = tuple(labels)
    turned = [own[k:] + own[:k] for k in range(1, len(own))]
    every = itertools.chain([own, own[::-1]], turned, itertools.permutations(own))
    return list(itertools.islice(dict.fromkeys(itertools.islice(every, 2000)), number))


def averaged(found: Sequence[LabelConfidence]) -> LabelConfidence:
    """Return the mean of the probabilities of several answers."""
    if len(found) == 1:
        return found[0]
    count = len(found)
    shares, masses = (
        {
            label: math.fsum(getattr(one, kind)[label] for one in found) / count
            for label in found[0].shares
        }
        for kind in ("shares", "masses")
    )
    left = math.fsum(one.uncovered for one in found) / count
    return LabelConfidence(shares, masses, left)


def _covers(sure: LabelConfidence, request: Request) -> bool:
    """Return whether alternatives cover the labels, so that their shares are known.

    In a free answer a label may be missing only if no unlisted token can have more than
    :data:`HIDDEN` of what is on the labels.
    """
    if _FORM in request.params:
        return sure.uncovered <= UNCOVERED
    covered = math.fsum(sure.masses.values())
    known = all(sure.masses.values()) or sure.unlisted <= HIDDEN * covered
    return known and covered >= LEAST_COVERED


def _logprobs(reply: Reply) -> Any:
    assert reply.logprobs is not None
    return reply.logprobs


def _reads(reads: Callable[[Reply], object], reply: Reply) -> bool:
    try:
        reads(reply)
    except AnswerError:
        return False
    return True


def _reworded(request: Request, before: str, after: str) -> Request:
    """Return a request whose prompt ends in another sentence."""
    messages = list(request.messages)
    for place in reversed(range(len(messages))):
        content = messages[place].content or ""
        if content.endswith(before):
            text = content.removesuffix(before) + after
            messages[place] = replace(messages[place], content=text)
            break
    return request.with_messages(tuple(messages))
