"""Asynchronous counterparts of a session's blocking methods."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from wcode_magics.protocol.messages import Delta
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime import loop
from wcode_magics.runtime.loop_stream import aiterate
from wcode_magics.sending.request_run import Exchange, Prompt
from wcode_magics.session.chat import ChatTurns
from wcode_magics.session.planner import Planner
from wcode_magics.session.repeat import Runs
from wcode_magics.session.sweep import Sweep
from wcode_magics.session.tools import functions_of


class AsyncSession:
    """Asynchronous counterparts of a session's blocking methods."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    async def ask(self, prompt: Prompt, **options: Any) -> Reply:
        """Like :meth:`Session.ask`; async functions run on the caller's loop."""
        planner = self._planner
        ready = planner.prepare(prompt, **options)
        if not ready.resolved["functions"]:
            return await loop.arun(planner.exchange(ready).whole)
        rounds, box = planner.rounds(ready)
        while calls := rounds.calls(
            await loop.arun(planner.exchange(rounds.prepared).whole)
        ):
            results = await box.arun(calls, rounds.number, parallel=rounds.parallel)
            rounds.answer(results)
        return rounds.reply

    async def run_tools(
        self, prompt: Prompt, functions: Sequence[Callable[..., Any]], **options: Any
    ) -> Reply:
        """Like :meth:`Session.run_tools`."""
        return await self.ask(prompt, functions=functions_of(functions), **options)

    def chat(self, name: str = "chat") -> "AsyncChat":
        """Like :meth:`Session.chat`."""
        return AsyncChat(self._planner, name)

    async def sweep(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **options: Any
    ) -> Sweep:
        """Like :meth:`Session.sweep`."""
        planner = self._planner
        plan = planner.sweep_plan(prompt, grid, **options)
        return await loop.arun(planner.group(*plan).whole)

    async def repeat(self, prompt: Prompt, times: int, **options: Any) -> Runs:
        """Like :meth:`Session.repeat`."""
        planner = self._planner
        plan = planner.repeat_plan(prompt, times, **options)
        return Runs((await loop.arun(planner.group(*plan).whole)).trials)

    def stream(self, prompt: Prompt, **options: Any) -> "AsyncStream":
        """Like :meth:`Session.stream`: ``async for``, then ``.reply``."""
        return AsyncStream(self._planner.exchange(prompt, **options))

    async def models(self) -> list[dict[str, Any]]:
        """Like :meth:`Session.models`."""
        client = self._planner.client(self._planner.settings.resolve({}))
        return await loop.arun(client.models)


class AsyncStream(AsyncIterator[Delta]):
    """Asynchronous iterator over the deltas, then ``reply``; ``aclose`` disconnects."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._deltas = aiterate(exchange.deltas)
        self._interrupted = self._over = False

    async def __anext__(self) -> Delta:
        try:
            return await anext(self._deltas)
        except StopAsyncIteration:
            self._over = True
            raise

    @property
    def reply(self) -> Reply:
        """The reply received so far."""
        return self._exchange.reply(interrupted=self._interrupted)

    async def aclose(self) -> None:
        """Disconnect; the reply keeps what arrived so far."""
        self._interrupted = not self._over
        await self._deltas.aclose()


class AsyncChat(ChatTurns):
    """Asynchronous conversation of a session."""

    async def ask(self, prompt: Any, **options: Any) -> Reply:
        """Send the next turn, like :meth:`AsyncSession.ask`."""
        turn = self.prepare(prompt, **options)
        return await AsyncSession(self._planner).ask(turn)

    def stream(self, prompt: Any, **options: Any) -> AsyncStream:
        """Stream the next turn, like :meth:`AsyncSession.stream`."""
        return AsyncSession(self._planner).stream(self.prepare(prompt, **options))
