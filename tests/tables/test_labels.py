"""One of some labels: what counts as said, whole and sure."""

import json

import numpy as np
import pytest

from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, logprob, prompt_of, texts
from wcode_magics.errors import UsageError


def test_classify(serve):
    """A label with its probability, and one for each label, from the log probs."""
    others = [("good", np.log(0.77)), ("bad", np.log(0.22)), ("x", np.log(0.01))]
    tokens = {"content": [logprob("good", *others)]}
    server = serve(completion("good", logprobs=tokens))
    made = texts(2).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    assert made["label"].dtype.categories.tolist() == ["good", "bad"]
    assert made["label"].tolist() == ["good", "good"]
    assert made["label_p"].tolist() == pytest.approx([7 / 9, 7 / 9])
    assert made["label_p_bad"].tolist() == pytest.approx([2 / 9, 2 / 9])
    body = server.seen[0].body
    assert body["logprobs"] is True
    assert body["top_logprobs"] == 20
    assert "response_format" not in body
    assert len(server.seen) == 2
    assert made["label_uncovered"].tolist() == pytest.approx([0.01, 0.01])
    assert body["max_tokens"] >= 64
    assert "good / bad" in prompt_of(server.seen[0])


@pytest.mark.parametrize(
    "labels",
    [
        {"a", "b"},
        frozenset("ab"),
        5,
        "ab",
        None,
        ["a"],
        ["a", 5],
        ["a", "b\ud800"],
        [[]],
    ],
)
def test_what_is_no_labels(serve, labels):
    """Labels are a list of texts in an order: all else is one line, nothing is sent."""
    server = serve()
    with pytest.raises(UsageError) as caught:
        texts(1).wcode.classify("{{ text }}", labels, **QUIET)
    assert "no labels" in str(caught.value)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()
    assert not server.seen


@pytest.mark.parametrize("no", [False, np.False_])
def test_classify_without_probabilities(serve, no):
    """Where no probabilities are wanted, the labels are a grammar from the start."""
    server = serve(completion("good"))
    made = texts(1).wcode.classify("{{ text }}", ["good", "bad"], logprobs=no, **QUIET)
    assert made["label"].tolist() == ["good"]
    assert made["label_p"].isna().all()
    assert server.seen[0].body["logprobs"] is False
    assert "top_logprobs" not in server.seen[0].body
    form = server.seen[0].body["response_format"]
    assert form["json_schema"]["schema"]["enum"] == ["good", "bad"]


UNTOLD = [None, {"content": None}, {"content": []}, {"tokens": None}, "none", False]
UNTOLD += [
    {"content": [{"token": "good", **number, "top_logprobs": others}]}
    for number in ({}, {"logprob": None}, {"logprob": "nan"}, {"logprob": 0})
    for others in (None, [], [{"token": "bad", "logprob": None}])
]


@pytest.mark.parametrize("logprobs", UNTOLD)
def test_untold_probabilities_are_missing(serve, capsys, logprobs):
    """The label stands without a probability, one line says so, nothing fails."""
    server = serve(completion("good", logprobs=logprobs))
    labelled = texts(2).wcode.classify("{{ text }}", ["good", "bad"])
    assert labelled["label"].tolist() == ["good", "good"]
    assert labelled["label_status"].tolist() == ["ok", "ok"]
    numbers = labelled[["label_p", "label_p_good", "label_p_bad", "label_uncovered"]]
    assert numbers.isna().all(axis=None)
    assert "the probability of 2 answers unknown" in capsys.readouterr().out
    server.script[:] = [completion('{"n": 3}', logprobs=logprobs)]
    fields = texts(1).wcode.extract("{{ text }}", {"n": "int"}, confidence=True)
    assert fields["n"].tolist() == [3]
    assert fields["n_p"].isna().all()
    assert "the probability of 1 answer unknown" in capsys.readouterr().out
    texts(1).wcode.extract("{{ text }}", {"n": "int"}, prefix="a")
    assert "unknown" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("positive", "positive"),
        ('"Positive"', "positive"),
        ("Very positive.", "very positive"),
        ("I would say: positive!", "positive"),
        ("好评。", "好评"),
        ("neither", None),
        ("not positive", None),
        ("This isn't positive.", None),
        ("positive, very positive", None),
        ("It is very positive", "very positive"),
        ("好评，非常不错", "好评"),
        ("不是“好评”", None),
        ("positive or 好评", None),
    ],
)
def test_labels_that_share_words(serve, said, label):
    """The longest label that the answer says; no label, or two, is invalid."""
    serve(completion(said))
    labels = ["positive", "very positive", "好评"]
    made = texts(1).wcode.classify("{{ text }}", labels, **QUIET)
    assert made["label_status"][0] == ("ok" if label else "invalid")
    assert made["label"].isna().tolist() == [label is None]
    assert label is None or made["label"].tolist() == [label]
    assert made["label_p"].isna().all()


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("答案是正面", "正面"),
        ("这是负面的。", "负面"),
        ("非常满意", "满意"),
        ("不错，满意", "满意"),
        ("无疑是正面", "正面"),
        ("答案是neutral", "neutral"),
        ("答案是not neutral", None),
        ("不满意", None),
        ("我并不觉得很满意", None),
        ("没有让我感到满意", None),
        ("不是正面", None),
        ("不是正面，而是负面", None),
        ("neutrality", None),
    ],
)
def test_labels_in_sentences_without_spaces(serve, said, label):
    """A Chinese sentence says a label as an English one does, or denies it."""
    serve(completion(said))
    labels = ["正面", "负面", "满意", "neutral"]
    made = texts(1).wcode.classify("{{ text }}", labels, **QUIET)
    assert made["label"].isna().tolist() == [label is None]
    assert label is None or made["label"].tolist() == [label]


