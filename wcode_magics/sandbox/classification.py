"""Classification: find the labels that a prompt offers, and score the text for each."""

import json
import math
import re
from collections.abc import Sequence
from functools import cache

from . import analysis, arithmetic, library

_CUE = re.compile(
    r"(?:one of|one label from|labels?|categor(?:y|ies)|classes|options|choose from"
    r"|choose between|pick from|classify (?:it |this |the \w+ )?(?:as|into)|either"
    r"|标签|类别|选项|分类为|分为|从|选择|属于|判断(?:为|是))"
    r"(?:[^:：\n\"\[(]{0,30}[:：])?\s*[\[(\"]?([^\n.。?？!！:：\])]+)",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(?<!\s)\s*(?:,|，|、|/|\||;|；|\bor\b|\band\b|或者|或|还是|和)\s*"
)
_LISTED = re.compile(
    r"(?<![\w-])[\w-]+(?:\s*(?:,|，|、|/|\||\bor\b|或者|或|还是|和)+\s*(?:or )?[\w-]+)+"
)
_YES_NO = re.compile(
    r"\b(yes)\s*(?:or|/|,)\s*(no)\b|(?<!不)(是)\s*(?:或|还是|/|、)\s*(否)",
    re.IGNORECASE,
)
_CLASSIFY = (
    *("classify", "classification", "answer with", "label", "category", "choose"),
    "which of",
    *("分类", "标签", "类别", "选择", "判断"),
)
_STEEP = 2.0
_NEUTRAL = 0.9
_FARTHEST = -3.0
"""Limit of a label's score below the best, so that no label is impossible."""
_LONGEST_LABEL = 24
_NEGATIONS = library.words("negations")
_NEGATING = "不没别非"


def offered(text: str) -> list[str]:
    """Return the labels that a prompt offers, as written; empty if it offers none."""
    answers = _YES_NO.search(text)
    if answers:
        return [found for found in answers.groups() if found]
    for found in _LISTED.finditer(text):
        labels = [_trim(label) for label in _clean(found.group())]
        named = [label for label in labels if label.lower() in _names()]
        if len(named) >= 2 and len(labels) <= len(named) + 1:
            return named if library.CJK.search(text) else labels
    if analysis.has(text, *_CLASSIFY):
        for cue in _CUE.finditer(text):
            labels = _clean(cue.group(1))
            if len(labels) > 1:
                return labels
    if analysis.has(text, "sentiment"):
        return ["positive", "negative", "neutral"]
    if analysis.has(text, "情感", "情绪倾向", "褒贬"):
        return ["正面", "负面", "中性"]
    return []


def probabilities(labels: Sequence[str], text: str) -> list[float]:
    """Return the probability of each label: softmax of scores from its keywords."""
    if _YES_NO.fullmatch("/".join(labels)):
        return _affirmed(text)
    text = _without(text, labels)
    words = analysis.words(text)
    rows = [_row(label, labels) for label in labels]
    scores = [
        _score(label, row, words, text) for label, row in zip(labels, rows, strict=True)
    ]
    if not any(score > 0 for score in scores):
        scores = [
            score + (_NEUTRAL if row and "neutral" in row.names else 0.0)
            for score, row in zip(scores, rows, strict=True)
        ]
    best = max(scores)
    far = [_STEEP * max(score - best, _FARTHEST) for score in scores]
    exps = [arithmetic.exp(value) for value in far]
    return [value / math.fsum(exps) for value in exps]


def _affirmed(text: str) -> list[float]:
    """Return the probabilities of yes and no for the class named in the question."""
    question, _, rest = text.partition("?" if "?" in text else "？")
    words = set(analysis.words(question))
    for row in library.labels():
        named = [n for n in row.names if n in words or (len(n) > 1 and n in question)]
        if named and row.family != "yesno":
            family = [other for other in library.labels() if other.family == row.family]
            names = [named[0], *(other.names[0] for other in family if other != row)]
            share = probabilities(names, rest or question)[0]
            return [share, 1 - share]
    return probabilities(["true", "false"], text)


def _clean(text: str) -> list[str]:
    parts = [part.strip(" \"'“”`.*-()[]{}") for part in _SPLIT.split(text)]
    short = [part for part in parts if 0 < len(part) <= _LONGEST_LABEL]
    short = [part for part in short if len(part.split()) <= 3]
    return list(dict.fromkeys(short))


def _trim(label: str) -> str:
    """Extract a Chinese label from the surrounding characters."""
    if not library.CJK.search(label):
        return label
    names = [n for n in _names() if label.endswith(n) or label.startswith(n)]
    longer = sorted(n for n in names if len(n) > 1)
    return max(longer, key=len, default=label)


@cache
def _names() -> frozenset[str]:
    return frozenset(name for row in library.labels() for name in row.names)


def _row(label: str, labels: Sequence[str]) -> library.Label | None:
    """Return the class that a label names, in the family that covers most labels."""
    low = label.lower()
    rows = [row for row in library.labels() if low in row.names]
    if not rows:
        return None
    others = {other.lower() for other in labels}
    return max(
        rows,
        key=lambda row: sum(
            bool(others & set(member.names))
            for member in library.labels()
            if member.family == row.family
        ),
    )


def _without(text: str, labels: Sequence[str]) -> str:
    """Remove the list of labels from a prompt, so that their names do not score.

    If the list has its own paragraph, that is the instruction and the rest the text.
    """
    parts = text.split("\n\n")
    rest = "\n\n".join(part for part in parts if not _lists(part, labels)).strip()
    text = rest if len(rest) > 3 else text
    for found in _LISTED.finditer(text):
        if _names_some(found.group(), labels):
            text = text.replace(found.group(), " ")
    kept = analysis.source(text)
    return kept if len(kept) > 3 else text


def _lists(part: str, labels: Sequence[str]) -> bool:
    return any(_names_some(found.group(), labels) for found in _LISTED.finditer(part))


def _names_some(text: str, labels: Sequence[str]) -> bool:
    return sum(label in text for label in labels) > 1


def _score(
    label: str, row: library.Label | None, words: Sequence[str], text: str
) -> float:
    score = 2.0 * words.count(label.lower())
    if row is None:
        if library.CJK.search(label):
            score += 2.0 * text.count(label)
        stems = {word[:5] for word in words if len(word) > 3}
        return score + sum(part[:5] in stems for part in label.lower().split())
    latin = {word for word in row.words if not library.CJK.search(word)}
    for place, word in enumerate(words):
        if word in latin or word in row.names:
            before = words[max(0, place - 2) : place]
            denied = any(b in _NEGATIONS or b.endswith("n't") for b in before)
            score += -1.0 if denied else 1.0
    wide = sorted(set(row.words + row.names) - latin)
    for word in sorted(wide, key=len, reverse=True):
        for found in re.finditer(re.escape(word), text):
            denied = text[max(0, found.start() - 1) : found.start()] in _NEGATING
            score += -0.5 if denied and found.start() else 1.0
        if library.CJK.search(word):
            text = text.replace(word, " ")
    return score


def choose(values: Sequence[object], text: str) -> list[tuple[object, float]]:
    """Return the values of an enum with their probabilities."""
    names = [v if isinstance(v, str) else json.dumps(v) for v in values]
    return list(zip(values, probabilities(names, text), strict=True))
