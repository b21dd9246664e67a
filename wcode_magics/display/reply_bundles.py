"""A reply as a mimebundle: its text or tokens, notes and footer."""

import re
import time
from typing import Any

from wcode_magics.display import highlight, images, json_tree, markdown, tool_tables
from wcode_magics.display.answer_notes import badge, blank, missing, thinking
from wcode_magics.display.bundles import json_text, note_bundle
from wcode_magics.display.progress import guess
from wcode_magics.errors import AnswerError
from wcode_magics.logprobs import heatmap
from wcode_magics.logprobs.number_format import number
from wcode_magics.output.escaping import (
    FADED,
    FAINT,
    SMALL,
    clipped,
    escape,
    faint,
    inert,
    joined,
    without_tex,
)
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.protocol import models
from wcode_magics.protocol.cut_prompt import cut_of
from wcode_magics.protocol.messages import Usage
from wcode_magics.protocol.reply import Reply, is_answer
from wcode_magics.sending.store_pool import place_of
from wcode_magics.session.structured import plain_value
from wcode_magics.text import say

BADGE = "border:1px solid #c80;border-radius:3px;padding:0 .4em;background-color:#e903"
SWITCH = "wcode-untinted"
"""Class of what is shown in place of the tokens that follow it."""


def reply_bundle(reply: Reply, form: str = "markdown") -> Bundle:
    """Return a reply with its footer.

    ``form`` is one of :data:`options.FORMATS`, or ``value`` for a parsed answer.
    """
    prompt_images = images.html(images.prompt_images(reply.request))
    body = _body_html(reply, form)
    if reply.logprobs is not None:
        body = _switched(body, heatmap.html(reply.logprobs, seam=_seam(reply)))
    answer = [begin_html(reply), body, end_html(reply)]
    page = [prompt_images, *answer, footer_html(reply)]
    has_neutral = form == "markdown" and not images.prompt_images(reply.request)
    neutral = _neutral(reply) if has_neutral else None
    return bundle("".join(page), _reply_plain(reply), neutral)


def _switched(body: str, tokens: str) -> str:
    """Return tokens with a switch that shows the body in their place.

    It needs no script. Where a style sheet is not allowed, both are shown at once.
    """
    label = escape(say("ui.without_probabilities"))
    head = f'<summary style="float:right;{FAINT}">{label}</summary>'
    style = f"<style>.{SWITCH}[open]+div{{display:none}}</style>"
    return f'{style}<details class="{SWITCH}">{head}{body}</details>{tokens}'


def _neutral(reply: Reply) -> str | None:
    """Return a reply as Markdown, for exports; tables are fenced plain text."""
    parts: list[str | None] = [markdown.neutral(blank(reply) or reply.text)]
    if reply.trace:
        parts.insert(0, _fenced(tool_tables.trace_table(reply.trace).plain()))
    if reply.tool_calls:
        parts.append(_fenced(tool_tables.calls_table(reply.tool_calls).plain()))
    if reply.logprobs is not None:
        parts.append(_fenced(heatmap.plain(reply.logprobs, seam=_seam(reply))))
    lines = [reply.refusal or "", *missing(reply), badge(reply), footer(reply)]
    for line in filter(None, (thinking(reply), *lines)):
        escaped = markdown.neutral(clipped(line, markdown.MOST_NEUTRAL))
        parts.append(escaped and f"*{escaped}*")
    if any(part is None for part in parts):
        return None
    return "\n\n".join(part for part in parts if part)


def _fenced(text: str) -> str:
    """Return a text as a code block that nothing in it ends."""
    runs = re.findall(r"`{3,}", text)
    fence = "`" * (1 + max(map(len, runs), default=2))
    return f"{fence}text\n{inert(text)}\n{fence}"


def reply_with_metadata(reply: Reply) -> tuple[Bundle, dict[str, Any]]:
    """Return the bundle and the metadata of a reply displayed on its own."""
    return reply_bundle(reply), reply_metadata(reply)


