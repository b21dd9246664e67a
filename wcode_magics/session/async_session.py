"""Asynchronous counterparts of a session's blocking methods."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from wcode_magics.protocol.messages import Delta
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime import loop
from wcode_magics.sending.client import Client
from wcode_magics.sending.request_run import Exchange, Prepared, Prompt
from wcode_magics.session.chat import Asks, Chat
from wcode_magics.session.repeat import Runs
from wcode_magics.session.sweep import Group, Point, Sweep
from wcode_magics.session.tool_loop import Rounds
from wcode_magics.session.tools import Toolbox
from wcode_magics.settings.resolved import Resolved
from wcode_magics.settings.settings import Settings


class Plans(Asks, Protocol):
    """Session interface that the asynchronous methods use."""

    settings: Settings

    def client(self, resolved: Resolved) -> Client:
        """Return the client of the configured endpoint."""

    def exchange(self, prompt: Prompt, **given: Any) -> Exchange:
        """Prepare a prompt for sending."""

    def rounds(self, ready: Prepared) -> tuple[Rounds, Toolbox]:
        """Return the tool loop of a request with functions, and its toolbox."""

    def group(self, points: list[Point], ready: list[Prepared]) -> Group:
        """Prepare requests to be sent together."""

    def sweep_plan(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """Return the points of a grid and their requests."""

    def repeat_plan(
        self, prompt: Prompt, times: int, **given: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """Return the numbers of the runs and their requests."""


class AsyncSession:
    """Asynchronous counterparts of a session's blocking methods."""

    def __init__(self, session: Plans) -> None:
        self._session = session

    async def ask(self, prompt: Prompt, **given: Any) -> Reply:
        """Like :meth:`Session.ask`; async functions run on the caller's loop."""
        session = self._session
        ready = session.prepare(prompt, **given)
        if not ready.resolved["functions"]:
            return await loop.arun(session.exchange(ready).whole)
        rounds, box = session.rounds(ready)
        while calls := rounds.calls(
            await loop.arun(session.exchange(rounds.prepared).whole)
        ):
            told = await box.arun(calls, rounds.number, parallel=rounds.parallel)
            rounds.answer(told)
        return rounds.reply

    async def run_tools(
        self, prompt: Prompt, functions: Sequence[Callable[..., Any]], **given: Any
    ) -> Reply:
        """Like :meth:`Session.run_tools`."""
        return await self.ask(prompt, functions=list(functions), **given)

    def chat(self, name: str = "chat") -> "AsyncChat":
        """Like :meth:`Session.chat`."""
        return AsyncChat(self._session, name)

    async def sweep(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any
    ) -> Sweep:
        """Like :meth:`Session.sweep`."""
        session = self._session
        plan = session.sweep_plan(prompt, grid, **given)
        return await loop.arun(session.group(*plan).whole)

    async def repeat(self, prompt: Prompt, times: int, **given: Any) -> Runs:
        """Like :meth:`Session.repeat`."""
        session = self._session
        plan = session.repeat_plan(prompt, times, **given)
        return Runs((await loop.arun(session.group(*plan).whole)).trials)

    def stream(self, prompt: Prompt, **given: Any) -> "AsyncStream":
        """Like :meth:`Session.stream`: ``async for``, then ``.reply``."""
        return AsyncStream(self._session.exchange(prompt, **given))

    async def models(self) -> list[dict[str, Any]]:
        """Like :meth:`Session.models`."""
        client = self._session.client(self._session.settings.resolve({}))
        return await loop.arun(client.models)


class AsyncStream(AsyncIterator[Delta]):
    """Asynchronous iterator over the deltas as they arrive; then ``reply``.

    :meth:`aclose` disconnects.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._deltas = loop.aiterate(exchange.deltas)
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


class AsyncChat(Chat):
    """Asynchronous conversation of a session."""

    def __init__(self, session: Plans, name: str) -> None:
        super().__init__(session, name)
        self._aio = AsyncSession(session)

    async def ask(self, prompt: Any, **given: Any) -> Reply:  # type: ignore[override]
        """Send the next turn, like :meth:`AsyncSession.ask`."""
        return await self._aio.ask(self.prepare(prompt, **given))

    def stream(  # type: ignore[override]
        self, prompt: Any, **given: Any
    ) -> AsyncStream:
        """Stream the next turn, like :meth:`AsyncSession.stream`."""
        return self._aio.stream(self.prepare(prompt, **given))
