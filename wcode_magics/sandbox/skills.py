"""Skills of the sandbox: each proposes weighted texts for an answer in prose.

Skills are tried in the order of ``SKILLS``; the first that proposes a text for the
user's last message is used.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from . import arithmetic, calls, fields, labelling, library, nearest, reading
from .body import ParsedRequest

_SHARP = 18.0
_ENOUGH = 0.5
_FEWEST = 0.02


@dataclass(frozen=True, slots=True)
class Saying:
    """Weighted text; ``opens`` and ``ends``: whether it starts or ends the answer."""

    text: str
    weight: float = 1.0
    opens: bool = True
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Scene:
    """Input of the skills: the user's last message and how to answer."""

    ask: ParsedRequest
    text: str
    language: str
    level: str


def _tool_result(scene: Scene) -> list[Saying]:
    results = calls.told(scene.ask)
    if not results:
        return []
    said = "; ".join(results)
    forms = _TOLD[scene.language]
    return [
        Saying(form.format(said), w) for form, w in zip(forms, (3, 2, 1), strict=True)
    ]


_TOLD = {
    "en": (
        "The tool says: {}.",
        "Here is the result: {}.",
        "According to the tool, {}.",
    ),
    "zh": ("工具的结果是：{}。", "查到了：{}。", "根据工具返回的结果，{}。"),
}


def _picture(scene: Scene) -> list[Saying]:
    """Tell what is seen of the images of the last user message."""
    said = [turn for turn in scene.ask.turns if turn.role == "user"]
    seen = said[-1].pictures if said else ()
    if not seen or labelling.offered(scene.text):
        return []
    told = tuple(picture.told(scene.language) for picture in seen)
    return [Saying(library.join(told))]


def _echo(scene: Scene) -> list[Saying]:
    found = re.match(
        r"\s*(?:please )?(?:repeat(?: after me)?|say|echo)\b\s*[:：]?\s*(.+)"
        r"|\s*(?:请)?重复[:：]?\s*(.+)",
        scene.text,
        re.IGNORECASE | re.DOTALL,
    )
    if not found or reading.has(scene.text, "something"):
        return []
    return [Saying((found.group(1) or found.group(2)).strip('"“” \n'))]


def _arithmetic(scene: Scene) -> list[Saying]:
    found = _SUM.search(scene.text)
    if not found or len(reading.content_words(scene.text)) > _SUM_WORDS:
        return []
    left, sign, right = found.groups()
    name = _SIGNS[sign.lower()]
    if name == "/" and float(right) == 0:
        text = {"en": "Division by zero has no result.", "zh": "除数不能为零。"}
        return [Saying(text[scene.language])]
    value = _OPERATORS[name](float(left), float(right))
    shown = str(int(value)) if value.is_integer() else f"{value:.6g}"
    full = f"{left} {name.replace('*', '×')} {right} = {shown}"
    end = "。" if scene.language == "zh" else "."
    return [Saying(full + end, 2.0), Saying(shown, 1.0)]


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


def label(scene: Scene) -> list[Saying]:
    """Answer with one of the labels that the prompt offers."""
    labels = labelling.offered(scene.text)
    if not labels:
        return []
    shares = labelling.probabilities(labels, scene.text)
    return [Saying(name, share) for name, share in zip(labels, shares, strict=True)]


def _summary(scene: Scene) -> list[Saying]:
    cues = (
        "summari[sz]e",
        "summary",
        "tl;dr",
        "总结",
        "概括",
        "摘要",
        "归纳",
        "main point",
    )
    source = reading.source(scene.text)
    if not reading.has(scene.text, *cues) or source == scene.text.strip():
        return []
    count = {"low": 1, "medium": 1, "high": 2}[scene.level]
    best = reading.best_sentences(source, 3)
    if not best:
        return []
    kept = {sentence for sentence, _ in best[:count]}
    order = tuple(s for s in reading.sentences(source) if s in kept)
    rest = [Saying(sentence, 0.15) for sentence, _ in best[count:]]
    return [Saying(library.join(order)), *rest]


