"""Measurements of output: its end, its form, its probabilities, calls of tools."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from wcode_magics.errors import RejectedError
from wcode_magics.protocol.probe import Finding
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.probe_sampling import Known, finding, verdict_of
from wcode_magics.session.prober import (
    STORY,
    STRUCTURE,
    TOKEN,
    Prober,
    generated_text,
    period,
)

BIASED = ("1000", "400")
"""Token ids of any vocabulary, of which one is made certain."""
COUNTS = (2, 5)
PLAIN = "Say hello in one plain sentence, without any JSON."
WORDS = ("qx7", "qx8")
SCHEMA = {
    "type": "object",
    "properties": {"zq": {"enum": [*WORDS]}},
    "required": ["zq"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "probe", "strict": True, "schema": SCHEMA},
}
WEATHER = "What is the weather in Paris?"
BOTH = "What is the weather in Paris, and what is it in Tokyo?"
HELLO = "Say hello."
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Tell the weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
READ = 10
"""Prompt tokens that tools add at least if the model reads them."""


async def stop(prober: Prober, known: Known) -> Finding:
    """Stop at the first space."""
    usual = known.controls.get(TOKEN) or await prober.ask(TOKEN, **(known.fixed or {}))
    reply = await prober.ask(TOKEN, stop=[" "], **(known.fixed or {}))
    text = reply.text.strip(" ")
    facts = {"count": reply.text.count(" ")}
    if " " not in usual.text.strip():
        return Finding("stop", "unknown", "no_spaces")
    return finding("stop", obeyed=" " not in text, key="stop", **facts)


async def logprobs(prober: Prober, known: Known) -> Finding:
    """Ask for the probabilities of tokens, with alternatives if it needs those."""
    reply = await prober.ask(TOKEN, logprobs=True, **(known.fixed or {}))
    if not reply.tokens:
        with suppress(RejectedError):
            reply = await prober.ask(TOKEN, logprobs=True, top_logprobs=1)
    facts = {"count": len(reply.tokens)}
    return finding("logprobs", obeyed=bool(reply.tokens), key="tokens", **facts)


async def top_logprobs(prober: Prober, known: Known) -> Finding:
    """Count the alternatives for two numbers asked for."""
    if not known.obeyed("logprobs"):
        return Finding("top_logprobs", "unknown", "needs", {"name": "logprobs"})
    params = [{"top_logprobs": count} for count in COUNTS]
    few, many = await prober.each(TOKEN, params, logprobs=True, **known.hot)
    found = [
        max((len(t.top) for t in reply.tokens), default=0) for reply in (few, many)
    ]
    right = all(0 <= f - count <= 1 for f, count in zip(found, COUNTS, strict=True))
    facts = {"asked": COUNTS[1], "count": found[1]}
    return finding("top_logprobs", obeyed=right, key="alternatives", **facts)


async def logit_bias(prober: Prober, _known: Known) -> Finding:
    """Make one token certain: it is to appear again and again."""
    for token in BIASED:
        reply = await prober.ask(STORY, length=8, logit_bias={token: 100.0})
        unit = period(generated_text(reply))
        if len(unit) * 3 <= len(generated_text(reply)):
            facts = {"token": token, "text": unit.strip() or "␠"}
            return finding("logit_bias", obeyed=True, key="biased", **facts)
    facts = {"token": BIASED[0], "text": generated_text(reply)[:20]}
    return finding("logit_bias", obeyed=False, key="biased", **facts)


async def response_format(
    prober: Prober, _known: Known, facts: dict[str, str]
) -> Finding:
    """Ask for JSON, and for a schema, by a prompt that asks for neither."""
    replies: dict[str, Reply | None] = {"json_mode": None, "schema": None}
    forms: Mapping[str, Any] = {"json_mode": {"type": "json_object"}, "schema": FORMAT}
    refusal: RejectedError | None = None
    for name, form in forms.items():
        try:
            replies[name] = await prober.ask(
                PLAIN, length=STRUCTURE, response_format=form
            )
        except RejectedError as error:
            refusal = error
    mode, schema = replies["json_mode"], replies["schema"]
    fits = {
        "json_mode": mode is not None and _is_object(mode),
        "schema": schema is not None and _fits(schema),
    }
    for name, reply in replies.items():
        facts[name] = "refused" if reply is None else verdict_of(fits[name])
    if refusal is not None and mode is schema:
        raise refusal
    shown = {name: facts[name] for name in forms}
    return finding("response_format", obeyed=any(fits.values()), key="form", **shown)


async def structured_outputs(
    prober: Prober, _known: Known, facts: Mapping[str, str]
) -> Finding:
    """Forbid a schema that is enforced otherwise, and give a choice of words."""
    name = "structured_outputs"
    schema_params: dict[str, Any] = {"length": STRUCTURE, "response_format": FORMAT}
    enforced = facts.get("schema") == "obeyed"
    if enforced:
        await prober.ask(PLAIN, structured_outputs=True, **schema_params)
        try:
            reply = await prober.ask(PLAIN, structured_outputs=False, **schema_params)
            disables = not _fits(reply)
        except RejectedError:
            disables = True
        if disables:
            return finding(name, obeyed=True, key="forbids")
    choice: dict[str, Any] = {"choice": [*WORDS]}
    reply = await prober.ask(PLAIN, length=STRUCTURE, structured_outputs=choice)
    chosen = reply.text.strip() in WORDS
    return finding(name, obeyed=chosen, key="choice", text=reply.text.strip()[:20])


async def tools(prober: Prober, _known: Known) -> Finding:
    """Ask what a tool is there for."""
    reply = await prober.ask(WEATHER, length=STRUCTURE, tools=TOOLS)
    if reply.tool_calls:
        return finding("tools", obeyed=True, key="called")
    plain = await prober.ask(WEATHER, length=STRUCTURE)
    used = [one.usage and one.usage.prompt_tokens for one in (reply, plain)]
    if used[0] and used[1] and used[0] - used[1] >= READ:
        return Finding("tools", "unknown", "uncalled")
    return finding("tools", obeyed=False, key="uncalled")


async def tool_choice(prober: Prober, known: Known) -> Finding:
    """Forbid a call that is due, and force one that is not."""
    if not known.obeyed("tools"):
        return Finding("tool_choice", "unknown", "needs", {"name": "tools"})
    params: dict[str, Any] = {"length": STRUCTURE, "tools": TOOLS}
    none = await prober.ask(WEATHER, tool_choice="none", **params)
    usual = await prober.ask(HELLO, **params)
    forced = await prober.ask(HELLO, tool_choice="required", **params)
    none_obeyed, required_obeyed = not none.tool_calls, bool(forced.tool_calls)
    if usual.tool_calls:
        required_obeyed = none_obeyed
    facts = {"none": verdict_of(none_obeyed), "required": verdict_of(required_obeyed)}
    return finding(
        "tool_choice", obeyed=none_obeyed or required_obeyed, key="choices", **facts
    )


async def parallel_tool_calls(prober: Prober, known: Known) -> Finding:
    """Ask for two calls, and forbid more than one."""
    name = "parallel_tool_calls"
    if not known.obeyed("tools"):
        return Finding(name, "unknown", "needs", {"name": "tools"})
    params: dict[str, Any] = {"length": 2 * STRUCTURE, "tools": TOOLS}
    variants = [{name: several} for several in (True, False)]
    both, one = await prober.each(BOTH, variants, **params)
    counts = len(both.tool_calls), len(one.tool_calls)
    facts = {"both": counts[0], "one": counts[1]}
    if counts[0] < 2 and counts[1] < 2:
        return Finding(name, "unknown", "parallel", facts)
    return finding(name, obeyed=counts[1] <= 1 < counts[0], key="parallel", **facts)


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.text, strict=False)
    except (ValueError, RecursionError):
        return None


def _is_object(reply: Reply) -> bool:
    """Return whether an answer is a JSON object, or was cut off within one."""
    if reply.finish_reason == "length":
        return reply.text.lstrip().startswith("{")
    return isinstance(_json(reply), dict)


def _fits(reply: Reply) -> bool:
    found = _json(reply)
    return isinstance(found, dict) and found.get("zq") in WORDS and len(found) == 1
