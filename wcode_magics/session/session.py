"""Session: settings, requests, replies and history, for scripts and all interfaces.

All network operations are coroutines on the background loop of
:mod:`wcode_magics.runtime.loop`. :class:`Session` blocks until they finish;
``Session.aio`` has the same methods for ``await``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wcode_magics.errors import Stopped, UsageError, stoppable
from wcode_magics.protocol.probe import Probe
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime import loop
from wcode_magics.sending.replay import Replay
from wcode_magics.sending.request_run import Prompt, Stream, Watch, awaited
from wcode_magics.session import tree
from wcode_magics.session.async_session import AsyncSession
from wcode_magics.session.chat import ChatTurns
from wcode_magics.session.planner import Planner
from wcode_magics.session.probe import measuring
from wcode_magics.session.repeat import Runs, gathered
from wcode_magics.session.sweep import Sweep, Trial
from wcode_magics.session.tools import functions_of
from wcode_magics.settings.options import checked_options


class Session(Planner):
    """Settings, connections and history of one user.

    Args:
        settings: layers of settings; new ones if None.
        transport: ``httpx.AsyncBaseTransport`` that replaces the network.
        **values: settings and default parameters by name, as in ``%wcode_config``, and
            ``api_key``: ``Session(model="…", temperature=0.2)``.

    Raises:
        SettingError, ParameterError: unknown name, or a value not allowed.
    """

    @property
    def aio(self) -> AsyncSession:
        """The same methods for ``await``."""
        return AsyncSession(self)

    @stoppable()
    def ask(
        self, prompt: Prompt, *, watch: Watch | None = None, **options: Any
    ) -> Reply:
        """Send a prompt and wait for the whole answer.

        With ``functions``, the model's calls are run and answered until it calls no
        more; functions marked by ``confirm`` run only if :attr:`allow` returns True.

        Args:
            prompt: text, messages, or the result of :meth:`prepare`.
            watch: called ten times a second with the seconds until the next attempt;
                0 if none is waited for.
            **options: options of :meth:`prepare`.

        Raises:
            UsageError: nothing was sent, or the model never stopped calling.
            EndpointError: its ``reply`` holds what arrived, if anything did.
            AnswerError: the answer does not have the requested form; likewise.
        """
        ready = self.prepare(prompt, **options)
        if not ready.resolved["functions"]:
            return awaited(self.exchange(ready), watch)
        rounds, box = self.rounds(ready)
        while calls := rounds.calls(awaited(self.exchange(rounds.prepared), watch)):
            rounds.answer(box.run(calls, rounds.number, parallel=rounds.parallel))
        return rounds.reply

    def run_tools(
        self, prompt: Prompt, functions: Sequence[Callable[..., Any]], **options: Any
    ) -> Reply:
        """Send a prompt with functions that the model may call.

        ``reply.trace`` lists the calls. Raises as :meth:`ask`.
        """
        return self.ask(prompt, functions=functions_of(functions), **options)

    def stream(self, prompt: Prompt, **options: Any) -> Stream:
        """Send a prompt; iterate over the deltas, then use ``.reply``.

        Calls of ``functions`` are streamed and not run.
        """
        return Stream(self.exchange(prompt, **options))

    def chat(self, name: str = "chat") -> "Chat":
        """Return the conversation of a name, which its turns are added to."""
        return Chat(self, name)

    @stoppable()
    def sweep(
        self,
        prompt: Prompt,
        grid: Mapping[str, Sequence[Any]],
        *,
        watch: Watch | None = None,
        **options: Any,
    ) -> Sweep:
        """Send one prompt with every combination of a grid's values.

        Args:
            prompt: text or messages.
            grid: values by parameter, or by ``model``.
            watch: as in :meth:`ask`, for the request that is retried first.
            **options: options shared by all; ``yes=True`` allows more than 20 requests.

        Raises:
            UsageError: nothing was sent.
        """
        return awaited(self.group(*self.sweep_plan(prompt, grid, **options)), watch)

    def repeat(
        self,
        prompt: Prompt,
        times: int,
        *,
        watch: Watch | None = None,
        **options: Any,
    ) -> Runs:
        """Send one prompt several times concurrently; over 20 times with ``yes=True``.

        A ``seed`` is sent unchanged: with one, the runs show whether the endpoint
        honours it; without, they vary. None becomes a turn of a ``chat``. ``watch`` is
        as in :meth:`sweep`.

        Raises:
            UsageError: nothing was sent.
            Stopped: its ``value`` is the finished runs.
        """
        plan = self.repeat_plan(prompt, times, **options)
        done: dict[int, Trial] = {}
        try:
            awaited(self.group(*plan, done.__setitem__), watch)
        except KeyboardInterrupt:
            runs = gathered(done)
            raise Stopped(kept=bool(runs.replies), value=runs) from None
        return gathered(done)

    def probe(
        self,
        *,
        fresh: bool = False,
        watch: Callable[[str], object] | None = None,
        **options: Any,
    ) -> Probe:
        """Measure what the endpoint does with each of the 20 parameters.

        A probe is kept per endpoint and model, and returned without sending; one that
        broke off is kept unless an earlier one measured more.

        Args:
            fresh: measure even if there is a kept probe.
            watch: called ten times a second with the name of what is measured.
            **options: ``model``; ``budget`` in ¥, 0.01 by default.

        Raises:
            UsageError: there is no kept probe and replay sends nothing.
            WcodeError: no plain request was answered, or the account ran dry.
            Stopped: its ``value`` is the probe so far.
        """
        resolved = self.settings.resolve(checked_options(options))
        kept = None if fresh else self.probed(**options)
        if kept is not None:
            return kept
        if not Replay(resolved["replay"]).sends:
            raise UsageError("probe.unrecorded")
        measurement = measuring(self, resolved)
        tick = None if watch is None else lambda: watch(measurement.now)
        try:
            loop.run(measurement.whole, tick=tick)
        except KeyboardInterrupt:
            raise Stopped(kept=False, value=measurement.probe) from None
        finally:
            made = measurement.probe
            self.pool.keep_probe(made, resolved)
        return made

    def probed(self, **options: Any) -> Probe | None:
        """Return the kept probe of the endpoint and ``model``, or None."""
        resolved = self.settings.resolve(checked_options(options))
        return self.pool.probe(resolved, resolved.place, resolved.model)

    @stoppable()
    def tree(
        self, reply: Reply | None = None, *, watch: Watch | None = None, **options: Any
    ) -> tree.Tree:
        """Return the tree of answers possible in place of a reply (None: the last).

        ``options``: ``depth`` in tokens, ``mass`` of whole answers at which to stop,
        ``budget``. Raises as :func:`wcode_magics.session.tree.grow`.
        """
        return tree.grow(self, self._reply_or_last(reply), watch=watch, **options)


class Chat(ChatTurns):
    """One conversation of a session: ``session.chat("tutor").ask("Hello")``."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session, name)
        self._session = session

    def ask(self, prompt: Any, **options: Any) -> Reply:
        """Send the next turn, like :meth:`Session.ask`."""
        return self._session.ask(self.prepare(prompt, **options))

    def stream(self, prompt: Any, **options: Any) -> Stream:
        """Stream the next turn, like :meth:`Session.stream`."""
        return self._session.stream(self.prepare(prompt, **options))


def sweep(prompt: Prompt, grid: Mapping[str, Sequence[Any]], **options: Any) -> Sweep:
    """Run :meth:`Session.sweep` in a temporary session."""
    with Session() as session:
        return session.sweep(prompt, grid, **options)
