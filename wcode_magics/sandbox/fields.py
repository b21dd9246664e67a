"""Candidate values for the fields of a JSON Schema, extracted from a prompt.

This is the model's substitute for attention: cues between the name of a field and
spans of the prompt give each span a weight. The weighted spans become drafts, so the
choice is sampled like everything else.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import analysis, classification, images, library

Weighted = list[tuple[Any, float]]

_NAME = re.compile(
    r"\b[A-Z][a-zA-Zé]+(?:[ -][A-Z][a-zA-Zé]+)*"
    r"|(?:^|(?<=[，。：:、；\s]))([\u4e00-\u9fff]{2,3}?)(?=今年|现在|住在|来自|说|买了|去了)"
    r"|(?:我叫|名叫|叫做|叫|姓名[是：:])([\u4e00-\u9fff]{2,3})"
    r"|([\u4e00-\u9fff]{2,3})(?=[，,]?\s*\d+\s*岁)"
)
_NUMBER = re.compile(r"(?<![A-Za-z\d_.-])-?\d+(?:\.\d+)?(?![-.]?\d|[A-Za-z_]|年)")
_SHAPES = {
    "email": re.compile(r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "url": re.compile(r"https?://[^\s,，。)\"]+"),
    "phone": re.compile(r"(?<![\d -])\+?\d[\d -]{6,}\d"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}|\d{4}年\d{1,2}月\d{1,2}日"),
    "time": re.compile(r"\d{1,2}:\d{2}(?::\d{2})?"),
}
_PLACE_AFTER = re.compile(
    r"\b(?:in|at|from|to|near|for|and)(?: in)? ([A-Z][a-z]+(?: [A-Z][a-z]+)*)"
    r"|(?:在|住在|来自|去|到)([\u4e00-\u9fff]{2,4}?)(?=[，。的工住上生]|$)"
)
_PEOPLE = library.words("people")
_PLACES = library.words("place_keys")
_PROSE = library.words("prose_keys")
_SCORES = library.words("score_keys")
_FIGURES = {
    "age": re.compile(
        r"(\d{1,3})\s{0,2}(?:years? old|岁)|(?:aged?|年龄)[是：:]? ?(\d{1,3})"
        r"|(?<=[a-z], )(\d{1,2})(?=,)",
        re.IGNORECASE,
    ),
    "money": re.compile(
        r"[$€£¥￥] ?(\d{1,9}(?:\.\d+)?)|(?<!\d)(\d{1,9}(?:\.\d\d?)?) ?"
        r"(?:dollars|euros|yuan|元|块)|(?<!\d)(\d{1,9}\.\d\d)(?!\d)",
        re.IGNORECASE,
    ),
    "year": re.compile(r"(?<![\d.])((?:19|20)\d\d)(?![\d.])"),
}
_KINDS = {
    "age": ("age", "年龄"),
    "money": ("price", "cost", "amount", "total", "fee", "价格", "金额", "费用", "价"),
    "year": ("year", "年份", "年"),
}
_STARTERS = library.words("starters")
_MOST = 6
_LONGEST = 60


def values(key: str, schema: Mapping[str, Any], text: str) -> Weighted:
    """Return possible values of a field with weights, best first, never empty."""
    if "const" in schema:
        return [(schema["const"], 1.0)]
    if "enum" in schema:
        return classification.choose(schema["enum"], text)
    seen = images.noted(key, text)
    if seen is not None:
        return [(int(seen) if seen.isdecimal() else seen, 1.0)]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        found = values(key, options[0], text)
        return found + [(v, w * 0.1) for v, w in values(key, options[-1], text)[:1]]
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    return _BY_KIND[kind](key, schema, text)


def strings(key: str, text: str) -> Weighted:
    """Return spans of a text that may be the value of a field with this name."""
    low = key.lower()
    found: Weighted = list(_labelled(key, text))
    source = analysis.source(text)
    for shape, pattern in _SHAPES.items():
        if shape in low or (shape == "url" and "link" in low):
            found += [(match.group(), 3.0) for match in pattern.finditer(source)]
    if _any(low, _PLACES):
        found += [(place, 3.0) for place in places(source)]
    if _any(low, _PEOPLE):
        names = [name for name in _names(source) if name not in library.places()]
        found += [(name, 2.0 / (1 + place)) for place, name in enumerate(names)]
    if _any(low, _PROSE):
        found += [(s, 1.0) for s, _ in analysis.best_sentences(source, 2)]
    if not found:
        quoted = [(q, 1.0) for q in analysis.quotes(text) if len(q) < _LONGEST]
        spans = _names(source) or analysis.content_words(source)
        found = quoted or [(s, 0.5**place) for place, s in enumerate(spans[:_MOST])]
    return _merge(found) or [("unknown", 1.0)]


def places(text: str) -> list[str]:
    """Return the places named in a text, in order."""
    named = sorted(n for n in library.places() if n in text and len(n) > 1)
    spots = {text.find(name): name for name in sorted(named, key=len)}
    for match in _PLACE_AFTER.finditer(text):
        name = match.group(1) or match.group(2)
        if name not in _STARTERS:
            spots.setdefault(match.start(1 if match.group(1) else 2), name)
    return list(dict.fromkeys(spots[place] for place in sorted(spots)))


def takes_place(key: str) -> bool:
    """Return whether a field of this name holds a place."""
    return _any(key.lower(), _PLACES)


def _strings(key: str, schema: Mapping[str, Any], text: str) -> Weighted:
    if schema.get("format") in {"date", "date-time"}:
        dates = [m.group() for m in _SHAPES["date"].finditer(text)] or ["2024-10-19"]
        tail = "T00:00:00Z" if schema["format"] == "date-time" else ""
        return [(value + tail, 1.0) for value in dates]
    cues = f"{key} {schema.get('title', '')} {schema.get('description', '')}"
    found = strings(key, text) if _labelled(key, text) else strings(cues, text)
    limit = schema.get("maxLength", 200)
    return [(value[:limit], weight) for value, weight in found]


def _numbers(key: str, schema: Mapping[str, Any], text: str) -> Weighted:
    whole = schema.get("type") == "integer"
    low, high = schema.get("minimum"), schema.get("maximum")
    found = [(v, 5.0) for v, _ in _labelled(key, text) if _NUMBER.fullmatch(str(v))]
    found += _figures(key, analysis.source(text))
    fits = [
        (int(v) if whole or v.is_integer() else v, w)
        for v, w in ((float(v), w) for v, w in found)
        if (low is None or v >= low) and (high is None or v <= high)
    ]
    if not fits and _any(key.lower(), _SCORES):
        share = classification.probabilities(["positive", "negative"], text)[0]
        bottom, top = low or 0, high or (5 if whole else 1)
        value = bottom + share * (top - bottom)
        fits = [(round(value) if whole else round(value, 2), 1.0)]
    return _merge(fits) or [(low if low is not None else 0, 1.0)]


def _figures(key: str, text: str) -> list[tuple[str, float]]:
    """Return the numbers of a text with weights, higher if they fit the key's kind."""
    kinds: dict[str, str] = {}
    for kind, pattern in _FIGURES.items():
        for match in pattern.finditer(text):
            kinds.setdefault("".join(filter(None, match.groups())), kind)
    expected = next((k for k, cues in _KINDS.items() if _any(key.lower(), cues)), "")
    found = [match.group() for match in _NUMBER.finditer(text)]
    return [(v, 4.0 if kinds.get(v, "") == expected else 0.05) for v in found]


