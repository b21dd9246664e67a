"""How a row is classified: free, by a grammar, in orders, exactly, by two models."""

import math
from functools import partial

import numpy as np
import pytest

from tests.loopback import completion
from tests.sandbox.probabilities import END, distribution
from tests.tables.asking import QUIET, logprob, texts, weighted
from wcode_magics.errors import BudgetError, UsageError
from wcode_magics.logprobs import label_masses
from wcode_magics.logprobs.label_masses import MOST_COMPLETED, PRECEDING
from wcode_magics.protocol import models
from wcode_magics.protocol.probe import Finding, Probe
from wcode_magics.session.session import Session
from wcode_magics.tables.label_plan import orders
from wcode_magics.tables.run import session
from wcode_magics.tables.run_builder import call_of


def _form(seen):
    return seen.body.get("response_format")


def _said(word, *others, **more):
    pairs = [(text, np.log(share)) for text, share in others]
    return completion(word, logprobs={"content": [logprob(word, *pairs)]}, **more)


def _free_then_forced(free, forced):
    return lambda seen: forced if _form(seen) else free


def test_grammar_only_where_the_free_answer_leaves_the_labels(serve):
    """Where the free answer may hide a label, a grammar holds, which is told."""
    free = _said("The", ("The", 0.7), ("good", 0.2))
    forced = _said('"good', ('"good', 0.75), ('"bad', 0.25))
    server = serve(_free_then_forced(free, forced))
    made = texts(1).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    assert [bool(_form(seen)) for seen in server.seen] == [False, True]
    assert _form(server.seen[1])["json_schema"]["schema"]["enum"] == ["good", "bad"]
    assert made["label"].tolist() == ["good"]
    assert made["label_p_bad"].tolist() == pytest.approx([0.25])
    assert made["label_uncovered"].isna().all()
    again = texts(1).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    assert again["label_status"].tolist() == ["replayed"]
    assert len(server.seen) == 2


def test_chatty_answer_with_covered_labels_is_whole(serve):
    """The first token decides, whatever is said behind it until the limit."""
    content = [logprob("bad", ("bad", np.log(0.9)), ("good", np.log(0.1)))]
    content += [logprob(" rather than good", (" rather than good", -0.1))]
    told = {"logprobs": {"content": content}, "finish_reason": "length"}
    answer = completion("bad rather than good", **told)
    serve(answer)
    made = texts(1).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    assert made["label"].tolist() == ["bad"]
    assert made["label_p"].tolist() == pytest.approx([0.9])
    assert made["label_status"].tolist() == ["ok"]


def _biased(prompt, _said):
    """Prefers the label that is listed first."""
    first = "good" if "good / bad" in prompt else "bad"
    other = {"good": "bad", "bad": "good"}[first]
    if prompt.startswith("row 0"):
        return {"good": 0.95, "bad": 0.05} if first == "good" else GOOD_LAST
    return {first: 0.6, other: 0.4}


GOOD_LAST = {"good": 0.85, "bad": 0.15}


def test_orders_are_averaged(serve):
    """Shares are means over the orders, and a label that depends on them is told."""
    server = serve(weighted(_biased))
    made = texts(2).wcode.classify(
        "{{ text }}", ["good", "bad"], orders=2, max_tokens=1, top_logprobs=5, **QUIET
    )
    assert len(server.seen) == 4
    assert made["label_flips"].tolist() == [False, True]
    expected = [0.9, 0.5]
    assert made["label_p_good"].tolist() == pytest.approx(expected)
    estimate = texts(2).wcode.estimate(
        "{{ text }}", labels=["good", "bad"], orders="all", max_tokens=1, **QUIET
    )
    assert estimate.sends == 4


def test_an_order_that_covers_the_labels_needs_no_text(serve):
    """One order's shares are known, though its text names both; the other's are not."""
    listed = _said("good / bad", ("good", 0.6), ("bad", 0.39))
    chatty = _said("Well", ("Well", 0.9), ("good", 0.01))
    forced = _said('"bad"', ('"', 0.1), ("Well", 0.9))

    def answer(seen):
        if "good / bad" in seen.body["messages"][0]["content"]:
            return listed
        return forced if _form(seen) else chatty

    serve(answer)
    made = texts(1).wcode.classify("{{ text }}", ["good", "bad"], orders=2, **QUIET)
    assert made["label"].tolist() == ["good"]
    assert made["label_status"].tolist() == ["ok"]
    assert made["label_flips"].tolist() == [True]
    assert made["label_p"].isna().all()


def test_sequence_of_orders():
    """As given, reversed, then rotated: each label stands first before any repeats."""
    assert orders("abc", 4) == [tuple("abc"), tuple("cba"), tuple("bca"), tuple("cab")]
    assert len(orders("abcd", 24)) == 24


