"""Plan an answer: weighted drafts for the model, from the conversation.

Skills propose whole texts; a schema is drafted field by field. The model then
predicts token by token, following the drafts according to their weights.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from . import analysis, calls, classification, fields, library, schema_bounds, tokenizer
from .candidates import Candidate, SkillInput
from .model import WeightedDraft
from .request_body import ParsedRequest
from .skills import SKILLS, known, label

_QUOTE = 1e-3
_MOST_QUOTED = 4_000


def drafts(request: ParsedRequest) -> list[WeightedDraft]:
    """Return the drafts of an answer in prose or in JSON."""
    task = _skill_input(request)
    quoted = task.text
    if request.form.is_json:
        found = list(_json(task))
        quoted = analysis.without_schema(quoted)
    elif request.form.choices:
        weighed = classification.choose(request.form.choices, task.text)
        found = [Candidate(str(text), weight) for text, weight in weighed]
    else:
        found = _persona(task, _words(task))
    return _tokens(found, request, quoted)


def thoughts(request: ParsedRequest) -> list[WeightedDraft]:
    """Return the draft of the reasoning before an answer: what was read, and how."""
    task = _skill_input(request)
    text = calls.last_user(request).strip()
    start = text if len(text) <= _MOST_REPEATED else f"{text[:_MOST_REPEATED]}…"
    form = _THOUGHTS["zh" if task.language == "zh" else "en"]
    thought = form.format(start=start, size=len(text), turns=len(request.turns))
    plain = replace(request, continues=False)
    return _tokens([Candidate(thought, 1.0)], plain, "")


_MOST_REPEATED = 160
_THOUGHTS = {
    "en": "The question is: {start}\nIt has {size} characters, in {turns} message(s). "
    "I look for a skill that fits, and answer in its words.",
    "zh": "问题是：{start}\n共 {size} 个字符，{turns} 条消息。"
    "我先找一个合适的技能，再用它的话来回答。",
}


def arguments(call: calls.PlannedCall, request: ParsedRequest) -> list[WeightedDraft]:
    """Return the drafts of the arguments of a tool call."""
    text = calls.seen(request)
    return _tokens(
        list(_object(call.hints, text)), replace(request, continues=False), text
    )


def _tokens(
    candidates: list[Candidate], request: ParsedRequest, prompt: str
) -> list[WeightedDraft]:
    """Encode drafts; one that starts with the prefill is tokenized in two parts."""
    encode = tokenizer.load().encode
    prefix = request.turns[-1].text if request.continues else ""
    found = []
    for candidate in candidates:
        ids = [tokenizer.ASSISTANT] if candidate.opens else []
        if prefix and candidate.opens and candidate.text.startswith(prefix):
            ids += encode(prefix) + encode(candidate.text[len(prefix) :])
        else:
            ids += encode(candidate.text)
        ids += [tokenizer.END] if candidate.ends else []
        found.append(WeightedDraft(tuple(ids), candidate.weight))
    found.append(WeightedDraft(tuple(encode(prompt[:_MOST_QUOTED])), _QUOTE))
    return found


def _skill_input(request: ParsedRequest) -> SkillInput:
    system = request.system
    text = calls.last_user(request)
    language = library.language(text)
    for name, cues in _LANGUAGE_CUES.items():
        if analysis.has(system, *cues) or (
            analysis.has(text, *cues) and not analysis.has(text, "translate", "翻译")
        ):
            language = name
    level = request.verbosity
    if level == "medium" and analysis.has(system + text, *_BRIEF):
        level = "low"
    if level == "medium" and analysis.has(system + text, *_FULL):
        level = "high"
    return SkillInput(request, calls.seen(request), language, level)


_LANGUAGE_CUES = {
    "en": ("in english", "speak english", "用英文", "用英语", "英文回答", "英语回答"),
    "zh": ("in chinese", "speak chinese", "用中文", "用汉语", "中文回答", "汉语回答"),
}
_BRIEF = (
    *("briefly", "brief", "short answer", "concise", "in one sentence"),
    *("简短", "一句话", "简洁"),
)
_FULL = (
    *("in detail", "detailed", "long", "at length"),
    *("详细", "长", "展开"),
)


def _words(task: SkillInput) -> list[Candidate]:
    for skill in SKILLS:
        found = skill(task)
        if found:
            return found
    return []


def _persona(task: SkillInput, found: list[Candidate]) -> list[Candidate]:
    system = task.request.system
    for who in library.personas():
        if who.language == task.language and analysis.has(system, *who.triggers):
            return [
                replace(s, text=library.join((who.opening, s.text, who.closing)))
                for s in found
            ]
    return found


def _json(task: SkillInput) -> Iterator[Candidate]:
    if task.request.form.schema is not None:
        schema: Mapping[str, Any] = schema_bounds.resolve(task.request.form.schema)
    else:
        schema = {"type": "object", "properties": _guessed(task)}
    if not schema.keys() - {"type", "title", "description"}:
        schema = {"type": "object", "properties": _guessed(task)}
    text = analysis.without_schema(task.text)
    if schema.get("properties"):
        yield from _object(schema, text)
        return
    for value, weight in fields.values("", {"type": "object", **schema}, text):
        yield Candidate(json.dumps(value, ensure_ascii=False), weight)


def _guessed(task: SkillInput) -> dict[str, Any]:
    """Guess keys and types of a JSON answer without a schema."""
    keys = fields.keys(task.text)
    if keys:
        return {key: _guess_type(key, task.text) for key in keys}
    if analysis.has(task.text, "extract", "提取", "抽取"):
        seen = fields.seen(task.text)
        if seen:
            return seen
    candidates = [candidate for skill in (label, known) for candidate in skill(task)]
    texts = [candidate.text for candidate in candidates[:4]] or ["I do not know"]
    return {"answer": {"enum": texts}}


def _guess_type(key: str, text: str) -> dict[str, Any]:
    if analysis.has(
        key, "age", "count", "number", "year", "price", "amount", "年龄", "数量", "价格"
    ):
        return {"type": "number"}
    if analysis.has(key, "sentiment", "情感"):
        labels = classification.offered(text) or ["positive", "negative", "neutral"]
        return {"enum": labels}
    if key.endswith("s") and analysis.has(
        key, "tags", "keywords", "names", "items", "colors", "cities"
    ):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "string"}


def _object(
    schema: Mapping[str, Any], text: str, before: str = "", after: str = ""
) -> Iterator[Candidate]:
    """Draft an object in overlapping pieces, one per possible value.

    A piece extends from a key to the next one, so that after a key the model has all
    its values as alternatives, with their weights.
    """
    rows = list((schema.get("properties") or {}).items())
    names = [json.dumps(key, ensure_ascii=False) for key, _ in rows]
    if not rows:
        yield Candidate(f"{before}{{}}{after}", 1.0, not before, not after)
        return
    yield Candidate(f"{before}{{{names[0]}:", 1.0, not before, ends=False)
    for place, (key, part) in enumerate(rows):
        last = place + 1 == len(rows)
        tail = f"}}{after}" if last else f", {names[place + 1]}:"
        ends = last and not after
        if part.get("properties"):
            yield from _object(part, text, f"{names[place]}: ", tail)
            continue
        options = fields.values(key, part, text)
        total = math.fsum(weight for _, weight in options) or 1.0
        for value, weight in options:
            shown = json.dumps(value, ensure_ascii=False)
            yield Candidate(
                f"{names[place]}: {shown}{tail}", weight / total, opens=False, ends=ends
            )
