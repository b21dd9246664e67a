"""Measurements of sampling and repetition: whether answers vary, and in which way."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wcode_magics.logprobs.number_format import decimal
from wcode_magics.protocol.probe import Finding, Verdict
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.prober import (
    DEFAULT_RUNS,
    HOT_RUNS,
    LAUGH,
    LEVEL,
    PICK,
    SIMILAR,
    STORY,
    TOKEN,
    Prober,
    generated_text,
    repeats,
    same,
    similarity,
)

SEED = 7
PENALTY_TOKENS = 32
"""Tokens in which a penalty shows."""
EXPLAINED = 96
"""Tokens in which the length of an explanation shows."""
STEADY = 3
"""Runs at temperature 0, whose answers should be equal."""
SHORT, LONG = 4, 12
"""Tokens of a short answer, and letters of a long token."""
TRIES = 3
LAUGH_TOKENS = 24
"""Tokens of the laughter asked for."""
SHORTER = 0.85
"""Share of the longer explanation that the shorter one has at most."""
REVERSED = 1.25
"""How many times more words repeat at a penalty's high end if it works backwards."""
UNLIKELY_RATIO = 0.5
"""A token is less likely than top_a allows below this share of the threshold."""
LEAST_UNLIKELY = 8
"""Such tokens that must occur without top_a before their absence means something."""


@dataclass
class Known:
    """What the measurements so far have shown.

    ``hot`` are parameters under which answers vary, ``fixed`` those under which they
    do not (None: none known); ``varies``: answers vary at all.
    """

    hot: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] | None = None
    varies: bool = False
    controls: dict[str, Reply | None] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)

    def obeyed(self, name: str) -> bool:
        """Return whether a parameter was found to be obeyed."""
        return self.verdicts.get(name) == "obeyed"


async def max_tokens(prober: Prober, _known: Known) -> Finding:
    """Ask for a few tokens."""
    for _try in range(TRIES):
        reply = await prober.ask(STORY, max_tokens=SHORT, stream=True)
        length = len(generated_text(reply))
        used = reply.usage.completion_tokens if reply.usage else length // 4
        bounded = used <= SHORT + 1 or (reply.usage is None and length <= SHORT * LONG)
        bounded = bounded and not reply.interrupted
        obeyed = bounded and reply.finish_reason == "length"
        if obeyed or not bounded:
            break
    prober.bounded = bounded
    facts = {"asked": SHORT, "count": used}
    return finding("max_tokens", obeyed=obeyed, key="length", **facts)


async def temperature(prober: Prober, known: Known) -> Finding:
    """Compare answers at 0, which should be equal, and at 2, which should differ."""
    cold = await prober.several(STEADY, STORY, temperature=0.0)
    picks = await prober.several(STEADY, PICK, temperature=0.0)
    hot = await prober.several(HOT_RUNS, STORY, temperature=2.0)
    steady = min(similarity(cold), similarity(picks))
    facts = {"cold": _percent(steady), "hot": _percent(similarity(hot))}
    obeyed = steady >= SIMILAR > similarity(hot)
    if obeyed:
        known.hot, known.varies = {"temperature": 2.0}, True
        known.fixed = {"temperature": 0.0}
    return finding("temperature", obeyed=obeyed, key="alike", **facts)


async def variety(prober: Prober, known: Known) -> None:
    """Find out whether answers vary where temperature cannot make them."""
    if not known.varies:
        stories = await prober.several(DEFAULT_RUNS, STORY)
        picks = await prober.several(DEFAULT_RUNS, PICK)
        known.varies = min(similarity(stories), similarity(picks)) < SIMILAR


async def seed(prober: Prober, known: Known) -> Finding:
    """Ask the same with one seed."""
    steady, least = await _steady(prober, known, exact=True, seed=SEED)
    if not known.varies:
        return Finding("seed", "unknown", "no_variety")
    if steady:
        known.fixed = {"seed": SEED}
    return finding("seed", obeyed=steady, key="same_seed", share=_percent(least))


async def cutoff(prober: Prober, known: Known, name: str, value: float) -> Finding:
    """Cut all candidates off but the likeliest, where answers vary otherwise."""
    if not known.varies:
        return await _unvaried(prober, name, value)
    steady, least = await _steady(
        prober, known, exact=False, ties=name == "min_p", **{name: value}
    )
    shown = {"name": name, "value": decimal(value), "share": _percent(least)}
    return finding(name, obeyed=steady, key="cutoff", **shown)


async def _unvaried(prober: Prober, name: str, value: float) -> Finding:
    """Send a parameter once, as it may be refused; its effect cannot be seen."""
    params: dict[str, Any] = {name: value}
    await prober.ask(PICK, **params)
    return Finding(name, "unknown", "no_variety")


async def _steady(
    prober: Prober, known: Known, *, exact: bool, ties: bool = False, **params: Any
) -> tuple[bool, float]:
    """Return whether answers are equal in all runs, and how alike they are at least.

    ``ties``: equally likely words would all remain, so none are asked for.
    """
    times = HOT_RUNS if known.hot else DEFAULT_RUNS
    runs = [await prober.several(times, STORY, **known.hot, **params)]
    if not known.hot and not ties and similarity(runs[0]) >= SIMILAR:
        runs.append(await prober.several(times, PICK, **params))
    least = min(map(similarity, runs))
    return all(map(same, runs)) if exact else least >= SIMILAR, least