def _reply_plain(reply: Reply) -> str:
    text = f"{reply.text}\n\n" if is_answer(reply) else ""
    return f"{text}{reply_end(reply)}"


def reply_end(reply: Reply) -> str:
    """Return what a terminal shows below the text: calls, tokens, badge, footer."""
    calls = [f"{call.name}({call.arguments})" for call in reply.tool_calls]
    parts = [thinking(reply), blank(reply), *calls, reply.refusal or ""]
    if reply.trace:
        parts.insert(0, tool_tables.trace_table(reply.trace).plain())
    if reply.logprobs is not None:
        parts.append(heatmap.plain(reply.logprobs, seam=_seam(reply)))
    parts += [images.plain(images.prompt_images(reply.request))]
    parts += [*missing(reply), badge(reply), footer(reply)]
    return "\n".join(part for part in parts if part)


def _seam(reply: Reply) -> int:
    return 0 if reply.seam is None else reply.seam.at


def reply_metadata(reply: Reply) -> dict[str, Any]:
    """Return the metadata of a reply stored in the notebook."""
    facts: dict[str, Any] = {
        "model": reply.model,
        "params": dict(reply.request.params),
        "finish_reason": reply.finish_reason,
        "request_hash": reply.request.hash,
        "source": reply.source,
        "seconds": round(reply.elapsed, 3),
    }
    if reply.usage is not None:
        facts["usage"] = reply.usage.to_dict()
    if reply.cost is not None:
        facts |= {"cost": reply.cost, "currency": reply.currency}
    return {"wcode": facts}


def growing_bundle(
    text: str, form: str = "markdown", *, tokens: bool = False
) -> Bundle:
    """Return a part of a streaming answer; ``tokens``: it will be shown as tokens."""
    if tokens:
        shown = f'<div style="{heatmap.RUNNING}">{heatmap.running(text)}</div>'
        return bundle(shown, "")
    shown = markdown.growing(text) if form == "markdown" else markdown.as_written(text)
    return bundle(shown, "")


def footer(reply: Reply) -> str:
    """Return model, tokens, price, seconds, finish reason and source as a line."""
    known = models.find(reply.model, place_of(reply))
    parts = [known.title if known and known.title else reply.model]
    guessed = guess(reply, place_of(reply))
    usage, mark = reply.usage or guessed, say("ui.approx") if guessed else ""
    if usage is not None:
        prompt, answer = (
            f"{mark}{count:,}"
            for count in (usage.prompt_tokens, usage.completion_tokens)
        )
        parts.append(say("ui.tokens_flow", prompt=prompt, answer=answer))
        parts += _counted(usage, reply)
    paid, currency = reply.cost, reply.currency
    if paid is None and guessed is not None:
        paid = models.cost(reply.request.model, guessed, place_of(reply))
        currency = models.currency(reply.request.model, place_of(reply))
    if paid is not None:
        parts.append(f"{mark if paid else ''}{models.money(paid, currency)}")
    elif reply.usage is not None and reply.usage.cost is not None:
        parts.append(say("ui.charged", amount=models.amount(reply.usage.cost)))
    parts.append(say("ui.seconds", seconds=number(reply.elapsed)))
    if reply.finish_reason:
        parts.append(reply.finish_reason)
    if reply.unconfirmed:
        parts.append(say("ui.unconfirmed"))
    if reply.source == "replayed":
        parts.append(_replayed(reply))
    if reply.from_sandbox:
        parts.append(say("ui.sandbox"))
    cut = cut_of(reply)
    if cut is not None:
        parts.append(str(cut))
    return " · ".join(parts)


def _replayed(reply: Reply) -> str:
    """Return that a reply is replayed, and from when: the model may have changed."""
    if reply.answered is None:
        return say("ui.replayed")
    moment = f"{reply.answered.astimezone():%Y-%m-%d %H:%M}"
    return say("ui.replayed_from", moment=moment)


