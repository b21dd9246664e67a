"""Constrained decoding: restrict tokens to those that a schema or grammar allows.

llguidance tracks the grammar and computes a bit mask over the vocabulary at each
step. Log probabilities are normalized over the allowed tokens.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import llguidance

from . import schema_bounds, tokenizer
from .distribution import EVERY
from .output_format import Form

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

SEPARATORS = (", ", ": ")
"""Separators between items and after keys, as in Python's json.dumps."""


class SchemaError(ValueError):
    """Raised if a schema or rule is invalid or not supported by llguidance."""


class Guide:
    """Grammar state of one answer."""

    __slots__ = ("_matcher", "_size")

    def __init__(self, grammar: str) -> None:
        """Start at the beginning of a grammar from :func:`compile_form`."""
        self._matcher = llguidance.LLMatcher(_tokens(), grammar)
        self._size = tokenizer.load().size

    def mask(self) -> bytes:
        """Return 255 for every token allowed next and 0 for others, shape (size,)."""
        packed = self._matcher.compute_bitmask()
        return b"".join(map(_EIGHT.__getitem__, packed))[: self._size]

    def step(self, token: int) -> None:
        """Advance by a token of the answer."""
        self._matcher.consume_token(token)


_EIGHT = tuple(
    bytes(EVERY * (byte >> bit & 1) for bit in range(8)) for byte in range(256)
)
"""Mask of eight tokens by the byte that has a bit for each, the lowest first."""


def compile_form(form: Form) -> str:
    """Compile an output format to a grammar; raises SchemaError."""
    if form.is_json:
        return _of_schema(form.schema or schema_bounds.ANYTHING)
    matcher = llguidance.LLMatcher
    if form.kind == "regex":
        rule = form.rule.removeprefix("^")
        bare = rule[:-1] if rule.endswith("$") and not rule.endswith("\\$") else rule
        return _checked(matcher.grammar_from_regex(bare))
    choices = " | ".join(json.dumps(one) for one in form.choices)
    return _checked(matcher.grammar_from_lark(form.rule or f"start: {choices}"))


def _of_schema(schema: Mapping[str, Any]) -> str:
    item, key = SEPARATORS
    options: JsonCompileOptions = {
        "item_separator": item,
        "key_separator": key,
        "whitespace_flexible": False,
    }
    try:
        text = json.dumps(schema_bounds.bound(schema))
        grammar = llguidance.LLMatcher.grammar_from_json_schema(text, overrides=options)
    except (ValueError, TypeError) as error:
        raise SchemaError(str(error)) from error
    return _checked(grammar)


def _checked(grammar: str) -> str:
    problem = llguidance.LLMatcher.validate_grammar(grammar, _tokens())
    if problem:
        raise SchemaError(problem.splitlines()[0])
    return grammar


@cache
def _tokens() -> llguidance.LLTokenizer:
    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Vocabulary()))


class _Vocabulary:
    """Adapter of the vocabulary for llguidance."""

    def __init__(self) -> None:
        tok = tokenizer.load()
        self.eos_token_id = tokenizer.END
        self.bos_token_id = None
        self.tokens = list(tok.bytes_of)
        self.special_token_ids = list(range(256, tokenizer.FIRST_PIECE))
        self._tok = tok

    def __call__(self, text: str | bytes) -> list[int]:
        raw = text if isinstance(text, str) else text.decode("utf-8", "replace")
        return self._tok.encode(raw)
