"""The confidence in a field or a label is the probability that the tokens had."""

import math
from dataclasses import replace

import pytest

from tests.logprobs.test_logprobs import token, view
from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.logprobs.confidence import of_field
from wcode_magics.logprobs.label_masses import of_labels
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request


def certain(*words):
    """Tokens of probability 1."""
    return [token(word, 1.0) for word in words]


def mean(word, logprob, data=None):
    """A token of a logprob."""
    return TokenLogprob(word, logprob, data)


SPLIT = [b"\xe9\xbe", b"\x8d"]


@pytest.mark.parametrize(
    "split",
    [
        [(r"\xe9\xbe", b"\xe9\xbe"), (r"\x8d", b"\x8d")],
        [(r"\xe9\xbe", None), (r"\x8d", None)],
        [("\ufffd", b"\xef\xbf\xbd"), ("\ufffd", b"\xef\xbf\xbd")],
        [("", b""), ("龍", "龍".encode())],
        [("é¾", None), ("į", None)],
    ],
    ids=["bytes", "escaped", "lost", "empty", "alphabet"],
)
def test_fields_beside_split_characters(split):
    """A field has its own tokens, whatever characters were split before it."""
    (one, data_one), (two, data_two) = split
    told = view(
        *certain('{"a":"'),
        mean(one, -1.0, data_one),
        mean(two, -0.5, data_two),
        *certain('","b":'),
        mean("12", -2.0),
        *certain("}"),
        said='{"a":"龍","b":12}',
    )
    assert of_field(told, "a").logprob == pytest.approx(-1.5)
    assert of_field(told, "b").logprob == pytest.approx(-2.0)


@pytest.mark.parametrize("last", ["12,", "12}", "12\n"])
def test_value_fused_with_its_delimiter(last):
    """A token that holds value and delimiter counts whole, and it is told."""
    rest = {"12,": ' "b": 1}', "12}": "", "12\n": "}"}[last]
    told = view(*certain('{"a":', " "), mean(last, -1.5), *certain(*rest))
    found = of_field(told, "a")
    assert (found.text, found.fused) == ("12", True)
    assert found.logprob == pytest.approx(-1.5)


def test_value_fused_at_its_start():
    """Without alternatives a token that ends a key and opens a string is left out."""
    told = view(*certain('{"a'), mean('":"', -0.25), mean("x", -1.0), mean('"}', -0.5))
    found = of_field(told, "a")
    assert (found.text, found.logprob, found.fused) == ('"x"', -1.5, True)


@pytest.mark.parametrize(
    ("first", "others", "share"),
    [
        ('":"', [('":"', 0.6), ('": "', 0.3), ('",', 0.1)], 1.0),
        ('":"', [('":"', 0.5), ('": "', 0.3), ('":[', 0.2)], 0.8),
        ('":"', [('":"', 0.5), ('":"y', 0.1), ('":', 0.2), ('": [', 0.1)], 6 / 7),
    ],
)
def test_key_divided_out_of_the_first_token(first, others, share):
    """Doubt whether the key ends here, or about white space, is not the value's."""
    told = view(
        *certain('{"a'),
        token(first, others[0][1], *others),
        mean("x", -1.0),
        *certain('"', "}"),
    )
    found = of_field(told, "a")
    assert found.logprob == pytest.approx(math.log(share) - 1.0)
    assert (found.fused, found.positions) == (False, (1, 2, 3))


def test_space_before_a_number_is_divided_out():
    """A token of white space and a number counts as the number."""
    first = token(" 12", 0.5, (" 12", 0.5), (" 13", 0.2), (" ", 0.2))
    found = of_field(view(*certain('{"a":'), first, *certain("}")), "a")
    assert found.probability == pytest.approx(0.5 / 0.8)


