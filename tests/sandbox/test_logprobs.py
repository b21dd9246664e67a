"""The log probabilities are true."""

import json
import math
from collections import Counter
from typing import Any

import pytest

from tests.sandbox.wire import Wire
from wcode_magics.sandbox import answer, model, plan, request_body, tokenizer

ASK = "What does temperature do?"


def request(text: str = ASK, **more: Any) -> request_body.ParsedRequest:
    """Return a checked request."""
    raw = {
        "model": request_body.MODEL,
        "messages": [{"role": "user", "content": text}],
        **more,
    }
    return request_body.read(json.dumps(raw).encode(), tokenizer.load().size)


def numbers(decoder: model.Decoder) -> list[float]:
    """Return the probability of each token of the vocabulary."""
    probs = decoder.predict()
    return [probs[token] for token in range(tokenizer.load().size)]


@pytest.mark.parametrize("text", [ASK, "你好", "龘龘龘", "Repeat: 😀 é 龘", "2*3"])
def test_probabilities_sum_to_one(text: str) -> None:
    """At every step the probabilities of the whole vocabulary sum to 1."""
    ask = request(text, temperature=1.5, seed=3, max_tokens=60)
    decoder = model.Decoder(model.load(), plan.drafts(ask))
    for piece in answer.Writing(ask).pieces():
        probs = numbers(decoder)
        assert min(probs) >= 0
        assert sum(probs) == pytest.approx(1)
        for token in piece.tokens if piece else ():
            decoder.read([tokenizer.load().bytes_of.index(token.raw)])


def test_what_is_reported_is_what_the_model_said(wire: Wire) -> None:
    """Reported values are the model's own, whatever the sampling parameters are."""
    answered = wire.chat(
        ASK, seed=2, temperature=0.4, top_p=0.9, logprobs=True, top_logprobs=20,
        frequency_penalty=0.3, logit_bias={"300": 5},
    )  # fmt: skip
    decoder = model.Decoder(model.load(), plan.drafts(request()))
    tok = tokenizer.load()
    for token in answered.tokens:
        probs = numbers(decoder)
        (found,) = tok.encode(token["token"])
        assert token["logprob"] == pytest.approx(math.log(probs[found]))
        best = sorted(probs)[-20:]
        shown = [math.exp(entry["logprob"]) for entry in token["top_logprobs"]]
        assert shown[::-1] == pytest.approx(best)
        decoder.read([found])


def test_frequencies_agree_with_probabilities(wire: Wire) -> None:
    """Over many seeds the first tokens are as frequent as their probabilities say."""
    count = 600
    asked = {"logprobs": True, "top_logprobs": 3, "max_tokens": 1, "temperature": 0}
    first = wire.chat(ASK, **asked).tokens[0]
    shares = {e["token"]: math.exp(e["logprob"]) for e in first["top_logprobs"]}
    found = Counter(wire.chat(ASK, seed=i, max_tokens=1).text for i in range(count))
    likely = {token: share for token, share in shares.items() if share > 0.05}
    assert len(likely) > 1
    for token, share in likely.items():
        spread = math.sqrt(count * share * (1 - share))
        assert abs(found[token] - count * share) < 4 * spread


def test_tokens_of_rare_characters_have_their_bytes(wire: Wire) -> None:
    """Bytes joined are the text, also where a character takes several tokens."""
    answered = wire.chat("Repeat: 龘 and 😀!", logprobs=True, temperature=0)
    assert answered.text == "龘 and 😀!"
    raw = b"".join(bytes(token["bytes"]) for token in answered.tokens)
    assert raw.decode() == answered.text
    assert answered.tokens[0]["token"] == "\\xe9"
    assert answered.tokens[0]["bytes"] == [0xE9]


def test_hot_samples_are_text(wire: Wire) -> None:
    """Even at temperature 2 the bytes are UTF-8 and equal the content."""
    for seed in range(20):
        answered = wire.chat(
            "龘 😀", seed=seed, temperature=2, logprobs=True, max_tokens=40
        )
        raw = b"".join(bytes(token["bytes"]) for token in answered.tokens)
        assert raw.decode() == answered.text


def test_labels_depend_on_the_text(wire: Wire) -> None:
    """The probability of a label follows the words of the text."""
    chances = []
    for text in ("I love it, it works great", "It broke, I want a refund"):
        ask = f"Is this review positive or negative? {text}"
        answered = wire.chat(ask, logprobs=True, top_logprobs=5, temperature=0)
        top = answered.tokens[0]["top_logprobs"]
        shares = {entry["token"]: math.exp(entry["logprob"]) for entry in top}
        chances.append(shares["positive"])
    assert chances[0] > 0.75
    assert chances[1] < 0.25
