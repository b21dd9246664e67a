"""Map an HTTP error status or an error object to an exception with a remedy.

Servers disagree on shapes: ``{"error": {…}}``, ``{"error": "text"}``,
``{"detail": [{"loc", "msg"}]}``, ``{"errors": …}``, bare ``{"code", "message"}``, an
upstream's body as JSON or as a Python repr inside a gateway's message, an HTML page.
One parser therefore looks for messages, codes and nested errors by the field names in
:data:`SAID`, :data:`CODED` and :data:`INSIDE`; support a new shape by adding a name.
:mod:`wcode_magics.protocol.error_words` maps codes and messages to their meaning.
"""

import ast
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from wcode_magics.errors import ModelError, RateLimitError, StatusError
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol.error_words import CODES, MEANINGS, STATUSES, meaning
from wcode_magics.protocol.retry_after import asked_in

MESSAGE_LIMIT = 300

SAID = (
    *("message", "msg", "error_msg", "errmsg", "error_message", "errorMessage"),
    *("error_description", "status_msg", "detail", "html-message", "reason", "title"),
)
"""Fields that hold the message, most specific first."""
CODED = ("code", "type", "error_code", "errcode", "status_code", "status")
"""Fields that hold a code, an error type or a status."""
INSIDE = (
    *("error", "errors", "message", "detail", "fault", "base_resp", "metadata"),
    *("raw", "data"),
)
"""Fields that may hold a nested error, which is more specific than the outer one."""

_GOOD = frozenset({"0", "200", "ok", "success"})
_DEEPEST = 12
_LONGEST = 20_000
"""Maximum characters of an error that are read."""
_FIELD = re.compile(r"(event: *\w+ +)?(data|error)", re.IGNORECASE)
_INNER_STATUS = re.compile(r"(?:error|status|http)\D{0,16}([45]\d\d)\b", re.IGNORECASE)
_OPENING = re.compile(r"""[\s,:–-]*(\bb)?['"\[(]*$""")
_CUT_MESSAGE = re.compile(r"""["']message["']\s*:\s*(["'])((?:\\.|(?!\1).)+)""")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Contents of an error body: message, codes, parameter at fault, and status."""

    message: str = ""
    codes: tuple[str, ...] = ()
    param: str = ""
    status: int = 0


def fault(status: int, body: str | Mapping[str, Any], **facts: object) -> StatusError:
    """Return the exception for a status and an error body.

    Args:
        status: the HTTP status; 0 for an error inside a stream, where the code in the
            object is used instead. A status reported by an upstream takes precedence.
        body: the response body, as text or decoded JSON.
        facts: more fields of the error message: ``model`` and ``url``.
    """
    refused = refusal(body)
    code = next(iter(refused.codes), "")
    status = refused.status or status or _code_status(refused.codes)
    key = meaning(status or 500, refused.codes, refused.message)
    status = status or next((n for n, means in STATUSES.items() if means == key), 500)
    kind = MEANINGS[key]
    shown = clipped(refused.message or code or _leaves(body), MESSAGE_LIMIT) or "–"
    if refused.message and key != meaning(status, (), refused.message):
        known = ", ".join(c for c in refused.codes if c.lower() in CODES)
        shown += f" ({known})" if known else ""
    more = {"message": shown, "code": code, "param": refused.param, **facts}
    wait = asked_in(refused.message) if kind is RateLimitError else None
    if wait is not None:
        more["retry_after"] = wait
    if status in {404, 405} and _bare(str(facts.get("url", ""))):
        names_model = re.search(r"\bmodel\b", refused.message, re.IGNORECASE)
        kind, key = (kind, key) if names_model else (ModelError, "no_version")
    return kind(key, status=status, **more)


def error_in(payload: Any) -> StatusError | None:
    """Return the error in a body or event sent with a success status, or None."""
    if isinstance(payload, list) and payload:
        payload = payload[0]
    if not isinstance(payload, dict):
        return None
    if _has_content(payload.get("error")):
        return fault(0, payload)
    choices = payload.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and _has_content(choice.get("error")):
            return fault(0, {"error": choice["error"]})
    if choices:
        return None
    resp = payload.get("base_resp")
    failed = isinstance(resp, dict) and resp.get("status_code")
    went_well = any(map(_is_success_code, (payload, resp)))
    coded = "choices" not in payload and not went_well and refusal(payload).message
    return fault(0, payload) if failed or coded else None


def _has_content(error: Any, depth: int = 0) -> bool:
    """Return whether an error is not empty: some servers send one with each answer."""
    if isinstance(error, dict) and depth < _DEEPEST:
        return any(_has_content(value, depth + 1) for value in error.values())
    return bool(error)


def _is_success_code(body: Any) -> bool:
    codes = map(body.get, CODED) if isinstance(body, dict) else ()
    return any(str(code).lower() in _GOOD for code in codes)


def refusal(body: Any) -> Refusal:
    """Parse an error body of any known shape."""
    return _read(body, 0)


def _read(body: Any, depth: int) -> Refusal:
    if depth > _DEEPEST or body is None:
        return Refusal()
    if isinstance(body, str):
        return _read_text(body, depth)
    if isinstance(body, dict):
        return _read_object(body, depth)
    if isinstance(body, list | tuple):
        read = (_read(item, depth + 1) for item in body[:20])
        found = [one for one in read if one.message]
        return found[0] if found else Refusal()
    return Refusal(str(body))


def _read_object(body: Mapping[str, Any], depth: int) -> Refusal:
    if "loc" in body or ("msg" in body and "type" in body and "message" not in body):
        return _read_place(body)
    codes = _codes(body)
    own = _first_text(body)
    outer = _read(own, depth + 1) if own else Refusal()
    inner = _innermost(body, depth)
    word = body.get("error")
    if isinstance(word, str) and outer.message and _text(body, "message"):
        inner, codes = Refusal(), (*codes, word)
    merged = outer if not inner.message else inner
    if inner.message and outer.message and outer.message not in inner.message:
        merged = replace(inner, message=_joined(outer.message, inner.message))
    return Refusal(
        merged.message,
        tuple(dict.fromkeys((*inner.codes, *outer.codes, *codes))),
        inner.param or _text(body, "param"),
        inner.status or outer.status,
    )


def _innermost(body: Mapping[str, Any], depth: int) -> Refusal:
    for name in INSIDE:
        value = body.get(name)
        if name == "errors" and isinstance(value, dict) and not _first_text(value):
            value = [{"loc": ["", key], "msg": _list_text(value[key])} for key in value]
        if value and (name not in SAID or not isinstance(value, str)):
            found = _read(value, depth + 1)
            if found.message or found.codes:
                return found
    return Refusal()


def _read_place(body: Mapping[str, Any]) -> Refusal:
    """Parse FastAPI's ``{"loc": ["body", "n"], "msg": …}``."""
    loc = body.get("loc")
    where = ".".join(map(str, list(loc)[1:])) if isinstance(loc, list | tuple) else ""
    message = _one_line(body.get("msg") or body.get("message") or "")
    return Refusal(f"{where}: {message}" if where else message, (), where)