@pytest.mark.parametrize("label", ['say "hi"', "C:\\new", "满意", '"', "a\nb", "C++"])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_labels_as_json(serve, label, ascii_only):
    """The JSON string that is asked for is read as JSON, with its escapes."""
    serve(completion(json.dumps(label, ensure_ascii=ascii_only)))
    made = texts(1).wcode.classify("{{ text }}", [label, "other"], **QUIET)
    assert made["label"].tolist() == [label]


@pytest.mark.parametrize("label", ["{% endraw %}{{ x }}", '{{ "a" }}', "{%-", "“{{”"])
def test_labels_are_text_and_never_a_template(serve, label):
    """Braces in a label go to the model as they are."""
    server = serve(completion(label))
    made = texts(1).wcode.classify("{{ text }}", [label, "b"], **QUIET)
    assert made["label"].tolist() == [label]
    assert f"{label} / b" in prompt_of(server.seen[0])


def test_a_label_that_begins_another(serve):
    """Where the answer's end is told, the longer label has its share of it."""
    begun = logprob("good", ("good", np.log(0.98)), ("bad", np.log(0.02)))
    ended = logprob("<|im_end|>", ("<|im_end|>", np.log(0.6)), ("s", np.log(0.4)))
    serve(completion("good", logprobs={"content": [begun, ended]}))
    made = texts(1).wcode.classify("{{ text }}", ["good", "goods"], **QUIET)
    assert made["label"].tolist() == ["good"]
    assert made["label_p_good"].tolist() == pytest.approx([0.6])
    assert made["label_p_goods"].tolist() == pytest.approx([0.4])


def _sure(*pairs, said=None, **more) -> Answer:
    """An answer of one token; ``pairs`` are what might have been said, with shares."""
    others = [(text, np.log(share)) for text, share in pairs]
    token = logprob(said or pairs[0][0], *others)
    if said is not None:
        token["logprob"] = dict(others)[said]
    tokens = {"content": [token]}
    return completion(said or pairs[0][0], logprobs=tokens, **more)


def _asked(serve, answer, labels=("glad", "angry"), **options):
    serve(answer)
    return texts(1).wcode.classify("{{ text }}", list(labels), **QUIET, **options)


@pytest.mark.parametrize(
    ("shares", "known"),
    [
        ([("glad", 0.8), ("angry", 0.16), ("x", 0.04)], True),
        ([("glad", 0.8), ("angry", 0.14), ("x", 0.06)], True),
        ([("glad", 0.03), ("angry", 0.01), ("x", 0.96)], False),
        ([("glad", 0.46)], False),
        ([("glad", 0.9), ("x", 0.04)], True),
        ([("glad", 0.8), ("x", 0.06)], False),
        ([("glad", 0.46), ("", 0.38), ("", 0.15)], False),
        ([("glad", 1e-6)], False),
    ],
)
def test_a_probability_that_is_not_there(serve, shares, known):
    """Where the alternatives do not cover the labels, p is missing; the rest is told.

    They do if each label is listed, or one that is not can have 5 % of it at most.
    """
    made = _asked(serve, _sure(*shares))
    left = 1 - sum(share for text, share in shares if text in {"glad", "angry"})
    assert made["label"].tolist() == ["glad"]
    if known:
        odds = dict(shares)
        share = odds["glad"] / (odds["glad"] + odds.get("angry", 0.0))
        assert made["label_p"].tolist() == pytest.approx([share])
    assert made["label_p"].notna().tolist() == [known]
    assert made["label_p_angry"].notna().tolist() == [known]
    assert made["label_uncovered"].tolist() == pytest.approx([left])
    assert made["label_status"].tolist() == ["ok"]


