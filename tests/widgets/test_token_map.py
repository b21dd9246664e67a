"""The panel's map of tokens: all of the answer, as it will be drawn."""

from tests.logprobs.test_logprobs import token, view
from wcode_magics.widgets import token_map


def test_no_text_is_lost_between_and_after_tokens() -> None:
    """Text without a token, and text after the last token drawn, is there as text."""
    answer = view(token("a", 0.5), token("c", 0.5), said="abc")
    pieces = token_map.drawn(answer)["pieces"]
    assert [one["text"] for one in pieces] == ["a", "b", "c"]
    assert [one["stop"] - one["first"] for one in pieces] == [1, 0, 1]
    long = view(*[token("a", 0.5)] * (token_map.TOKENS + 5))
    shown = token_map.drawn(long)
    assert len(shown["pieces"]) == token_map.TOKENS
    assert shown["rest"] == "aaaaa"
