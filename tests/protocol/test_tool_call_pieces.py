"""Tool calls in pieces: every way of numbering gives the same calls."""

import json
import time

import pytest

from tests.loopback import event
from tests.protocol.test_stream import reply, whole
from wcode_magics.protocol.messages import MOST_CALLS

A, B = ("call_a", "w", '{"city": "Paris"}'), ("call_b", "v", '{"city": "Rome"}')


def call(told, arguments=None, **more):
    """One piece; an empty field is left out."""
    name, function, given = told
    given = given if arguments is None else arguments
    fields = {"id": name, "type": "function", **more}
    inner = {"name": function, "arguments": given}
    fields["function"] = {k: v for k, v in inner.items() if v != ""}
    return {k: v for k, v in fields.items() if v != ""}


def calls(*chunks):
    """What a stream of lists of pieces comes to."""
    return [
        (c.id, c.name, c.arguments)
        for c in reply(
            *(event({"tool_calls": list(chunk)}) for chunk in chunks)
        ).tool_calls
    ]


NONE_A, NONE_B = ("", *A[1:]), ("", *B[1:])
WAYS = {
    "as documented": [[call(A, "", index=0)], [call(("", "", A[2]), index=0)],
                      [call(B, "", index=1)], [call(("", "", B[2]), index=1)]],
    "all 0": [[call(A, index=0)], [call(B, index=0)]],
    "all 0, in pieces": [[call(A, '{"city"', index=0)],
                         [call(("", "", ': "Paris"}'), index=0)],
                         [call(B, '{"city"', index=0)],
                         [call(("", "", ': "Rome"}'), index=0)]],
    "no index": [[call(A)], [call(B)]],
    "no index, in one event": [[call(A), call(B)]],
    "no index, in pieces": [[call(A, '{"city"')], [call(("", "", ': "Paris"}'))],
                            [call(B, '{"city"')], [call(("", "", ': "Rome"}'))]],
    "index null": [[call(A, index=None)], [call(B, index=None)]],
    "from 1": [[call(A, index=1)], [call(B, index=2)]],
    "index as text": [[call(A, index="0")], [call(B, index="1")]],
    "the id in every piece": [[call(A, '{"city"', index=0)],
                              [call(("call_a", "", ': "Paris"}'), index=0)],
                              [call(B, '{"city"', index=1)],
                              [call(("call_b", "", ': "Rome"}'), index=1)]],
    "id and name in every piece": [[call(A, '{"city"', index=0)],
                                   [call(A, ': "Paris"}', index=0)],
                                   [call(B, index=1)]],
    "by id alone, interleaved": [[call(A, '{"city"')], [call(B, '{"city"')],
                                 [call(("call_a", "", ': "Paris"}'))],
                                 [call(("call_b", "", ': "Rome"}'))]],
    "function not wrapped": [[{"id": "call_a", "name": "w", "arguments": A[2]}],
                             [{"id": "call_b", "name": "v", "arguments": B[2]}]],
    "arguments as objects": [[call(A, {"city": "Paris"}, index=0)],
                             [call(B, {"city": "Rome"}, index=1)]],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_calls_are_told_apart_however_they_are_numbered(way):
    """Two calls stay two, each with its own arguments."""
    assert calls(*WAYS[way]) == [A, B]


@pytest.mark.parametrize("index", [{"index": 0}, {}, {"index": None}])
def test_calls_without_ids_are_given_some(index):
    """Results are told apart by the id, so each call has one of its own."""
    found = calls([call(NONE_A, **index)], [call(NONE_B, **index)])
    assert [each[1:] for each in found] == [A[1:], B[1:]]
    assert found[0][0] != found[1][0] != ""


def test_the_same_function_twice_without_ids_is_two_calls():
    """Whole arguments and a name again begin another call."""
    again = ("", "w", '{"city": "Rome"}')
    found = calls([call(NONE_A, index=0)], [call(again, index=0)])
    assert [each[2] for each in found] == [A[2], again[2]]


def test_one_id_for_two_calls_of_a_whole_answer_is_told_apart():
    """A server that copies the id still gets a result for each."""
    delta = whole(
        json.dumps(
            {
                "choices": [
                    {"message": {"tool_calls": [call(A), call(("call_a", *B[1:]))]}}
                ]
            }
        )
    )
    assert [piece.index for piece in delta.calls] == [0, 1]


@pytest.mark.parametrize("whole", [True, False])
def test_calls_without_end_are_left_out_and_named(whole):
    """No model calls a thousand functions at once; each costs as much as the first."""
    pieces = [call((f"c{n}", "f", ""), "{}", index=0) for n in range(20_000)]
    start = time.process_time()
    if whole:
        choice = {"message": {"tool_calls": pieces}, "finish_reason": "tool_calls"}
        made = reply(json.dumps({"choices": [choice]}).encode())
    else:
        made = reply(*(event({"tool_calls": [piece]}) for piece in pieces))
    assert time.process_time() - start < 5
    assert len(made.tool_calls) == MOST_CALLS
    assert made.tool_calls[-1].id == f"c{MOST_CALLS - 1}"
    assert "tool_calls" in made.unread


def test_arguments_in_many_pieces_that_all_bear_the_name():
    """Some servers repeat it; whether the call is whole is not asked for each."""
    pieces = [call(("", "f", ""), "a" * 20, index=0) for _ in range(10_000)]
    start = time.process_time()
    [made] = calls(
        [call(("", "f", ""), '{"x": "', index=0)],
        *([one] for one in pieces),
        [call(("", "f", ""), '"}', index=0)],
    )
    assert time.process_time() - start < 5
    assert len(made[2]) == 9 + 200_000
