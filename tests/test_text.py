"""Words: the same keys in both languages, none missing, none left over."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import wcode_magics
from tests.catalogues import keys
from wcode_magics import errors, text
from wcode_magics.errors import TimedOut
from wcode_magics.notebook.commands import COMMANDS
from wcode_magics.text import LANGUAGES, say

PACKAGE = Path(wcode_magics.__file__).parent
ALWAYS_MANY = {
    "agreement.some",
    "errors.chat.full",
    "errors.cut_prompt",
    "errors.prompt.huge",
    "errors.prompt_too_long",
    "errors.sweep.many",
    "errors.tools.long_result",
    "heatmap.capped",
    "heatmap.listed",
    "heatmap.together",
    "script.chat.full",
    "script.cut_prompt",
    "script.sweep.many",
    "ui.chat_meter",
}
"""Told only of counts above one."""
PLACE = re.compile(r"(?<!{){(\w+)}(?!})")

QUOTED = re.compile(r"{(reason|message|problem|error|start)}[.。)）]")


@cache
def trees() -> list[ast.AST]:
    """Every file of the package, parsed."""
    return [ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")]


def nodes(kind: type) -> list:
    """All nodes of a kind in the package."""
    return [n for tree in trees() for n in ast.walk(tree) if isinstance(n, kind)]


def error_names() -> set[str]:
    """The names of all errors that are made from a key."""

    def below(kind: type) -> set[str]:
        return {kind.__name__}.union(*map(below, kind.__subclasses__()))

    return below(errors.WcodeError)


def keys_of(node: ast.expr, prefix: str = "") -> list[str]:
    """Keys as written, with ``*`` for what is filled in; none for a variable."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [prefix + node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else "*" for p in node.values]
        return [prefix + "".join(map(str, parts))]
    if isinstance(node, ast.IfExp):
        return keys_of(node.body, prefix) + keys_of(node.orelse, prefix)
    return []


def uses() -> list[tuple[str, ast.Call]]:
    """Every key that the code asks for, with the call that does."""
    named = error_names()
    found = []
    for call in nodes(ast.Call):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if not call.args or (name != "say" and name not in named):
            continue
        prefix = "errors." if name in named else ""
        found += [(key, call) for key in keys_of(call.args[0], prefix)]
    return found


def advice_keys() -> list[str]:
    """Keys of the pairs of a key and its facts, which are told as ``advice.<key>``."""
    pairs = [node.elts for node in nodes(ast.Tuple) if len(node.elts) == 2]
    pairs = [pair for pair in pairs if isinstance(pair[1], ast.Dict)]
    return [key for first, _facts in pairs for key in keys_of(first, "advice.")]


def matches(pattern: str) -> list[str]:
    """The keys that fit a pattern."""
    fits = re.compile(re.escape(pattern).replace(r"\*", "(.+)"))
    return [key for key in keys("en") if fits.fullmatch(key)]


def test_both_languages_have_the_same_keys():
    """What can be said in one language can be said in the other."""
    assert keys("en") == keys("zh")


def test_both_languages_name_the_same_facts():
    """A sentence names the same facts in both languages."""
    for key in keys("en"):
        places = [sorted(set(PLACE.findall(say(key, lang)))) for lang in LANGUAGES]
        assert places[0] == places[1], key


def test_no_words_are_empty():
    """Every key has words."""
    assert all(say(key, lang).strip() for lang in LANGUAGES for key in keys(lang))


def test_chinese_is_chinese():
    """Sentences of the Chinese file are in Chinese."""
    for key in keys("zh"):
        if key.startswith(("errors.", "advice.")) or key.endswith(".help"):
            assert re.search(r"[\u4e00-\u9fff]", say(key, "zh")), key


def test_every_key_in_the_code_has_words():
    """No code asks for words that are not there."""
    found = uses()
    assert len(found) > 50
    assert [key for key, _call in found if not matches(key)] == []


def test_every_advice_in_the_code_has_words():
    """A key that is kept with its facts and told later has words, too."""
    found = advice_keys()
    assert len(found) > 5
    assert [key for key in found if key not in keys("en")] == []


def test_every_call_gives_the_facts_that_its_words_name():
    """A sentence is never left with a hole."""
    for key, call in uses():
        given = {keyword.arg for keyword in call.keywords}
        if None in given or "*" in key or key.startswith("ui.example"):
            continue
        assert set(PLACE.findall(say(key, "en"))) <= given, key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words_with_facts_can_be_filled_in(lang):
    """Filling in facts never trips over a brace."""
    for key in keys(lang):
        facts = dict.fromkeys(PLACE.findall(say(key, lang)), "x")
        if facts and "{{" not in say(key, lang):
            assert "{" not in say(key, lang, **facts).replace('{"', "")
        if key.startswith("errors."):
            assert say(key, lang, **facts, more=1)