def _translation(scene: Scene) -> list[Saying]:
    if not reading.has(
        scene.text,
        "translate",
        "translation",
        "翻译",
        "怎么说",
        "英语说",
        "英文说",
        "中文说",
        "how do you say",
    ):
        return []
    source = reading.source(re.sub(r"[「」]", '"', scene.text))
    bare = re.sub(
        r"(?i)translate|翻译成?|把|这句话|into|to|(in )?(chinese|english)|中文|英文"
        r"|英语|怎么说?|用|说|how do you say|[?？]",
        " ",
        source,
    )
    if reading.has(
        scene.text, "to english", "into english", "英文", "英语", "in english"
    ):
        target = "en"
    elif reading.has(scene.text, "to chinese", "into chinese", "中文", "in chinese"):
        target = "zh"
    else:
        target = "en" if library.language(bare) == "zh" else "zh"
    found = [row for row in nearest.phrases(bare, target) if row[1] > _ENOUGH]
    if not found:
        text = {
            "en": "I only know a few phrases, and this is not one of them.",
            "zh": "我只会翻译几个短句，这一句还不会。",
        }
        return [Saying(text[scene.language])]
    return _weighted([(text, score) for text, score in found])


_TRANSLATE = (
    *("translate", "translation", "how do you say"),
    *("翻译", "怎么说", "英语说", "英文说", "中文说"),
)


def _story(scene: Scene) -> list[Saying]:
    if not reading.has(
        scene.text,
        "once upon a time",
        "从前",
        "story",
        "tale",
        "essay",
        "novel",
        "故事",
        "小说",
        "作文",
        "童话",
    ):
        return []
    tales = library.stories()[scene.language]
    size = {"low": 1, "medium": 3, "high": 99}[scene.level]
    told = ["\n\n".join(tale[:size]) for tale in tales]
    if scene.level == "high":
        told = ["\n\n".join(told[i:] + told[:i]) for i in range(len(told))]
    return [Saying(text) for text in told]


_TELL = (
    *("once upon a time", "story", "tale", "essay", "novel"),
    *("从前", "故事", "小说", "作文", "童话"),
)


def _memory(scene: Scene) -> list[Saying]:
    """Answer with the user's name from earlier in the conversation."""
    if not reading.has(
        scene.text,
        "what is my name",
        "what's my name",
        "who am i",
        "我叫什么",
        "我是谁",
        "我的名字",
    ):
        return []
    said = " ".join(t.text for t in scene.ask.turns[:-1] if t.role == "user")
    found = re.findall(
        r"(?:my name is|i am called|call me) (\w+)|我叫([\u4e00-\u9fff\w]{1,4})",
        said,
        re.IGNORECASE,
    )
    if not found:
        return []
    name = "".join(found[-1])
    forms = {
        "en": ("Your name is {}.", "You are {}."),
        "zh": ("你叫{}。", "你的名字是{}。"),
    }
    return [Saying(form.format(name)) for form in forms[scene.language]]


def _extraction(scene: Scene) -> list[Saying]:
    cue = re.match(
        r"\s*(?:extract|find|give me)(?: only)?(?: all)?(?: the)? ([\w ]{2,20}?)"
        r"(?: (?:from|in|of)\b[^:]*)?[:：\n\"]"
        r"|\s*(?:提取|抽取|找出)(?:下面|以下|文中)?(?:的)?([\u4e00-\u9fff]{2,4}).*[:：\n“\"]",
        scene.text,
        re.IGNORECASE,
    )
    if not cue:
        return []
    key = (cue.group(1) or cue.group(2)).strip()
    if key.endswith("s"):
        several = [
            str(value) for value, _ in fields.strings(_singular(key), scene.text)
        ]
        return [Saying(", ".join(several))]
    return [
        Saying(str(value), weight) for value, weight in fields.strings(key, scene.text)
    ]


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]