@pytest.mark.parametrize(
    ("value", "shares", "expected", "uncovered"),
    [
        ("true", [("true", 0.6), ("false", 0.3), ("1", 0.1)], 2 / 3, 0.1),
        ("false", [("null", 0.6), ("true", 0.02), ("false", 0.01)], 1 / 3, 0.97),
        ("true", [("true", 0.8), ("false", 0.2)], 0.8, 0.0),
        ("true", [('"', 0.6), ("1", 0.3), ("true", 4e-6)], math.nan, 1 - 4e-6),
        ("true", [("true", 1.0)], math.nan, 0.0),
        ("true", [("true", 0.6)], math.nan, 0.4),
    ],
    ids=["free", "before a grammar", "after it", "false unlisted", "sampled", "alone"],
)
def test_share_of_a_boolean(value, shares, expected, uncovered):
    """A boolean has its share of both, whatever a grammar did; unknown is nan."""
    told = view(
        *certain('{"a":'), token(value, dict(shares)[value], *shares), *certain("}")
    )
    found = of_field(told, "a", [True, False])
    assert found.probability == pytest.approx(expected, nan_ok=True)
    assert found.uncovered == pytest.approx(uncovered)
    assert of_field(told, "a").uncovered != of_field(told, "a").uncovered


def test_share_of_an_enum_with_an_unsure_key():
    """The key is divided out of the choices, too."""
    told = view(
        *certain('{"a'),
        token('":"', 0.4, ('":"', 0.4), ('",', 0.6)),
        token("pos", 0.6, ("pos", 0.6), ("neg", 0.3), ("x", 0.1)),
        *certain('itive"', "}"),
    )
    found = of_field(told, "a", ["positive", "negative"])
    assert found.probability == pytest.approx(2 / 3)
    assert found.uncovered == pytest.approx(0.1)
    assert of_field(told, "a", ["a", "A"]).uncovered != 0.1


@pytest.mark.parametrize("said", ["12", '"yes"', "true", "null", "[1]"])
def test_bare_value_at_the_end(said):
    """An answer that is one bare value has a confidence."""
    told = view(*(mean(letter, -1.0) for letter in said))
    assert of_field(told).logprob == -len(said)
    assert of_field(told, "$").text == said


def test_probability_least_and_positions():
    """The joint probability, the least certain token and where they stand."""
    told = view(*certain('{"a":'), token("1", 0.5), token("2", 0.25), *certain("}"))
    found = of_field(told, "a")
    assert float(found) == found.probability == pytest.approx(0.125)
    assert (found.positions, found.fused) == ((1, 2), False)
    assert found.least == pytest.approx(0.25)


def test_field_in_a_fenced_block():
    """JSON in a fence is found behind what is said before it."""
    told = view(
        *certain("Here:\n```json\n", '{"a": '), mean("7", -1.0), *certain("}\n```")
    )
    assert of_field(told, "a").logprob == -1.0


def test_finished_fields_of_a_cut_answer():
    """Of an answer that was cut off, the fields before the cut have a confidence."""
    told = view(*certain('{"a": {"b": '), mean("7", -1.0), *certain(', "c": "un'))
    assert of_field(told, "a.b").logprob == -1.0
    with pytest.raises(AnswerError, match="cut off"):
        of_field(told, "a.c")


@pytest.mark.parametrize("path", ["b", "a.b", "a[0]", "[0]", "a[7].x"])
def test_missing_fields(path):
    """A field that is not there is an error that names it and the part that is."""
    with pytest.raises(AnswerError) as caught:
        of_field(view(*certain('{"a": "x"}')), path)
    assert caught.value.facts["path"] == path


def test_answer_that_is_not_json():
    """An answer in prose has no fields."""
    with pytest.raises(AnswerError):
        of_field(view(*certain("Sure! The answer is 12.")), "a")
    with pytest.raises(AnswerError):
        of_field(view(*certain("Sure!")))


def test_dropped_tokens_of_a_field():
    """A field whose tokens the server dropped has an error, not a wrong number."""
    told = view(*certain('{"a": '), mean("1", -1.0), *certain("}"), said='{"a": 123}')
    with pytest.raises(AnswerError, match="reported no token"):
        of_field(told, "a")


