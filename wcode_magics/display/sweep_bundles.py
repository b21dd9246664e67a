"""Trials of a sweep or a repeated prompt, with differences from the first marked."""

import math
from collections.abc import Iterable

from wcode_magics.display.text_table import TABLE
from wcode_magics.logprobs.comparison_html import DIFFERENT
from wcode_magics.logprobs.number_format import decimal, number, percent
from wcode_magics.logprobs.word_diff import differences
from wcode_magics.output.escaping import FAINT, clipped, escape, faint, joined
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.output.mimebundle import bundle as bundle_of
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.sweep import Sweep, Trial
from wcode_magics.text import say

BESIDE = 3
"""Maximum number of answers that stand beside each other."""
MOST = 100_000
"""Maximum characters shown of all answers together."""
_CELL = (
    "text-align:left;vertical-align:top;padding:.2em .8em .2em 0;"
    "overflow-wrap:anywhere;line-height:1.5"
)
_TEXT = f"{_CELL};white-space:pre-wrap"
_WIDE = f"{_TEXT};width:99%"
_HEAD = f"{_CELL};white-space:nowrap"


def bundle(sweep: Sweep) -> Bundle:
    """Return a few answers as columns, more as rows; HTML and text."""
    first = next(iter(sweep.replies), None)
    most = share_of(len(sweep.trials))
    heads = [_head(trial) for trial in sweep.trials]
    texts = [text_html(trial, first, most) for trial in sweep.trials]
    footers = [
        _foot(trial, math.nan if trial.reply is first else agreement)
        for trial, agreement in zip(sweep.trials, sweep.agreements, strict=True)
    ]
    beside = len(heads) <= BESIDE
    table = (_columns if beside else rows)(heads, texts, footers)
    summary = _summary(sweep)
    marked = [say("ui.sweep_marked")] if len(sweep.replies) > 1 else []
    note = faint(" · ".join([summary, *marked]))
    plain = [
        f"— {head}\n{clipped(trial.text or str(trial.error or ''), most)}\n{foot}"
        for head, trial, foot in zip(heads, sweep.trials, footers, strict=True)
    ]
    return bundle_of(table + note, "\n\n".join([*plain, summary]))


def share_of(count: int) -> int:
    """Return the maximum characters shown of each of ``count`` answers."""
    return max(MOST // max(1, count), 200)


def spent(trials: Iterable[Trial]) -> str:
    """Return the tokens of all replies, where they are known, and their cost."""
    sweep = Sweep(tuple(trials))
    usages = [reply.usage for reply in sweep.replies if reply.usage is not None]
    parts = []
    if usages:
        prompt = f"{sum(usage.prompt_tokens for usage in usages):,}"
        answer = f"{sum(usage.completion_tokens for usage in usages):,}"
        parts.append(say("ui.tokens_flow", prompt=prompt, answer=answer))
    if sweep.replies and sweep.costs is not None:
        parts.append(str(sweep.costs))
    return " · ".join(parts)


def _columns(heads: list[str], texts: list[str], footers: list[str]) -> str:
    def line(cells: list[str], tag: str, style: str) -> str:
        inner = "".join(f'<{tag} style="{style}">{cell}</{tag}>' for cell in cells)
        return f"<tr>{inner}</tr>"

    escaped = [joined(head) for head in heads]
    small = [f'<span style="{FAINT}">{joined(foot)}</span>' for foot in footers]
    return (
        f'<table style="{TABLE};width:100%;table-layout:fixed">'
        f"<thead>{line(escaped, 'th', _CELL)}</thead><tbody>"
        f"{line(texts, 'td', _TEXT)}{line(small, 'td', _CELL)}</tbody></table>"
    )


def rows(heads: list[str], texts: list[str], footers: list[str]) -> str:
    """Return a row per answer, whose text takes the width that is left.

    JupyterLab's style sheet makes all columns equally wide, hence the layout.
    """
    lines = [
        f'<tr><th style="{_HEAD}">{escape(head)}</th><td style="{_WIDE}">{text}'
        f"{faint(foot)}</td></tr>"
        for head, text, foot in zip(heads, texts, footers, strict=True)
    ]
    style = f"{TABLE};width:100%;table-layout:auto"
    return f'<table style="{style}"><tbody>{"".join(lines)}</tbody></table>'


def _head(trial: Trial) -> str:
    return " · ".join(
        f"{name} {decimal(value) if isinstance(value, float) else value}"
        for name, value in trial.point.items()
    )


def text_html(trial: Trial, first: Reply | None, most: int) -> str:
    """Return an answer, with what differs from ``first`` marked, or its error."""
    if trial.reply is None:
        return f"<b>{escape(clipped(str(trial.error or '–'), most))}</b>"
    if first is None or trial.reply is first or len(trial.text) > most:
        return escape(clipped(trial.text, most))
    return marked(first.text, trial.text)


def marked(first: str, text: str) -> str:
    """Return a text as HTML, highlighting what the first one does not have."""
    return "".join(
        escape(part) if same else f'<span style="{DIFFERENT}">{escape(part)}</span>'
        for same, _first, part in differences(first, text)
        if part
    )


def _foot(trial: Trial, agreement: float) -> str:
    reply = trial.reply
    if reply is None:
        return ""
    parts = []
    if not math.isnan(agreement):
        parts.append(say("ui.like_the_first", share=percent(agreement)))
    parts += filter(None, [spent([trial])])
    if reply.logprobs is not None:
        parts.append(say("heatmap.mean", value=number(reply.logprobs.mean)))
    if reply.finish_reason != "stop":
        parts.append(str(reply.finish_reason))
    return " · ".join(parts)


def _summary(sweep: Sweep) -> str:
    parts = [say("ui.sweep_answers", count=len(sweep.replies), all=len(sweep.trials))]
    parts += filter(None, [spent(sweep.trials)])
    return " · ".join(parts)
