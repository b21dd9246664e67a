"""Answers of a table compared with a column of gold.

Texts are equal up to case, surrounding white space and Unicode form; numbers are
compared as numbers, yes/no fields with true, yes, 是 or 1 and their opposites. A column
``<gold>_sample`` marks rows that were drawn at random for review: if it is there, the
others' gold is left out, as it was chosen by how unsure the model was, unless every
answered row has gold.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from wcode_magics.errors import UsageError
from wcode_magics.evaluation import require
from wcode_magics.evaluation.evaluation import Evaluation
from wcode_magics.evaluation.graded import Bools, Graded, confidences_of
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol.parameters import hint
from wcode_magics.tables.call_records import calls_of
from wcode_magics.tables.columns import column_in, has_column, name_in
from wcode_magics.tables.extraction import Extract
from wcode_magics.tables.gold_values import spelled
from wcode_magics.tables.label_text import folded
from wcode_magics.tables.labels import Classify
from wcode_magics.tables.task import Task
from wcode_magics.tables.votes import Vote

FEW, MOST_CHARACTERS = 5, 40
"""Texts that an error lists, and characters of each."""
MOST_LABELS = 20
"""Most different values that gold of labels has."""
YES = frozenset({"true", "yes", "y", "1", "1.0", "是", "对", "真"})
NO = frozenset({"false", "no", "n", "0", "0.0", "否", "不是", "错", "假"})


def evaluate(
    frame: pd.DataFrame,
    gold: str,
    *,
    of: str | None = None,
    confidence: str | None = None,
    by: str | None = None,
) -> Evaluation:
    """Measure a column of answers; see :meth:`TableMethods.evaluate`."""
    require()
    found = graded(frame, gold, of=of, confidence=confidence)
    if by is None:
        return Evaluation(found, {})
    keys = _column_of(frame, by).iloc[found.places].astype(object)
    codes, values = pd.factorize(keys.where(keys.notna(), math.nan).map(str))
    counts = np.bincount(codes, minlength=len(values))
    order = np.argsort(-counts, kind="stable")
    ends = np.cumsum(counts)
    sorted_rows = np.argsort(codes, kind="stable")
    parts = {
        values[code]: found.only(sorted_rows[ends[code] - counts[code] : ends[code]])
        for code in order.tolist()
    }
    return Evaluation(found, parts, by)


def graded(
    frame: pd.DataFrame,
    gold: str,
    *,
    of: str | None = None,
    confidence: str | None = None,
) -> Graded:
    """Return the rows that have an answer and gold, compared.

    Raises:
        UsageError: a column is missing or ambiguous, or no row has both.
    """
    into = answer_column(frame, of)
    answers, gold_column = _column_of(frame, into), _column_of(frame, gold)
    source = confidence or f"{into}_p"
    if confidence is None and not has_column(frame, source):
        p = np.full(len(frame), np.nan)
    else:
        p = _confidences(_column_of(frame, source), source)
    labels = labels_of(frame, into)
    answer_codes, gold_codes, names = _coded(answers, gold_column, labels)
    answered, labelled = answer_codes >= 0, gold_codes >= 0
    used = answered & labelled & _representative(frame, gold, answered & ~labelled)
    if not used.any():
        raise UsageError("evaluate.no_gold", gold=gold, into=into)
    expected = np.isin(gold_codes[used], answer_codes[answered]) | (
        gold_codes[used] < len(labels)
    )
    if not expected.any() and _is_text(answers.dtype):
        gold_texts = _listed(
            [names[code] for code in np.unique(gold_codes[used])[:FEW]]
        )
        answer_texts = _listed(
            [names[code] for code in np.unique(answer_codes[answered])[:FEW]]
        )
        raise UsageError(
            "evaluate.other_gold", gold=gold, given=gold_texts, said=answer_texts
        )
    places = np.flatnonzero(used)
    return Graded(
        into,
        source,
        names,
        answer_codes[places],
        gold_codes[places],
        p[places],
        places.astype(np.int64),
        unanswered=int((labelled & ~answered).sum()),
        unlabelled=int((answered & ~labelled).sum()),
        chosen=int((answered & labelled & ~used).sum()),
        flips=_flips(frame, into),
    )


def answer_column(frame: pd.DataFrame, of: str | None) -> str:
    """Return the column of answers: ``of``, or the only one with probabilities.

    Raises:
        UsageError: there is no such column, or several could be meant.
    """
    if of is not None:
        _column_of(frame, of)
        return of
    texts = [name for name in frame.columns if isinstance(name, str)]
    with_p = [name for name in texts if f"{name}_p" in texts]
    calls = [name for name in calls_of(frame) if name in texts]
    found = with_p or calls[-1:]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError("evaluate.no_answers")
    raise UsageError("evaluate.which", names=", ".join(found))


def labels_of(frame: pd.DataFrame, into: str) -> tuple[str, ...]:
    """Return the labels that a column may hold, or () if they are not known."""
    labels = calls_of(frame).get(into, {}).get("labels")
    if isinstance(labels, list | tuple):
        return tuple(map(str, labels))
    dtype = _column_of(frame, into).dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return tuple(map(str, dtype.categories))
    return ()


def gold_of(frame: pd.DataFrame, gold: str) -> "pd.Series[Any]":
    """Return the column of gold.

    Raises:
        UsageError: it is missing, there twice, or without any value.
    """
    gold_column = _column_of(frame, gold)
    if not gold_column.notna().any():
        raise UsageError("evaluate.no_value", gold=gold)
    return gold_column


def refuse_gold(frame: pd.DataFrame, gold: str, task: Task) -> None:
    """Raise UsageError if no answer of a task can be equal to gold.

    Gold of few values that recur is of labels, which free text rarely is alone.
    """
    gold_column = spelled(gold_of(frame, gold).dropna())
    values = dict.fromkeys(map(folded, gold_column))
    shown = _listed(dict.fromkeys(gold_column))
    facts = {"gold": gold, "given": shown}
    inner = task.inner if isinstance(task, Vote) else task
    if isinstance(inner, Classify):
        if not values.keys() & {folded(one) for one in inner.labels}:
            labels = _listed(inner.labels)
            raise UsageError("evaluate.other_labels", labels=labels, **facts)
    elif isinstance(inner, Extract):
        return
    elif 1 < len(values) <= min(MOST_LABELS, len(gold_column) / 2):
        raise UsageError("evaluate.labels_needed", count=len(values), **facts)


def _listed(texts: Iterable[str]) -> str:
    """Return a few texts, each on one short line."""
    some = list(texts)
    shown = [clipped(" ".join(one.split()), MOST_CHARACTERS) for one in some[:FEW]]
    return ", ".join([*shown, *(["…"] if len(some) > FEW else [])])


def _column_of(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    """Return the only column of a name; raises UsageError if there is none or two."""
    key = name_in(frame, name)
    count = list(frame.columns).count(key)
    if count != 1:
        near = hint(str(name), [str(one) for one in frame.columns])
        wrong = "no_column" if count == 0 else "twice"
        raise UsageError(f"evaluate.{wrong}", name=name, hint=near)
    found: pd.Series[Any] = frame[key]
    return found


def _is_text(dtype: Any) -> bool:
    return isinstance(dtype, pd.CategoricalDtype) or types.is_string_dtype(dtype)


def _confidences(column: "pd.Series[Any]", name: str) -> "np.ndarray[Any, Any]":
    p = confidences_of(column)
    if ((p < 0) | (p > 1)).any() or (np.isnan(p) & column.notna()).any():
        raise UsageError("evaluate.no_share", name=name)
    return p


def _flips(frame: pd.DataFrame, into: str) -> float:
    """Return the share of answers that depend on the order of the labels."""
    name = f"{into}_flips"
    if not has_column(frame, name):
        return math.nan
    return float(column_in(frame, name).astype("Float64").mean(skipna=True))


def _representative(frame: pd.DataFrame, gold: str, unlabelled: Bools) -> Bools:
    """Return the rows whose gold is a fair sample."""
    drawn = f"{gold}_sample"
    if not has_column(frame, drawn) or not unlabelled.any():
        return np.ones(len(frame), bool)
    marked = column_in(frame, drawn).astype("boolean").fillna(value=False)
    mask: Bools = marked.to_numpy(bool)
    return mask


def _coded(
    answers: "pd.Series[Any]", gold_column: "pd.Series[Any]", labels: Sequence[str]
) -> tuple[Any, Any, tuple[str, ...]]:
    """Return both columns as indices into common names; -1 where missing."""
    if types.is_bool_dtype(answers.dtype):
        answer_codes, gold_codes = _yes_no(answers), _yes_no(gold_column)
        return answer_codes, gold_codes, ("false", "true")
    if types.is_numeric_dtype(answers.dtype):
        return _numbers(answers, pd.to_numeric(gold_column, errors="coerce"))
    if types.is_datetime64_any_dtype(answers.dtype):
        return _moments(answers, gold_column)
    names = list(dict.fromkeys(labels))
    known_names = {folded(name): place for place, name in enumerate(names)}
    answer_codes, gold_codes = (
        _text_codes(one, names, known_names) for one in (answers, gold_column)
    )
    return answer_codes, gold_codes, tuple(names)


def _numbers(
    answers: "pd.Series[Any]", gold_column: "pd.Series[Any]"
) -> tuple[Any, Any, tuple[str, ...]]:
    if all(types.is_integer_dtype(one.dtype) for one in (answers, gold_column)):
        whole = pd.concat([answers.astype(object), gold_column.astype(object)])
        codes, values = pd.factorize(whole)
        answer_codes, gold_codes = np.split(codes, 2)
        return answer_codes, gold_codes, tuple(map(str, values))
    both = pd.concat([answers, gold_column]).to_numpy(float, na_value=np.nan)
    codes, floats = pd.factorize(both)
    answer_codes, gold_codes = np.split(codes, 2)
    return answer_codes, gold_codes, tuple(f"{value:.12g}" for value in floats)


def _moments(
    answers: "pd.Series[Any]", gold_column: "pd.Series[Any]"
) -> tuple[Any, Any, tuple[str, ...]]:
    """Return both columns as indices into moments; those without a zone are in UTC."""
    moments = pd.to_datetime(answers, utc=True)
    gold = pd.to_datetime(gold_column, errors="coerce", utc=True, format="mixed")
    codes, times = pd.factorize(pd.concat([moments, gold.astype(moments.dtype)]))
    answer_codes, gold_codes = np.split(codes, 2)
    zone = getattr(answers.dtype, "tz", None)
    return answer_codes, gold_codes, tuple(map(str, times.tz_convert(zone)))


def _text_codes(
    column: "pd.Series[Any]", names: list[str], known: dict[str, int]
) -> Any:
    """Return indices into ``names``, to which new texts are added; -1 if missing."""
    try:
        codes, values = pd.factorize(column)
    except TypeError:  # lists and objects
        codes, values = pd.factorize(column.map(str, na_action="ignore"))
    placed = []
    for value in values:
        key = folded(str(value))
        if key not in known and types.is_float(value) and value.is_integer():
            key = str(int(value))
        if key and key not in known:
            known[key] = len(names)
            names.append(str(value))
        placed.append(known.get(key, -1))
    return np.array([*placed, -1], np.int64)[codes]


def _yes_no(column: "pd.Series[Any]") -> Any:
    codes, values = pd.factorize(column)
    placed = [_yes_no_code(folded(str(value))) for value in values]
    return np.array([*placed, -1], np.int64)[codes]


def _yes_no_code(word: str) -> int:
    if word in YES:
        return 1
    if word in NO:
        return 0
    raise UsageError("evaluate.no_truth", given=word)
