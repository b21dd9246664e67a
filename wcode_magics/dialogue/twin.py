"""The methods of a session that wait, for code that awaits."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wcode_magics import portal
from wcode_magics.dialogue.grid import Sweep
from wcode_magics.dialogue.runs import Runs
from wcode_magics.dialogue.talk import Chat
from wcode_magics.exchange import Exchange, Prompt
from wcode_magics.reply import Reply
from wcode_magics.values import Delta

if TYPE_CHECKING:
    from wcode_magics.session import Session


class AsyncSession:
    """The methods of a session that wait, for ``await``."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    async def ask(self, prompt: Prompt, **given: Any) -> Reply:
        """As :meth:`Session.ask`; async functions run on the caller's loop."""
        session = self._session
        ready = session.prepare(prompt, **given)
        if not ready.resolved["functions"]:
            return await portal.arun(session.exchange(ready).whole)
        rounds, box = session.rounds(ready)
        while calls := rounds.calls(
            await portal.arun(session.exchange(rounds.prepared).whole)
        ):
            told = await box.arun(calls, rounds.number, parallel=rounds.parallel)
            rounds.answer(told)
        return rounds.reply

    async def run_tools(
        self, prompt: Prompt, functions: Sequence[Callable[..., Any]], **given: Any
    ) -> Reply:
        """As :meth:`Session.run_tools`."""
        return await self.ask(prompt, functions=list(functions), **given)

    def chat(self, name: str = "chat") -> "AsyncChat":
        """As :meth:`Session.chat`."""
        return AsyncChat(self._session, name)

    async def sweep(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any
    ) -> Sweep:
        """As :meth:`Session.sweep`."""
        session = self._session
        plan = session.sweep_plan(prompt, grid, **given)
        return await portal.arun(session.group(*plan).whole)

    async def repeat(self, prompt: Prompt, times: int, **given: Any) -> Runs:
        """As :meth:`Session.repeat`."""
        session = self._session
        plan = session.repeat_plan(prompt, times, **given)
        return Runs((await portal.arun(session.group(*plan).whole)).trials)

    def stream(self, prompt: Prompt, **given: Any) -> "AsyncStream":
        """As :meth:`Session.stream`: ``async for``, then ``.reply``."""
        return AsyncStream(self._session.exchange(prompt, **given))

    async def models(self) -> list[dict[str, Any]]:
        """As :meth:`Session.models`."""
        client = self._session.client(self._session.settings.resolve({}))
        return await portal.arun(client.models)


class AsyncStream(AsyncIterator[Delta]):
    """Deltas as they come, for code that awaits; then ``reply``.

    :meth:`aclose` hangs up.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._deltas = portal.aiterate(exchange.deltas)
        self._interrupted = self._over = False

    async def __anext__(self) -> Delta:
        try:
            return await anext(self._deltas)
        except StopAsyncIteration:
            self._over = True
            raise

    @property
    def reply(self) -> Reply:
        """The reply as far as it has come."""
        return self._exchange.reply(interrupted=self._interrupted)

    async def aclose(self) -> None:
        """Hang up; what came so far stays the reply."""
        self._interrupted = not self._over
        await self._deltas.aclose()


class AsyncChat(Chat):
    """A conversation of a session, for ``await``."""

    async def ask(self, prompt: Any, **given: Any) -> Reply:  # type: ignore[override]
        """The next turn, as :meth:`AsyncSession.ask`."""
        return await self._session.aio.ask(self.prepare(prompt, **given))

    def stream(  # type: ignore[override]
        self, prompt: Any, **given: Any
    ) -> AsyncStream:
        """The next turn, as :meth:`AsyncSession.stream`."""
        return self._session.aio.stream(self.prepare(prompt, **given))
