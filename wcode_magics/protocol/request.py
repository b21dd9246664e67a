"""Request as a value: its body, canonical bytes and hash; no I/O."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from json.encoder import encode_basestring
from typing import Any, Self

from wcode_magics.errors import ParameterError, UsageError
from wcode_magics.protocol import parameters as table
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message
from wcode_magics.runtime.serialization import Value, checked

HASH_TAG = b"wcode-request-1\n"

_WIRE, _CANONICAL = (
    json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=sort_keys,
        separators=(",", ":"),
    )
    for sort_keys in (False, True)
)


@dataclass(frozen=True)
class Request(Value):
    """One chat-completions request: ``params`` are validated, ``extra`` is not.

    ``extra`` holds parameters that are not in the parameter table, sent unchanged.

    Raises:
        ParameterError: a value of ``params`` is invalid.
        UsageError: no message has content, or a text cannot be encoded as UTF-8.
    """

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", table.check_all(self.params))
        object.__setattr__(self, "extra", dict(self.extra))
        reserved = {"model", "messages", "stream", *table.NAMES} & set(self.extra)
        if reserved:
            raise ParameterError("reserved_extra", name=min(reserved))
        _refuse_empty(self.messages)

    def with_messages(self, messages: tuple[Message, ...]) -> Self:
        """Return a copy with other messages, sharing the validated parameters.

        Raises:
            UsageError: no message has content.
        """
        _refuse_empty(messages)
        made = object.__new__(type(self))
        shared = {"model": self.model, "params": self.params, "extra": self.extra}
        vars(made).update(shared, messages=messages)
        return made

    def with_texts(self, texts: Sequence[str | None]) -> Self:
        """Return a copy whose messages have other texts, one for each.

        A table makes thousands of them: they share what of their bytes is the same.

        Raises:
            UsageError: no message has content.
        """
        templates = self._templates
        if templates is None:
            pairs = zip(self.messages, texts, strict=True)
            return self.with_messages(
                tuple(replace(one, content=text) for one, text in pairs)
            )
        quoted = templates.quoted(texts)  # type: ignore[arg-type]
        made = object.__new__(type(self))
        own = vars(made)
        own.update(self._shared)
        own["texts"], own["_quoted"] = texts, quoted
        own["hash"] = hashlib.sha256(templates.hashed % quoted).hexdigest()
        return made

    def __getattr__(self, name: str) -> Any:
        """Make the messages of :meth:`with_texts`, which few ask for."""
        if name != "messages" or "_quoted" not in vars(self):
            raise AttributeError(name, name=name, obj=self)
        roles: tuple[str, ...] = vars(self)["_templates"].roles
        made = vars(self)["messages"] = tuple(map(Message, roles, self.texts))
        return made

    @cached_property
    def _templates(self) -> "_BodyTemplates | None":
        """What its bytes have around its texts; None if a message is more than that."""
        return _BodyTemplates.of(self)

    @cached_property
    def _shared(self) -> dict[str, Any]:
        """What all requests of :meth:`with_texts` have in common."""
        names = ("model", "params", "extra", "_templates")
        return {name: getattr(self, name) for name in names}

    def _filled(self, template: str) -> bytes | None:
        """Return a template with the texts of :meth:`with_texts`; None without them."""
        quoted = vars(self).get("_quoted")
        if quoted is None:
            return None
        encoded: bytes = getattr(self._templates, template) % quoted
        return encoded

    def shared_record(self) -> bytes | None:
        """Return the JSON of :meth:`to_dict`, if it shares it with other requests."""
        return self._filled("kept")

    @property
    def body(self) -> dict[str, Any]:
        """JSON object that is sent, without the fields for streaming."""
        return self._body()

    def _body(self, *, by_reference: bool = False) -> dict[str, Any]:
        wires = [one.wire(by_reference=by_reference) for one in self.messages]
        return {
            "model": self.model,
            "messages": wires,
            **self.params,
            **self.extra,
        }

    def content(self, *, stream: bool = False, usage: bool = True) -> bytes:
        """Encode the HTTP body; ``usage`` requests usage in a stream."""
        shared = None if stream else self._filled("sent")
        if shared is not None:
            return shared
        body = self.body
        if stream:
            options = {"stream_options": {"include_usage": True}} if usage else {}
            body = {**body, "stream": True, **options}
        return _encode(body, _WIRE)

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the tagged canonical JSON: sorted keys, no spaces.

        An image counts by its digest, which does not depend on how it was encoded.
        """
        canonical = _encode(self._body(by_reference=True), _CANONICAL)
        return hashlib.sha256(HASH_TAG + canonical).hexdigest()

    @property
    def prompt(self) -> str:
        """Text of all messages, joined; for estimates and advice."""
        return "\n".join(self.texts)

    @cached_property
    def texts(self) -> Sequence[str]:
        """Text of each message."""
        return [message.content or "" for message in self.messages]

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The images of all messages."""
        if "_quoted" in vars(self):
            return ()
        return tuple(image for message in self.messages for image in message.images)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create a request from the output of :meth:`to_dict`."""
        messages = tuple(Message.from_dict(item) for item in data["messages"])
        return cls(**{**checked(cls, data), "messages": messages})