async def top_a(prober: Prober, known: Known) -> Finding:
    """Look for tokens that top_a = 1 forbids, and for variety that it leaves."""
    if not known.varies:
        return await _unvaried(prober, "top_a", 1.0)
    has_shares = known.obeyed("logprobs") and known.obeyed("top_logprobs")
    shown = {"logprobs": True, "top_logprobs": 2} if has_shares else {}
    params: dict[str, Any] = {"length": LAUGH_TOKENS, **shown}
    facts: dict[str, Any] = {"before": 0, "after": 0}
    for prompt in (LAUGH, STORY, LEVEL):
        limited: list[Reply] = []
        for count in (2, DEFAULT_RUNS - 2):
            limited += await prober.all(count, prompt, top_a=1.0, **params)
            after = _unlikely_tokens(limited)
            if after:
                facts = {
                    "before": "–",
                    "after": after,
                    "share": _percent(similarity(limited)),
                }
                return finding("top_a", obeyed=False, key="top_a", **facts)
        free = await prober.all(DEFAULT_RUNS, prompt, **params)
        facts |= {"before": facts["before"] + _unlikely_tokens(free)}
        facts |= {"share": _percent(similarity(limited))}
        if facts["before"] >= LEAST_UNLIKELY:
            return finding("top_a", obeyed=True, key="top_a", **facts)
        if not same(free) and same(limited):
            facts |= {"free": _percent(similarity(free))}
            return finding("top_a", obeyed=True, key="top_a_alike", **facts)
    return Finding("top_a", "unknown", "top_a", facts)


def _unlikely_tokens(replies: Sequence[Reply]) -> int:
    """Count tokens clearly less likely than p² of the likeliest."""
    found = 0
    for reply in replies:
        for token in reply.tokens:
            best = max((other.logprob for other in token.top), default=token.logprob)
            found += token.logprob < 2 * best + math.log(UNLIKELY_RATIO)
    return found


async def penalty(
    prober: Prober, known: Known, name: str, values: tuple[float, float]
) -> Finding:
    """Ask with both ends of a penalty where answers are otherwise equal.

    The wording of an answer that does not vary changes only if the penalty counts. The
    higher value is not to leave clearly more words that repeat.
    """
    changed, more, less, tried = False, 0, 0, 0
    ends: list[dict[str, Any]] = [{name: value} for value in values]
    for prompt in (TOKEN, STORY, LAUGH):
        usual = await control(prober, known, prompt)
        if usual is None or known.fixed is None:
            continue
        tried += 1
        high, low = await prober.each(
            prompt, ends, length=PENALTY_TOKENS, **known.fixed
        )
        changed = changed or not same([usual, high, low])
        more, less = more + repeats(low), less + repeats(high)
        if changed and less < more:
            break
    facts = {"low": decimal(values[1]), "high": decimal(values[0])}
    if not tried:
        await prober.ask(PICK, **ends[0])
        return Finding(name, "unknown", "no_control")
    if not changed:
        return finding(name, obeyed=False, key="unchanged", **facts)
    shown = {**facts, "less": less, "more": more}
    right = less <= REVERSED * more or name == "repetition_penalty"
    key = "repeats" if less < more or not right else "changed"
    return finding(name, obeyed=right, key=key, **shown)


async def control(prober: Prober, known: Known, prompt: str) -> Reply | None:
    """Return the answer to a prompt if it is the same twice, else None."""
    if known.fixed is None:
        return None
    if prompt not in known.controls:
        twice = await prober.several(2, prompt, length=PENALTY_TOKENS, **known.fixed)
        known.controls[prompt] = twice[0] if same(twice) else None
    return known.controls[prompt]


async def verbosity(prober: Prober, known: Known) -> Finding:
    """Compare the lengths of a short and a long explanation."""
    fixed = known.fixed or {}
    levels = [{"verbosity": level} for level in ("low", "high")]
    low, high = await prober.each(LEVEL, levels, length=EXPLAINED, **fixed)
    short, long = len(generated_text(low)), len(generated_text(high))
    facts = {"low": short, "high": long}
    if short <= SHORTER * long:
        return finding("verbosity", obeyed=True, key="lengths", **facts)
    if same([low, high]) or short * SHORTER >= long:
        return finding("verbosity", obeyed=False, key="lengths", **facts)
    return Finding("verbosity", "unknown", "lengths", facts)


def _percent(share: float) -> str:
    return f"{share:.0%}"


def finding(name: str, /, *, obeyed: bool, key: str, **facts: Any) -> Finding:
    """Return a finding: the parameter was obeyed, or ignored."""
    return Finding(name, verdict_of(obeyed), key, facts)


def verdict_of(obeyed: bool) -> Verdict:
    """Return the verdict on a parameter that was accepted."""
    return "obeyed" if obeyed else "ignored"
