"""Context length and version of a model, as reported by its server.

Each server reports the length in its own place, or not at all, and rarely in the
standard model list. The rows of :data:`SOURCES` are queried in order until one
answers; otherwise the length is unknown. It is the length as loaded: a model's
maximum does not count if its server was started with less.
"""

import asyncio
import datetime as dt
import json
import math
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from wcode_magics import text
from wcode_magics.errors import UsageError
from wcode_magics.protocol import (
    endpoint_url,
    model_list,
    models,
    providers,
    token_counts,
)
from wcode_magics.protocol.messages import Endpoint
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request

SHORT = 1_000
"""Prompt length in tokens that every context holds."""
MOST_A_LETTER = 4
"""Maximum tokens per character: one per UTF-8 byte."""
MOST = 2**31
AGAIN_S = 30.0
SILENCE_S = 3.0
MOST_S = 6.0
MOST_BYTES = 2**22


@dataclass(frozen=True, slots=True)
class ContextSource:
    """A server URL that reports the context: path, request body and reader.

    ``api`` paths are relative to the base URL, others to its parent without version.
    Sent as GET if ``asks`` is None.
    """

    path: str
    read: Callable[[Any, str], Any]
    api: bool = False
    asks: Callable[[str], Mapping[str, Any]] | None = None


def _in_listing(data: Any, model: str) -> Any:
    """Read ``{"data": [{"id": …, "max_model_len": …}]}``, or Ollama's ``models``."""
    return model_list.context_of(_row_of(data, model))


def _row_of(data: Any, model: str) -> Mapping[str, Any]:
    for row in data.get("data") or data.get("models"):
        names = {row.get(key) for key in ("id", "name", "model")}
        if names & {model, f"{model}:latest"}:
            return dict(row)
    return {}


def _in_props(data: Any, _model: str) -> Any:
    """Read llama.cpp's ``{"default_generation_settings": {"n_ctx": …}}``."""
    return data.get("default_generation_settings", data).get("n_ctx")


def _in_show(data: Any, _model: str) -> Any:
    """Read Ollama's ``num_ctx`` of the Modelfile, a line of ``parameters``."""
    found = re.search(r"^num_ctx\s+(\d+)", data["parameters"], re.MULTILINE)
    return found and int(found[1])


LMSTUDIO = ContextSource("api/v0/models", _in_listing)
OLLAMA = ContextSource("api/show", _in_show, asks=lambda model: {"model": model})
SOURCES = (
    ContextSource("models", _in_listing, api=True),
    ContextSource("props", _in_props),
    ContextSource("api/ps", _in_listing),
    LMSTUDIO,
    OLLAMA,
)
SHOWN = 50
"""Maximum number of models that Ollama is asked about one by one."""


