"""Requests of a session, prepared without sending anything."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from wcode_magics.errors import OptionError, SettingError, UsageError, mistyped
from wcode_magics.output.escaping import inert
from wcode_magics.output.secret_forms import without_forms
from wcode_magics.prompts import image_sources, template
from wcode_magics.protocol import models, parameters
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message, gives_away
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime import logs
from wcode_magics.sending.request_run import Exchange, Prepared, Prompt
from wcode_magics.session import branch
from wcode_magics.session.conversation import messages_of
from wcode_magics.session.conversations import Chats
from wcode_magics.session.dispatch import Dispatch
from wcode_magics.session.repeat import RUN
from wcode_magics.session.structured import repaired, requested_form
from wcode_magics.session.sweep import Group, Point, Trial, grid_points, require_consent
from wcode_magics.session.tool_loop import Rounds
from wcode_magics.session.tools import Toolbox, requested_tools
from wcode_magics.settings.api_keys import is_key
from wcode_magics.settings.options import checked_options, refuse_of_cells
from wcode_magics.settings.resolved import Resolved
from wcode_magics.settings.settings import (
    Advice,
    Settings,
    advice_of,
    checked_extra,
    thinking,
)


class Planner(Dispatch):
    """Settings, conversations, and the requests that are made of them.

    Args:
        settings: layers of settings; new ones if None.
        transport: ``httpx.AsyncBaseTransport`` that replaces the network.
        **values: settings and default parameters by name, as in ``%wcode_config``, and
            ``api_key``.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        transport: Any = None,
        **values: Any,
    ) -> None:
        logs.hush()
        if not isinstance(settings, Settings | None):
            raise UsageError("session_alone", given=type(settings).__name__)
        super().__init__(settings or Settings(), transport)
        self.chats = Chats()
        self.allow: Callable[[str, Mapping[str, Any]], bool] | None = None
        key = values.pop("api_key", None)
        if key is not None and not (isinstance(key, str) and is_key(key)):
            raise SettingError("bad_key")
        for name in sorted(values, key=lambda name: name != "provider"):
            self.settings.set(name, values[name])
        self.settings.given_key = key
        self.settings.given_host = self.settings.resolve({}).key_owner.host

    def __repr__(self) -> str:
        model = without_forms(inert(self.settings.resolve({}).model))
        return f"<{type(self).__name__}: {model}>"

    def prepare(
        self,
        prompt: Prompt,
        *,
        names: Mapping[str, Any] | None = None,
        images: Any = (),
        **options: Any,
    ) -> Prepared:
        """Build the request for a prompt without sending it.

        Args:
            prompt: text, or a list of messages, also as dicts in OpenAI's form.
            names: values for ``{{ name }}`` in the prompt; None: no template. A system
                prompt is text.
            images: one image or a list, put before the last user message: paths, URLs,
                bytes, PIL images, NumPy arrays, matplotlib figures.
            **options: options of the cell by name (``model``, ``system``, ``timeout``,
                ``profile``, ``param`` as (name, value) pairs, every parameter).

        Raises:
            UsageError: for example, a value is not allowed, or the prompt is empty or
                contains the key.
        """
        if isinstance(prompt, Prepared):
            return prompt
        given_messages = messages_of(prompt)
        if not isinstance(names, Mapping | None):
            raise mistyped("names", names, "dict")
        refuse_of_cells(options)
        resolved = self.settings.resolve(checked_options(options))
        sandbox = self.settings.is_unset(resolved)
        thought = thinking(resolved, sandbox=sandbox)
        extra = {**thought, **checked_extra(resolved["param"] or ())}
        form, read, unsent_patterns = requested_form(resolved)
        tools, tool_advice = requested_tools(resolved)
        given_images = image_sources.load_all(resolved["image"] or ())
        loaded = (*given_images, *image_sources.load_all(images))
        messages = template.messages(given_messages, resolved["system"], names)
        self.inform(resolved)
        request = Request(
            model=resolved.model,
            messages=_showing(messages, loaded),
            params={**resolved.params, **tools, **form},
            extra=extra,
        )
        _refuse_unable(request, resolved, sandbox=sandbox)
        if gives_away(self.settings.key(resolved), request.content()):
            raise UsageError("secret_in_prompt")
        noted = parameters.advice(request.params, request.prompt)
        advice: list[Advice] = [(key, {}) for key in noted]
        advice += [*unsent_patterns, *tool_advice, *advice_of(resolved)]
        budget = self.own_budget(request.model, resolved)
        return Prepared(request, resolved, tuple(advice), None, read, budget=budget)

    def exchange(self, prompt: Prompt, **options: Any) -> Exchange:
        """Prepare a prompt to be sent on the loop, or to be replayed."""
        (one,) = self.exchanges([self.prepare(prompt, **options)])
        return one

    def repair(self, prepared: Prepared, reply: Reply, **options: Any) -> Prepared:
        """Return a repair request for a reply that does not have the requested form.

        ``options`` replace those of the first request.

        Raises:
            UsageError: the reply is valid, or no form was requested.
        """
        return repaired(prepared, reply, checked_options(options))

    def go_on(self, reply: Reply | None = None, **options: Any) -> Prepared:
        """Return the request that continues a reply that was cut off (None: the last).

        The new reply holds the whole text, is a child of the first (``parent``), and
        its ``seam`` says how the endpoint treated the beginning.

        Raises:
            UsageError: there is no reply, or it was complete.
        """
        reply = self._reply_or_last(reply)
        if reply.finish_reason in {"stop", "tool_calls"}:
            raise UsageError("not_cut", reason=reply.finish_reason)
        continuation = self._continuation(replace(reply, parent=reply), options)
        return replace(continuation, then=partial(self.chats.go_on, reply))

    def branch(
        self,
        reply: Reply | None = None,
        *,
        token: int,
        alternative: int | str,
        **options: Any,
    ) -> Prepared:
        """Return the request that continues a reply with another token at a position.

        The new reply is a child of the first, as for :meth:`go_on`.

        Args:
            reply: one with token probabilities; None: the last.
            token: token number as in the heat map, from 0.
            alternative: its number there, 1 the most likely, or its text.
            **options: parameters that differ from the first request's.

        Raises:
            UsageError: there is no such reply, token or alternative.
        """
        reply = self._reply_or_last(reply)
        return self._continuation(branch.branched(reply, token, alternative), options)

    def sweep_plan(
        self, prompt: Prompt, grid: Mapping[str, Sequence[Any]], **options: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """Return the points of a grid and their requests, without sending."""
        if not isinstance(grid, Mapping):
            raise mistyped("grid", grid, "grid")
        points = grid_points(grid)
        confirmed = options.pop("yes", False)
        each = [self.prepare(prompt, **{**options, **point}) for point in points]
        shared = {one.budget.currency: one.budget for one in each if one.budget}
        ready = [
            replace(one, budget=one.budget and shared[one.budget.currency])
            for one in each
        ]
        if not confirmed:
            require_consent(
                [(one.request, self.answering(one.resolved)) for one in ready]
            )
        return points, ready

    def repeat_plan(
        self, prompt: Prompt, times: int, **options: Any
    ) -> tuple[list[Point], list[Prepared]]:
        """Return the numbers of the runs and their requests, without sending."""
        if type(times) is not int or times < 1:
            raise mistyped("times", times, "count")
        confirmed = options.pop("yes", False)
        one = replace(self.prepare(prompt, **options), then=None)
        if one.resolved["functions"]:
            raise OptionError("not_together", one="--repeat", other="--functions")
        if not confirmed:
            require_consent([(one.request, self.answering(one.resolved))] * times)
        return [{RUN: number + 1} for number in range(times)], [one] * times

    def group(
        self,
        points: list[Point],
        ready: list[Prepared],
        on_end: Callable[[int, Trial], object] = lambda _place, _trial: None,
    ) -> Group:
        """Prepare the requests of a plan to be sent together."""
        return Group(points, self.exchanges(ready), on_end)

    def rounds(self, ready: Prepared) -> tuple[Rounds, Toolbox]:
        """Return the tool loop of a request with functions, and its toolbox."""
        box = Toolbox(ready.resolved["functions"], ask=self.allow)
        return Rounds(ready, int(ready.resolved["rounds"])), box

    def _reply_or_last(self, reply: Reply | None) -> Reply:
        reply = self.last if reply is None else reply
        if reply is None:
            raise UsageError("no_reply")
        if not isinstance(reply, Reply):
            raise mistyped("reply", reply, "reply")
        return reply

    def _continuation(self, beginning: Reply, options: Mapping[str, Any]) -> Prepared:
        resolved = self.settings.resolve(checked_options(options))
        self.inform(resolved)
        model = options.get("model") or beginning.request.model
        request = branch.continuation(beginning, options, self.dialect(resolved, model))
        resolved = resolved.for_prefixes
        budget = self.own_budget(request.model, resolved)
        return Prepared(request, resolved, before=beginning, budget=budget)


def _showing(
    messages: tuple[Message, ...], images: Sequence[ImagePart]
) -> tuple[Message, ...]:
    """Return the messages with images before the text of the last user message."""
    if not images:
        return messages
    users = [place for place, one in enumerate(messages) if one.role == "user"]
    at = users[-1] if users else len(messages) - 1
    shown = replace(messages[at], images=(*images, *messages[at].images))
    return (*messages[:at], shown, *messages[at + 1 :])


def _refuse_unable(request: Request, resolved: Resolved, *, sandbox: bool) -> None:
    """Raise UsageError for images or thinking if the model is known to lack them.

    A model whose abilities are unknown is asked; its endpoint may refuse.
    """
    has_images = request.images or any(
        template.takes_images(one.content or "") for one in request.messages
    )
    thinks = resolved["think"] or resolved["think_budget"] is not None
    place = resolved.place
    row = models.find(request.model, place) if has_images or thinks else None
    for needed, ability, key in (
        (has_images, "image", "image.blind"),
        (thinks, "thinking", "think.unable"),
    ):
        if needed and row is not None and row.can(ability) is False:
            able = [one.id for one in models.at(place) if one.can(ability)]
            if sandbox:
                from wcode_magics.sandbox.request_body import MODEL

                able = [MODEL]
            raise UsageError(key, model=request.model, able=", ".join(able) or "–")
