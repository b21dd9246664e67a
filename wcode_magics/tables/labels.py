"""Classification of rows into labels, with the probability of each label."""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from wcode_magics.errors import AnswerError
from wcode_magics.logprobs.label_masses import LabelConfidence
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import GOOD, ending_of
from wcode_magics.tables.task import Task, refuse_empty

UNCOVERED = 0.05
"""Probability outside the labels above which theirs are treated as unknown."""
ALIKE = 1e-6
"""Difference of probabilities that are equal up to rounding of their logarithms."""
_WIDE = r"\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
"""Letters of scripts that put no spaces between words."""
_LETTER = rf"[^\W{_WIDE}]"
_SPACELESS = re.compile(f"[{_WIDE}]")
_NOT = re.compile(
    rf"((?<!{_LETTER})(not|no|never|neither)|n['’]t)(\s+\w+){{0,2}}\W*$"
    r"|([不没沒](?!错|錯)|[未无無](?!疑)|非(?!常))\w{0,8}\W*$"
)
"""Negation before a label. 不错, 无疑 and 非常 are not negations."""
_QUOTES = " \t\r\n\"'`*.。!！“”‘’「」"


@dataclass(frozen=True)
class Classify(Task):
    """Task that asks for one of several labels, with the probability of each.

    The probabilities are missing if more than :data:`UNCOVERED` of the mass lies
    outside the labels: normalizing the rest to 1 would be misleading.
    """

    labels: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Field, ...]:
        """The label, its probability, that of each label, and the mass on none."""
        shares = (Field(f"{self.into}_p_{label}", "float") for label in self.labels)
        label = Field(self.into, "choice", self.labels)
        best = Field(f"{self.into}_p", "float")
        uncovered = Field(f"{self.into}_uncovered", "float")
        return (label, best, *shares, uncovered, *self._detail_columns)

    def read(self, reply: Reply) -> tuple[Any, ...]:
        """Return the likeliest label, else the one in the text; unknown p are nan."""
        label, sure = self._label(reply), self._sure(reply)
        shares: Mapping[str, float] = {}
        if _is_covered(sure):
            label, shares = _likeliest(sure, label), sure.shares
        return (
            label,
            shares.get(label, math.nan),
            *(shares.get(other, math.nan) for other in self.labels),
            math.nan if sure is None else sure.uncovered,
            *self._details(reply),
        )

    def ending(self, reply: Reply) -> str:
        """Return the row status; a complete label is complete however it ended.

        The status is ``disagrees`` if the label is not the likeliest one.
        """
        word = ending_of(reply)
        if word == "truncated" and self._is_whole(reply):
            word = ending_of(replace(reply, finish_reason="stop"))
        if word not in GOOD:
            return word
        try:
            said, sure = self._label(reply), self._sure(reply)
        except AnswerError:
            return word
        agrees = not _is_covered(sure) or _likeliest(sure, said) == said
        return word if agrees else "disagrees"

    def _is_whole(self, reply: Reply) -> bool:
        """Return whether a truncated answer is a complete label and nothing else."""
        said = reply.text
        label = self._exact(said)
        if label is None or reply.finish_reason != "length":
            return False
        if said[-1].isspace() or (len(said.strip()) > 1 and said.strip()[-1] == '"'):
            return True
        words = (folded(one) for one in self.labels if one != label)
        return not any(one.startswith(folded(label)) for one in words)

    def _exact(self, text: str) -> str | None:
        """Return the label equal to a text, ignoring case, quotes and white space."""
        labels = {folded(label): label for label in self.labels}
        said, raw = folded(_decoded(text)), folded(text)
        words = (said, raw, said.strip(_QUOTES))
        return next((labels[word] for word in words if word in labels), None)

    def _label(self, reply: Reply) -> str:
        refuse_empty(reply)
        exact = self._exact(reply.text)
        if exact is not None:
            return exact
        known = {folded(label): label for label in self.labels}
        said = folded(_decoded(reply.text))
        held, rest, denied = [], said, False
        for word in sorted(known, key=len, reverse=True):
            spoken = _spoken(word)
            found = spoken.search(rest)
            if found:
                held.append(word)
                denied = denied or bool(_NOT.search(rest[: found.start()]))
                rest = spoken.sub("\0", rest)
        if len(held) != 1 or denied:
            labels = ", ".join(self.labels)
            raise AnswerError("frame.no_label", given=said[:60], labels=labels)
        return known[held[0]]

    def _sure(self, reply: Reply) -> LabelConfidence | None:
        if reply.logprobs is None:
            return None
        return reply.confidence(labels=self.labels)


def _is_covered(sure: LabelConfidence | None) -> TypeGuard[LabelConfidence]:
    """Return whether nearly all of the probability is on the labels."""
    return sure is not None and sure.uncovered <= UNCOVERED


def _likeliest(sure: LabelConfidence, said: str) -> str:
    """Return the likeliest label; on a tie, the one in the text."""
    best = sure.best
    alike = best is None or sure.masses[best] - sure.masses[said] <= ALIKE
    return said if best is None or alike else best


def folded(text: str) -> str:
    """Normalize a text for comparison: NFC, stripped, case-folded."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def _decoded(said: str) -> str:
    """Decode a JSON string, the format asked for; return other text unchanged."""
    try:
        value = json.loads(said, strict=False)
    except (ValueError, RecursionError):
        return said
    return value if isinstance(value, str) else said


def _spoken(word: str) -> re.Pattern[str]:
    """Return a pattern for a whole word; scripts without spaces need no boundary."""
    before, after = (
        "" if _SPACELESS.match(edge) else _LETTER for edge in (word[0], word[-1])
    )
    left = f"(?<!{before})" if before else ""
    return re.compile(left + re.escape(word) + (f"(?!{after})" if after else ""))
