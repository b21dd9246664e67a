"""Trials of a sweep side by side, with differences from the first marked."""

import math

from wcode_magics.logprobs.alignment import compare
from wcode_magics.logprobs.comparison_html import DIFFERENT
from wcode_magics.logprobs.number_format import percent
from wcode_magics.output.escaping import FAINT, clipped, escape
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.output.mimebundle import bundle as bundle_of
from wcode_magics.protocol import models
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.sweep import Sweep, Trial
from wcode_magics.text import say

BESIDE = 4
MOST = 100_000
"""Maximum characters shown of all answers together."""
_CELL = (
    "text-align:left;vertical-align:top;padding:.2em .8em .2em 0;overflow-wrap:anywhere"
)
_TEXT = f"{_CELL};white-space:pre-wrap"


def bundle(sweep: Sweep) -> Bundle:
    """Return up to four answers as columns, more as rows; HTML and text."""
    first = next(iter(sweep.replies), None)
    most = max(MOST // max(1, len(sweep.trials)), 200)
    heads = [_head(trial) for trial in sweep.trials]
    texts = [_text_html(trial, first, most) for trial in sweep.trials]
    feet = [
        _foot(trial, agreement)
        for trial, agreement in zip(sweep.trials, sweep.agreements, strict=True)
    ]
    beside = len(heads) <= BESIDE
    table = (_columns if beside else _rows)(heads, texts, feet)
    note = f'<div style="{FAINT}">{escape(_summary(sweep))}</div>'
    plain = [
        f"— {head}\n{clipped(trial.text or str(trial.error or ''), most)}\n{foot}"
        for head, trial, foot in zip(heads, sweep.trials, feet, strict=True)
    ]
    return bundle_of(table + note, "\n\n".join([*plain, _summary(sweep)]))


def _columns(heads: list[str], texts: list[str], feet: list[str]) -> str:
    def line(cells: list[str], tag: str, style: str) -> str:
        inner = "".join(f'<{tag} style="{style}">{cell}</{tag}>' for cell in cells)
        return f"<tr>{inner}</tr>"

    escaped = [escape(head) for head in heads]
    small = [f'<span style="{FAINT}">{escape(foot)}</span>' for foot in feet]
    return (
        '<table style="width:100%;table-layout:fixed">'
        f"<thead>{line(escaped, 'th', _CELL)}</thead><tbody>"
        f"{line(texts, 'td', _TEXT)}{line(small, 'td', _CELL)}</tbody></table>"
    )


def _rows(heads: list[str], texts: list[str], feet: list[str]) -> str:
    rows = [
        f'<tr><th style="{_CELL}">{escape(head)}</th><td style="{_TEXT}">{text}</td>'
        f'<td style="{_CELL};{FAINT}">{escape(foot)}</td></tr>'
        for head, text, foot in zip(heads, texts, feet, strict=True)
    ]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _head(trial: Trial) -> str:
    return " · ".join(f"{name} {value}" for name, value in trial.point.items())


def _text_html(trial: Trial, first: Reply | None, most: int) -> str:
    if trial.reply is None:
        return f"<b>{escape(clipped(str(trial.error or '–'), most))}</b>"
    if first is None or trial.reply is first or len(trial.text) > most:
        return escape(clipped(trial.text, most))
    return "".join(
        escape(part.second)
        if part.same
        else f'<span style="{DIFFERENT}">{escape(part.second)}</span>'
        for part in compare(first, trial.reply).stretches
        if part.second
    )


def _foot(trial: Trial, agreement: float) -> str:
    reply = trial.reply
    if reply is None:
        return ""
    parts = [] if math.isnan(agreement) else [percent(agreement)]
    if reply.usage is not None:
        prompt, answer = reply.usage.prompt_tokens, reply.usage.completion_tokens
        parts.append(say("ui.tokens_flow", prompt=prompt, answer=answer))
    if reply.cost is not None:
        parts.append(models.money(reply.cost, reply.currency))
    if reply.logprobs is not None:
        parts.append(say("heatmap.mean", value=f"{reply.logprobs.mean:.2f}"))
    if reply.finish_reason != "stop":
        parts.append(str(reply.finish_reason))
    return " · ".join(parts)


def _summary(sweep: Sweep) -> str:
    told = [say("ui.sweep_answers", count=len(sweep.replies), all=len(sweep.trials))]
    if sweep.costs is not None:
        told.append(str(sweep.costs))
    told.append(say("ui.sweep_marked"))
    return " · ".join(told)
