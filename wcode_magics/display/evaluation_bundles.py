"""Evaluations, thresholds and calibrations as mimebundles."""

from itertools import islice
from typing import TYPE_CHECKING

from wcode_magics.display import figures
from wcode_magics.display.text_table import CELL, TABLE, TextTable
from wcode_magics.evaluation.calibration import Calibration
from wcode_magics.evaluation.evaluation import Evaluation
from wcode_magics.evaluation.graded import Graded
from wcode_magics.evaluation.metrics import Metrics
from wcode_magics.evaluation.threshold import Threshold
from wcode_magics.logprobs.number_format import number, percent
from wcode_magics.output.escaping import escape
from wcode_magics.output.mimebundle import Bundle, bundle, joined
from wcode_magics.text import say

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES, MOST_SLICES = 20, 20
TINT = "59,135,200"
BAR = 20
_METRICS = ("accuracy", "confidence", "brier", "ece", "auroc", "aurc")


def evaluation(found: Evaluation) -> Bundle:
    """Return metrics, pictures, labels, confusion matrix and slices."""
    parts = [_summary(found.graded, found.metrics)]
    if found.metrics.sure:
        parts.append(_pictures(found))
    if 1 < len(found.graded.names) <= MOST_CLASSES:
        parts += [_labels(found), _confusion(found)]
    if found.slices:
        parts.append(_slices(found))
    for one in parts:
        one["text/html"] = f'<div style="margin:.7em 0">{one["text/html"]}</div>'
    return joined(parts)


def threshold(found: Threshold) -> Bundle:
    """Return the sentence of a threshold."""
    mark = "✓" if found.confidence is not None else "✗"
    return bundle(f"<div>{mark} {escape(str(found))}</div>", f"{mark} {found}")


def calibration(found: Calibration) -> Bundle:
    """Return the metrics before and after a calibration."""
    heads = ["", say("evaluation.before"), say("evaluation.after")]
    pair = found.before, found.after
    rows = [
        [say(f"evaluation.{name}"), *(_metric(one, name) for one in pair)]
        for name in ("confidence", "brier", "ece", "auroc")
    ]
    title = say("evaluation.calibration", method=found.method, rows=found.after.rows)
    note = say("evaluation.cross_fitted")
    return TextTable(heads, rows, title=title, note=note).bundle()


def accuracy(metrics: Metrics) -> str:
    """Return the accuracy with its interval, as text."""
    between = f"{percent(metrics.low)} … {percent(metrics.high)}"
    return f"{percent(metrics.accuracy)} ({between})"


def _summary(graded: Graded, metrics: Metrics) -> Bundle:
    heads = [say("evaluation.metric"), say("evaluation.value"), ""]
    rows = [
        [say(f"evaluation.{n}"), _metric(metrics, n), say(f"evaluation.{n}_means")]
        for n in _METRICS
    ]
    rows[0][1] = accuracy(metrics)
    title = say("evaluation.title", into=graded.into, rows=f"{metrics.rows:,}")
    note = _left_out(graded, metrics)
    return TextTable(heads, rows, title=title, note=note, wraps=True).bundle()


def _left_out(graded: Graded, metrics: Metrics) -> str:
    """Return one line: rows that do not count, answers that depend on the order."""
    counts = {
        "unlabelled": graded.unlabelled,
        "unanswered": graded.unanswered,
        "chosen": graded.chosen,
        "unsure": metrics.rows - metrics.sure,
    }
    parts = [
        say(f"evaluation.{name}", rows=f"{count:,}")
        for name, count in counts.items()
        if count
    ]
    if graded.flips >= 0:
        parts.append(say("evaluation.flips", share=percent(graded.flips)))
    return " · ".join(parts)


def _metric(metrics: Metrics, name: str) -> str:
    value = getattr(metrics, name)
    return percent(value) if name in {"accuracy", "confidence"} else number(value, 3)


def _pictures(found: Evaluation) -> Bundle:
    bins, curve = found.bins(), found.curve
    heads = [say(f"evaluation.{n}") for n in ("confidence", "rows", "accuracy")]
    rows = [
        [percent(p), f"{count:,.0f}", _bar(share)]
        for p, count, share in bins[["confidence", "rows", "accuracy"]].to_numpy()
    ]
    table = TextTable(heads, rows, title=say("evaluation.reliability")).plain()
    total = curve["coverage"].iloc[-1]
    coverage = _at_coverages(curve, total)
    line = say("evaluation.at_coverages", coverage=coverage)
    images = figures.reliability(bins, table) + figures.risk_coverage(curve, line)
    style = "display:flex;flex-wrap:wrap;gap:1em;margin:.4em 0"
    return bundle(f'<div style="{style}">{images}</div>', f"{table}\n{line}")


def _at_coverages(curve: "pd.DataFrame", total: float) -> str:
    found = []
    for part in (0.25, 0.5, 0.75, 1.0):
        at = int((curve["coverage"] >= part * total).to_numpy().argmax())
        row = curve.iloc[at]
        found.append(f"{row['coverage']:.0%} → {percent(row['error'])}")
    return ", ".join(dict.fromkeys(found))


def _bar(share: float) -> str:
    full = round(share * BAR)
    return f"{'█' * full}{'░' * (BAR - full)} {percent(share)}"


def _labels(found: Evaluation) -> Bundle:
    names = ("label", "precision", "recall", "f1", "gold", "answers")
    heads = [say(f"evaluation.{name}") for name in names]
    cells = zip(found.labels.index, found.labels.to_numpy().tolist(), strict=True)
    rows = [
        [str(name), *map(percent, row[:3]), *(f"{count:,.0f}" for count in row[3:])]
        for name, row in cells
    ]
    return TextTable(heads, rows).bundle()


def _confusion(found: Evaluation) -> Bundle:
    """Return the counts, each tinted by its share of the gold label's rows."""
    matrix = found.confusion
    names = [str(name) for name in matrix.index]
    corner = say("evaluation.gold_answer")
    counts = matrix.to_numpy().tolist()
    pairs = [*zip(names, counts, strict=True)]
    shown = [[name, *(f"{count:,}" for count in row)] for name, row in pairs]
    plain = TextTable([corner, *names], shown).plain()
    heads = "".join(f'<th style="{CELL}">{escape(n)}</th>' for n in [corner, *names])
    body = []
    for name, row in pairs:
        whole = max(sum(row), 1)
        cells = "".join(
            f'<td style="{CELL};text-align:right;padding-left:.7em;'
            f'background:rgba({TINT},{0.6 * count / whole:.2f})">{count:,}</td>'
            for count in row
        )
        body.append(f'<tr><th style="{CELL}">{escape(name)}</th>{cells}</tr>')
    page = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody>"
    return bundle(f'<table style="{TABLE}">{page}</table>', plain)


def _slices(found: Evaluation) -> Bundle:
    heads = [found.by, *(say(f"evaluation.{n}") for n in ("rows", *_METRICS))]
    rows = [
        [str(key), f"{metrics.rows:,}", accuracy(metrics)]
        + [_metric(metrics, name) for name in _METRICS[1:]]
        for key, metrics in islice(found.of_slices.items(), MOST_SLICES)
    ]
    left = len(found.slices) - len(rows)
    note = say("ui.rows_left", count=f"{left:,}") if left else ""
    return TextTable(heads, rows, note=note).bundle()
