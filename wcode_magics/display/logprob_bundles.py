"""Confidence, probabilities and agreement as mimebundles, rounded for reading."""

import math
from collections.abc import Sequence

from wcode_magics.display import sweep_bundles
from wcode_magics.display.text_table import TextTable
from wcode_magics.logprobs import comparison_html, heatmap
from wcode_magics.logprobs.alignment import Agreement, Comparison, described
from wcode_magics.logprobs.confidence import Confidence
from wcode_magics.logprobs.heatmap import MAX_ALTERNATIVES, token_html
from wcode_magics.logprobs.label_masses import LabelConfidence
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import number, percent
from wcode_magics.logprobs.token_captions import BETWEEN, TokenWords
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import FADED, FAINT, SMALL, clipped, escape, faint
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.session.repeat import RUN, Runs
from wcode_magics.session.sweep import Trial
from wcode_magics.text import say, sentences

MOST = 80


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
    flags = {"fused": found.fused, "incomplete": found.incomplete}
    notes = [say(f"scores.{key}") for key, holds in flags.items() if holds]
    if not math.isnan(found.uncovered):
        notes.append(say("scores.among", share=percent(found.uncovered)))
    note = sentences(notes)
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
    return TextTable(heads, rows, title=str(found)).bundle()


def runs(found: Runs) -> Bundle:
    """Return each different answer, its runs, tokens and ¥; then failed runs."""
    agreed = found.agreement
    answered = [trial for trial in found.trials if trial.reply is not None]
    kinds = [[t for t in answered if t.text == text] for text, _ in agreed.counts]
    first = kinds[0][0].reply if kinds else None
    most = sweep_bundles.share_of(len(kinds))
    heads = [_numbers(same) for same in kinds]
    texts = [sweep_bundles.text_html(same[0], first, most) for same in kinds]
    apart = len(kinds) > 1
    footers = [sweep_bundles.spent(same) if apart else "" for same in kinds]
    plain = [clipped(same[0].text, most) for same in kinds]
    for trial in found.failed:
        heads.append(_numbers([trial]))
        plain.append(f"⚠ {trial.error}")
        texts.append(escape(plain[-1]))
        footers.append("")
    headline = _headline(found)
    took, (fork, fork_html) = sweep_bundles.spent(found.trials), _fork(found)
    marked = say("ui.sweep_marked") if apart else ""
    foot = " · ".join(filter(None, (took, marked)))
    page = [
        _headline_html(headline),
        sweep_bundles.rows(heads, texts, footers),
        faint(foot) if foot else "",
        fork_html,
    ]
    lines = [
        "\n".join(filter(None, (f"— {head}", text, foot)))
        for head, text, foot in zip(heads, plain, footers, strict=True)
    ]
    below = "\n".join(filter(None, (took, fork)))
    parts = filter(None, [sentences(headline), *lines, below])
    return bundle("".join(page), "\n\n".join(parts))


def _headline(found: Runs) -> list[str]:
    """Return sentences: what failed, and how far the runs agree."""
    agreed = found.agreement
    parts = described(agreed) if agreed.counts else []
    if found.failed and agreed.runs == 1:
        parts = []
    if found.failed:
        succeeded, count = len(found.trials) - len(found.failed), len(found.trials)
        parts.insert(0, say("scores.came", count=succeeded, all=count))
    return parts


def _headline_html(parts: Sequence[str]) -> str:
    """Return the first sentence as a heading, which is short, the others after it."""
    if not parts:
        return ""
    head = f"<b>{escape(parts[0])}</b>"
    rest = escape(sentences(parts[1:]))
    return f'<div>{head} <span style="{FAINT}">{rest}</span></div>'


def _numbers(trials: Sequence[Trial]) -> str:
    numbers = say("ui.between").join(str(trial.point[RUN]) for trial in trials)
    return say("scores.run_numbers", numbers=numbers)


def _fork(found: Runs) -> tuple[str, str]:
    """Return the alternatives at the fork, if known, as text and as HTML."""
    if found.fork is None:
        return "", ""
    trial, fork = found.fork
    logprobs = trial.reply.logprobs if trial.reply is not None else None
    if logprobs is None or fork.first.position is None:
        return "", ""
    words = TokenWords(logprobs, MAX_ALTERNATIVES)
    likely = words.alternatives(fork.first.position)
    if not likely:
        return "", ""
    lead = say("scores.fork", run=trial.point[RUN])
    tokens = " ".join(token_html(*one) for one in words.likely(fork.first.position))
    page = f'<div style="{SMALL}"><span style="{FADED}">{escape(lead)}</span> {tokens}'
    return f"{lead} {BETWEEN.join(likely)}", f"{page}</div>"


def short(text: str) -> str:
    """Return the beginning of a text as one line; what is left out is ``…``."""
    shown = visible(text[: MOST + 1])
    return shown if len(text) <= MOST else f"{shown[:MOST]}…"
