"""Skills of the sandbox: each proposes weighted texts for an answer in prose.

Skills are tried in the order of ``SKILLS``; the first that proposes a text for the
user's last message is used.
"""

import re
from collections.abc import Callable

from . import analysis, calls, classification, library, retrieval, text_skills
from .candidates import ENOUGH, FEWEST, Candidate, SkillInput, weight


def _tool_result(task: SkillInput) -> list[Candidate]:
    results = calls.tool_results(task.request)
    if not results:
        return []
    result = "; ".join(results)
    forms = _RESULT_FORMS[task.language]
    return [
        Candidate(form.format(result), w)
        for form, w in zip(forms, (3, 2, 1), strict=True)
    ]


_RESULT_FORMS = {
    "en": (
        "The tool says: {}.",
        "Here is the result: {}.",
        "According to the tool, {}.",
    ),
    "zh": ("工具的结果是：{}。", "查到了：{}。", "根据工具返回的结果，{}。"),
}


def _picture(task: SkillInput) -> list[Candidate]:
    """Describe what is seen of the images of the last user message."""
    turns = [turn for turn in task.request.turns if turn.role == "user"]
    seen = turns[-1].pictures if turns else ()
    if not seen or classification.offered(task.text):
        return []
    sentences = tuple(picture.sentence(task.language) for picture in seen)
    return [Candidate(library.join(sentences))]


def label(task: SkillInput) -> list[Candidate]:
    """Answer with one of the labels that the prompt offers."""
    labels = classification.offered(task.text)
    if not labels:
        return []
    shares = classification.probabilities(labels, task.text)
    return [Candidate(name, share) for name, share in zip(labels, shares, strict=True)]


def _story(task: SkillInput) -> list[Candidate]:
    if not analysis.has(task.text, *_DESCRIBE):
        return []
    tales = library.stories()[task.language]
    size = {"low": 1, "medium": 3, "high": 99}[task.level]
    texts = ["\n\n".join(tale[:size]) for tale in tales]
    if task.level == "high":
        texts = ["\n\n".join(texts[i:] + texts[:i]) for i in range(len(texts))]
    return [Candidate(text) for text in texts]


_DESCRIBE = (
    *("once upon a time", "story", "tale", "essay", "novel"),
    *("从前", "故事", "小说", "作文", "童话"),
)


def _memory(task: SkillInput) -> list[Candidate]:
    """Answer with the user's name from earlier in the conversation."""
    if not analysis.has(task.text, *_NAME_CUES):
        return []
    text = " ".join(t.text for t in task.request.turns[:-1] if t.role == "user")
    found = re.findall(
        r"(?:my name is|i am called|call me) (\w+)|我叫([\u4e00-\u9fff\w]{1,4})",
        text,
        re.IGNORECASE,
    )
    if not found:
        return []
    name = "".join(found[-1])
    forms = {
        "en": ("Your name is {}.", "You are {}."),
        "zh": ("你叫{}。", "你的名字是{}。"),
    }
    return [Candidate(form.format(name)) for form in forms[task.language]]


_NAME_CUES = (
    *("what is my name", "what's my name", "who am i"),
    *("我叫什么", "我是谁", "我的名字"),
)


def known(task: SkillInput) -> list[Candidate]:
    """Answer like the nearest known questions; if unclear, add the previous message."""
    found = retrieval.pairs(task.text, task.language)
    if not found or found[0][1] < ENOUGH:
        user_texts = [turn.text for turn in task.request.turns if turn.role == "user"]
        if len(user_texts) > 1:
            more = retrieval.pairs(f"{user_texts[-2]} {task.text}", task.language)
            found = [(pair, score * 1.1) for pair, score in more]
    if not found or found[0][1] < ENOUGH:
        return []
    best = found[0][1]
    candidates = []
    for pair, score in found[:8]:
        share = weight(score, best) / len(pair.answers)
        if share >= FEWEST:
            texts = [answer.at(task.level) for answer in pair.answers]
            candidates += [Candidate(text, share) for text in texts]
    return candidates


def _unknown(task: SkillInput) -> list[Candidate]:
    """Answer that the topic is beyond a small model."""
    topic = max(analysis.content_words(task.text), key=len, default="")
    if task.language == "zh":
        runs = re.findall(
            r"[\u4e00-\u9fff]{2,8}|[A-Za-z]{3,}", analysis.source(task.text)
        )
        topic = max(runs, key=len, default=topic)
    topic = topic or task.text.strip()[:12]
    return [Candidate(form.format(topic)) for form in _BEYOND[task.language]]


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


SKILLS: tuple[Callable[[SkillInput], list[Candidate]], ...] = (
    _tool_result,
    _picture,
    text_skills.echo,
    text_skills.calculation,
    text_skills.summary,
    text_skills.translation,
    text_skills.change,
    text_skills.rating,
    label,
    _memory,
    text_skills.extraction,
    _story,
    known,
    _unknown,
)