def _rating(scene: Scene) -> list[Saying]:
    """Rate a text on a scale by how positive it is."""
    if not reading.has(scene.text, "rate", "rating", "score", "打分", "评分", "评级"):
        return []
    scale = re.search(r"(\d{1,2})\s?(?:to|-|–|~|到|至)\s?(\d{1,2})", scene.text)
    low, high = (int(scale.group(1)), int(scale.group(2))) if scale else (1, 5)
    if not low < high <= low + 100:
        return []
    share = labelling.probabilities(["positive", "negative"], scene.text)[0]
    aim, width = low + share * (high - low), (high - low) / 6
    sayings = []
    for value in range(low, high + 1):
        off = (value - aim) / width
        weight = arithmetic.exp(-off * off)
        if weight > _FEWEST:
            sayings.append(Saying(str(value), weight))
    return sayings


def _change(scene: Scene) -> list[Saying]:
    """Change the case of a text, or count its words."""
    source = reading.source(scene.text)
    if source == scene.text.strip():
        return []
    if reading.has(scene.text, "uppercase", "upper case", "大写"):
        return [Saying(source.upper())]
    if reading.has(scene.text, "lowercase", "lower case", "小写"):
        return [Saying(source.lower())]
    if reading.has(scene.text, "how many words", "count the words", "多少个词"):
        return [Saying(str(len(source.split())))]
    return []


def known(scene: Scene) -> list[Saying]:
    """Answer like the nearest known questions; if unclear, add the previous message."""
    found = nearest.pairs(scene.text, scene.language)
    if not found or found[0][1] < _ENOUGH:
        said = [turn.text for turn in scene.ask.turns if turn.role == "user"]
        if len(said) > 1:
            more = nearest.pairs(f"{said[-2]} {scene.text}", scene.language)
            found = [(pair, score * 1.1) for pair, score in more]
    if not found or found[0][1] < _ENOUGH:
        return []
    best = found[0][1]
    sayings = []
    for pair, score in found[:8]:
        weight = arithmetic.exp(_SHARP * (score - best)) / len(pair.answers)
        if weight >= _FEWEST:
            texts = [answer.at(scene.level) for answer in pair.answers]
            sayings += [Saying(text, weight) for text in texts]
    return sayings


def _unknown(scene: Scene) -> list[Saying]:
    """Answer that the topic is beyond a small model."""
    topic = max(reading.content_words(scene.text), key=len, default="")
    if scene.language == "zh":
        runs = re.findall(
            r"[\u4e00-\u9fff]{2,8}|[A-Za-z]{3,}", reading.source(scene.text)
        )
        topic = max(runs, key=len, default=topic)
    topic = topic or scene.text.strip()[:12]
    return [Saying(form.format(topic)) for form in _BEYOND[scene.language]]


_BEYOND = {
    "en": (
        (
            "I am a small offline model and know little about {}. Ask me about a "
            "parameter, or set a key to use the hosted model."
        ),
        (
            "The sandbox cannot say much about {}. It can explain parameters, classify "
            "short texts and fill in JSON."
        ),
        "That is beyond me: {} is not in my small corpus. Try a simpler question.",
    ),
    "zh": (
        "我是一个很小的离线模型，对“{}”了解很少。可以问我某个参数，或者登录后使用线上模型。",
        "沙盒里没有多少关于“{}”的内容。我会解释参数、给短文分类、填写 JSON。",
        "这超出了我的能力，我的小语料里没有“{}”。换个简单的问题试试。",
    ),
}


def _weighted(rows: list[tuple[str, float]]) -> list[Saying]:
    best = rows[0][1]
    weights = [
        (text, arithmetic.exp(_SHARP * (score - best))) for text, score in rows[:6]
    ]
    return [Saying(text, weight) for text, weight in weights if weight >= _FEWEST]


SKILLS: tuple[Callable[[Scene], list[Saying]], ...] = (
    _tool_result,
    _picture,
    _echo,
    _arithmetic,
    _summary,
    _translation,
    _change,
    _rating,
    label,
    _memory,
    _extraction,
    _story,
    known,
    _unknown,
)