def _booleans(key: str, _schema: Mapping[str, Any], text: str) -> Weighted:
    labels = (
        ["negative", "positive"]
        if _any(key.lower(), ("neg", "bad", "complain"))
        else ["positive", "negative"]
    )
    yes, no = classification.probabilities(labels, text)
    return sorted([(True, yes), (False, no)], key=lambda item: -item[1])


def _arrays(key: str, schema: Mapping[str, Any], text: str) -> Weighted:
    items = schema.get("items")
    items = items if isinstance(items, Mapping) else {"type": "string"}
    fewest, most = schema.get("minItems", 0), min(schema.get("maxItems", _MOST), _MOST)
    found = [value for value, _ in values(key.rstrip("s"), items, text)]
    if items.get("type", "string") == "string" and "enum" not in items:
        spread = [v for v, _ in strings(key.rstrip("s"), text)]
        found = (
            spread if len(spread) > 1 else analysis.content_words(analysis.source(text))
        )
        found = list(dict.fromkeys(w for w in found if len(w) > 1)) or found
    if items.get("type") == "object":
        found = [instance(items, text)]
    sizes = [n for n in (3, 2, 4, 1) if fewest <= n <= min(most, len(found))]
    short = (found * (fewest + 1))[:fewest]
    return [(found[:n], 0.5**i) for i, n in enumerate(sizes)] or [(short, 1.0)]