def _counted(usage: Usage, reply: Reply) -> list[str]:
    """Return the cached and reasoning tokens that the endpoint reports."""
    counts = {"cached": usage.cached_tokens, "thinking": usage.reasoning_tokens}
    parts = [say(f"ui.usage_{key}", count=f"{n:,}") for key, n in counts.items() if n]
    if reply.reasoning_cost is not None and parts:
        parts[-1] += f" ({models.money(reply.reasoning_cost, reply.currency)})"
    return parts


def _markdown(reply: Reply) -> str:
    notice = blank(reply)
    if notice:
        return faint(notice)
    return markdown.html(reply.text)


def _code(reply: Reply) -> str:
    blocks = reply.code_blocks or [("", reply.text)]
    until = time.thread_time() + highlight.COLOURING_S
    pages = (highlight.html(code, language, until) for language, code in blocks)
    return _bounded("".join(pages), reply.text)


def _bounded(page: str, text: str) -> str:
    """Return the HTML, or the unformatted text if the HTML is too long."""
    return page if len(page) <= markdown.MOST_PAGE else markdown.as_written(text)


def _json(reply: Reply) -> str:
    try:
        return _bounded(highlight.html(json_text(reply.json), "json"), reply.text)
    except AnswerError as error:
        return markdown.as_written(reply.text) + str(
            note_bundle(str(error))["text/html"]
        )


def _html(reply: Reply) -> str:
    import nh3

    body = reply.code_blocks[0][1] if reply.code_blocks else reply.text
    if len(body) > markdown.MOST:
        return markdown.as_written(body)
    tags = set(nh3.ALLOWED_TAGS) - {"img"}
    page = nh3.clean(body, tags=tags, url_schemes={"http", "https", "mailto"})
    return _bounded(without_tex(str(page)), body)


def _value(reply: Reply) -> str:
    if reply.parsed is None:
        return markdown.as_written(reply.text)
    return _bounded(json_tree.html(plain_value(reply.parsed)), reply.text)


def _body_html(reply: Reply, form: str) -> str:
    """Return the text in a form; text that is too long is left unformatted."""
    if not is_answer(reply):
        return _markdown(reply)
    if form in _LAID_OUT and len(reply.text) > markdown.MOST_PAGE:
        return markdown.as_written(reply.text)
    return _BODIES[form](reply)


_LAID_OUT = frozenset({"code", "json", "html", "value"})
_BODIES = {
    "markdown": _markdown,
    "text": lambda reply: markdown.as_written(reply.text),
    "code": _code,
    "json": _json,
    "html": _html,
    "value": _value,
}


def answer_html(reply: Reply, form: str = "markdown") -> str:
    """Return a reply as HTML without its token probabilities and its footer."""
    return begin_html(reply) + _body_html(reply, form) + end_html(reply)


def begin_html(reply: Reply) -> str:
    """Return the tool calls and the reasoning before the text as HTML."""
    calls = tool_tables.trace_table(reply.trace).html()
    if not reply.reasoning:
        return calls
    return calls + markdown.folded(thinking(reply), reply.reasoning)


def end_html(reply: Reply) -> str:
    """Return the requested tool calls and the refusal after the text as HTML."""
    calls = tool_tables.calls_table(reply.tool_calls).html()
    return calls + _refusal_html(reply)


def _refusal_html(reply: Reply) -> str:
    if not reply.refusal:
        return ""
    refusal = clipped(reply.refusal, markdown.MOST)
    return f"<p><b>{escape(say('ui.refusal'))}:</b> {escape(refusal)}</p>"


def footer_html(reply: Reply) -> str:
    """Return what is missing, the badge and the footer of a reply as HTML."""
    warning = badge(reply)
    lines = "".join(f"<div>{escape(line)}</div>" for line in missing(reply))
    foot = joined(footer(reply))
    if not warning:
        return f'<div style="{FAINT}">{lines}{foot}</div>'
    faint = f'<div style="{FADED}">{lines}</div>' if lines else ""
    shown = f'<span style="{BADGE}">{escape(warning)}</span>'
    foot = f'<span style="{FADED}">{foot}</span>'
    return f'<div style="{SMALL}">{faint}{shown} {foot}</div>'
