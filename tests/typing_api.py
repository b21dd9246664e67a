"""Uses the whole public API under mypy strict; it is checked, never run."""

from typing import assert_type

import wcode_magics
from wcode_magics import Reply, Session, WcodeError, compare, confirm, parquet, sweep
from wcode_magics.errors import PartialReply
from wcode_magics.logprobs.alignment import Agreement, Comparison
from wcode_magics.protocol.messages import (
    Delta,
    Message,
    Seam,
    ToolCall,
    ToolTrace,
    Usage,
)
from wcode_magics.sending.request_run import Prepared, Stream
from wcode_magics.session.conversation import Conversation
from wcode_magics.session.repeat import Runs
from wcode_magics.session.sweep import Sweep
from wcode_magics.tables.estimate import Forecast
from wcode_magics.tables.parquet.written import Written


def script() -> str:
    """What a script does."""
    with Session(model="m", api_key="k", temperature=0.2) as session:
        reply = session.ask("hello", temperature=0, stop=["END"], timeout=3)
        assert_type(reply, Reply)
        prepared = session.prepare([Message("user", "{{ x }}")], names={"x": 1})
        assert_type(prepared, Prepared)
        assert_type(session.go_on(reply, max_tokens=9), Prepared)
        assert_type(session.branch(reply, token=3, alternative=2), Prepared)
        runs = session.repeat("hello", 3, seed=1)
        assert_type(runs, Runs)
        assert_type(runs[0], Reply)
        assert_type(runs[1:], list[Reply])
        assert_type(runs.agreement, Agreement)
        with session.stream(prepared) as stream:
            assert_type(stream, Stream)
            for delta in stream:
                assert_type(delta, Delta)
        assert_type(stream.reply, Reply)
        assert_type(session.last, Reply | None)
        assert_type(session.history, list[Reply])
    return reply.text


def talk(session: Session) -> None:
    """Conversations, tools, typed answers, sweeps."""
    chat = session.chat("tutor")
    assert_type(chat.ask("hello"), Reply)
    assert_type(chat.stream("hello"), Stream)
    assert_type(chat.conversation, Conversation)
    assert_type(session.run_tools("hello", [confirm(len)], rounds=2), Reply)
    assert_type(session.ask("hello", schema={"a": "int"}).trace, tuple[ToolTrace, ...])
    assert_type(session.sweep("hello", {"seed": [1, 2]}), Sweep)
    assert_type(sweep("hello", {"model": ["a"]}, yes=True).replies, list[Reply])
    assert_type(session.budgets.of("CNY").spent, float)


def table() -> None:
    """Tables larger than memory."""
    made = parquet("in.parquet", to="out", rows=100)
    assert_type(made.ask("{{ x }}", into="y"), Written)
    assert_type(made.retry(["timeout"]).cost, float | None)
    assert_type(made.estimate("{{ x }}"), Forecast)


async def twins() -> None:
    """What asynchronous code does."""
    assert_type(await parquet("in.parquet", to="out").aio.ask("{{ x }}"), Written)
    session = Session()
    assert_type(await session.aio.ask("hello"), Reply)
    assert_type(await session.aio.chat("tutor").ask("hello"), Reply)
    assert_type(await session.aio.run_tools("hello", [len]), Reply)
    assert_type(await session.aio.sweep("hello", {"seed": [1, 2]}), Sweep)
    async for delta in session.aio.stream("hello"):
        assert_type(delta.text, str)


def answer(reply: Reply) -> None:
    """What hangs off a reply."""
    assert_type(reply.text, str)
    assert_type(reply.usage, Usage | None)
    assert_type(reply.cost, float | None)
    assert_type(reply.tool_calls, tuple[ToolCall, ...])
    assert_type(reply.finish_reason, str | None)
    assert_type(reply.interrupted, bool)
    assert_type(reply.code_blocks, list[tuple[str, str]])
    assert_type(reply.request.hash, str)
    assert_type(reply.parent, Reply | None)
    assert_type(reply.seam, Seam | None)
    assert_type(compare(reply, reply), Comparison)


def failure(error: WcodeError) -> None:
    """What an error brings."""
    assert_type(error.reply, PartialReply | None)
    assert_type(error.key, str)


def extension(shell: object) -> None:
    """What IPython calls."""
    wcode_magics.load_ipython_extension(shell)
    wcode_magics.unload_ipython_extension(shell)