def test_every_key_is_used():
    """No words lie about that nobody says."""
    written = {node.value for node in nodes(ast.Constant) if type(node.value) is str}
    written |= set(COMMANDS)
    patterns = {key for key, _call in uses()}
    patterns |= {key for node in nodes(ast.JoinedStr) for key in keys_of(node)}
    asked = [p for p in patterns if p.count("*") and not p.startswith("*")]
    idle = [key for key in keys("en") if not _used(key, written, asked)]
    assert idle == []


def _used(key: str, written: set[str], asked: list[str]) -> bool:
    for face in ("command_line.", "script."):
        if key.startswith(face):
            return _used(key.removeprefix(face), written, asked)
    short = key.removeprefix("errors.")
    if key in written or (short != key and short in written):
        return True
    for pattern in asked:
        fits = re.compile(re.escape(pattern).replace(r"\*", "(.+)"))
        filled = fits.fullmatch(key) or fits.fullmatch(short)
        if filled and all(part in written for part in filled.groups()):
            return True
    return False


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({"WCODE_LANGUAGE": "zh"}, "zh"),
        ({"WCODE_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "zh_TW.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LC_MESSAGES": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_follows_setting_and_locale(monkeypatch, environment, spoken):
    """The language is the variable's, else the locale's, else English."""
    for name in ("WCODE_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert text.language() == spoken


def test_a_chosen_language_stands_above_the_environment():
    """``use`` overrides the environment, and None gives it back."""
    text.use("zh")
    assert say("ui.sandbox") == "沙盒"
    text.use(None)
    assert say("ui.sandbox") == "sandbox"


@pytest.mark.parametrize(
    ("count", "told"),
    [
        ("1", "1 token"),
        (1, "1 token"),
        (0, "0 tokens"),
        ("1,204", "1,204 tokens"),
        ("≈1", "≈1 token"),
        ("≈2", "≈2 tokens"),
    ],
)
def test_one_is_not_many(count, told):
    """English counts one token, and more or fewer tokens."""
    assert say("heatmap.tokens", "en", value=count) == told


def test_what_may_be_one_is_never_told_as_many():
    """No English sentence says «1 rows»."""
    nouns = "alternatives|answers|characters|requests|rounds|rows|runs|tokens|turns"
    plural = re.compile(rf"}} (?:more |new )?(?:{nouns})\b")
    told = {key for key in keys("en") if plural.search(say(key, "en"))}
    assert told == ALWAYS_MANY


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("stop", [".", "。", "...", ".\n"])
def test_a_sentence_has_one_stop(lang, stop):
    """A reason that ends in a full stop does not end the sentence twice."""
    for key in keys(lang):
        words = say(key, lang)
        for name in re.findall(
            r"{(reason|message|problem|error|start)}[.。)）]", words
        ):
            facts = dict.fromkeys(PLACE.findall(words), "x")
            told = say(key, lang, **facts | {name: f"it broke{stop}"})
            assert told == say(key, lang, **facts | {name: "it broke"})


def test_a_reason_of_stops_alone_is_told():
    """Nothing that was said is lost, and what ends the sentence keeps its stop."""
    assert "begins: .... Check" in say("errors.no_choices", "en", start="...")
    assert say("prompts.repair", "en", problem="Bad.", prompt="p").count("Bad. A") == 1


def test_chinese_sentences_are_joined_without_a_space():
    """Also an error's, with its tries and where the answer is kept."""
    error = TimedOut("timed_out", url="u", seconds="1")
    error.tries, error.kept, error.summary = 3, True, "共 2 行。"
    assert ". Try again" in str(error)
    assert str(error).count(". ") == 4
    text.use("zh")
    assert "。 " not in str(error)
    assert text.sentences(["一。", "", "二。"]) == "一。二。"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("大于 0 的数", "budget 的值是 -1，但必须是大于 0 的数。"),
        ("int ≥ 0", "budget 的值是 -1，但必须是 int ≥ 0。"),
        (" 缩进 的", "budget 的值是 -1，但必须是  缩进 的。"),
    ],
)
def test_a_space_sets_latin_words_apart(value, words):
    """Beside a Chinese value there is none; the value's own spaces stay."""
    facts = {"name": "budget", "given": -1, "allowed": value}
    assert text.say("errors.bad_option", "zh", **facts) == words