WIRE = (
    (' "', -6.613, "Hello", -0.288),
    ("中", -7.0697, "!", -0.693),
    ("性", -7.1378, "", -2.294),
    ('"', -6.6785, " can", -2.683),
    (" ", -4.2866, "!", -2.643),
    ("", -4.5827, "5", -2.6465),
)
"""llama.cpp under a grammar: the log probabilities are those from before it."""


def test_probabilities_from_before_the_grammar(serve):
    """They say nothing of the labels: p is missing, not 1.0."""
    content = [
        {
            "token": token,
            "logprob": p,
            "bytes": [*token.encode()],
            "top_logprobs": [
                {"token": other, "logprob": q, "bytes": [*other.encode()]}
            ],
        }
        for token, p, other, q in WIRE
    ]
    answer = completion('"中性"', logprobs={"content": content})
    made = _asked(serve, answer, ["积极", "中性", "消极"])
    assert made["label"].tolist() == ["中性"]
    assert made["label_p"].isna().all()
    assert made["label_uncovered"].tolist() == pytest.approx([1.0], abs=0.01)


def test_the_likeliest_label_where_another_was_said(serve):
    """The label is the likeliest one, the status tells, and it is no failure."""
    answer = _sure(("angry", 0.5005), ("glad", 0.4995), said="glad")
    made = _asked(serve, answer)
    assert made["label"].tolist() == ["angry"]
    assert made["label_p"].tolist() == pytest.approx([0.5005])
    assert made["label_status"].tolist() == ["disagrees"]
    told = "The text says glad, but angry is likelier. | glad"
    assert made["label_error"].tolist() == [told]
    assert made.wcode.retry(**QUIET).equals(made)
    even = _asked(serve, _sure(("angry", 0.5), ("glad", 0.5), said="glad"), into="even")
    assert even["even"].tolist() == ["glad"]
    assert even["even_status"].tolist() == ["ok"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("中性", "ok"),
        ('"中性"', "ok"),
        (' "中性', "ok"),
        ("中性\n\n\n", "ok"),
        ("very", "truncated"),
        ("very\n", "ok"),
        ('"very"', "ok"),
        ("very good", "ok"),
        ("中性，因为", "truncated"),
        ("\n\n\n", "truncated"),
    ],
)
def test_a_whole_label_of_an_answer_that_was_cut(serve, said, status):
    """A label that was said to its end is ok, unless it may have become another."""
    labels = ["中性", "very", "very good"]
    made = _asked(serve, completion(said, finish_reason="length"), labels)
    assert made["label_status"].tolist() == [status]
    if status == "ok":
        assert made["label"].tolist() == [said.strip(' "\n')]


def test_white_space_has_room_before_a_label(serve):
    """The default of max_tokens leaves room for 60 tokens beside the label."""
    server = serve(completion("glad"))
    texts(1).wcode.classify("{{ text }}", ["glad", "a" * 100], **QUIET)
    assert server.seen[0].body["max_tokens"] >= 160


@pytest.mark.parametrize(
    ("labels", "said", "label"),
    [
        (["café", "thé"], "cafe\u0301", "café"),
        (["cafe\u0301", "thé"], "it is café", "cafe\u0301"),
        (["neg", "negative"], "negative", "negative"),
        (["👍", "👍🏽"], "👍🏽", "👍🏽"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
def test_labels_that_read_alike(serve, labels, said, label, quoted):
    """An accent is one however it is spelt; the longer one is not the shorter."""
    serve(completion(json.dumps(said) if quoted else said))
    made = texts(1).wcode.classify("{{ text }}", labels, **QUIET)
    assert (made["label"][0], made["label_status"][0]) == (label, "ok")


def test_labels_that_differ_in_form_alone_are_refused(serve):
    """Nobody could tell which of them was said."""
    server = serve()
    for labels in (["Good", "good"], ["中性", "中性 "], ["café", "cafe\u0301"]):
        with pytest.raises(UsageError, match="differ only in case"):
            texts(1).wcode.classify("{{ text }}", labels, **QUIET)
    assert not server.seen
