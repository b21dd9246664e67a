"""From an error status or an error object to the error that says what to do.

Servers disagree on shapes and statuses: ``{"error": {…}}``, ``{"error": "text"}``,
``{"detail": "text"}``, ``{"detail": [{"loc", "msg"}]}``, one of these in a list, bare
text; validation errors as 500, unknown models as 400. So the words of the body count
too.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from wcode_magics.errors import (
    AuthenticationError,
    ContextError,
    CreditError,
    FilteredError,
    ModelError,
    RateLimitError,
    RejectedError,
    ServerError,
    StatusError,
)

MESSAGE_LIMIT = 300

_WORDS: tuple[tuple[str, type[StatusError], str], ...] = (
    (r"context.{0,20}(length|size|window)|exceed_context", ContextError, "context"),
    (r"insufficient.{0,12}(quota|balance|credit)", CreditError, "credit"),
    (r"rate.?limit|too many requests", RateLimitError, "rate_limited"),
    (r"content.?filter|content_policy", FilteredError, "filtered"),
    (r"invalid.{0,4}api.?key|incorrect api key", AuthenticationError, "key_refused"),
    (r"model_not_found|model .{0,80}(not exist|not found)", ModelError, "model"),
)
_STATUSES: dict[int, tuple[type[StatusError], str]] = {
    401: (AuthenticationError, "key_refused"),
    402: (CreditError, "credit"),
    403: (AuthenticationError, "key_refused"),
    404: (ModelError, "model"),
    429: (RateLimitError, "rate_limited"),
}
_UNSURE = {400, 403, 404, 422, 429, 500, 503}


def fault(status: int, body: str | Mapping[str, Any], **facts: object) -> StatusError:
    """The error for a status and a body (text or decoded JSON).

    Args:
        status: the HTTP status; 0 where an error came inside a stream, then the
            object's own code counts.
        body: what the server said.
        facts: more for the sentence: ``model`` and ``url``.
    """
    data = _decoded(body) if isinstance(body, str) else body
    message, code, param = _parts(data, body)
    status = status or _code_status(code)
    kind, key = _classify(status, f"{code} {message}")
    return kind(
        key,
        status=status,
        message=message[:MESSAGE_LIMIT] or "–",
        code=code,
        param=param,
        **facts,
    )


def _decoded(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _parts(data: Any, body: Any) -> tuple[str, str, str]:
    if isinstance(data, list) and data and isinstance(data[0], Mapping):
        data = data[0]
    inner = data.get("error", data.get("detail")) if isinstance(data, Mapping) else None
    if isinstance(inner, Mapping):
        code = inner.get("code") or inner.get("type") or ""
        return str(inner.get("message") or ""), str(code), str(inner.get("param") or "")
    if isinstance(inner, list):
        first = inner[0] if inner and isinstance(inner[0], Mapping) else {}
        where = ".".join(map(str, list(first.get("loc") or ())[1:]))
        return f"{where}: {first.get('msg') or ''}", "", where
    if isinstance(data, Mapping):
        return str(inner or data.get("message") or ""), "", ""
    return _one_line(body), "", ""


def _one_line(body: Any) -> str:
    bare = re.sub(r"<[^>]*>", " ", str(body))
    return " ".join(bare.split())


def _code_status(code: str) -> int:
    return int(code) if re.fullmatch("[45][0-9][0-9]", code) else 500


def _classify(status: int, words: str) -> tuple[type[StatusError], str]:
    if status in _UNSURE:
        for pattern, kind, key in _WORDS:
            if re.search(pattern, words, re.IGNORECASE):
                return kind, key
    if status in _STATUSES:
        return _STATUSES[status]
    return (ServerError, "server") if status >= 500 else (RejectedError, "rejected")
