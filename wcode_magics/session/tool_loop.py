"""Rounds of a tool loop, without sending requests or running functions.

The driver (a script, a cell, async code) sends :attr:`Rounds.prepared`, passes the
reply to :meth:`Rounds.calls`, runs the returned calls, and passes the traces to
:meth:`Rounds.answer`, until there are no calls.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import Message, ToolCall, ToolTrace, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.request_run import Prepared

ROUNDS = 8


class Rounds:
    """State of one question's tool loop.

    Args:
        prepared: the request, with tools among its parameters.
        limit: maximum number of rounds in which calls are run.
    """

    def __init__(self, prepared: Prepared, limit: int = ROUNDS) -> None:
        self.prepared = prepared
        self.trace: tuple[ToolTrace, ...] = ()
        self.number = 0
        self._limit = limit
        self._replies: list[Reply] = []

    @property
    def parallel(self) -> bool:
        """Whether the calls of one reply may run concurrently."""
        return bool(self.prepared.request.params.get("parallel_tool_calls", True))

    @property
    def reply(self) -> Reply:
        """The last reply with the trace, and usage, cost and time of all rounds."""
        return replace(
            self._replies[-1],
            usage=_sum_usage(self._replies),
            cost=_sum_cost(self._replies),
            elapsed=sum(reply.elapsed for reply in self._replies),
            trace=self.trace,
        )

    def calls(self, reply: Reply) -> tuple[ToolCall, ...]:
        """Return the calls to run now; none if the reply is final.

        Raises:
            UsageError: the limit is exceeded; its ``reply`` is the last one.
        """
        self._replies.append(reply)
        if not reply.tool_calls or reply.interrupted:
            return ()
        if self.number >= self._limit:
            error = UsageError("tools.endless", rounds=self._limit)
            error.reply = self.reply
            raise error
        self.number += 1
        return reply.tool_calls

    def answer(self, traces: Sequence[ToolTrace]) -> None:
        """Add the calls' results, in order; ``prepared`` becomes the next request."""
        self.trace += tuple(traces)
        last, request = self._replies[-1], self.prepared.request
        results = [
            Message("tool", trace.result, tool_call_id=call.id, name=trace.name)
            for call, trace in zip(last.tool_calls, traces, strict=True)
        ]
        calls = Message(
            "assistant",
            last.text or None,
            last.tool_calls,
            reasoning=last.reasoning,
            reasoning_field=last.reasoning_field,
        )
        params = dict(request.params)
        if params.get("tool_choice") not in (None, "auto", "none"):
            del params["tool_choice"]  # a forced call would recur in every round
        messages = (*request.messages, calls, *results)
        request = replace(request, messages=messages, params=params)
        self.prepared = replace(self.prepared, request=request, advice=())


def _sum_usage(replies: Sequence[Reply]) -> Usage | None:
    usages = [reply.usage for reply in replies if reply.usage is not None]
    return reduce(add, usages) if len(usages) == len(replies) else None


def _sum_cost(replies: Sequence[Reply]) -> float | None:
    costs = [reply.cost for reply in replies if reply.cost is not None]
    return sum(costs) if len(costs) == len(replies) else None
