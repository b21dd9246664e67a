"""Session: settings, requests, replies and history, for scripts and all interfaces.

All network operations are coroutines on the background loop of
:mod:`wcode_magics.runtime.loop`. :class:`Session` blocks until they finish;
``Session.aio`` has the same methods for ``await``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from wcode_magics.errors import OptionError, Stopped, UsageError, WcodeError
from wcode_magics.prompts import image_sources, template
from wcode_magics.protocol import parameters
from wcode_magics.protocol.messages import Message, gives_away
from wcode_magics.protocol.probe import Probe
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import logs, loop
from wcode_magics.sending.replay import Replay
from wcode_magics.sending.request_run import (
    Exchange,
    Prepared,
    Prompt,
    Stream,
    Watch,
    awaited,
)
from wcode_magics.session import branch, tree
from wcode_magics.session.async_session import AsyncSession
from wcode_magics.session.chat import Chat
from wcode_magics.session.conversations import Chats
from wcode_magics.session.dispatch import Dispatch
from wcode_magics.session.images import refuse_blind, showing
from wcode_magics.session.probe import measuring
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
    """Settings, connections and history of one user.

    Args:
        settings: layers of settings; new ones if None.
        transport: ``httpx.AsyncBaseTransport`` that replaces the network.
        **values: settings and default parameters by name, as in ``%wcode_config``, and
            ``api_key``: ``Session(model="…", temperature=0.2)``.

    Raises:
        SettingError, ParameterError: unknown name, or a value not allowed.
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
        self.chats = Chats()
        self.allow: Callable[[str, Mapping[str, Any]], bool] | None = None
        key = values.pop("api_key", None)
        for name in sorted(values, key=lambda name: name != "provider"):
            self.settings.set(name, values[name])
        self.settings.given_key = key
        self.settings.given_host = self.settings.resolve({}).key_owner.host

    @property
    def aio(self) -> AsyncSession:
        """The same methods for ``await``."""
        return AsyncSession(self)

    def ask(self, prompt: Prompt, *, watch: Watch | None = None, **given: Any) -> Reply:
        """Send a prompt and wait for the whole answer.

        With ``functions``, the model's calls are run and answered until it calls no
        more; functions marked by ``confirm`` run only if :attr:`allow` returns True.

        Args:
            prompt: text, messages, or the result of :meth:`prepare`.
            watch: called ten times a second with the seconds until the next attempt;
                0 if none is waited for.
            **given: options of :meth:`prepare`.

        Raises:
            UsageError: nothing was sent, or the model never stopped calling.
            EndpointError: its ``reply`` holds what arrived, if anything did.
            AnswerError: the answer does not have the requested form; likewise.
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
        """Send a prompt with functions that the model may call.

        ``reply.trace`` lists the calls. Raises as :meth:`ask`.
        """
        return self.ask(prompt, functions=list(functions), **given)

    def stream(self, prompt: Prompt, **given: Any) -> Stream:
        """Send a prompt; iterate over the deltas, then use ``.reply``.

        Calls of ``functions`` are streamed and not run.
        """
        return Stream(self.exchange(prompt, **given))

    def chat(self, name: str = "chat") -> Chat:
        """Return the conversation of a name, which its turns are added to."""
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
            watch: as in :meth:`ask`, for the request that is retried first.
            **given: options shared by all; ``yes=True`` allows more than 20 requests.

        Raises:
            UsageError: nothing was sent.
        """
        return awaited(self.group(*self.sweep_plan(prompt, grid, **given)), watch)

    def sweep_plan(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """Return the points of a grid and their requests, without sending."""
        points = grid_points(grid)
        agreed = given.pop("yes", False)
        each = [self.prepare(prompt, **{**given, **point}) for point in points]
        shared = {one.budget.currency: one.budget for one in each if one.budget}
        ready = [
            replace(one, budget=one.budget and shared[one.budget.currency])
            for one in each
        ]
        if not agreed:
            refuse_unasked([(one.request, one.resolved.place) for one in ready])
        return points, ready

    def group(
        self,
        points: list[Point],
        ready: list[Prepared],
        tell: Callable[[int, Trial], object] = lambda _place, _trial: None,
    ) -> Group:
        """Prepare the requests of a plan to be sent together."""
        return Group(points, self.exchanges(ready), tell)

    def repeat(
        self,
        prompt: Prompt,
        times: int,
        *,
        watch: Watch | None = None,
        **given: Any,
    ) -> Runs:
        """Send one prompt several times concurrently; over 20 times with ``yes=True``.

        A ``seed`` is sent unchanged: with one, the runs show whether the endpoint
        honours it; without, they vary. None becomes a turn of a ``chat``. ``watch`` is
        as in :meth:`sweep`.

        Raises:
            UsageError: nothing was sent.
            Stopped: its ``value`` is the finished runs.
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
        """Return the numbers of the runs and their requests, without sending."""
        agreed = given.pop("yes", False)
        one = replace(self.prepare(prompt, **given), then=None)
        if one.resolved["functions"]:
            raise OptionError("not_together", one="--repeat", other="--functions")
        if not agreed:
            refuse_unasked([(one.request, one.resolved.place)] * times)
        return [{RUN: number + 1} for number in range(times)], [one] * times

    def rounds(self, ready: Prepared) -> tuple[Rounds, Toolbox]:
        """Return the tool loop of a request with functions, and its toolbox."""
        box = Toolbox(ready.resolved["functions"], ask=self.allow)
        return Rounds(ready, int(ready.resolved["rounds"])), box

    def probe(
        self,
        *,
        fresh: bool = False,
        watch: Callable[[str], object] | None = None,
        **given: Any,
    ) -> Probe:
        """Measure what the endpoint does with each of the 20 parameters.

        A probe is kept per endpoint and model, and returned without sending; one that
        broke off is kept unless an earlier one measured more.

        Args:
            fresh: measure even if there is a kept probe.
            watch: called ten times a second with the name of what is measured.
            **given: ``model``; ``budget`` in ¥, 0.01 by default.

        Raises:
            UsageError: there is no kept probe and replay sends nothing.
            WcodeError: no plain request was answered, or the account ran dry.
            Stopped: its ``value`` is the probe so far.
        """
        resolved = self.settings.resolve(options.check_given(given))
        kept = None if fresh else self.probed(**given)
        if kept is not None:
            return kept
        if not Replay(resolved["replay"]).sends:
            raise UsageError("probe.unrecorded")
        measurement = measuring(self, resolved)
        tick = None if watch is None else lambda: watch(measurement.now)
        try:
            made = loop.run(measurement.whole, tick=tick)
        except WcodeError:
            self.ledger.keep_probe(measurement.probe, resolved)
            raise
        except KeyboardInterrupt:
            self.ledger.keep_probe(measurement.probe, resolved)
            raise Stopped(kept=False, value=measurement.probe) from None
        self.ledger.keep_probe(made, resolved)
        return made

    def probed(self, **given: Any) -> Probe | None:
        """Return the kept probe of the endpoint and ``model``, or None."""
        resolved = self.settings.resolve(options.check_given(given))
        return self.ledger.probe(resolved, resolved.place, resolved.model)

    def exchange(self, prompt: Prompt, **given: Any) -> Exchange:
        """Prepare a prompt to be sent on the loop, or to be replayed."""
        (one,) = self.exchanges([self.prepare(prompt, **given)])
        return one

    def prepare(
        self,
        prompt: "str | Sequence[Message] | Prepared",
        *,
        names: Mapping[str, Any] | None = None,
        images: Any = (),
        **given: Any,
    ) -> Prepared:
        """Build the request for a prompt without sending it.

        Args:
            prompt: text, or messages.
            names: values for ``{{ name }}`` in prompt and system; None: no template.
            images: one image or a list, put before the last user message: paths, URLs,
                bytes, PIL images, NumPy arrays, matplotlib figures.
            **given: options of the cell by name (``model``, ``system``, ``timeout``,
                ``profile``, ``param`` as (name, value) pairs, every parameter).

        Raises:
            UsageError: for example, a value is not allowed, or the prompt is empty or
                contains the key.
        """
        if isinstance(prompt, Prepared):
            return prompt
        resolved = self.settings.resolve(options.check_given(given))
        extra = {**self.thinking(resolved), **checked_extra(resolved["param"] or ())}
        form, read, held = wanted_form(resolved)
        tools, unsent = wanted_tools(resolved)
        given_images = image_sources.load_all(resolved["image"] or ())
        seen = (*given_images, *image_sources.load_all(images))
        messages = template.messages(prompt, resolved["system"], names)
        self.inform(resolved)
        request = Request(
            model=resolved.model,
            messages=showing(messages, seen),
            params={**resolved.params, **tools, **form},
            extra=extra,
        )
        refuse_blind(request, resolved.place)
        if gives_away(self.settings.key(resolved), request.content()):
            raise UsageError("secret_in_prompt")
        advice: list[tuple[str, Mapping[str, Any]]] = [
            (key, {}) for key in parameters.advice(request.params, request.prompt)
        ]
        advice += [*held, *unsent, *advice_of(resolved)]
        budget = self.own_budget(request.model, resolved)
        return Prepared(request, resolved, tuple(advice), None, read, budget=budget)

    def repair(self, prepared: Prepared, reply: Reply, **given: Any) -> Prepared:
        """Return a repair request for a reply that does not have the requested form.

        Options in ``given`` replace those of the first request.

        Raises:
            UsageError: the reply is valid, or no form was requested.
        """
        return repaired(prepared, reply, options.check_given(given))

    def go_on(self, reply: Reply | None = None, **given: Any) -> Prepared:
        """Return the request that continues a reply that was cut off (None: the last).

        The new reply holds the whole text, is a child of the first (``parent``), and
        its ``seam`` says how the endpoint treated the beginning.

        Raises:
            UsageError: there is no reply, or it was complete.
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
        """Return the request that continues a reply with another token at a position.

        The new reply is a child of the first, as for :meth:`go_on`.

        Args:
            reply: one with token probabilities; None: the last.
            token: token number as in the heat map, from 0.
            alternative: its number there, 1 the most likely, or its text.
            **given: parameters that differ from the first request's.

        Raises:
            UsageError: there is no such reply, token or alternative.
        """
        reply = self._given_or_last(reply)
        return self._onward(branch.branched(reply, token, alternative), given)

    def tree(
        self, reply: Reply | None = None, *, watch: Watch | None = None, **given: Any
    ) -> tree.Tree:
        """Return what could have been said instead of a reply (None: the last).

        ``given``: ``depth`` in tokens, ``mass`` of whole answers at which to stop,
        ``budget``. Raises as :func:`wcode_magics.session.tree.grow`.
        """
        return tree.grow(self, self._given_or_last(reply), watch=watch, **given)

    def _given_or_last(self, reply: Reply | None) -> Reply:
        reply = reply or self.last
        if reply is None:
            raise UsageError("no_reply")
        return reply

    def _onward(self, beginning: Reply, given: Mapping[str, Any]) -> Prepared:
        resolved = self.settings.resolve(options.check_given(given))
        self.inform(resolved)
        model = given.get("model") or beginning.request.model
        request = branch.onward(beginning, given, self.dialect(resolved, model))
        resolved = resolved.for_prefixes
        budget = self.own_budget(request.model, resolved)
        return Prepared(request, resolved, before=beginning, budget=budget)


def sweep(prompt: Prompt, grid: Mapping[str, Sequence[Any]], **given: Any) -> Sweep:
    """Run :meth:`Session.sweep` in a temporary session."""
    with Session() as session:
        return session.sweep(prompt, grid, **given)