def test_untold_probability_is_zero():
    """A token too unlikely to be told makes its field's probability 0."""
    told = view(*certain('{"a": '), mean("1", -9999.0), *certain("}"))
    assert of_field(told, "a").probability == 0
    assert of_field(told, "a").logprob == -math.inf


LABELS = ["positive", "negative", "neutral"]


def test_labels_of_one_token():
    """Each label has its alternative's probability, brought to 1 over the labels."""
    first = token(
        "positive",
        0.6,
        ("positive", 0.6),
        ("negative", 0.2),
        ("The", 0.1),
    )
    found = of_labels(view(first), LABELS)
    assert found.masses == pytest.approx(
        {"positive": 0.6, "negative": 0.2, "neutral": 0.0}
    )
    assert found.shares == pytest.approx(
        {"positive": 0.75, "negative": 0.25, "neutral": 0.0}
    )
    assert (found.best, found.uncovered) == ("positive", pytest.approx(0.2))


def test_labels_of_several_tokens():
    """A beginning that one label has is its own; a shared one is not divided."""
    told = view(
        token("ne", 0.5, ("ne", 0.5), ("pos", 0.3), ("n", 0.1)),
        token("gative", 0.8, ("gative", 0.8), ("utral", 0.15)),
        token(".", 0.9),
    )
    found = of_labels(told, LABELS)
    assert found.masses == pytest.approx(
        {"positive": 0.3, "negative": 0.4, "neutral": 0.075}
    )
    assert found.uncovered == pytest.approx(0.225)


def test_case_space_and_quotes_make_no_difference():
    """Spellings of one label add up."""
    first = token(" Yes", 0.5, (" Yes", 0.5), ("yes", 0.2), ('"No', 0.1), ("**no", 0.1))
    found = of_labels(view(first), ["yes", "no"])
    assert found.masses == pytest.approx({"yes": 0.7, "no": 0.2})


def test_labels_after_white_space_tokens():
    """White space before the label is gone through, with its probability."""
    told = view(
        token("\n", 0.5, ("\n", 0.5), ("no", 0.4)),
        token("yes", 0.8, ("yes", 0.8), ("no", 0.2)),
    )
    found = of_labels(told, ["yes", "no"])
    assert found.masses == pytest.approx({"yes": 0.4, "no": 0.5})


def test_a_longer_word_is_another_word():
    """What only begins like a label is not the label."""
    told = view(
        token("no", 0.5, ("no", 0.5), ("nothing", 0.2), ("yes", 0.2)),
        token("thing", 0.9),
    )
    found = of_labels(told, ["yes", "no"])
    assert found.masses == pytest.approx({"yes": 0.2, "no": 0.0})


@pytest.mark.parametrize(("said", "label"), [("1", "1"), ("10", "10"), ("1.", "1")])
def test_label_that_begins_another(said, label):
    """Of «1» and «10» the answer is the one that it says."""
    told = view(*(token(letter, 0.5) for letter in said))
    found = of_labels(told, ["1", "10"])
    assert found.best == label
    assert found.masses[label] == pytest.approx(0.5 ** len(said))


def test_chinese_labels_need_no_space_behind():
    """A Chinese label ends where the next word begins; split characters count."""
    first = TokenLogprob(
        r"\xe6\xad",
        math.log(0.7),
        b"\xe6\xad",
        (
            Alternative(r"\xe6\xad", math.log(0.7), b"\xe6\xad"),
            Alternative("负面", math.log(0.2), "负面".encode()),
        ),
    )
    told = Logprobs(
        (first, TokenLogprob(r"\xa3", 0.0, b"\xa3"), mean("面", 0.0), mean("的", -1.0)),
        "正面的",
    )
    found = of_labels(told, ["正面", "负面"])
    assert found.masses == pytest.approx({"正面": 0.7, "负面": 0.2})