TREE = {
    "": {"ne": 0.5, "pos": 0.34, '"': 0.15, "x": 0.01},
    "ne": {"g": 0.65, "u": 0.33, "t": 0.02},
    '"': {"pos": 0.55, "n": 0.4, "z": 0.05},
    '"n': {"eg": 0.7, "eutral": 0.3},
}
EXACT = {
    "pos": 0.34 + 0.15 * 0.55,
    "neg": 0.5 * 0.65 + 0.15 * 0.4 * 0.7,
    "neutral": 0.5 * 0.33 + 0.15 * 0.4 * 0.3,
}


def test_exact_masses_by_prefix(serve, capsys):
    """Beginnings of several labels are completed, and announced; masses sum to 1."""
    server = serve(weighted(lambda _prompt, said: TREE[said]))
    labels = [*EXACT]
    ask = texts(1).wcode.classify
    made = ask("{{ text }}", labels, exact=True, max_tokens=1)
    covered = sum(EXACT.values())
    for label, mass in EXACT.items():
        assert abs(made[f"label_p_{label}"].iloc[0] - mass / covered) < 1e-9
    assert abs(made["label_uncovered"].iloc[0] - (1 - covered)) < 1e-9
    asked = [s for s in server.seen if s.body.get("continue_final_message")]
    assert [s.body["messages"][-1]["content"] for s in asked] == ["ne", '"', '"n']
    assert all(seen.body["max_tokens"] == 1 for seen in asked)
    assert "2 more requests of one token" in capsys.readouterr().out
    ask("{{ text }}", labels, exact=True, max_tokens=1, into="again", **QUIET)
    assert len(server.seen) == 4


def _fits(label, said):
    """Whether an answer that begins so may be, or is, this label and no longer word."""
    text = said.decode(errors="ignore")
    bare = text.lstrip(PRECEDING).casefold()
    part = said.removeprefix(text.encode())
    if bare.startswith(label) and not part:
        word = (bare[len(label) - 1 : len(label) + 1]).isascii()
        return not (word and bare[len(label) :][:1].isalnum())
    rest = bare.encode() + part
    return label.encode().startswith(rest) and label.encode() != rest


def _enumerated(request, labels, said=b"", joint=1.0):
    """The mass of each label: of all beginnings that it alone can still come of."""
    found = dict.fromkeys(labels, 0.0)
    for raw, share, token in distribution(request, said.decode()) or ():
        fits = [label for label in labels if _fits(label, said + raw)]
        if token == END or not fits:
            continue
        if len(fits) == 1:
            found[fits[0]] += joint * share
        elif joint * share > label_masses.NEGLIGIBLE:
            more = _enumerated(request, labels, said + raw, joint * share)
            found = {label: found[label] + more[label] for label in labels}
    return found


@pytest.mark.parametrize(
    "labels", [["very good", "very bad", "so"], ["不好", "不错", "好"]]
)
def test_exact_masses_of_the_sandbox_against_its_whole_model(labels, monkeypatch):
    """Within 1e-9 of the enumeration of the model; with anything else, they are 1."""
    for name in ("NEGLIGIBLE", "NEGLIGIBLE_PRECEDING"):
        monkeypatch.setattr(label_masses, name, 1e-11)
    for name in ("MOST_COMPLETED", "MOST_PRECEDING_TOKENS"):
        monkeypatch.setattr(label_masses, name, 10_000)
    options = {"labels": labels, "exact": True, "max_tokens": 1, **QUIET}
    with Session() as own:
        call = call_of(texts(1), "Is it good? {{ text }}", options, through=own)
        made = call.run().iloc[0]
        (request,) = call.rows.requests()
    expected = _enumerated(request, labels)
    covered = math.fsum(expected.values())
    assert 0.5 < covered < 1
    for label in labels:
        assert abs(made[f"answer_p_{label}"] * covered - expected[label]) < 1e-9
    assert abs(made["answer_uncovered"] - (1 - covered)) < 1e-9


@pytest.mark.parametrize(
    ("labels", "sent"), [(["yes", "no"], 1), (["very good", "very bad", "so"], 3)]
)
def test_exact_sends_only_what_shows(labels, sent):
    """Leads that hold nearly nothing are not completed: the masses stay the same."""
    options = {"labels": labels, "max_tokens": 1, "details": True, **QUIET}
    with Session() as own:
        ask = partial(call_of, texts(1), "Is it good? {{ text }}", through=own)
        made = ask({**options, "exact": True}).run().iloc[0]
        request = next(ask(options).rows.requests())
        spent = sum(day["answers"] for day in own.store.usage())
    expected = _enumerated(request, labels)
    covered = math.fsum(expected.values())
    for label in labels:
        assert abs(made[f"answer_p_{label}"] - expected[label] / covered) < 1e-3
    assert spent == sent