LISTING = SOURCES[0]
TAGS = ContextSource("api/tags", _in_listing)
"""Ollama's own list, which has digests."""
DIGEST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Time of creation (s since 1970) and digest of a model; None if not listed."""

    created: float | None = None
    digest: str | None = None


def may_be_outdated(record: Reply, place: str) -> bool:
    """Return whether another model can have the name of a record's model by now.

    Neither the sandbox nor a model of the package's catalogue changes, and only a
    digest tells of a change within :data:`~wcode_magics.protocol.model_list.CLOCK_S`.
    """
    if record.answered is None or record.from_sandbox:
        return False
    row = models.find(record.request.model, place)
    if row is not None and row.source == "package":
        return False
    age = time.time() - record.answered.timestamp()
    return record.digest is not None or age > model_list.CLOCK_S


class Contexts:
    """Context lengths and versions of an endpoint's models, each requested once.

    Models in the catalogue need no request. An unknown length is requested again after
    :data:`AGAIN_S`, since a server may not have loaded its model yet. ``load`` returns
    the body at a URL, after posting the bytes if there are any.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        load: Callable[[str, bytes | None], Awaitable[bytes]],
    ) -> None:
        self._endpoint = endpoint
        self._load = load
        self._known: dict[str, int] = {}
        self._asked: dict[str, float] = {}
        self._versions: dict[tuple[str, bool], tuple[float, ModelVersion]] = {}
        self._lock, self._version_lock = asyncio.Lock(), asyncio.Lock()

    async def of(self, model: str, size: int = SHORT) -> int | None:
        """Return the context length of a model in tokens; None if unknown.

        Sends no request for a prompt shorter than :data:`SHORT` tokens: it fits.
        """
        row = models.find(model, self._endpoint.place)
        if row is not None and row.context is not None and row.source == "package":
            return row.context
        if model not in self._known and size >= SHORT:
            async with self._lock:
                await self._learn(model)
        return self._known.get(model)

    async def version(self, model: str, *, digest: bool) -> ModelVersion:
        """Return the version of a model as listed within the last :data:`AGAIN_S`.

        ``digest``: look for a digest in Ollama's own list as well.
        """
        async with self._version_lock:
            known = self._known_version(model, digest=digest)
            if known is None:
                known = await self._listed(model, digest=digest)
                self._versions[model, digest] = time.monotonic(), known
            return known

    def _known_version(self, model: str, *, digest: bool) -> ModelVersion | None:
        asked, known = self._versions.get((model, digest), (-math.inf, None))
        return None if time.monotonic() - asked > AGAIN_S else known

    def doubts(self, record: Reply) -> bool:
        """Return whether :meth:`changed` may return a notice, by what is known now."""
        digest = record.digest is not None
        known = self._known_version(record.request.model, digest=digest)
        if known is not None and _change(record, known) is None:
            return False
        return may_be_outdated(record, self._endpoint.place)

    async def changed(self, record: Reply) -> UsageError | None:
        """Return a notice if another model has the name of a record's model now."""
        if not may_be_outdated(record, self._endpoint.place):
            return None
        digest = record.digest is not None
        return _change(record, await self.version(record.request.model, digest=digest))

    async def _listed(self, model: str, *, digest: bool) -> ModelVersion:
        row = await self._row(LISTING, model)
        made, found = model_list.created_of(row), row.get("digest")
        if digest and not found:
            found = (await self._row(TAGS, model)).get("digest")
        return ModelVersion(made, found if isinstance(found, str) else None)

    async def _row(self, source: ContextSource, model: str) -> Mapping[str, Any]:
        with suppress(Exception):  # a server may answer anything
            async with asyncio.timeout(SILENCE_S):
                return _row_of(await self._answer(source, model), model)
        return {}

    async def rows(self, raw: Sequence[Mapping[str, Any]]) -> list[models.Model]:
        """Return the rows of a server's list, with what it says more of its models.

        LM Studio lists abilities and contexts elsewhere, Ollama by model; any other
        server is asked nothing.
        """
        provider = providers.at(self._endpoint.base_url)
        name = "" if provider is None else provider.name
        currency = "" if provider is None else provider.currency
        listed = model_list.rows_of(list(raw), currency)
        with suppress(Exception):  # a server may answer anything
            async with asyncio.timeout(MOST_S):
                if name == "lmstudio":
                    return model_list.rows_of(await self._answer(LMSTUDIO, ""))
                if name == "ollama":
                    asked = (self._answer(OLLAMA, row.id) for row in listed[:SHOWN])
                    replies = await asyncio.gather(*asked)
                    pairs = zip(replies, listed, strict=False)
                    more = [model_list.shown(data, row) for data, row in pairs]
                    return [*more, *listed[SHOWN:]]
        return listed

    async def refuse_long(self, request: Request) -> None:
        """Raise UsageError if a prompt certainly exceeds the context."""
        letters = len(request.prompt)
        if letters < SHORT:
            return
        context = await self.of(
            request.model, token_counts.estimate(request.prompt).tokens
        )
        if context is None or letters * MOST_A_LETTER < context:
            return
        count = token_counts.count_request(request, self._endpoint.place)
        least = count.tokens if count.exact else count.tokens / token_counts.MARGIN
        if least > context:
            approx = "" if count.exact else text.say("ui.approx")
            shown = f"{approx}{count.tokens:,}"
            raise UsageError("prompt_too_long", tokens=shown, context=f"{context:,}")

    async def _learn(self, model: str) -> None:
        since = time.monotonic() - self._asked.get(model, -math.inf)
        if model in self._known or since < AGAIN_S:
            return
        found = await self._ask_all(model)
        self._asked[model] = time.monotonic()
        if found is not None:
            self._known[model] = found

    async def _ask_all(self, model: str) -> int | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_S):
                for source in SOURCES:
                    size = await self._size(source, model)
                    if size is not None:
                        return size
        return None

    async def _size(self, source: ContextSource, model: str) -> int | None:
        with suppress(Exception):  # a server may answer anything
            size = source.read(await self._answer(source, model), model)
            return size if type(size) is int and 0 < size < MOST else None
        return None

    async def _answer(self, source: ContextSource, model: str) -> Any:
        asks = None if source.asks is None else json.dumps(source.asks(model)).encode()
        base = self._endpoint.base_url
        url = endpoint_url.joined(base if source.api else _beside(base), source.path)
        return json.loads(await self._load(url, asks))


def _change(record: Reply, now: ModelVersion) -> UsageError | None:
    """Return a notice if a model is newer than a record, or of another digest."""
    model, came = record.request.model, record.answered
    if now.created is not None and came and now.created > came.timestamp():
        made = dt.datetime.fromtimestamp(now.created).astimezone()
        return UsageError("model_changed", model=model, day=f"{made:%Y-%m-%d}")
    if record.digest and now.digest and now.digest != record.digest:
        shown = now.digest[:DIGEST_SHOWN]
        return UsageError("model_replaced", model=model, digest=shown)
    return None


def _beside(base_url: str) -> str:
    """Return the base URL without its version."""
    parts = urlsplit(base_url)
    return urlunsplit(
        parts._replace(path=re.sub(r"/v\d+/?$", "", parts.path), query="")
    )
