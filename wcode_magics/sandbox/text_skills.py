"""Skills that work on a text of the prompt: sums, summaries, translations, ratings."""

import operator
import re
from collections.abc import Callable

from . import analysis, arithmetic, classification, fields, library, retrieval
from .candidates import ENOUGH, FEWEST, Candidate, SkillInput, weight


def echo(task: SkillInput) -> list[Candidate]:
    """Repeat what the user asks to repeat."""
    found = re.match(
        r"\s*(?:please )?(?:repeat(?: after me)?|say|echo)\b\s*[:：]?\s*(.+)"
        r"|\s*(?:请)?重复[:：]?\s*(.+)",
        task.text,
        re.IGNORECASE | re.DOTALL,
    )
    if not found or analysis.has(task.text, "something"):
        return []
    return [Candidate((found.group(1) or found.group(2)).strip('"“” \n'))]


def calculation(task: SkillInput) -> list[Candidate]:
    """Compute a sum, a difference, a product or a quotient of two numbers."""
    found = _SUM.search(task.text)
    if not found or len(analysis.content_words(task.text)) > _SUM_WORDS:
        return []
    left, sign, right = found.groups()
    name = _SIGNS[sign.lower()]
    if name == "/" and float(right) == 0:
        text = {"en": "Division by zero has no result.", "zh": "除数不能为零。"}
        return [Candidate(text[task.language])]
    value = _OPERATORS[name](float(left), float(right))
    shown = str(int(value)) if value.is_integer() else f"{value:.6g}"
    full = f"{left} {name.replace('*', '×')} {right} = {shown}"
    end = "。" if task.language == "zh" else "."
    return [Candidate(full + end, 2.0), Candidate(shown, 1.0)]


_NAMES = {
    "+": "+ plus 加上 加",
    "-": "- minus 减去 减",
    "*": "* x × times 乘以 乘",
    "/": "/ ÷ divided_by 除以",
}
_SIGNS = {
    name.replace("_", " "): sign
    for sign, names in _NAMES.items()
    for name in names.split()
}
_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_SUM = re.compile(
    r"(?<![\w.])(-?\d{1,12}(?:\.\d{1,6})?)\s*("
    + "|".join(re.escape(s) for s in sorted(_SIGNS, key=len, reverse=True))
    + r")\s*(-?\d{1,12}(?:\.\d{1,6})?)(?![\w.]*\d)",
    re.IGNORECASE,
)
_SUM_WORDS = 12


def summary(task: SkillInput) -> list[Candidate]:
    """Return the best sentences of a text."""
    source = analysis.source(task.text)
    if not analysis.has(task.text, *_SUMMARIZE) or source == task.text.strip():
        return []
    count = {"low": 1, "medium": 1, "high": 2}[task.level]
    best = analysis.best_sentences(source, 3)
    if not best:
        return []
    kept = {sentence for sentence, _ in best[:count]}
    order = tuple(s for s in analysis.sentences(source) if s in kept)
    rest = [Candidate(sentence, 0.15) for sentence, _ in best[count:]]
    return [Candidate(library.join(order)), *rest]


_SUMMARIZE = (
    *("summari[sz]e", "summary", "tl;dr", "main point"),
    *("总结", "概括", "摘要", "归纳"),
)


def translation(task: SkillInput) -> list[Candidate]:
    """Translate a phrase that the corpus has in both languages."""
    if not analysis.has(task.text, *_TRANSLATE):
        return []
    source = analysis.source(re.sub(r"[「」]", '"', task.text))
    bare = re.sub(
        r"(?i)translate|翻译成?|把|这句话|into|to|(in )?(chinese|english)|中文|英文"
        r"|英语|怎么说?|用|说|how do you say|[?？]",
        " ",
        source,
    )
    if analysis.has(
        task.text, "to english", "into english", "英文", "英语", "in english"
    ):
        target = "en"
    elif analysis.has(task.text, "to chinese", "into chinese", "中文", "in chinese"):
        target = "zh"
    else:
        target = "en" if library.language(bare) == "zh" else "zh"
    found = [row for row in retrieval.phrases(bare, target) if row[1] > ENOUGH]
    if not found:
        text = {
            "en": "I only know a few phrases, and this is not one of them.",
            "zh": "我只会翻译几个短句，这一句还不会。",
        }
        return [Candidate(text[task.language])]
    best = found[0][1]
    rows = [(text, weight(score, best)) for text, score in found[:6]]
    return [Candidate(text, share) for text, share in rows if share >= FEWEST]


_TRANSLATE = (
    *("translate", "translation", "how do you say"),
    *("翻译", "怎么说", "英语说", "英文说", "中文说"),
)


def extraction(task: SkillInput) -> list[Candidate]:
    """Return the values of a kind that a text contains."""
    cue = re.match(
        r"\s*(?:extract|find|give me)(?: only)?(?: all)?(?: the)? ([\w ]{2,20}?)"
        r"(?: (?:from|in|of)\b[^:]*)?[:：\n\"]"
        r"|\s*(?:提取|抽取|找出)(?:下面|以下|文中)?(?:的)?([\u4e00-\u9fff]{2,4}).*[:：\n“\"]",
        task.text,
        re.IGNORECASE,
    )
    if not cue:
        return []
    key = (cue.group(1) or cue.group(2)).strip()
    if key.endswith("s"):
        several = [str(value) for value, _ in fields.strings(_singular(key), task.text)]
        return [Candidate(", ".join(several))]
    return [
        Candidate(str(value), share) for value, share in fields.strings(key, task.text)
    ]


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]


def rating(task: SkillInput) -> list[Candidate]:
    """Rate a text on a scale by how positive it is."""
    if not analysis.has(task.text, "rate", "rating", "score", "打分", "评分", "评级"):
        return []
    scale = re.search(r"(\d{1,2})\s?(?:to|-|–|~|到|至)\s?(\d{1,2})", task.text)
    low, high = (int(scale.group(1)), int(scale.group(2))) if scale else (1, 5)
    if not low < high <= low + 100:
        return []
    share = classification.probabilities(["positive", "negative"], task.text)[0]
    aim, width = low + share * (high - low), (high - low) / 6
    candidates = []
    for value in range(low, high + 1):
        off = (value - aim) / width
        share = arithmetic.exp(-off * off)
        if share > FEWEST:
            candidates.append(Candidate(str(value), share))
    return candidates


def change(task: SkillInput) -> list[Candidate]:
    """Change the case of a text, or count its words."""
    source = analysis.source(task.text)
    if source == task.text.strip():
        return []
    if analysis.has(task.text, "uppercase", "upper case", "大写"):
        return [Candidate(source.upper())]
    if analysis.has(task.text, "lowercase", "lower case", "小写"):
        return [Candidate(source.lower())]
    if analysis.has(task.text, "how many words", "count the words", "多少个词"):
        return [Candidate(str(len(source.split())))]
    return []
