"""Two prompts, or two sets of parameters, over the same rows."""

import asyncio

import numpy as np
import pytest

from tests.loopback import completion
from tests.tables.asking import QUIET, logprob, prompt_of, texts
from wcode_magics.errors import UsageError

LABELS = ["good", "bad"]


def careful(seen):
    """Right where asked to be careful, else in three of four rows."""
    said = prompt_of(seen)
    number = int(said.split()[2])
    right = "careful" in said or number % 4
    word = "good" if (number % 2 == 0) == bool(right) else "bad"
    share = [(word, np.log(0.9)), ("good" if word == "bad" else "bad", np.log(0.1))]
    return completion(word, logprobs={"content": [logprob(word, *share)]})


def gold(count):
    """Rows whose truth is their parity."""
    truth = ["good" if n % 2 == 0 else "bad" for n in range(count)]
    return texts(count).assign(gold=truth)


VARIANTS = {"plain": "it {{ text }}", "careful": "it {{ text }} be careful"}


def test_versus(serve):
    """Accuracies, changed rows, the exact p, and no price for what is stored."""
    server = serve(careful)
    found = gold(40).wcode.versus(VARIANTS, "gold", labels=LABELS, **QUIET)
    assert found.accuracies == (0.75, 1.0)
    told = found.paired
    assert (told.first, told.second, told.rows) == (0, 10, 40)
    assert told.p == pytest.approx(2 / 2**10)
    assert found.changed["label_plain"].tolist() == ["bad"] * 10
    assert found.changed["label_careful"].tolist() == ["good"] * 10
    assert found.answers.columns[:2].tolist() == ["text", "gold"]
    assert not [name for name in found.answers.columns if "tokens" in name]
    asked = len(server.seen)
    again = gold(40).wcode.versus(VARIANTS, "gold", labels=LABELS, **QUIET)
    assert len(server.seen) == asked
    assert not again.paid
    assert found.answers.wcode.evaluate("gold", of="label_plain").metrics.rows == 40
    shown = found._repr_mimebundle_()
    assert "p = 0.00195" in shown["text/plain"]
    assert "careful against plain" in shown["text/plain"]
    assert "10 rows changed" in shown["text/plain"]
    assert found.frame()["only_right"].tolist() == [0, 10]


def test_no_row_that_both_answer(serve):
    """What is not known is a dash; what was paid for is shown."""

    def halves(seen):
        odd = int(prompt_of(seen).split()[2]) % 2
        mute = bool(odd) == ("careful" in prompt_of(seen))
        return completion("?") if mute else careful(seen)

    serve(halves)
    found = gold(4).wcode.versus(VARIANTS, "gold", labels=LABELS, **QUIET)
    assert (found.paired.rows, found.unanswered) == (0, (2, 2))
    shown = found._repr_mimebundle_()["text/plain"]
    assert "–" in shown
    assert " nan" not in shown.replace("+", " ")


def test_no_difference_has_no_sign(serve):
    """Nothing is neither more nor less."""
    serve(completion("good"))
    found = gold(4).wcode.versus(VARIANTS, "gold", labels=LABELS, **QUIET)
    shown = found._repr_mimebundle_()["text/plain"]
    assert ": 0.0% (" in shown
    assert "+0.0%" not in shown


def test_variants_are_options_too(serve):
    """Models or parameters of one template; a field of an object."""

    def answer(seen):
        tone = "good" if seen.body["temperature"] else "bad"
        return completion(f'{{"tone": "{tone}", "n": 1}}')

    server = serve(answer)
    found = gold(6).wcode.versus(
        {"cold": {"temperature": 0}, "warm": {"temperature": 1}},
        "gold",
        template="it {{ text }}",
        schema={"tone": LABELS, "n": "int"},
        of="tone",
        **QUIET,
    )
    assert len(server.seen) == 12
    assert found.accuracies == (0.5, 0.5)
    assert (found.paired.p, found.paired.more) == (1, None)
    assert found.changed.columns.tolist() == ["gold", "cold_tone", "warm_tone"]
    assert len(found.changed) == 6
    sure = gold(6).wcode.versus(
        {"cold": {"temperature": 0}, "warm": {"temperature": 1}},
        "gold",
        template="it {{ text }}",
        schema={"tone": LABELS},
        confidence=True,
        **QUIET,
    )
    assert sure.accuracies == (0.5, 0.5)


@pytest.mark.parametrize(
    ("variants", "options", "words"),
    [
        ({"a": "x"}, {}, "a dict of two"),
        (["x", "y"], {}, "a dict of two"),
        ({"a": {}, "b": "{{ text }}"}, {}, "a has no template"),
        (VARIANTS, {"gold": "golf"}, "no column golf"),
        (VARIANTS, {"gold": None}, "column of gold"),
        (VARIANTS, {"labels": ["u", "v"]}, "Gold has good, bad; the labels are u, v"),
        (
            VARIANTS,
            {"into": "said"},
            "2 different values (good, bad), and without",
        ),
        (VARIANTS, {"gold": "none"}, "none has no gold yet"),
        (VARIANTS, {"gold": "answer_plain"}, "answer_plain exists already"),
        (VARIANTS, {"gold": "answer_plain", "overwrite": True}, "exists already"),
        (
            {"plain": "{{ text }}", "plain_p": "it {{ text }}"},
            {"labels": LABELS},
            "label_plain_p exists twice",
        ),
        ({1: "{{ text }}", "1": "it {{ text }}"}, {}, "a dict of two"),
        (
            VARIANTS,
            {"schema": {"x": "int", "y": "int"}},
            "Name it with of=",
        ),
    ],
)
def test_what_cannot_be_compared(serve, variants, options, words):
    """One line, before anything is sent."""
    server = serve(careful)
    frame = gold(4).assign(none=None, answer_plain="x")
    with pytest.raises(UsageError) as caught:
        frame.wcode.versus(variants, **{"gold": "gold", **options})
    assert words in str(caught.value)
    assert not server.seen


async def _awaited(count):
    return await gold(count).wcode.aio.versus(VARIANTS, "gold", labels=LABELS, **QUIET)


def test_versus_awaited(serve):
    """The same under ``aio``."""
    serve(careful)
    found = asyncio.run(_awaited(4))
    assert found.paired.rows == 4
