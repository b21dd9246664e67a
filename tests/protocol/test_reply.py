"""A reply: text, JSON, code, and how it grows."""

import json
import math
import pickle
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_magics.errors import AnswerError, UsageError
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.logprobs.token_captions import TokenWords
from wcode_magics.protocol import models
from wcode_magics.protocol.assembly import Assembly
from wcode_magics.protocol.messages import (
    HOSTED_URL,
    SANDBOX,
    CallPiece,
    Delta,
    Message,
    ToolCall,
    Usage,
)
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request

REQUEST = Request("asked", (Message("user", "hi"),))


def reply(text: str, **more) -> Reply:
    """A reply of a text."""
    return Reply(text, REQUEST, "m", **more)


def test_the_text_is_the_string():
    """``str(reply)`` and f-strings give the answer."""
    assert str(reply("你好")) == f"{reply('你好')}" == "你好"


def test_usage_that_comes_in_parts_is_counted_in_full():
    """The prompt's with the first event, the answer's growing to the last."""
    assembly = Assembly(REQUEST)
    for usage in (Usage(30, 1, 8), Usage(0, 5), None, Usage(0, 9)):
        assembly.add(Delta(text="a", usage=usage))
    assert assembly.reply().usage == Usage(30, 9, 8)


def test_probabilities_that_did_not_come_are_not_asked_for_again():
    """Whoever asked for them reads that none came; whoever did not, how to ask."""
    with pytest.raises(UsageError, match="logprobs=True"):
        reply("1").confidence()
    asked = replace(REQUEST, params={"logprobs": True})
    silent = Reply("1", asked, "m", tokens=(TokenLogprob("1", -math.inf),))
    with pytest.raises(UsageError, match="sends none"):
        silent.confidence()


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1]}',
        ' {"a": [1]}\n',
        '```json\n{"a": [1]}\n```',
        'Here it is:\n\n```\n{"a": [1]}\n```\nAnything else?',
        '1. This:\n   ~~~json\n   {"a": [1]}\n   ~~~',
    ],
)
def test_json_is_read_bare_or_fenced(text):
    """Models fence their JSON or do not."""
    assert reply(text).json == {"a": [1]}


def test_json_with_raw_control_characters_is_read():
    """Schema-bound answers of real servers hold them."""
    assert reply('{"a": "x\ny"}').json == {"a": "x\ny"}


@pytest.mark.parametrize("text", ["", "no", '{"a": ', "```json\n{\n```"])
def test_what_is_not_json_keeps_the_text(text):
    """The paid answer hangs off the error."""
    with pytest.raises(AnswerError, match="not JSON") as caught:
        _ = reply(text).json
    assert caught.value.reply == reply(text)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no code", []),
        ("`inline`", []),
        ("```python\nx = 1\n```", [("python", "x = 1\n")]),
        ("```\nx\n```\n\n~~~ c title\ny\n~~~", [("", "x\n"), ("c", "y\n")]),
        ("````md\n```py\nx\n```\n````", [("md", "```py\nx\n```\n")]),
        ("```py\nx\n`````", [("py", "x\n")]),
        ("- do\n\n  ```sh\n  ls\n  ```\n", [("sh", "ls\n")]),
        ("```py\nx = 1\ny = ", [("py", "x = 1\ny = \n")]),
        ("```py\r\nx\r\n```\r\n", [("py", "x\n")]),
    ],
)
def test_code_blocks_are_found_as_markdown_means_them(text, blocks):
    """Longer fences, lists, tildes and an answer that was cut inside its code."""
    assert [
        (language, code if code.endswith("\n") else f"{code}\n")
        for language, code in reply(text).code_blocks
    ] == blocks


@given(st.lists(st.text(max_size=20), max_size=30))
def test_an_assembly_is_the_sum_of_its_texts(texts):
    """Nothing that arrived is lost, whenever the reply is asked for."""
    assembly = Assembly(REQUEST)
    for end, text in enumerate(texts, 1):
        assembly.add(Delta(text=text))
        assert assembly.text == assembly.reply().text == "".join(texts[:end])


def test_an_assembled_reply_has_all_fields_of_a_constructed_one():
    """Its fields that nothing came for are those of the constructor."""
    assembly = Assembly(REQUEST)
    assembly.add(Delta(text="yes", model="m", finish_reason="stop"))
    made, constructed = assembly.reply(), reply("yes", finish_reason="stop")
    assert made == constructed
    for one in fields(Reply):
        assert getattr(made, one.name) == getattr(constructed, one.name)


def test_an_assembly_takes_the_last_word_and_all_pieces():
    """Usage, model and finish reason come late; calls and tokens in parts."""
    assembly = Assembly(REQUEST)
    assert not assembly.started
    for delta in (
        Delta(calls=(CallPiece(1, "b", "g"),), model="one"),
        Delta(calls=(CallPiece(0, "a", "f", "{"),), tokens=(TokenLogprob("x", -1),)),
        Delta(calls=(CallPiece(0, arguments="}"),), tokens=(TokenLogprob("y", -1),)),
        Delta(usage=Usage(1, 1)),
        Delta(finish_reason="tool_calls", usage=Usage(1, 2), model="two"),
        Delta(),
    ):
        assembly.add(delta)
    made = assembly.reply(elapsed=2.0)
    assert made.tool_calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", ""))
    assert [token.token for token in made.tokens] == ["x", "y"]
    assert (made.usage, made.model) == (Usage(1, 2), "two")
    assert (made.finish_reason, made.elapsed) == ("tool_calls", 2.0)


FULL = reply(
    "x",
    tool_calls=(ToolCall("a", "f", "{}"),),
    tokens=(TokenLogprob("x", -1.0, b"x", (Alternative("y", -2.0, None),)),),
    usage=Usage(1, 2),
    cost=0.5,
    finish_reason="stop",
    elapsed=1.0,
    interrupted=True,
    source="sandbox",
    refusal="no",
    base_url="http://h/v1",
)


@pytest.mark.parametrize("one", [reply(""), reply("x"), FULL], ids=range(3))
def test_a_reply_reads_back_from_its_dict_and_its_pickle(one):
    """Store, notebook and worker see the same reply."""
    assert Reply.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert Reply.from_dict({**one.to_dict(), "request": REQUEST}) == one
    assert pickle.loads(pickle.dumps(one)) == one


def test_unknown_fields_are_refused():
    """A reply of a newer version is not read by halves."""
    with pytest.raises(TypeError):
        Reply.from_dict({**FULL.to_dict(), "what": 1})


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({"base_url": HOSTED_URL}, 152_064),
        ({"base_url": "http://127.0.0.1:8000/v1"}, None),
        ({"base_url": HOSTED_URL, "source": "sandbox"}, None),
        ({"base_url": SANDBOX, "source": "replayed"}, None),
    ],
)
def test_the_entropy_is_bounded_by_the_models_own_vocabulary(more, size):
    """A model of the same name at another place has a vocabulary nobody told."""
    top = (Alternative("a", math.log(0.5)), Alternative("b", math.log(0.25)))
    token = TokenLogprob("a", math.log(0.5), b"a", top)
    asked = Request(models.DEFAULT, REQUEST.messages)
    one = Reply("a", asked, "m", tokens=(token,), **more)
    assert one.logprobs.vocabulary == size
    shown = TokenWords(one.logprobs, 5).row(one.logprobs.positions[0])
    assert ("≥ 1.50" in shown) == (size is None)
