"""Answers and streams that are legal and odd, and what a program makes of each.

One table for all languages; the server finds a row by the key of the request.
"""

import gzip
import json
from dataclasses import dataclass, replace
from typing import Any

from tests.loopback import Answer

TEXT = "一，二 three 🙂"
REASON = "no credit"


@dataclass(frozen=True)
class Row:
    """``ends`` is the exit status; ``shows`` stands in the output.

    With status 0 ``shows`` is on standard output, alone where ``alone`` is set. With
    status 1 the reason is one line, or what the server sent, on standard error. With
    None either is right: the whole text, or a reason with status 1, where ``alone`` is
    set. ``zipped``: compressed, in so many parts, for the programs that ask for it.
    """

    answer: Answer
    shows: str = TEXT
    ends: int | None = 0
    alone: bool = True
    zipped: int = 0


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _answer(body, *, status=200, kind="application/json", cut=False, size=61):
    data = body if isinstance(body, bytes) else body.encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return Answer(pieces, status=status, kind=kind, cut=cut)


def _whole(content, **message):
    said = {"role": "assistant", "content": content, **message}
    return _json({"choices": [{"message": said, "finish_reason": "stop"}]})


def _chunk(delta, **more):
    return {"choices": [{"index": 0, "delta": delta, **more}]}


def _events(chunks, *, end="\n", lead="data: ", before=""):
    return "".join(f"{before}{lead}{_json(chunk)}{end}{end}" for chunk in chunks)


def _sse(body, **more):
    return _answer(body, kind="text/event-stream", **more)


PIECES = [_chunk({"content": sign}) for sign in TEXT]
HEAD = _chunk({"role": "assistant", "content": ""})
STOP = _chunk({}, finish_reason="stop")
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
ALL = [HEAD, *PIECES, STOP, USAGE]
DONE = "data: [DONE]\n\n"
BROKEN = {"error": {"message": REASON}}
HALF = _whole(TEXT).replace("🙂", "\\ud83d")
LONG = "long " * 200_000 + "end"
MANY = [_chunk({"content": f"{number} "}) for number in range(3000)]
CALL = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]

