"""Export a request as a program in any language of :data:`TARGETS`.

Each program is complete: it reads the key from ``WCODE_API_KEY``, sends exactly the
request's body and handles the response by the same rules:

- Complete response. A status of 400 or more, or a body that is not a JSON object or
  has a truthy ``error``: print status and body on standard error, exit 1. Otherwise
  print the text of the first choice; if it has none (null, tool calls, a list of
  parts), the message or else the body as JSON. A byte order mark is skipped, the
  content type is ignored, a lone surrogate is printed as U+FFFD.
- Stream of server-sent events. Lines end in LF, CRLF or CR, the last one optionally; a
  byte order mark, fields other than ``data`` and empty ``data`` are skipped. An event
  that is not a JSON object or has a truthy ``error``, or an ``error:`` field, ends the
  program with exit 1. A body without events is handled as a complete response. An end
  without finish reason and ``[DONE]`` is a truncated stream: print the text received,
  then the last event in one line on standard error, exit 1. A stream without text is
  printed as received: output is never blank with exit 0.
- A failure prints one line on standard error, or what the server sent, never a stack
  trace.

``tests/languages/odd.py`` has a row for each of these, and every program is tested on
all rows. To add a language, add a row to :data:`TARGETS`, a template named by its key,
and a row in ``tests/languages/toolchains.py``.
"""

import json
import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from wcode_magics import text
from wcode_magics.errors import OptionError, mistyped
from wcode_magics.protocol import endpoint_url
from wcode_magics.protocol.parameters import nearest
from wcode_magics.protocol.request import Request
from wcode_magics.snippets.targets import KEYS, TARGETS, Target

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["KEYS", "TARGETS", "Target", "find", "render"]

_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\"'\\$`{}<>|^\x7f]")


def find(key: str) -> Target:
    """Return the target of a key.

    Raises:
        OptionError: the key is unknown; names the nearest ones.
    """
    if not isinstance(key, str):
        raise mistyped("language", key, "string")
    word = key.strip().lower()
    for target in TARGETS:
        if target.key == word:
            return target
    family = [known for known in KEYS if known.startswith(f"{word}-")]
    near = ", ".join(family) or nearest(word, KEYS)
    hint = text.say("ui.did_you_mean", near=near) if near else ""
    raise OptionError("snippets.unknown", given=key, hint=hint, allowed=", ".join(KEYS))


def render(
    request: Request,
    key: str,
    *,
    base_url: str,
    stream: bool = False,
    needs_key: bool = True,
) -> str:
    """Return a program for the target ``key`` that sends ``request`` to ``base_url``.

    With ``needs_key`` false, the server requires no key; the program sends one if
    ``WCODE_API_KEY`` is set, and also runs without.

    Raises:
        OptionError: the key of the target is unknown.
        UsageError: a text of the request cannot be encoded as UTF-8.
    """
    target = find(key)
    parts = urlsplit(base_url)
    body = json.loads(request.content(stream=stream, usage=False))
    template = _environment().get_template(f"{target.key}.jinja")
    return template.render(
        header=_header(target),
        base_url=_quoted_url(urlunsplit(parts._replace(query=""))),
        query=dict(parse_qsl(parts.query)),
        url=_quoted_url(endpoint_url.joined(base_url, "chat/completions")),
        body=target.quote(body),
        stream=stream,
        needs_key=needs_key,
    )


def _header(target: Target) -> str:
    lines = (
        f"One request to a chat-completions endpoint, with {target.library}.",
        f"Install: {target.install}",
        f"Run:     {target.run}",
        "Key:     the environment variable WCODE_API_KEY",
    )
    return "\n".join(f"{target.comment} {line}" for line in lines)


def _quoted_url(url: str) -> str:
    """Percent-encode characters that are special in string literals of any language."""

    def percent(found: re.Match[str]) -> str:
        return f"%{ord(found[0]):02X}"

    return _UNSAFE_IN_URL.sub(percent, url.rstrip("/"))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__name__, "templates"),
        autoescape=False,  # noqa: S701 - source code, not HTML
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