_BY_KIND: dict[str, Callable[[str, Mapping[str, Any], str], Weighted]] = {
    "string": _strings,
    "integer": _numbers,
    "number": _numbers,
    "boolean": _booleans,
    "array": _arrays,
    "object": lambda _key, schema, text: [(instance(schema, text), 1.0)],
    "null": lambda _key, _schema, _text: [(None, 1.0)],
}


def instance(schema: Mapping[str, Any], text: str) -> Any:
    """Return the likeliest value for a schema as Python data."""
    if schema.get("type") == "object" or "properties" in schema:
        rows = schema.get("properties", {}).items()
        return {key: values(key, part, text)[0][0] for key, part in rows}
    return values("", schema, text)[0][0]


def keys(text: str) -> list[str]:
    """Return the keys that a prompt requests for a JSON answer without a schema."""
    shape = re.search(r"\{[^{}]+\}", text)
    if shape:
        found = re.findall(_KEY, shape.group())
        return list(dict.fromkeys(found))[:_MOST]
    cue = re.search(_KEYS_CUE, text, re.IGNORECASE)
    if not cue:
        return []
    head = re.split(r"\b(?:from|of|in|as|as json)\b|从|作为|为", cue.group(1))[0]
    parts = re.split(r"\s*(?:,|，|、|\band\b|和)\s*", head)
    names = [re.sub(r"^the ", "", part.strip("\"'` ")) for part in parts]
    return [n.replace(" ", "_") for n in names if n and len(n.split()) <= 2][:_MOST]


_KEY = r"(?<!\w)([\w\u4e00-\u9fff]+)[\"']?\s*(?=[:,}])"
_KEYS_CUE = (
    r"(?:(?:keys?|fields?|字段|键|包含)[:：]?|extract|提取|抽取)\s*(?:the |named )?"
    r"([\w ,，、和\u4e00-\u9fff\"'`]{2,80})"
)


def seen(text: str) -> dict[str, Any]:
    """Return schema properties for what a text contains: a name, an age, a place, …"""
    source = analysis.source(text)
    found: dict[str, Any] = {}
    if [name for name in _names(source) if name not in library.places()]:
        found["name"] = {"type": "string"}
    if _FIGURES["age"].search(source):
        found["age"] = {"type": "integer"}
    if places(source):
        found["city"] = {"type": "string"}
    for shape in ("email", "date"):
        if _SHAPES[shape].search(source):
            found[shape] = {"type": "string"}
    return found


def _labelled(key: str, text: str) -> Weighted:
    """Find "key: value", "key is value" and "key = value"."""
    name = re.escape(key).replace("_", "[ _]")
    if not name:
        return []
    pattern = rf"(?<!\w){name}\s*(?:[:：=]|is|是|为)\s*[\"“]?([^\n,，。;；.\"”]+)"
    found = re.findall(pattern, text, re.IGNORECASE)
    return [(value.strip(), 5.0) for value in found if value.strip()]


def _names(text: str) -> list[str]:
    found = (
        "".join(filter(None, m.groups())) or m.group() for m in _NAME.finditer(text)
    )
    return [name for name in dict.fromkeys(found) if name not in _STARTERS]


def _any(text: str, cues: Iterable[str]) -> bool:
    return any(cue in text for cue in cues)


def _merge(found: Sequence[tuple[Any, float]]) -> Weighted:
    weights: dict[str, tuple[Any, float]] = {}
    for value, weight in found:
        name = json.dumps(value)
        weights[name] = (value, weights.get(name, (value, 0.0))[1] + weight)
    return sorted(weights.values(), key=lambda item: -item[1])[:_MOST]
