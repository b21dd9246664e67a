"""Model lists of all servers become rows; what is odd in them is unknown."""

import time

import pytest

from wcode_magics.protocol.model_list import rows_of, shown
from wcode_magics.protocol.models import Model, Price

ROUTED = {
    "id": "qwen/qwen3-32b",
    "name": "Qwen: Qwen3 32B",
    "created": 1_745_875_945,
    "context_length": 40_960,
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    "pricing": {
        "prompt": "0.00000008",
        "completion": "0.00000024",
        "input_cache_read": "0.00000004",
        "image": "0",
    },
    "top_provider": {"context_length": 40_960, "max_completion_tokens": 16_384},
    "supported_parameters": ["max_tokens", "reasoning", "tools", "logprobs"],
}


def test_a_row_of_openrouter() -> None:
    """Prices per token become prices per million; abilities are told both ways."""
    [row] = rows_of({"data": [ROUTED]})
    assert row.price == Price(0.08, 0.24, 0.04, "USD")
    assert (row.context, row.max_output, row.updated) == (40_960, 16_384, "2025-04-28")
    assert (row.id, row.title) == ("qwen/qwen3-32b", "Qwen: Qwen3 32B")
    told = {name: row.can(name) for name in ("text", "image", "tools", "schema")}
    assert told == {"text": True, "image": False, "tools": True, "schema": False}
    assert (row.can("thinking"), row.can("logprobs")) == (True, True)
    assert row.listed == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize(
    ("data", "context", "abilities"),
    [
        ({"data": [{"id": "m", "max_model_len": 2048, "created": 1}]}, 2048, ()),
        (
            [{"id": "m", "type": "vlm", "max_context_length": 32_768}],
            32_768,
            ("text", "image"),
        ),
        (
            {
                "data": [
                    {
                        "id": "m",
                        "type": "llm",
                        "loaded_context_length": 4096,
                        "max_context_length": 32_768,
                        "capabilities": ["tool_use"],
                    }
                ]
            },
            4096,
            ("text", "tools"),
        ),
        ({"models": [{"name": "m", "model": "m"}]}, None, ()),
        ({"object": "list", "data": [{"id": "m", "object": "model"}]}, None, ()),
    ],
    ids=["vllm", "lmstudio eyes", "lmstudio", "ollama", "openai"],
)
def test_rows_of_local_servers(data, context, abilities) -> None:
    """The length as loaded comes first; no price is known."""
    [row] = rows_of(data)
    assert (row.id, row.context, row.abilities) == ("m", context, abilities)
    assert row.price is None


def test_what_ollama_shows_of_a_model() -> None:
    """Its list of capabilities is complete; num_ctx is the length as loaded."""
    data = {
        "capabilities": ["completion", "vision"],
        "model_info": {"gemma3.context_length": 131_072},
        "parameters": 'stop "x"\nnum_ctx    8192',
    }
    row = shown(data, Model("m"))
    assert (row.context, row.abilities) == (8192, ("image",))
    assert set(row.lacks) == {"tools", "thinking"}
    del data["parameters"]
    assert shown(data, Model("m")).context == 131_072


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "m", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "m", "pricing": {"prompt": "nan", "completion": "1e999"}},
        {"id": "m", "pricing": {"prompt": "0.1"}},
        {"id": "m", "pricing": [1, 2], "architecture": "x", "created": "now"},
        {"id": "m", "context_length": -5, "top_provider": [], "capabilities": "all"},
        {"id": "m", "context_length": 1e308, "created": True, "name": {"a": 1}},
    ],
)
def test_odd_values_are_unknown(odd) -> None:
    """A row is read as far as it goes."""
    [row] = rows_of([odd, {"id": None}, 5, None, {}])
    assert (row.id, row.price, row.context, row.updated) == ("m", None, None, "")
    assert (row.abilities, row.lacks, row.title) == ((), (), "")


@pytest.mark.parametrize("odd", [None, "text", 5, {"data": {"a": 1}}, {"error": "x"}])
def test_what_is_no_list_is_an_error(odd) -> None:
    """Nothing is made up."""
    with pytest.raises(ValueError, match="no list"):
        rows_of(odd)
