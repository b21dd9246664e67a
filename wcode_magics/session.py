"""What a script uses, and every face: settings, requests, replies, history.

All network work is a coroutine on the background loop of
:mod:`wcode_magics.portal`. :class:`Session` waits for it; ``Session.aio`` has the
same methods for ``await``.
"""

import atexit
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

from wcode_magics import models, options, params, portal, template
from wcode_magics.client import Client
from wcode_magics.errors import UsageError
from wcode_magics.exchange import Exchange, Prepared, Stream
from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.settings import Resolved, Settings
from wcode_magics.values import Delta, Endpoint, Message

Prompt = str | Sequence[Message] | Prepared

CONTINUATION = {"continue_final_message": True, "add_generation_prompt": False}


class Session:
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
        self.settings = settings or Settings()
        self.settings.given_key = values.pop("api_key", None)
        self.history: list[Reply] = []
        self.aio = AsyncSession(self)
        self._transport = transport
        self._clients: dict[tuple[Endpoint, int], Client] = {}
        self._sandbox: Any = None
        self._lock = threading.Lock()
        for name, value in values.items():
            self.settings.set(name, value)
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and the sandbox; the next request opens them anew."""
        atexit.unregister(self.close)
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
            sandbox, self._sandbox = self._sandbox, None
        for client in clients:
            with suppress(RuntimeError):
                portal.run(client.aclose)
        if sandbox is not None:
            sandbox.stop()

    @property
    def last(self) -> Reply | None:
        """The newest reply."""
        return self.history[-1] if self.history else None

    def ask(self, prompt: Prompt, **given: Any) -> Reply:
        """Send a prompt and wait for its whole answer.

        Args:
            prompt: text, messages, or what :meth:`prepare` returned.
            **given: options of :meth:`prepare`.

        Raises:
            UsageError: nothing was sent.
            EndpointError: its ``reply`` holds what arrived, if anything did.
        """
        return portal.run(self.exchange(prompt, **given).whole)

    def stream(self, prompt: Prompt, **given: Any) -> Stream:
        """Send a prompt; iterate over the deltas, then take ``.reply``."""
        return Stream(self.exchange(prompt, **given))

    def exchange(self, prompt: Prompt, **given: Any) -> Exchange:
        """A prompt made ready to be sent on the loop."""
        ready = prompt if isinstance(prompt, Prepared) else None
        ready = ready or self.prepare(prompt, **given)
        return Exchange(ready, self.client(ready.resolved), self.history.append)

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
            UsageError: a value is not allowed, the prompt is empty, and so on.
        """
        if isinstance(prompt, Prepared):
            return prompt
        resolved = self.settings.resolve(options.check_given(given))
        extra = dict(resolved["param"] or ())
        request = Request(
            model=resolved["model"] or models.DEFAULT,
            messages=_messages(prompt, resolved["system"], names),
            params=resolved.params,
            extra=extra,
        )
        advice: list[tuple[str, Mapping[str, Any]]] = [
            (key, {}) for key in params.advice(request.params, request.prompt)
        ]
        advice += [("unknown_param", {"name": name}) for name in extra]
        return Prepared(request, resolved, tuple(advice))

    def go_on(self, reply: Reply | None = None, **given: Any) -> Prepared:
        """The request that goes on where a reply was cut off.

        The answer so far becomes the beginning of the assistant's message
        (``continue_final_message``, as vLLM, SGLang and llama.cpp read it); the
        reply to it holds the whole text.

        Raises:
            UsageError: there is no reply, or it ended by itself.
        """
        reply = reply or self.last
        if reply is None:
            raise UsageError("no_reply")
        if reply.finish_reason in {"stop", "tool_calls"}:
            raise UsageError("not_cut", reason=reply.finish_reason)
        resolved = self.settings.resolve(options.check_given(given))
        asked = reply.request
        prefixed = "continue_final_message" in asked.extra
        head = asked.messages[:-1] if prefixed else asked.messages
        own = {name: given[name] for name in params.NAMES if name in given}
        request = replace(
            asked,
            messages=(*head, Message("assistant", reply.text)),
            params={**asked.params, **own},
            extra={**asked.extra, **CONTINUATION},
        )
        return Prepared(request, resolved, before=reply)

    def endpoint(self, resolved: Resolved | None = None) -> Endpoint:
        """Where requests go; starts the sandbox where there is no key.

        Raises:
            SettingError: a key is needed and there is none.
        """
        found = self.settings.endpoint(resolved or self.settings.resolve({}))
        return found or self._sandbox_endpoint()

    def client(self, resolved: Resolved) -> Client:
        """The client for the endpoint, kept with its connections."""
        endpoint, attempts = self.endpoint(resolved), int(resolved["retries"]) + 1
        with self._lock:
            if (endpoint, attempts) not in self._clients:
                self._clients[endpoint, attempts] = Client(
                    endpoint, transport=self._transport, attempts=attempts
                )
            return self._clients[endpoint, attempts]

    def models(self) -> list[dict[str, Any]]:
        """What the endpoint itself lists; raises EndpointError."""
        return portal.run(self.client(self.settings.resolve({})).models)

    def _sandbox_endpoint(self) -> Endpoint:
        from wcode_magics.sandbox import Sandbox

        with self._lock:
            if self._sandbox is None:
                self._sandbox = Sandbox().start()
            return Endpoint(self._sandbox.base_url, sandbox=True)


class AsyncSession:
    """The methods of a session that wait, for ``await``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def ask(self, prompt: Prompt, **given: Any) -> Reply:
        """As :meth:`Session.ask`."""
        return await portal.arun(self._session.exchange(prompt, **given).whole)

    async def stream(self, prompt: Prompt, **given: Any) -> AsyncGenerator[Delta, None]:
        """As :meth:`Session.stream`; the reply is then the session's ``last``."""
        exchange = self._session.exchange(prompt, **given)
        async for delta in portal.aiterate(exchange.deltas):
            yield delta

    async def models(self) -> list[dict[str, Any]]:
        """As :meth:`Session.models`."""
        client = self._session.client(self._session.settings.resolve({}))
        return await portal.arun(client.models)


def _messages(
    prompt: str | Sequence[Message],
    system: str | None,
    names: Mapping[str, Any] | None,
) -> tuple[Message, ...]:
    said = [Message("user", prompt)] if isinstance(prompt, str) else [*prompt]
    if system:
        said.insert(0, Message("system", system))
    if names is None:
        return tuple(said)
    return tuple(
        replace(message, content=template.render(message.content or "", names))
        for message in said
    )