def _refuse_empty(messages: tuple[Message, ...]) -> None:
    for one in messages:
        has_text = one.content and not one.content.isspace()
        if has_text or one.tool_calls or one.images:
            return
    raise UsageError("empty_prompt")


@dataclass(frozen=True, slots=True)
class _BodyTemplates:
    """Bytes of a request as it is sent, hashed and kept, ``%b`` in place of its texts.

    ``roles`` are those of its messages.
    """

    roles: tuple[str, ...]
    sent: bytes
    hashed: bytes
    kept: bytes

    @classmethod
    def of(cls, request: Request) -> "_BodyTemplates | None":
        if any(one != Message(one.role, one.content or "") for one in request.messages):
            return None
        marks = [f"\0{place}\0" for place in range(len(request.messages))]
        roles = tuple(message.role for message in request.messages)
        marked = request.with_messages(tuple(map(Message, roles, marks)))
        body = marked.body
        try:
            return cls(
                roles,
                _template(_WIRE.encode(body), marks),
                HASH_TAG + _template(_CANONICAL.encode(body), marks),
                _template(_WIRE.encode(marked.to_dict()), marks),
            )
        except (TypeError, ValueError):  # no JSON, as NaN, or it has such a mark itself
            return None

    def quoted(self, texts: Sequence[str]) -> tuple[bytes, ...]:
        """Return texts as JSON, to be filled in.

        Raises:
            UsageError: no text has content, or one cannot be encoded as UTF-8.
        """
        whole = "".join(texts)
        if not whole or whole.isspace():
            raise UsageError("empty_prompt")
        return tuple([_bytes(encode_basestring, text) for text in texts])


def _template(encoded: str, marks: Sequence[str]) -> bytes:
    """Return an encoded body with ``%b`` in place of its marks.

    Raises:
        ValueError: one is not there just once.
    """
    left, parts = encoded, []
    for mark in map(encode_basestring, marks):
        part, left = left.split(mark)
        parts.append(part)
    return b"%b".join(part.replace("%", "%%").encode() for part in (*parts, left))


def _encode(body: Mapping[str, Any], encoder: json.JSONEncoder) -> bytes:
    return _bytes(encoder.encode, body)


def _bytes(encode: Callable[[Any], str], body: Any) -> bytes:
    try:
        return encode(body).encode()
    except UnicodeEncodeError as wrong:
        surrogate = f"U+{ord(wrong.object[wrong.start]):04X}"
        raise UsageError("lone_surrogate", given=surrogate) from None
    except (TypeError, ValueError) as wrong:
        raise ParameterError("not_json", reason=str(wrong)) from None