def test_labels_of_a_field():
    """With a path, the labels are those of that field, delimiters and all."""
    told = view(
        *certain('{"label'),
        token('":"', 0.9, ('":"', 0.9), ('": "', 0.1)),
        token("pos", 0.6, ("pos", 0.6), ("neg", 0.3)),
        token('itive"}', 1.0),
    )
    found = of_labels(told, LABELS, "label")
    assert found.masses == pytest.approx(
        {"positive": 0.54, "negative": 0.27, "neutral": 0}
    )


def test_answer_without_any_label():
    """Where nothing is on a label, there is no best and everything is uncovered."""
    found = of_labels(view(token("Maybe", 0.9)), LABELS)
    assert (found.best, found.uncovered) == (None, 1.0)
    assert all(map(math.isnan, found.shares.values()))


def test_answer_cut_inside_a_label():
    """With max_tokens at 1 the first part of a label is enough."""
    assert of_labels(view(token("pos", 0.6)), LABELS).masses["positive"] == (
        pytest.approx(0.6)
    )


@pytest.mark.parametrize("end", ["", "<|im_end|>"])
def test_a_completed_label_may_end(end):
    """An end token, reported with a text or without, ends the label before it."""
    free = view(token("neg", 0.45, ("pos", 0.5), ("neg", 0.45), ("x", 0.05)))
    then = token("itive", 0.1, (end, 0.9), ("itive", 0.1))
    after = {"pos": view(then), "x": view(then)}
    found = of_labels(free, ["pos", "positive", "neg"], after=after)
    assert found.masses == pytest.approx({"pos": 0.45, "positive": 0.05, "neg": 0.45})
    assert (found.best, found.unlisted) == ("pos", 0.0)
    begun = of_labels(free, ["posh", "positive", "neg"], after=after)
    assert begun.masses == pytest.approx({"posh": 0.0, "positive": 0.05, "neg": 0.45})
    assert begun.unlisted == pytest.approx(0.0 if end else 0.45)


@pytest.mark.parametrize("labels", [[], [""], ["a", "A"], ["a", " a"]])
def test_labels_must_differ(labels):
    """No labels, or labels that are the same, are the person's error."""
    with pytest.raises(UsageError):
        of_labels(view(token("a", 0.5)), labels)


def _reply(*tokens, text):
    request = Request("m", (Message("user", "?"),))
    return Reply(text=text, request=request, model="m", tokens=tokens)


def test_reply_delegates():
    """A reply has its logprobs and confidences."""
    reply = _reply(*certain('{"a":'), mean("1", -1.0), *certain("}"), text='{"a":1}')
    assert reply.logprobs is not None
    assert reply.confidence("a").logprob == -1.0
    assert reply.confidence("a", labels=["1", "2"]).best == "1"


@pytest.mark.parametrize(
    ("part", "share"),
    [
        ({"type": "boolean"}, 0.75),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, 0.6 / 0.9),
        ({"$ref": "#/$defs/T"}, 0.75),
        ({"type": ["boolean", "null"]}, 0.6 / 0.9),
        ({"type": "string"}, 0.6),
        ({}, 0.6),
    ],
)
def test_choices_of_the_schema_of_the_request(part, share):
    """The schema that was sent says which values share the probability."""
    schema = {
        "type": "object",
        "properties": {"l": {"type": "array", "items": part}},
        "$defs": {"T": {"enum": [True, False]}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    said = token("true", 0.6, ("true", 0.6), ("false", 0.2), ("null", 0.1))
    reply = replace(
        _reply(*certain('{"l":['), said, *certain("]}"), text='{"l":[true]}'),
        request=Request("m", (Message("user", "?"),), {"response_format": form}),
    )
    assert reply.confidence("l[0]").probability == pytest.approx(share)


def test_reply_without_tokens():
    """Without logprobs there is none, and the remedy is named."""
    reply = _reply(text="12")
    assert reply.logprobs is None
    with pytest.raises(UsageError, match="logprobs=True"):
        reply.confidence("a")
