"""Bundled corpus as values: pairs, prose, labels, facts, phrases, personas."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LEVELS = ("low", "medium", "high")
CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class CorpusAnswer:
    """One phrasing of an answer, with text for up to three levels of verbosity."""

    parts: tuple[str, ...]

    def at(self, level: str) -> str:
        """Return the text for "low", "medium" or "high"; parts are joined as prose."""
        return join(self.parts[: LEVELS.index(level) + 1])


@dataclass(frozen=True, slots=True)
class Pair:
    """Equivalent questions, and phrasings of their answer."""

    questions: tuple[str, ...]
    answers: tuple[CorpusAnswer, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """Class of texts: its names in both languages and words that indicate it."""

    family: str
    names: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Persona:
    """Text around an answer that words of the system prompt trigger."""

    triggers: tuple[str, ...]
    language: str
    opening: str
    closing: str


def language(text: str) -> str:
    """Return "zh" if the text has Chinese characters, else "en"."""
    return "zh" if CJK.search(text) else "en"


def join(parts: tuple[str, ...]) -> str:
    """Join sentences: a space after Latin text, nothing after Chinese or breaks."""
    text = ""
    for part in parts:
        spaced = text and part[:1] not in {"\n", ""} and text[-1] not in "\n。？！；："
        text += (" " if spaced else "") + part
    return text


@cache
def pairs() -> tuple[Pair, ...]:
    """Return all questions and answers, including those built from the facts table."""
    return (*written_pairs(), *_capitals())


@cache
def written_pairs() -> tuple[Pair, ...]:
    """Return the questions and answers that are written out."""
    return (*_chat(), *_parameters())


@cache
def stories() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return stories by language; a story is a tuple of paragraphs."""
    found: dict[str, list[tuple[str, ...]]] = {"en": [], "zh": []}
    for block in _read("stories").split("\n\n"):
        found[language(block)].append(tuple(block.strip().split("\n")))
    return {key: tuple(value) for key, value in found.items()}


@cache
def prose() -> tuple[str, ...]:
    """Return paragraphs of general text in both languages."""
    return tuple(_read("prose").strip().split("\n"))


@cache
def labels() -> tuple[Label, ...]:
    """Return the known classes with the words that indicate each."""
    rows = (line.split("|", 1) for line in _rows("labels"))
    return tuple(
        Label(head.split()[0], tuple(head.split()[1:]), tuple(words.split()))
        for head, words in rows
    )


@cache
def words(name: str) -> frozenset[str]:
    """Return a word list by name: "grammar", "frame" of a question, …"""
    rows = dict(line.split(": ", 1) for line in _rows("words"))
    return frozenset(rows[name].split())


@cache
def personas() -> tuple[Persona, ...]:
    """Return the speaking styles that a system prompt can request."""
    rows = map(_cells, _rows("personas"))
    return tuple(Persona(tuple(a.split()), b, c, d) for a, b, c, d in rows)


@cache
def phrases() -> tuple[tuple[str, str], ...]:
    """Return (English, Chinese) phrases, including capitals and places."""
    rows = [_cells(line) for line in _rows("phrases")]
    for row in _facts():
        rows += [[row[0], row[2]], [row[1], row[3]]]
    rows += [line.rsplit(" ", 1) for line in _rows("places")]
    return tuple((row[0], row[1]) for row in rows)


@cache
def places() -> frozenset[str]:
    """Return the names of countries and cities in both languages."""
    names = [name for row in _facts() for name in row]
    names += [name for line in _rows("places") for name in line.rsplit(" ", 1)]
    return frozenset(name.removeprefix("the ") for name in names)


@cache
def names() -> frozenset[str]:
    """Return places and labels: words that can be whole answers."""
    return places().union(*(label.names for label in labels()))


def _read(name: str) -> str:
    return (files(__package__) / "corpus" / f"{name}.txt").read_text("utf-8")


def _rows(name: str) -> list[str]:
    lines = _read(name).splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


def _facts() -> list[list[str]]:
    return [_cells(line) for line in _rows("facts")]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _answers(lines: list[str]) -> tuple[CorpusAnswer, ...]:
    """Parse "=" lines (a new phrasing) and "+" lines (its next level)."""
    found: list[list[str]] = []
    for line in lines:
        text = line[2:].replace("\\n", "\n")
        if line[0] == "=":
            found.append([text])
        else:
            found[-1].append(text)
    return tuple(CorpusAnswer(tuple(parts)) for parts in found)


def _chat() -> list[Pair]:
    blocks: list[tuple[list[str], list[str]]] = []
    for line in _rows("chat"):
        if line[0] == "?":
            if not blocks or blocks[-1][1]:
                blocks.append(([], []))
            blocks[-1][0].append(line[2:])
        else:
            blocks[-1][1].append(line)
    return [Pair(tuple(questions), _answers(lines)) for questions, lines in blocks]


def _parameters() -> list[Pair]:
    found = []
    for block in ("\n" + _read("parameters").strip()).split("\n# ")[1:]:
        head, *lines = block.split("\n")
        names = [name.strip() for name in head.split("|")]
        questions = tuple(form.format(name) for form in _FORMS for name in names)
        found += _by_language(questions, _answers(lines))
    return found


_FORMS = (
    "what does {} do?",
    "explain {}",
    "what is the parameter {}",
    "{} 是什么意思",
    "{} 有什么作用",
    "解释参数 {}",
)


def _by_language(
    questions: tuple[str, ...], answers: tuple[CorpusAnswer, ...]
) -> list[Pair]:
    """Pair questions in both languages with the answers of each language."""
    sides = {
        key: [a for a in answers if language(a.parts[0]) == key] for key in ("en", "zh")
    }
    return [Pair(questions, tuple(answers)) for answers in sides.values() if answers]


def _capitals() -> list[Pair]:
    found = []
    for country, capital, land, city in _facts():
        questions = (
            f"what is the capital of {country}?",
            f"capital city of {country}",
            f"{land}的首都是哪里",
            f"{land}的首都是什么",
        )
        texts = (
            f"The capital of {country} is {capital}.",
            f"{capital} is the capital of {country}.",
            f"{land}的首都是{city}。",
            f"{city}是{land}的首都。",
        )
        found += _by_language(questions, tuple(CorpusAnswer((text,)) for text in texts))
        backwards = (
            f"{capital} is the capital of which country?",
            f"{city}是哪个国家的首都",
        )
        turned = tuple(CorpusAnswer((text,)) for text in (texts[1], texts[3]))
        found += _by_language(backwards, turned)
    return found
