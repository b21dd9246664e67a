"""What a script uses, and every face: settings, requests, replies, history.

All network work is a coroutine on the background loop of
:mod:`wcode_magics.runtime.loop`. :class:`Session` waits for it; ``Session.aio`` has the
same methods for ``await``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from wcode_magics.errors import OptionError, Stopped, UsageError
from wcode_magics.prompts import template
from wcode_magics.protocol import models, parameters
from wcode_magics.protocol.messages import Message, gives_away
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import logs
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.request_run import (
    Exchange,
    Prepared,
    Prompt,
    Stream,
    Watch,
    awaited,
)
from wcode_magics.session import branch
from wcode_magics.session.async_session import AsyncSession
from wcode_magics.session.conversations import Chat, Chats
from wcode_magics.session.dispatch import Dispatch
from wcode_magics.session.repeat import RUN, Runs, gathered
from wcode_magics.session.structured import repaired, wanted_form
from wcode_magics.session.sweep import (
    Group,
    Point,
    Sweep,
    Trial,
    grid_points,
    refuse_unasked,
)
from wcode_magics.session.tool_loop import Rounds
from wcode_magics.session.tools import Toolbox, wanted_tools
from wcode_magics.settings import options
from wcode_magics.settings.settings import Settings, advice_of, checked_extra


class Session(Dispatch):
    """Settings, connections and history of one person at work.

    Args:
        settings: the layers of settings; fresh ones if None.
        transport: an ``httpx.AsyncBaseTransport`` in place of the network's.
        **values: settings and default parameters by name, as ``%wcode_config`` has
            them, and ``api_key``: ``Session(model="…", temperature=0.2)``.

    Raises:
        SettingError, ParameterError: no such name, or a value not allowed.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        transport: Any = None,
        **values: Any,
    ) -> None:
        logs.hush()
        super().__init__(settings or Settings(), transport)
        self.settings.given_key = values.pop("api_key", None)
        self.chats = Chats()
        self.allow: Callable[[str, Mapping[str, Any]], bool] | None = None
        for name, value in values.items():
            self.settings.set(name, value)

    @property
    def aio(self) -> AsyncSession:
        """The same methods for ``await``."""
        return AsyncSession(self)

    def ask(self, prompt: Prompt, *, watch: Watch | None = None, **given: Any) -> Reply:
        """Send a prompt and wait for its whole answer.

        Where there are ``functions``, what the model calls is run and answered until
        it calls no more; those marked by ``confirm`` run only if :attr:`allow` says so.

        Args:
            prompt: text, messages, or what :meth:`prepare` returned.
            watch: is called ten times a second with the seconds until it is sent
                again; 0 where that is not waited for.
            **given: options of :meth:`prepare`.

        Raises:
            UsageError: nothing was sent, or the model never stopped calling.
            EndpointError: its ``reply`` holds what arrived, if anything did.
            AnswerError: the answer is not of the form asked for; likewise.
        """
        ready = self.prepare(prompt, **given)
        if not ready.resolved["functions"]:
            return awaited(self.exchange(ready), watch)
        rounds, box = self.rounds(ready)
        while calls := rounds.calls(awaited(self.exchange(rounds.prepared), watch)):
            rounds.answer(box.run(calls, rounds.number, parallel=rounds.parallel))
        return rounds.reply

    def run_tools(
        self, prompt: Prompt, functions: Sequence[Callable[..., Any]], **given: Any
    ) -> Reply:
        """Ask with functions that the model may call; ``reply.trace`` tells the calls.

        Raises: as :meth:`ask`.
        """
        return self.ask(prompt, functions=list(functions), **given)

    def stream(self, prompt: Prompt, **given: Any) -> Stream:
        """Send a prompt; iterate over the deltas, then take ``.reply``.

        Calls of ``functions`` are streamed and not run.
        """
        return Stream(self.exchange(prompt, **given))

    def chat(self, name: str = "chat") -> Chat:
        """The conversation of a name, which its turns are added to."""
        return Chat(self, name)

    def sweep(
        self,
        prompt: Prompt,
        grid: Mapping[str, Sequence[Any]],
        *,
        watch: Watch | None = None,
        **given: Any,
    ) -> Sweep:
        """Send one prompt with every combination of a grid's values.

        Args:
            prompt: text or messages.
            grid: values by parameter, or by ``model``.
            watch: as in :meth:`ask`, of the request that is sent again first.
            **given: options that all share; ``yes=True`` allows more than 20 requests.

        Raises:
            UsageError: nothing was sent.
        """
        return awaited(self.group(*self.sweep_plan(prompt, grid, **given)), watch)

    def sweep_plan(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """The points of a grid and their requests, with nothing sent."""
        points = grid_points(grid)
        agreed = given.pop("yes", False)
        each = [self.prepare(prompt, **{**given, **point}) for point in points]
        ready = [replace(one, budget=each[0].budget) for one in each]
        if not agreed:
            refuse_unasked([(one.request, one.resolved.place) for one in ready])
        return points, ready

    def group(
        self,
        points: list[Point],
        ready: list[Prepared],
        tell: Callable[[int, Trial], object] = lambda _place, _trial: None,
    ) -> Group:
        """The requests of a plan, ready to be sent together."""
        return Group(points, self.exchanges(ready), tell)

    def repeat(
        self,
        prompt: Prompt,
        times: int,
        *,
        watch: Watch | None = None,
        **given: Any,
    ) -> Runs:
        """Send one prompt several times at once; more than 20 times with ``yes=True``.

        A ``seed`` is sent as it is given: with one, the runs tell whether the
        endpoint keeps to it; without, they differ. None becomes a turn of a ``chat``.
        ``watch`` is as in :meth:`sweep`.

        Raises:
            UsageError: nothing was sent.
            Stopped: its ``value`` is the runs that were over.
        """
        plan = self.repeat_plan(prompt, times, **given)
        done: dict[int, Trial] = {}
        try:
            awaited(self.group(*plan, done.__setitem__), watch)
        except KeyboardInterrupt:
            raise Stopped(kept=bool(done), value=gathered(done)) from None
        return gathered(done)

    def repeat_plan(
        self, prompt: Prompt, times: int, **given: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """The numbers of the runs and their requests, with nothing sent."""
        agreed = given.pop("yes", False)
        one = replace(self.prepare(prompt, **given), then=None)
        if one.resolved["functions"]:
            raise OptionError("not_together", one="--repeat", other="--functions")
        if not agreed:
            refuse_unasked([(one.request, one.resolved.place)] * times)
        return [{RUN: number + 1} for number in range(times)], [one] * times

    def rounds(self, ready: Prepared) -> tuple[Rounds, Toolbox]:
        """The loop of a request with functions, and what runs its calls."""
        box = Toolbox(ready.resolved["functions"], ask=self.allow)
        return Rounds(ready, int(ready.resolved["rounds"])), box

    def exchange(self, prompt: Prompt, **given: Any) -> Exchange:
        """A prompt made ready to be sent on the loop, or to be replayed."""
        (one,) = self.exchanges([self.prepare(prompt, **given)])
        return one

    def prepare(
        self,
        prompt: "str | Sequence[Message] | Prepared",
        *,
        names: Mapping[str, Any] | None = None,
        **given: Any,
    ) -> Prepared:
        """The request for a prompt, with nothing sent.

        Args:
            prompt: text, or messages.
            names: values for ``{{ name }}`` in prompt and system; None: no template.
            **given: options of the cell by name (``model``, ``system``, ``timeout``,
                ``profile``, ``param`` as (name, value) pairs, every parameter).

        Raises:
            UsageError: a value is not allowed, the prompt is empty or contains the
                key, and so on.
        """
        if isinstance(prompt, Prepared):
            return prompt
        resolved = self.settings.resolve(options.check_given(given))
        extra = checked_extra(resolved["param"] or ())
        form, read, held = wanted_form(resolved)
        tools, unsent = wanted_tools(resolved)
        request = Request(
            model=resolved["model"] or models.DEFAULT,
            messages=template.messages(prompt, resolved["system"], names),
            params={**resolved.params, **tools, **form},
            extra=extra,
        )
        if gives_away(self.settings.key(), request.content()):
            raise UsageError("secret_in_prompt")
        advice: list[tuple[str, Mapping[str, Any]]] = [
            (key, {}) for key in parameters.advice(request.params, request.prompt)
        ]
        advice += [*held, *unsent, *advice_of(resolved)]
        own = resolved.layer("budget") in {"cell", "profile"}
        budget = Budget(resolved["budget"], self.budget) if own else None
        return Prepared(request, resolved, tuple(advice), None, read, budget=budget)

    def repair(self, prepared: Prepared, reply: Reply, **given: Any) -> Prepared:
        """The request that asks once more for the form that a reply does not have.

        ``given`` are options that are to differ from the first request's.

        Raises:
            UsageError: there is nothing wrong with it, or no form was asked for.
        """
        return repaired(prepared, reply, options.check_given(given))

    def go_on(self, reply: Reply | None = None, **given: Any) -> Prepared:
        """The request that goes on where a reply (None: the last) was cut off.

        The reply to it holds the whole text, is its child (``parent``), and says by
        its ``seam`` how the endpoint took the beginning.

        Raises:
            UsageError: there is no reply, or it ended by itself.
        """
        reply = self._given_or_last(reply)
        if reply.finish_reason in {"stop", "tool_calls"}:
            raise UsageError("not_cut", reason=reply.finish_reason)
        onward = self._onward(replace(reply, parent=reply), given)
        return replace(onward, then=partial(self.chats.go_on, reply))

    def branch(
        self,
        reply: Reply | None = None,
        *,
        token: int,
        alternative: int | str,
        **given: Any,
    ) -> Prepared:
        """The request that goes on from another token than the one a reply took.

        The reply to it is the child of the first, as :meth:`go_on` has it.

        Args:
            reply: one with token probabilities; None: the last.
            token: its number, as the heat map counts, from 0.
            alternative: its number there, 1 the most likely, or its text.
            **given: parameters that are to differ.

        Raises:
            UsageError: there is no such reply, token or alternative.
        """
        reply = self._given_or_last(reply)
        return self._onward(branch.branched(reply, token, alternative), given)

    def _given_or_last(self, reply: Reply | None) -> Reply:
        reply = reply or self.last
        if reply is None:
            raise UsageError("no_reply")
        return reply

    def _onward(self, beginning: Reply, given: Mapping[str, Any]) -> Prepared:
        resolved = self.settings.resolve(options.check_given(given))
        request = branch.onward(beginning, given)
        return Prepared(request, resolved, before=beginning)


def sweep(prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any) -> Sweep:
    """:meth:`Session.sweep` in a session of its own."""
    with Session() as session:
        return session.sweep(prompt, grid, **given)