def _endless(_prompt, said):
    """Goes on with beginnings that the labels share, each likely."""
    return {"a": 0.5, "A": 0.45, "x": 0.05} if len(said) < 30 else {"b": 1.0}


@pytest.mark.parametrize(("orders", "most"), [(1, 16), (2, 32)])
def test_exact_sends_no_more_than_it_says(serve, capsys, orders, most):
    """The estimate and the announcement give the most, and the row keeps to it."""
    server = serve(weighted(_endless))
    options = {"exact": True, "orders": orders, "max_tokens": 1}
    labels = ["a" * 30 + "b", "a" * 30 + "c"]
    told = str(texts(2).wcode.estimate("{{ text }}", labels=labels, **options))
    assert f"at most {2 * most} more requests of one token" in told
    texts(2).wcode.classify("{{ text }}", labels, **options)
    assert f"at most {2 * most} where" in capsys.readouterr().out
    asked = [s for s in server.seen if s.body.get("continue_final_message")]
    assert 0 < len(asked) <= 2 * most
    assert most == orders * MOST_COMPLETED


def test_leads_are_completed_to_a_depth(serve):
    """A model that only puts off its answer is not followed for long."""

    def odds(_prompt, said):
        return {"`" if said else "\n": 0.9, "pos": 0.06, "neg": 0.04}

    server = serve(weighted(odds))
    texts(1).wcode.classify(
        "{{ text }}", ["pos", "neg"], exact=True, max_tokens=1, **QUIET
    )
    asked = [s for s in server.seen if s.body.get("continue_final_message")]
    assert [s.body["messages"][-1]["content"] for s in asked] == ["\n", "\n`"]


def _small_and_big(seen):
    text, big = seen.body["messages"][0]["content"][:5], seen.body["model"] == "big"
    odds = {"row 0": 0.99, "row 1": 0.7, "row 2": 0.6}[text]
    if big:
        return (
            _said("bad", ("bad", 0.9), ("good", 0.1))
            if text == "row 1"
            else (_said("good", ("good", 0.9), ("bad", 0.1)))
        )
    return _said("good", ("good", odds), ("bad", 1 - odds))


def test_cascade_to_a_second_model(serve, capsys):
    """Rows under the threshold go up, it is announced, and the end tells of it."""
    server = serve(_small_and_big)
    made = texts(3).wcode.classify(
        "{{ text }}", ["good", "bad"], model="small", then="big", threshold=0.8
    )
    assert [s.body["model"] for s in server.seen] == ["small"] * 3 + ["big"] * 2
    assert made["label_model"].tolist() == ["small", "big", "big"]
    assert made["label"].tolist() == ["good", "bad", "good"]
    assert made["label_first"].tolist() == ["good"] * 3
    assert made["label_p"].tolist() == pytest.approx([0.99, 0.9, 0.9])
    told = capsys.readouterr().out
    assert "2 of 3 rows (67%) are under the threshold and go up to big" in told
    assert "2 of 3 (67%) went up to big, 50% of them with the label as before" in told
    assert " less than" not in told
    again = texts(3).wcode.classify(
        "{{ text }}", ["good", "bad"], model="small", then="big", threshold=0.8, **QUIET
    )
    assert again["label_status"].tolist() == ["replayed"] * 3
    assert len(server.seen) == 5


def test_no_grammar_is_asked_for_where_it_is_refused(serve):
    """After a probe, an answer that names no label is not sent again with a schema."""
    server = serve(lambda _seen: completion("perhaps"))
    resolved = session().settings.resolve({})
    finding = Finding("response_format", "refused", "said")
    probe = Probe(resolved.model, resolved.place, 0.0, (finding,))
    session().pool.keep_probe(probe, resolved)
    made = texts(1).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    assert made["label_status"].tolist() == ["invalid"]
    assert not any("response_format" in seen.body for seen in server.seen)


def test_a_first_answer_that_names_no_label_goes_up(serve):
    """The second model's answer, which is paid, counts; the first label is unknown."""
    serve(lambda seen: completion("bad" if seen.body["model"] == "big" else "?"))
    made = texts(2).wcode.classify(
        "{{ text }}",
        ["good", "bad"],
        model="small",
        then="big",
        threshold=0.8,
        **QUIET,
    )
    assert made["label"].tolist() == ["bad"] * 2
    assert made["label_model"].tolist() == ["big"] * 2
    assert made["label_first"].isna().all()
    assert made["label_status"].tolist() == ["ok"] * 2


def _unsure(seen):
    share = 0.9 if seen.body["model"] == "big" else 0.6
    return _said("good", ("good", share), ("bad", 1 - share))


