"""Values of the skills: what they are asked, and the texts that they propose."""

from dataclasses import dataclass

from . import arithmetic
from .request_body import ParsedRequest

ENOUGH = 0.5
"""Least similarity of what counts as the same question or phrase."""

FEWEST = 0.02
"""Least weight of a candidate."""

_SHARP = 18.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Weighted text; ``opens`` and ``ends``: whether it starts or ends the answer."""

    text: str
    weight: float = 1.0
    opens: bool = True
    ends: bool = True


@dataclass(frozen=True, slots=True)
class SkillInput:
    """The last message, its language ("en", "zh"), and the level of verbosity."""

    request: ParsedRequest
    text: str
    language: str
    level: str


def weight(score: float, best: float) -> float:
    """Return the weight of a similarity; that of the best is 1."""
    return arithmetic.exp(_SHARP * (score - best))