WHOLE = {
    "plain": Row(_answer(_whole(TEXT))),
    "text-plain": Row(_answer(_whole(TEXT), kind="text/plain")),
    "octets": Row(_answer(_whole(TEXT), kind="application/octet-stream")),
    "bom": Row(_answer(b"\xef\xbb\xbf" + _whole(TEXT).encode())),
    "indented": Row(_answer(_json(json.loads(_whole(TEXT))).replace(",", ",\n"))),
    "error-null": Row(_answer(_json({**json.loads(_whole(TEXT)), "error": None}))),
    "half-a-pair": Row(_answer(HALF), "一，二 three \ufffd"),
    "escaped-pair": Row(_answer(json.dumps(json.loads(_whole(TEXT))))),
    "parts": Row(_answer(_whole([{"text": "PART"}])), "PART", alone=False),
    "refusal": Row(_answer(_whole(None, refusal="WHY")), "WHY", alone=False),
    "calls": Row(_answer(_whole("", tool_calls=CALL)), "tool_calls", alone=False),
    "no-choices": Row(
        _answer(_json({"choices": [], "note": "WHY"})), "WHY", alone=False
    ),
    "null-choices": Row(
        _answer(_json({"choices": None, "note": "WHY"})), "WHY", alone=False
    ),
    "error-in-200": Row(_answer(_json(BROKEN)), REASON, 1),
    "error-text-in-200": Row(_answer(_json({"error": REASON})), REASON, 1),
    "page-in-200": Row(_answer("<html>no credit</html>", kind="text/html"), REASON, 1),
    "page": Row(_answer("<html>no credit</html>", status=502), REASON, 1),
    "list": Row(_answer(f'["{REASON}"]'), REASON, 1),
    "empty": Row(_answer(""), "", 1),
    "cut": Row(_answer(_whole(TEXT).encode()[:60], cut=True), "", 1),
    "charset": Row(_answer(_whole(TEXT), kind="application/json; charset=latin-1")),
    "charset-unknown": Row(_answer(_whole(TEXT), kind="text/json; charset=x-none")),
    "charset-utf-16": Row(_answer(_whole(TEXT), kind="text/json; charset=utf-16")),
    "gzip": Row(_answer(_whole(TEXT)), zipped=1),
    "gzip-parts": Row(_answer(_whole(TEXT)), ends=None, zipped=2),
    "bytes": Row(_answer(b"\x80\xffno credit\x80"), REASON, 1),
    "page-of-bytes": Row(_answer(b"\x80\xffno credit\x80", status=502), REASON, 1),
    "long": Row(_answer(_whole(LONG), size=8000), LONG),
    "nul": Row(_answer(_whole("A\0WHY")), "WHY", alone=False),
    "error-false": Row(_answer(_json({**json.loads(_whole(TEXT)), "error": False}))),
    "error-and-text": Row(
        _answer(_json({**json.loads(_whole("")), **BROKEN})), REASON, 1
    ),
    "redirect": Row(_answer("no credit", status=307), REASON, 1),
    "deep": Row(_answer("[" * 20_000 + "no credit", size=8000), REASON, 1),
    "null-choice": Row(
        _answer(_json({"choices": [None], "note": "WHY"})), "WHY", None, alone=False
    ),
    "word-choices": Row(
        _answer(_json({"choices": "x", "note": "WHY"})), "WHY", None, alone=False
    ),
    "null-message": Row(
        _answer(_json({"choices": [{"message": None}], "note": "WHY"})),
        "WHY",
        None,
        alone=False,
    ),
    "word-message": Row(
        _answer(_json({"choices": [{"message": "WHY"}]})), "WHY", None, alone=False
    ),
}
STREAMS = {
    "plain": Row(_sse(_events(ALL) + DONE)),
    "crlf": Row(_sse(_events(ALL, end="\r\n") + DONE)),
    "cr": Row(_sse(_events(ALL, end="\r") + "data: [DONE]\r\r")),
    "no-space": Row(_sse(_events(ALL, lead="data:") + DONE)),
    "bom": Row(_sse(b"\xef\xbb\xbf" + (_events(ALL) + DONE).encode())),
    "fields": Row(
        _sse(
            "retry: 100\n\n: hello\n\nid: 0\n\nevent: ping\ndata:\n\n"
            + _events(ALL, before="event: message\nid: 7\n")
            + DONE
        )
    ),
    "nulls": Row(
        _sse(
            _events(
                [
                    _chunk({"content": None, "reasoning_content": "hm"}),
                    *PIECES,
                    _chunk({"content": None}, finish_reason="stop"),
                    {"choices": None, "usage": None},
                    {"usage": {"total_tokens": 3}},
                ]
            )
            + DONE
        )
    ),
    "no-done": Row(_sse(_events(ALL))),
    "no-finish": Row(_sse(_events([HEAD, *PIECES]) + DONE)),
    "error-null": Row(_sse(_events([{**one, "error": None} for one in ALL]) + DONE)),
    "whole": Row(_answer(_whole(TEXT))),
    "whole-indented": Row(_answer(json.dumps(json.loads(_whole(TEXT)), indent=2))),
    "whole-as-events": Row(_sse(_whole(TEXT))),
    "refused": Row(_answer(_json(BROKEN), status=402), REASON, 1),
    "error-event": Row(_sse(_events([HEAD, *PIECES[:2], BROKEN])), REASON, 1),
    "error-text": Row(_sse(_events([HEAD, {"error": REASON}])), REASON, 1),
    "error-field": Row(
        _sse(_events([HEAD, *PIECES[:2]]) + f"error: {_json(BROKEN)}\n\n"), REASON, 1
    ),
    "page-in-200": Row(_answer("<html>no credit</html>", kind="text/html"), REASON, 1),
    "cut": Row(_sse(_events([HEAD, *PIECES[:2]]), cut=True), "", 1),
    "ended-early": Row(_sse(_events([HEAD, *PIECES[:2]])), "", 1),
    "empty": Row(_sse(""), "", 1),
    "bytes": Row(_sse(_events(ALL[:9], end="\r\n") + "data: [DONE]", size=1), TEXT[:8]),
    "done-no-space": Row(_sse(_events([HEAD, *PIECES]) + "data:[DONE]\n\n")),
    "blanks": Row(_sse(_events(ALL, end="  \n\n") + "data: [DONE]  \n\n")),
    "no-last-end": Row(_sse(_events([HEAD, *PIECES, STOP]).rstrip())),
    "charset": Row(
        _answer(_events(ALL) + DONE, kind="text/event-stream; charset=latin-1")
    ),
    "charset-unknown": Row(
        _answer(_events(ALL) + DONE, kind="text/event-stream; charset=x-none")
    ),
    "gzip": Row(_sse(_events(ALL) + DONE), zipped=1),
    "gzip-parts": Row(_sse(_events(ALL) + DONE), ends=None, zipped=2),
    "redirect": Row(_answer("no credit", status=307), REASON, 1),
    "refused-in-bytes": Row(
        _answer(b"\x80\xffno credit\x80", kind="a/b; charset=x-none", status=402),
        REASON,
        1,
    ),
    "long": Row(_sse(_events([_chunk({"content": LONG}), STOP]), size=8000), LONG),
    "many": Row(
        _sse(_events([*MANY, STOP]) + DONE, size=8000), " ".join(map(str, range(3000)))
    ),
    "comments": Row(_sse(": waiting\n\n" * 500 + _events(ALL) + DONE)),
    "null-choice": Row(_sse(_events([{"choices": [None]}, *ALL]) + DONE)),
    "pair-in-two": Row(
        _sse(
            _events([HEAD, *PIECES[:3]])
            + 'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n'
            + 'data: {"choices":[{"delta":{"content":"\\ude42"}}]}\n\n'
            + _events([STOP])
            + DONE
        ),
        TEXT[:3],
        alone=False,
    ),
    "error-named": Row(
        _sse(
            _events([HEAD, *PIECES[:2]])
            + f'event: error\ndata: {{"message": "{REASON}"}}\n\n'
        ),
        REASON,
        1,
    ),
    "error-object": Row(
        _sse(_events([HEAD, {"object": "error", "message": REASON}])), REASON, 1
    ),
    "error-and-choices": Row(
        _sse(_events([HEAD, {"choices": [], **BROKEN}]) + DONE), REASON, 1
    ),
    "error-word": Row(
        _sse(_events([HEAD, *PIECES[:2]]) + f"data: {REASON}\n\n"), REASON, 1
    ),
    "deep": Row(_sse("data: " + "[" * 20_000 + REASON, size=8000), REASON, 1),
    "parts": Row(
        _sse(_events([_chunk({"content": [{"text": "PART"}]}), STOP]) + DONE),
        "PART",
        alone=False,
    ),
    "calls": Row(
        _sse(_events([_chunk({"tool_calls": CALL}), STOP]) + DONE),
        "tool_calls",
        alone=False,
    ),
    "reasoning": Row(
        _sse(_events([_chunk({"reasoning_content": "hm"}), STOP]) + DONE),
        "hm",
        alone=False,
    ),
    "no-choices": Row(_sse(_events([USAGE]) + DONE), "usage", alone=False),
}
PROGRAMS = {"minimal": WHOLE, "streaming": STREAMS}
OLDER = frozenset({"plain", "page", "cut", "error-event", "refused", "whole"})
"""The rows that older versions of a library are tried with."""

