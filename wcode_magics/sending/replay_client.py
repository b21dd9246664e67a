"""Client that replays a recorded answer: sends nothing, costs nothing."""

from collections.abc import AsyncGenerator

from wcode_magics.protocol.messages import CallPiece, Delta, Endpoint
from wcode_magics.protocol.reply import Reply, Source
from wcode_magics.protocol.request import Request
from wcode_magics.sending.client import MOST_S, TIMEOUT_S
from wcode_magics.sending.replay import unrecorded
from wcode_magics.store import Store


class Recorded:
    """Client that returns the recorded answer ``found``; without one, sending fails."""

    source: Source = "replayed"
    contexts = None

    def __init__(self, store: Store, found: Reply | None = None) -> None:
        base_url = f"file:{store.path}" if found is None else found.base_url
        self.endpoint = Endpoint(base_url)
        self._store = store
        self._found = found
        self.answered = None if found is None else found.answered

    async def send(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> Delta:
        """Return the recorded answer as one delta.

        Raises:
            ReplayError: it was not recorded; names the request and the nearest one.
        """
        if self._found is None:
            raise unrecorded(request, self._store.recorded(), self._store.path)
        return _delta(self._found)

    async def stream(
        self, request: Request, *, timeout: float = TIMEOUT_S, most: float = MOST_S
    ) -> AsyncGenerator[Delta, None]:
        """Yield the recorded answer as one delta."""
        yield await self.send(request, timeout=timeout)


def _delta(reply: Reply) -> Delta:
    calls = tuple(
        CallPiece(place, call.id, call.name, call.arguments)
        for place, call in enumerate(reply.tool_calls)
    )
    return Delta(
        text=reply.text,
        calls=calls,
        tokens=(*reply.thinking_tokens, *reply.tokens),
        finish_reason=reply.finish_reason,
        usage=reply.usage,
        model=reply.model,
        refusal=reply.refusal,
        seam=reply.seam,
        reasoning=reply.reasoning,
        reasoning_field=reply.reasoning_field,
        unread=reply.unread,
        unconfirmed=reply.unconfirmed,
    )