@pytest.mark.parametrize("times", [6, 12, 20, 100])
def test_a_row_sets_both_prices_aside(serve, times):
    """A budget is never spent on first answers that leave nothing for the second."""
    server = serve(_unsure)
    for model, price in (("small", 1), ("big", 50)):
        models.set_price(model, server.url, models.Price(price, price))
    each = 51 * 15e-6  # 15 tokens of both
    given = {"model": "small", "then": "big", "threshold": 0.8, "max_tokens": 9}
    made = texts(6).wcode.classify(
        "{{ text }}", ["good", "bad"], **given, **QUIET, budget=times * each
    )
    good = made["label_status"].tolist().count("ok")
    assert set(made["label_status"]) <= {"ok", "budget"}
    assert {6: good > 0, 100: good == 6}.get(times, 1 < good < 6)
    sent = [seen.body["model"] for seen in server.seen]
    assert sent.count("small") == sent.count("big") == good
    budget = session().budgets.of("CNY")
    assert budget.known == pytest.approx(good * each)
    assert (budget.aside, budget.bound) == (pytest.approx(0, abs=1e-12),) * 2


def test_recorded_first_answers_set_the_second_price_aside(serve):
    """A row whose first answer is replayed goes up as well, or says why not."""
    server = serve(_unsure)
    ask = texts(4).wcode.classify
    ask("{{ text }}", ["good", "bad"], model="small", max_tokens=9, **QUIET)
    models.set_price("small", server.url, models.Price(1, 1))
    with pytest.raises(BudgetError, match="big has no known price"):
        ask(
            "{{ text }}",
            ["good", "bad"],
            model="small",
            then="big",
            threshold=0.8,
            max_tokens=9,
            **QUIET,
            budget=1,
        )
    models.set_price("big", server.url, models.Price(50, 50))
    made = ask(
        "{{ text }}",
        ["good", "bad"],
        model="small",
        then="big",
        threshold=0.8,
        max_tokens=9,
        **QUIET,
        budget=1,
    )
    assert made["label_model"].tolist() == ["big"] * 4
    assert session().budgets.of("CNY").bound == pytest.approx(0, abs=1e-12)


def _often_right(seen):
    number, big = (
        int(seen.body["messages"][0]["content"].split()[1]),
        seen.body["model"],
    )
    sure = number % 4 or big == "big"
    word = "good" if sure or number % 8 else "bad"
    other = {"good": "bad", "bad": "good"}[word]
    share = 0.99 if sure else 0.6
    return _said(word, (word, share), (other, 1 - share))


def test_cascade_with_a_threshold_learnt_from_gold(serve):
    """Gold sets the threshold; its answers are not paid again, in one budget."""
    server = serve(_often_right)
    frame = texts(160).assign(gold=["good"] * 120 + [None] * 40)
    options = {"model": "small", "then": "big", "error": 0.05, "gold": "gold"}
    made = frame.wcode.classify("{{ text }}", ["good", "bad"], **options, **QUIET)
    up = made["label_model"] == "big"
    assert up.tolist() == [number % 4 == 0 for number in range(160)]
    assert set(made["label"]) == {"good"}
    assert len(server.seen) == 160 + 40
    with pytest.raises(UsageError, match="Label more rows"):
        frame.head(12).wcode.classify("{{ text }}", ["good", "bad"], **options, **QUIET)
    with pytest.raises(UsageError, match="gold is None"):
        frame.wcode.classify(
            "{{ text }}", ["good", "bad"], **{**options, "gold": None}, **QUIET
        )
    for wrong in ({"error": 5}, {"sure": "high"}):
        with pytest.raises(UsageError, match="a number between 0 and 1"):
            frame.wcode.classify("{{ text }} ", ["a", "b"], **{**options, **wrong})
    with pytest.raises(UsageError, match="gold has no gold yet"):
        frame.tail(9).wcode.classify("{{ text }}", ["a", "b"], **options)
    with pytest.raises(UsageError, match="Give threshold= to estimate"):
        frame.wcode.estimate("{{ text }}", labels=["good", "bad"], **options)
    assert len(server.seen) == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"orders": 3}, "orders is 3"),
        ({"orders": True}, "orders is True"),
        ({"then": "big"}, "threshold is None"),
        ({"threshold": 0.5}, "then is None"),
        ({"then": "big", "threshold": 5}, "threshold is 5"),
        ({"exact": True, "then": "big", "threshold": 0.5}, "do not go together"),
        ({"exact": True, "logprobs": False}, "needs token probabilities"),
        ({"votes": 1}, "votes is 1"),
        ({"votes": 3, "orders": 2}, "do not go together"),
        ({"votes": 3, "temperature": 0}, "all votes are alike"),
    ],
)
def test_options_that_are_refused(serve, options, said):
    """One line, before anything is sent."""
    server = serve()
    with pytest.raises(UsageError) as caught:
        texts(1).wcode.classify("{{ text }}", ["a", "b"], **options, **QUIET)
    assert said in str(caught.value)
    assert not server.seen