def _read_text(text: str, depth: int) -> Refusal:
    """Parse a message, or the upstream body in it: JSON, a Python repr or a page."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or len(text) > _LONGEST:
        return Refusal(_one_line(text))
    decoded = _decoded(text[start : end + 1])
    inner = _read(decoded, depth + 1)
    if decoded is not None and not text[:start].strip("[ \t\r\n"):
        coded = _code_status(inner.codes) if depth else 0
        return replace(inner, status=inner.status or coded)
    cut = _CUT_MESSAGE.search(text)
    if not inner.message and cut is not None:
        inner = Refusal(_one_line(cut[2].replace('\\"', '"')))
    if not inner.message:
        return Refusal(_one_line(text))
    before = text[:start]
    inside = _INNER_STATUS.search(before)
    status = int(inside[1]) if inside else inner.status
    if depth:
        status = status or _code_status(inner.codes)
    outer = _OPENING.sub("", _one_line(before[: inside.start()] if inside else before))
    if outer and not _FIELD.fullmatch(outer):
        inner = replace(inner, message=_joined(outer, inner.message))
    return replace(inner, status=status)


def _joined(outer: str, inner: str) -> str:
    return f"{outer.rstrip('.:： ')}: {inner}"


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, dict) else None


def _first_text(body: Mapping[str, Any]) -> str:
    found = (_text(body, name) for name in SAID)
    return next(filter(None, found), "") or _text(body, "error")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _list_text(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _codes(body: Mapping[str, Any]) -> tuple[str, ...]:
    values = (body.get(name) for name in CODED)
    return tuple(str(v) for v in values if v and isinstance(v, str | int))


def _code_status(codes: Iterable[str]) -> int:
    return next((int(c) for c in codes if re.fullmatch("[45][0-9][0-9]", c)), 0)


def _leaves(body: Any, depth: int = 0) -> str:
    """Return the plain values of an object without any known field."""
    body = _decoded(body) if isinstance(body, str) else body
    if not isinstance(body, dict) or depth > _DEEPEST:
        return ""
    parts = [
        _leaves(value, depth + 1) if isinstance(value, dict) else f"{name}: {value}"
        for name, value in body.items()
        if value and isinstance(value, str | int | float | dict)
    ]
    return _one_line(", ".join(filter(None, parts)))


def _one_line(body: Any) -> str:
    """Strip HTML tags; reduce a page to its title or, without one, its heading."""
    text = str(body)[:_LONGEST]
    for tag in ("title", "h1"):
        found = re.search(rf"<{tag}\b[^<>]*>([^<]+)</{tag}>", text, re.IGNORECASE)
        if found:
            text = found[1]
            break
    return " ".join(html.unescape(re.sub(r"</?[A-Za-z!][^<>]*>", " ", text)).split())


def _bare(url: str) -> bool:
    """Return whether a base URL has no path and so lacks the API version."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.netloc) and not parts.path.strip("/")
