"""Why a row has its label: effects of what is left out, against known weights."""

import math
import random

import pandas as pd
import pytest

from tests.tables.asking import QUIET, weighted
from wcode_magics.display.attribution_bundles import bundle
from wcode_magics.errors import UsageError
from wcode_magics.evaluation.attribution import parts_of

WEIGHTS = {"wonderful": 0.9, "broken": -0.7, "fast": 0.3, "late": -0.2}


def _log_odds(prompt, _said):
    """The label's probability is a product of the weights of the words it holds."""
    shown = sum(weight for word, weight in WEIGHTS.items() if word in prompt)
    good = math.exp(-2.0 + shown)
    return {"good": good, "bad": 1 - good}


FRAME = pd.DataFrame(
    {
        "title": ["wonderful"],
        "text": ["It came fast, box broken; a bit late. Blue"],
        "stars": [4],
    },
    index=["r"],
)
TEMPLATE = "{{ title }}: {{ text }} ({{ stars }})"


def _labelled(frame, template):
    """The frame classified, each row with the label whose weights are known."""
    made = frame.wcode.classify(template, ["good", "bad"], max_tokens=1, **QUIET)
    made["label"] = "good"
    return made


def test_known_weights_are_given_back(serve):
    """Effects of fields and phrases are the weights; answers are paid once."""
    server = serve(weighted(_log_odds))
    made = _labelled(FRAME, TEMPLATE)
    sent = len(server.seen)
    found = made.wcode.why("r", **QUIET)
    effects = {(part.field, part.text.strip()): part.effect for part in found.ranked}
    expected = {
        ("title", "wonderful"): 0.9,
        ("text", FRAME["text"]["r"]): 0.3 - 0.7 - 0.2,
        ("stars", "4"): 0.0,
        ("text", "It came fast,"): 0.3,
        ("text", "box broken;"): -0.7,
        ("text", "a bit late."): -0.2,
        ("text", "Blue"): 0.0,
    }
    assert effects == {key: pytest.approx(v, abs=1e-9) for key, v in expected.items()}
    assert found.ranked[0].text == "wonderful"
    assert len(server.seen) - sent == 7
    again = made.wcode.why("r", by="words", field="text", **QUIET)
    assert again.frame()["text"].tolist()[3:6] == ["It ", "came ", "fast, "]
    assert len(server.seen) - sent == 7 + 8  # of 9 words one is a phrase as well
    shown = bundle(found)
    assert "+0.900" in shown["text/plain"]
    assert "dashed" in shown["text/html"]


def test_a_part_that_the_label_needs_ranks_first(serve):
    """Without it the label is not listed: its effect has a lower bound."""

    def odds(prompt, _said):
        shown = "wonderful" in prompt
        return {"good": 0.9, "bad": 0.1} if shown else {"bad": 0.99, "x": 0.01}

    serve(weighted(odds))
    frame = pd.DataFrame({"title": ["wonderful"], "stars": [4]}, index=["r"])
    made = _labelled(frame, "{{ title }} ({{ stars }})")
    found = made.wcode.why("r", **QUIET)
    (part,) = found.parts
    assert (part.text, part.bound, found.ranked[0].bound) == ("wonderful", True, True)
    assert part.effect == pytest.approx(math.log(0.9 / 0.01))
    assert found.frame()["bound"].tolist() == [True, False, True]
    shown = bundle(found)
    assert "> +4.500" in shown["text/plain"]
    assert shown["text/html"].count('title="&gt; +4.500"') == 1


def test_a_planted_word_ranks_first(serve):
    """Among 20 words of small random weights, the planted one is first in 95 %."""
    chance = random.Random(7)
    vocabulary = [f"w{n:03d}" for n in range(300)]
    weights = {word: chance.gauss(0, 0.05) for word in vocabulary} | {"plant": 0.6}

    def odds(prompt, _said):
        total = sum(weights.get(word, 0.0) for word in prompt.split())
        good = 1 / (1 + math.exp(-total))
        return {"good": good, "bad": 1 - good}

    serve(weighted(odds))
    texts = []
    for _ in range(20):
        words = chance.sample(vocabulary, 19)
        words.insert(chance.randrange(20), "plant")
        texts.append(" ".join(words))
    frame = pd.DataFrame({"text": texts})
    made = _labelled(frame, "{{ text }}")
    first = [
        made.wcode.why(row, by="words", **QUIET).ranked[0].text.strip()
        for row in frame.index
    ]
    assert first.count("plant") >= 0.95 * len(first)


def test_cost_is_told_before_it_is_sent(serve, capsys):
    """The line of the estimate comes first; a budget holds."""
    serve(weighted(_log_odds))
    made = FRAME.wcode.classify(TEMPLATE, ["good", "bad"], max_tokens=1, **QUIET)
    made.wcode.why("r")
    told = capsys.readouterr().out
    assert told.startswith("8 rows · 7 to send · 1 recorded")


@pytest.mark.parametrize(
    ("row", "options", "said"),
    [
        ("x", {}, "no single row 'x'"),
        ("r", {"of": "tone"}, "tone is no column"),
        ("r", {"field": "titel"}, "title"),
        ("r", {"by": "tokens"}, "by is tokens"),
    ],
)
def test_what_is_refused(serve, row, options, said):
    """One line, and nothing more is sent."""
    server = serve(weighted(_log_odds))
    made = FRAME.wcode.classify(TEMPLATE, ["good", "bad"], max_tokens=1, **QUIET)
    sent = len(server.seen)
    with pytest.raises(UsageError) as caught:
        made.wcode.why(row, **options, **QUIET)
    assert said in str(caught.value)
    assert len(server.seen) == sent


def test_parts_are_the_whole_text():
    """Phrases and words of any text join to it, in at most 40 parts."""
    for text in (
        "质量很好，可惜太慢。下次不买！",
        "a, b; c " * 60,
        "one",
        "\n\n",
        "。。a",
    ):
        for by in ("phrases", "words"):
            parts = parts_of("f", text, by)
            assert "".join(part.text for part in parts) == text
            assert len(parts) <= 40
    assert [p.text for p in parts_of("f", "好，但慢。", "phrases")] == [
        "好，",
        "但慢。",
    ]
