"""Confidence, probabilities and agreement as mimebundles, rounded for reading."""

import math

from wcode_magics.display.text_table import TextTable
from wcode_magics.logprobs import comparison_html, heatmap
from wcode_magics.logprobs.alignment import Agreement, Comparison
from wcode_magics.logprobs.confidence import Confidence
from wcode_magics.logprobs.heatmap import MAX_ALTERNATIVES
from wcode_magics.logprobs.label_masses import LabelConfidence
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import number, percent, visible
from wcode_magics.logprobs.token_captions import BETWEEN, TokenWords
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.session.repeat import RUN, Runs
from wcode_magics.text import say

MOST = 80
LEAD = 20  # characters of the common start shown before the fork


def confidence(found: Confidence) -> Bundle:
    """Return a field, its value and the joint probability of its tokens."""
    heads = ("scores.field", "ui.value", "heatmap.probability", "heatmap.logprob")
    row = (
        found.path or "$",
        short(found.text),
        percent(found.probability),
        number(found.logprob, 3),
        percent(found.least),
    )
    told = {"fused": found.fused, "incomplete": found.incomplete}
    notes = [say(f"scores.{key}") for key, holds in told.items() if holds]
    if not math.isnan(found.uncovered):
        notes.append(say("scores.among", share=percent(found.uncovered)))
    note = " ".join(notes)
    return TextTable([*map(say, heads), say("scores.least")], [row], note=note).bundle()


def labels(found: LabelConfidence) -> Bundle:
    """Return each label with its share among the labels and its probability."""
    heads = ("scores.label", "scores.share", "heatmap.probability")
    rows = [
        (visible(label), percent(share), percent(found.masses[label]))
        for label, share in found.shares.items()
    ]
    note = say("scores.uncovered", share=percent(found.uncovered))
    return TextTable([*map(say, heads)], rows, note=note).bundle()


def logprobs(found: Logprobs) -> Bundle:
    """Return the token heat map."""
    return bundle(heatmap.html(found), heatmap.plain(found))


def compared(
    found: Comparison, names: comparison_html.Names = comparison_html.NAMES
) -> Bundle:
    """Return two answers side by side."""
    return bundle(
        comparison_html.html(found, names), comparison_html.plain(found, names)
    )


def agreement(found: Agreement) -> Bundle:
    """Return each distinct answer and its count."""
    heads = (say("scores.times"), say("scores.answer"))
    rows = [(str(count), short(text)) for text, count in found.counts]
    return TextTable(heads, rows, title=comparison_html.agreement(found)).bundle()


def runs(found: Runs) -> Bundle:
    """Return answers from the fork on with their run numbers, then failed runs."""
    agreed = found.agreement
    start = max(0, len(agreed.common) - LEAD) if len(agreed.counts) > 1 else 0
    rows = [
        (_numbers(found, text), short(text, start)) for text, _count in agreed.counts
    ]
    rows += [(str(trial.point[RUN]), f"⚠ {trial.error}") for trial in found.failed]
    heads = (say("scores.runs"), say("scores.answer"))
    title = comparison_html.agreement(agreed) if agreed.counts else ""
    if found.failed:
        came, count = len(found.trials) - len(found.failed), len(found.trials)
        title = f"{say('scores.came', count=came, all=count)} {title}".strip()
    return TextTable(heads, rows, title=title, note=_fork(found)).bundle()


def _numbers(found: Runs, text: str) -> str:
    numbers = [t.point[RUN] for t in found.trials if t.reply and t.text == text]
    return ", ".join(map(str, numbers))


def _fork(found: Runs) -> str:
    """Return the alternatives at the fork with probabilities, if known."""
    if found.fork is None:
        return ""
    trial, fork = found.fork
    told = trial.reply.logprobs if trial.reply is not None else None
    if told is None or fork.first.position is None:
        return ""
    likely = TokenWords(told, MAX_ALTERNATIVES).alternatives(fork.first.position)
    if not likely:
        return ""
    return say("scores.fork", run=trial.point[RUN], shown=BETWEEN.join(likely))


def short(text: str, start: int = 0) -> str:
    """Return one short line of a text from ``start`` on, with omissions as ``…``."""
    begun = "…" if start else ""
    told = visible(text[start : start + MOST + 1])
    return begun + (told if len(text) - start <= MOST else f"{told[:MOST]}…")
