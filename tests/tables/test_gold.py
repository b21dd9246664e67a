"""Answers measured on gold: what counts as right, and what is left out."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.loopback import completion
from tests.tables.asking import QUIET, logprob, prompt_of, texts
from wcode_magics import text
from wcode_magics.display.evaluation_bundles import MOST_CLASSES
from wcode_magics.errors import UsageError
from wcode_magics.evaluation.metrics import BINS


def rows(**columns):
    """A small table of answered rows."""
    given = {"label": ["a", "b", "a", "b"], "label_p": [0.9, 0.8, 0.7, 0.6]}
    return pd.DataFrame({**given, "gold": ["a", "b", "b", None], **columns})


def simulated(count=2000):
    """Rows of a model whose logits are three times what they should be."""
    rng = np.random.default_rng(3)
    logits = rng.uniform(0, 6, count)
    p = 1 / (1 + np.exp(-logits))
    gold = rng.choice(["good", "bad"], count)
    right = rng.random(count) < 1 / (1 + np.exp(-logits / 3))
    other = np.where(gold == "good", "bad", "good")
    columns = {"mood": np.where(right, gold, other), "mood_p": p, "gold": gold}
    return pd.DataFrame({**columns, "shop": rng.choice([*"xyz"], count)}), right


def test_from_answers_to_a_route(serve):
    """Classify, evaluate, threshold, route: with what the endpoint really returned."""

    def answer(seen):
        sure = 0.99 if "even" in prompt_of(seen) else 0.55
        others = [("good", np.log(sure)), ("bad", np.log(1 - sure))]
        return completion("good", logprobs={"content": [logprob("good", *others)]})

    serve(answer)
    frame = texts(300).assign(text=[f"row {n} {n % 3 and 'even'}" for n in range(300)])
    made = frame.wcode.classify("{{ text }}", ["good", "bad"], into="mood", **QUIET)
    made["gold"] = ["good" if n % 3 else "bad" for n in range(300)]
    found = made.wcode.evaluate("gold")
    assert found.metrics.accuracy == pytest.approx(2 / 3)
    assert found.metrics.auroc == 1
    least = found.threshold(0.05, 0.95)
    assert least.confidence == pytest.approx(0.99)
    routed = least.apply(made)
    assert routed["mood_route"].tolist() == [
        "auto" if n % 3 else "review" for n in range(300)
    ]
    assert routed.attrs == made.attrs
    assert "mood_route" not in made


def test_metrics_against_numbers_by_hand():
    """Four rows: accuracy, Brier, calibration error, curve, confusion matrix."""
    found = rows(gold=["a", "b", "b", "b"]).wcode.evaluate("gold")
    told = found.metrics
    assert (told.rows, told.accuracy) == (4, 0.75)
    assert told.confidence == pytest.approx(0.75)
    assert told.brier == pytest.approx((0.01 + 0.04 + 0.49 + 0.16) / 4)
    assert told.ece == pytest.approx((0.1 + 0.2 + 0.7 + 0.4) / 4)
    assert told.auroc == pytest.approx(2 / 3)
    assert (told.low, told.high) == pytest.approx((0.194120, 0.993691), abs=1e-6)
    assert found.curve["error"].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert found.curve["coverage"].tolist() == [0.25, 0.5, 0.75, 1]
    assert found.confusion.to_numpy().tolist() == [[1, 0], [1, 2]]
    assert found.labels.loc["a", ["precision", "recall"]].tolist() == [0.5, 1]
    assert found.bins()["rows"].tolist() == [1, 1, 1, 1]


def test_rows_that_do_not_count_are_told():
    """Without gold, without an answer, without a confidence, chosen for review."""
    frame = rows(label=["a", None, "a", "b"], label_p=[0.9, 0.8, None, 0.6])
    found = frame.wcode.evaluate("gold")
    assert (len(found.graded), found.graded.unanswered) == (2, 1)
    assert (found.graded.unlabelled, found.metrics.sure) == (1, 1)
    shown = found._repr_mimebundle_()["text/plain"]
    for words in ("1 row without gold", "no answer", "1 row without a confidence"):
        assert words in shown
    drawn = rows(gold_sample=[True, False, True, None]).wcode.evaluate("gold")
    assert drawn.graded.places.tolist() == [0, 2]
    assert "1 row left out that were chosen" in drawn._repr_mimebundle_()["text/plain"]
    turned = rows(label_flips=pd.array([True, False, False, pd.NA], "boolean"))
    shown = turned.wcode.evaluate("gold")._repr_mimebundle_()["text/plain"]
    assert "33.3% of the answers change with the order of the labels" in shown
    whole = rows(gold=[*"abbb"], gold_sample=[True, False, False, False])
    assert len(whole.wcode.evaluate("gold").graded) == 4


@pytest.mark.parametrize(
    ("answers", "gold", "right"),
    [
        (["Positive", "好评", "x"], [" positive", "好评 ", "y"], [1, 1, 0]),
        ([1, 2, 3], ["1", 2.0, "3.5"], [1, 1, 0]),
        (pd.array([True, False, True], "boolean"), ["yes", "否", 0], [1, 1, 0]),
        (pd.array([True, False, True], "boolean"), [True, True, True], [1, 0, 1]),
        (
            pd.to_datetime(["2026-01-02", "2026-01-03", "2026-01-04"]),
            ["2026-01-02", "2026-01-03 00:00", "2026-01-05"],
            [1, 1, 0],
        ),
        (pd.Categorical(["1", "2", "1"], ["1", "2"]), [1.0, 2.0, 2.0], [1, 1, 0]),
        (
            pd.array([2**53 + 1, 2**53 + 1], "Int64"),
            pd.array([2**53, 2**53 + 1], "Int64"),
            [0, 1],
        ),
        (
            pd.to_datetime(["2026-01-02 08:00", "2026-01-03 00:00"]),
            ["2026-01-02T09:00+01:00", "2026-01-03T01:00-02:00"],
            [1, 0],
        ),
        (
            pd.to_datetime(["2026-01-02", "2026-01-03"]),
            pd.to_datetime(["2026-01-02", "2026-01-04"], utc=True),
            [1, 0],
        ),
        ([["a"], ["b"], None], [["a"], ["c"], ["c"]], [1, 0]),
    ],
    ids=[
        *("text", "number", "yes/no", "bool", "date"),
        *("floats for labels", "long numbers", "offsets", "zone", "lists"),
    ],
)
def test_what_is_right(answers, gold, right):
    """Labels, numbers, dates and yes/no fields are compared as what they are."""
    truth = pd.Series(gold, dtype=object if isinstance(gold, list) else None)
    frame = pd.DataFrame({"field": answers, "gold": truth})
    found = frame.wcode.evaluate("gold", of="field")
    assert found.graded.right.astype(int).tolist() == right
    assert "–" in found._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gold": "golf"}, "no column golf. Did you mean gold?"),
        ({"gold": "gold", "by": "nowhere"}, "no column nowhere"),
        ({"gold": "gold", "of": "labels"}, "no column labels"),
        ({"gold": "gold", "confidence": "big"}, "0 to 1"),
        ({"gold": "none"}, "No row has both"),
        ({"gold": "other"}, "Gold has z; the answers have a, b."),
        ({"gold": "other", "of": "kind"}, "Gold has z; the answers have a, b."),
    ],
)
def test_what_cannot_be_evaluated(given, words):
    """One line that says what was given and what is there."""
    frame = rows(big=[1, 2, 3, 4], none=[None] * 4, other=[*"zzzz"])
    frame["kind"] = pd.Categorical([*"abab"])
    with pytest.raises(UsageError) as caught:
        frame.wcode.evaluate(**given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_columns_of_answers_are_named():
    """Which one is meant is asked, not guessed."""
    frame = rows(tone=["x"] * 4, tone_p=[0.5] * 4)
    with pytest.raises(UsageError, match="\\(label, tone\\)"):
        frame.wcode.evaluate("gold")
    assert frame.wcode.evaluate("gold", of="label").metrics.rows == 3


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_a_calibration_is_cross_fitted(method):
    """The error shrinks, new rows are mapped, and no row judges itself."""
    frame, _right = simulated()
    found = frame.wcode.evaluate("gold").calibrate(method)
    assert found.after.ece < found.before.ece / 2
    made = found.apply(frame)
    fitted = found.mapped(frame["mood_p"].to_numpy())
    assert np.abs(made["mood_p_cal"].to_numpy(float) - fitted).max() > 0
    assert np.corrcoef(made["mood_p_cal"].to_numpy(float), fitted)[0, 1] > 0.95
    new = found.apply(pd.DataFrame({"mood_p": [None, 0.6, 0.9], "text": "new"}))
    assert new["mood_p_cal"].isna().tolist() == [True, False, False]
    assert new["mood_p_cal"][1] < new["mood_p_cal"][2]
    assert "cal" not in " ".join(map(str, frame.columns))
    assert method in found._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("method", ["platt", "isotonic", "temperature"])
def test_a_calibration_keeps_the_order(method):
    """Where the most confident are the worst, all have the share of right answers."""
    rng = np.random.default_rng(0)
    p = rng.random(400)
    frame = rows().iloc[[0] * 400].assign(label_p=p)
    frame["gold"] = np.where(rng.random(400) < p, "b", "a")
    found = frame.wcode.evaluate("gold").calibrate(method)
    share = found.graded.right.mean()
    assert found.mapped(np.array([0.1, 0.5, 0.9])) == pytest.approx(share, abs=0.01)
    unknown = found.apply(pd.DataFrame({"label_p": [None]}))
    assert unknown["label_p_cal"].isna().all()


def test_no_calibration_without_errors():
    """All right, or an unknown method: one line."""
    found = rows(gold=[*"abab"]).wcode.evaluate("gold")
    with pytest.raises(UsageError, match="Of 4 graded answers, 4 are right"):
        found.calibrate()
    with pytest.raises(UsageError, match="platt, isotonic, temperature"):
        found.calibrate("magic")


def test_slices_and_the_frame():
    """A row for all, and one for each value of the column, most rows first."""
    frame, right = simulated()
    found = frame.wcode.evaluate("gold", by="shop").frame()
    assert found.index[0] == "all"
    assert sorted(found.index[1:]) == ["x", "y", "z"]
    assert found["rows"].iloc[1:].is_monotonic_decreasing
    in_x = right[(frame["shop"] == "x").to_numpy()]
    assert found.loc["x", "accuracy"] == pytest.approx(in_x.mean())
    mixed = rows(gold=[*"abab"], kind=[1, "1", [1], None])
    told = mixed.wcode.evaluate("gold", by="kind").frame()
    assert told["rows"].to_dict() == {"all": 4, "1": 2, "[1]": 1, "nan": 1}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_display_has_pictures_that_last_and_a_twin(language):
    """Images within the page, a description for those who do not see them, no TeX."""
    text.use(language)
    frame, _right = simulated(200)
    hostile = frame.replace("good", "<b>$x$")
    shown = hostile.wcode.evaluate("gold", by="shop")._repr_mimebundle_()
    page = shown["text/html"]
    assert page.count('src="data:image/svg+xml;base64,') == 2
    assert page.count('alt="') == 2
    assert "<b>$" not in page
    assert "&lt;b&gt;<span>$</span>x" in page
    assert shown["text/plain"].count("█") > 10
    again = hostile.wcode.evaluate("gold", by="shop")._repr_mimebundle_()
    assert again == shown
    many = pd.DataFrame({"n": range(99), "n_p": 0.5, "gold": range(99)})
    assert "F1" not in many.wcode.evaluate("gold")._repr_mimebundle_()["text/plain"]
    assert MOST_CLASSES < 99
    assert BINS == 10


def test_without_the_extra_one_line_names_it():
    """Neither an import error nor a page of traceback."""
    code = """
import sys
sys.modules["sklearn"] = None
import pandas as pd, wcode_magics
frame = pd.DataFrame({"a": ["x"], "a_p": [0.5], "gold": ["x"]})
try:
    frame.wcode.evaluate("gold")
except wcode_magics.WcodeError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert 'pip install "wcode-magics[evaluate]"' in run.stdout


@pytest.mark.parametrize("gold", [None, True, 1, ("gold", 1)])
def test_gold_may_have_any_name(gold):
    """Also one of columns of two levels, by its whole name."""
    frame = rows()
    names = [*frame.columns[:-1], gold]
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    assert frame.wcode.evaluate(gold).metrics.accuracy == pytest.approx(2 / 3)
    if isinstance(gold, tuple):
        names = [("label", ""), ("label_p", ""), gold]
        frame.columns = pd.MultiIndex.from_tuples(names)
        found = frame.wcode.evaluate(gold, of="label")
        assert found.metrics.accuracy == pytest.approx(2 / 3)
