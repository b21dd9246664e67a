"""Text to tokens and back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.vocabulary import ranked_pieces
from wcode_magics.sandbox import tokenizer


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_round_trips(text: str) -> None:
    """Every text is the concatenation of its tokens."""
    tok = tokenizer.load()
    raw = b"".join(tok.bytes_of[token] for token in tok.encode(text))
    assert raw.decode() == text


def test_what_is_no_text_is_spelled_in_escapes() -> None:
    r"""The parts of a rare character show as ``\\xe9``, the rest as itself."""
    tok = tokenizer.load()
    shown = [tokenizer.spell(tok.bytes_of[i]) for i in tok.encode("温度龘")]
    assert shown == ["温度", "\\xe9", "\\xbe", "\\x98"]


def test_the_vocabulary_holds_what_the_corpus_needs() -> None:
    """The vocabulary file has no repeats and lacks no frequent piece."""
    tok = tokenizer.load()
    pieces = [raw.decode() for raw in tok.bytes_of[tokenizer.FIRST_PIECE :]]
    assert len(set(pieces)) == len(pieces)
    lacking = set(ranked_pieces(tokenizer.texts())) - set(pieces)
    assert not lacking, json.dumps(sorted(lacking))
