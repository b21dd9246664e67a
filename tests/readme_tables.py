"""Tables of both READMEs, made of the package's rows by ``make docs``."""

from collections.abc import Iterable, Sequence

from tests.languages.tried import NOT_RUN, TRIED
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.protocol.parameters import PARAMS
from wcode_magics.protocol.providers import PROVIDERS
from wcode_magics.settings.manual import spelt
from wcode_magics.settings.options import CELL, SETTINGS
from wcode_magics.snippets import TARGETS
from wcode_magics.text import say

PROVIDER_HEADS = {
    "en": ("`provider=`", "Key", "Goes on by", "Thinking by"),
    "zh": ("`provider=`", "密钥", "续写方式", "思考字段"),
}
TARGET_HEADS = {
    "en": ("Key", "Language", "Library", "Needs", "Streaming form", "In the tests"),
    "zh": ("名称", "语言", "库", "需要", "流式写法", "测试情况"),
}
STREAMS = {"en": "yes", "zh": "有"}
TESTED = {
    "en": {
        "run": "run with {tried}",
        "tried": "parsed, and tried by hand with {tried} (2026-11)",
        "earlier": "parsed; an earlier form tried by hand with {tried} (2026-11)",
        "parsed": "parsed, not run",
    },
    "zh": {
        "run": "用 {tried} 运行",
        "tried": "仅解析；曾手动用 {tried} 试过（2026-11）",
        "earlier": "仅解析；较早的写法曾手动用 {tried} 试过（2026-11）",
        "parsed": "仅解析，未运行",
    },
}


def params(lang: str) -> str:
    """The parameters."""
    heads = ("flag", "label", "range", "default", "meaning")
    rows = [
        (
            f"`--{row.name.replace('_', '-')}`"
            + (f" `-{row.short}`" if row.short else ""),
            say(f"params.{row.name}.label", lang),
            f"`{row.allowed}`",
            "–" if row.default is None else f"`{row.usual}`",
            say(f"params.{row.name}.help", lang),
        )
        for row in PARAMS
    ]
    return _table([say(f"ui.{head}", lang) for head in heads], rows)


def options(lang: str) -> str:
    """The other options of a cell."""
    rows = [
        (f"`{spelt(row)}`", say(f"options.{row.name}", lang))
        for row in CELL
        if row.param is None
    ]
    return _table([say("ui.flag", lang), say("ui.meaning", lang)], rows)


def settings(lang: str) -> str:
    """The settings without a flag of a cell."""
    heads = ("name", "range", "default", "variable", "meaning")
    rows = [
        (
            f"`{row.name}`",
            f"`{row.allowed}`",
            "–" if row.default is None else f"`{decimal(row.default)}`",
            f"`WCODE_{row.name.upper()}`",
            say(f"options.{row.name}", lang),
        )
        for row in SETTINGS
        if row.stage == "session"
    ]
    return _table([say(f"ui.{head}", lang) for head in heads], rows)


def providers(lang: str) -> str:
    """The providers: key, dialect of going on, fields of thinking."""
    rows = []
    for row in PROVIDERS:
        switch = ", ".join(row.think_on) or "–"
        limit = f", {row.think_budget}" if row.think_budget else ""
        key = f"`{row.key}`" if row.key else "–"
        rows.append((f"`{row.name}`", key, row.prefix or "–", f"{switch}{limit}"))
    return _table(PROVIDER_HEADS[lang], rows)


def targets(lang: str) -> str:
    """The languages of export, and what each was tested with."""
    rows = [
        (
            f"`{target.key}`",
            target.title,
            target.library,
            target.install,
            STREAMS[lang],
            _tested(target.key, lang),
        )
        for target in TARGETS
    ]
    return _table(TARGET_HEADS[lang], rows)


def _tested(key: str, lang: str) -> str:
    """Whether the programs are run, and with what: each name once, then versions."""
    versions: dict[str, list[str]] = {}
    for tried in TRIED.get(key, ()):
        name, _, version = tried.rpartition(" ")
        versions.setdefault(name, []).append(version)
    listed = ", ".join(f"{name} {', '.join(some)}" for name, some in versions.items())
    return TESTED[lang][NOT_RUN.get(key, "run")].format(tried=listed)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