DROPS = {
    "python-openai": frozenset(
        {"bom", "fields", "whole", "whole-indented", "whole-as-events", "text-plain"}
        | {"octets", "error-field", "cr", "no-finish", "list", "page-in-200", "deep"}
        | {"error-text-in-200", "null-choice", "word-choices", "word-message"}
        | {"null-message", "error-word", "done-no-space"}
        | {"bytes", "no-last-end", "no-choices"}  # it hides [DONE] and a last line
    ),
    "swift": frozenset({"redirect"}),  # the body of a redirect reaches no program
}
"""What a library reads for its program and may drop: a failure is enough."""


def odd_key(program, name):
    """The key that asks the server for a row."""
    return f"odd-{program}-{name}"


def odd_answer(key, accepted):
    """The answer of a key made by :func:`odd_key`, or None.

    ``accepted`` are the encodings that the request asks for.
    """
    for program, rows in PROGRAMS.items():
        for name, row in rows.items():
            if key == odd_key(program, name):
                zips = row.zipped > 0 and "gzip" in accepted
                return _zipped(row.answer, row.zipped) if zips else row.answer
    return None


def _zipped(answer, parts):
    data = b"".join(answer.pieces)
    size = -(-len(data) // parts)
    cuts = range(0, len(data), size)
    data = b"".join(gzip.compress(data[start : start + size]) for start in cuts)
    pieces = [data[:10], data[10:]]
    return replace(answer, pieces=pieces, headers={"Content-Encoding": "gzip"})
