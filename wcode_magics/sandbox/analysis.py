"""Shallow text analysis: quotes, sentences, words and keywords."""

import re
from collections import Counter

from . import library
from .library import CJK

_QUOTED = re.compile(
    r"\"([^\"]+)\"|“([^”]+)”|「([^」]+)」|'([^']{8,})'|```\w*\n(.+?)```", re.DOTALL
)
_SENTENCE = re.compile(
    r"[^.!?。！？\n]+[.!?。！？]*(?:(?<=\d\.)\d[^.!?。！？\n]*[.!?。！？]*)*"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'’_-]*|[\u3400-\u9fff]|\d+(?:\.\d+)?")
_SCHEMA = re.compile(r"\{.*\"(?:type|properties|enum)\"\s*:", re.DOTALL)
_LEAST_SOURCE = 3
_SMALL = library.words("grammar")


def quotes(text: str) -> list[str]:
    """Return the quoted parts of a text, in order."""
    return ["".join(filter(None, groups)) for groups in _QUOTED.findall(text)]


def source(text: str) -> str:
    """Return the part of a prompt to work on: a quotation, or text after a colon."""
    long = [quote for quote in quotes(text) if len(quote) >= _LEAST_SOURCE]
    if long:
        return max(long, key=len)
    for separator in ("\n\n", ":", "：", "\n"):
        _, _, rest = text.partition(separator)
        if len(rest.strip()) >= _LEAST_SOURCE:
            return rest.strip()
    return text.strip()


def without_schema(text: str) -> str:
    """Return the paragraphs without a JSON Schema, which is instruction, not source."""
    rest = "\n\n".join(p for p in text.split("\n\n") if not _SCHEMA.search(p))
    return rest if len(rest.strip()) >= _LEAST_SOURCE else text


def sentences(text: str) -> list[str]:
    """Split a text into sentences, with their punctuation."""
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip()]


def words(text: str) -> list[str]:
    """Return Latin words in lower case, single Chinese characters, and numbers."""
    return [word.lower() for word in _WORD.findall(text)]


def content_words(text: str) -> list[str]:
    """Return the words that are not function words."""
    return [word for word in words(text) if word not in _SMALL]


def best_sentences(text: str, count: int) -> list[tuple[str, float]]:
    """Return the best sentences with scores, by word frequency (Luhn 1958)."""
    found = sentences(text)
    frequency = Counter(content_words(text))
    scored = []
    for place, sentence in enumerate(found):
        terms = content_words(sentence)
        score = sum(frequency[term] for term in terms) / (len(terms) + 3)
        scored.append((sentence, score * (1.3 if place == 0 else 1.0)))
    return sorted(scored, key=lambda item: -item[1])[:count]


def has(text: str, *cues: str) -> bool:
    """Return whether any cue occurs; Latin cues as whole words, ignoring case."""
    low = text.lower()
    return any(
        cue in low if CJK.search(cue) else re.search(rf"(?<![a-z]){cue}(?![a-z])", low)
        for cue in cues
    )
