"""What a server may send in place of an answer, over every face of the product.

Each prompt names a row of :data:`FAULTS`; the server answers it by that row. A face
gives the answer, or an error of one line, once the request was sent a single time to
this server alone.
"""

import asyncio
import gzip
import html
import io
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import wcode_magics
from tests.loopback import DONE, Answer, Loopback, Seen, event, sse
from tests.terminal import Runner
from wcode_magics.__main__ import main
from wcode_magics.errors import WcodeError
from wcode_magics.sending import network_errors
from wcode_magics.session.session import Session
from wcode_magics.tables import accessor
from wcode_magics.tables.columns import MOST_OF_TEXT
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.panel import Panel

KEY = "sk-canary-0123456789"
TEXT = "一，二 three 🙂"
WHY = "no credit"
MEGABYTES = 10 * 2**20
LONGEST = 900
"""Characters of an error, whatever the server sends."""


@dataclass(frozen=True)
class Outcome:
    """What a face gave: the answer, else the error, and all that it displayed."""

    text: str = ""
    error: str = ""
    shown: str = ""


def body(content: Any, **more: Any) -> bytes:
    """A whole answer."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], **more}, ensure_ascii=False).encode()


def sent(data: bytes, kind: str = "application/json", **more: Any) -> Answer:
    """The bytes, in pieces that end anywhere."""
    size = max(61, len(data) // 50)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return Answer(pieces, kind=kind, **more)


def refused(data: bytes, status: int = 422, **more: Any) -> Answer:
    """The bytes as the body of a refusal."""
    return sent(data, status=status, **more)


def said(message: Any) -> bytes:
    """The body of a documented error."""
    return json.dumps({"error": message}, ensure_ascii=False).encode()


def led(place: str, status: int = 307) -> Answer:
    """A redirect."""
    return Answer([b"gone"], status=status, headers={"Location": place})


def without_body(status: int) -> Answer:
    """A status that has no body."""
    return Answer(status=status, headers={"Connection": "close"}, cut=True)


STREAM = event({"content": TEXT}) + event({}, "stop") + DONE
ANSWERS = {
    "octets": sent(body(TEXT), "application/octet-stream"),
    "page-type": sent(body(TEXT), "text/html; charset=utf-8"),
    "no-type": sent(body(TEXT), ""),
    "bad-type": sent(body(TEXT), "???/;;charset"),
    "latin-label": sent(body(TEXT), "application/json; charset=latin-1"),
    "utf-16-label": sent(body(TEXT), "application/json; charset=utf-16"),
    "unknown-label": sent(body(TEXT), "application/json; charset=x-none"),
    "events-as-json": sent(STREAM, "application/json"),
    "json-as-events": sent(body(TEXT), "text/event-stream"),
    "bom": sent(b"\xef\xbb\xbf" + body(TEXT)),
    "gzip-parts": sent(
        gzip.compress(body(TEXT)[:50]) + gzip.compress(body(TEXT)[50:]),
        headers={"Content-Encoding": "gzip"},
    ),
    "gzip-padded": sent(
        gzip.compress(body(TEXT)) + bytes(9), headers={"Content-Encoding": "gzip"}
    ),
    "gzip-by-another-name": sent(
        gzip.compress(body(TEXT)), headers={"Content-Encoding": "identity,X-GZIP"}
    ),
    "gzip-unsaid": sent(gzip.compress(body(TEXT))),
    "gzip-unpacked-before": sent(body(TEXT), headers={"Content-Encoding": "gzip"}),
    "deflate": sent(zlib.compress(body(TEXT)), headers={"Content-Encoding": "deflate"}),
    "deflate-bare": sent(
        zlib.compress(body(TEXT))[2:-4], headers={"Content-Encoding": "deflate"}
    ),
    "brotli-unpacked-before": sent(body(TEXT), headers={"Content-Encoding": "br"}),
    "no-end": sent(body(TEXT), cut=True),
    "error-behind-it": sent(
        event({"content": TEXT}, "stop") + sse({"error": {"message": "late"}}),
        "text/event-stream",
    ),
    "unknown-packing": sent(body(TEXT), headers={"Content-Encoding": "utf-8"}),
    "error-null": sent(body(TEXT, error=None)),
    "status-206": sent(body(TEXT), status=206),
}
"""Odd, and an answer all the same."""
DEEP = b"[" * 100_000
ENDINGS = {
    "to-itself": lambda url, _other: led(f"{url}/chat/completions"),
    "to-its-path": lambda _url, _other: led("/v1/chat/completions", 308),
    "to-another": lambda _url, other: led(f"{other}/chat/completions"),
    "to-another-301": lambda _url, other: led(f"{other}/chat/completions", 301),
    "to-another-302": lambda _url, other: led(f"{other}/chat/completions", 302),
    "to-another-303": lambda _url, other: led(f"{other}/chat/completions", 303),
    "to-another-308": lambda _url, other: led(f"{other}/chat/completions", 308),
    "to-nothing": lambda _url, _other: led(""),
    "to-no-url": lambda _url, _other: led("ht!tp://[::]:x/\x01\x1b]0;x"),
    "to-the-key": lambda _url, other: led(f"{other}/{KEY}"),
    "to-far": lambda _url, other: led(f"{other}/{'far/' * 2000}"),
}
"""Redirects, of this server and another."""
GBK = "application/json; charset=gbk"
GBK_PAGE = '<html><meta charset="gbk"><title>访问被拒绝 no credit</title></html>'
REFUSALS = {
    "page": (refused(b"<!doctype html><title>no credit</title>" * 9), WHY),
    "large-page": (refused(b"<html>no credit" + b"<p>x" * (MEGABYTES // 4)), WHY),
    "large-message": (refused(said({"message": f"{WHY} {'x' * MEGABYTES}"})), ""),
    "bytes": (refused(b"\xff\xfe\x00no credit\x80"), WHY),
    "latin": (refused("no credit café".encode("latin-1")), WHY),
    "gbk": (
        refused(said("参数有误 no credit").decode().encode("gbk"), kind=GBK),
        "参数有误",
    ),
    "gbk-page": (refused(GBK_PAGE.encode("gbk")), "访问被拒绝 no credit"),
    "unknown-charset": (refused(b"\xff no credit", kind="text/plain; charset=x"), WHY),
    "codec": (refused(b"\xff no credit", kind="text/plain; charset=idna"), WHY),
    "slow-codec": (
        refused(b"\xff no credit-a9", kind="text/plain; charset=punycode"),
        "no credit-a9",
    ),
    "escapes": (
        refused(rb"no\x20credit" + b"\xff", kind="text/plain; charset=unicode_escape"),
        r"no\x20credit",
    ),
    "utf-7": (
        refused(b"no+ACA-credit\xff", kind="a/b; charset=utf-7"),
        "no+ACA-credit",
    ),
    "nested": (refused(said({"error": {"error": {"message": WHY}}})), WHY),
    "in-a-text": (refused(said(json.dumps({"error": {"message": WHY}}))), WHY),
    "list": (refused(json.dumps([{"error": {"message": WHY}}]).encode()), WHY),
    "words": (refused(json.dumps([WHY, 2]).encode()), WHY),
    "message-list": (refused(said({"message": [WHY, {"a": 1}]})), WHY),
    "message-number": (refused(said({"message": 7})), "7"),
    "empty": (refused(b""), "422"),
    "empty-object": (refused(b"{}"), "422"),
    "null": (refused(b"null"), "422"),
    "nan": (refused(b'{"error": {"message": NaN, "code": Infinity}}'), "422"),
    "deep": (refused(DEEP), "422"),
    "commands": (refused(said({"message": "no\x1b]0;x\x07\ncredit\u202e\x00"})), "no"),
    "key": (refused(said({"message": f"{WHY} of {KEY}"})), WHY),
    "half": (refused(b'{"error": {"message": "no credit'), WHY),
    "cut": (refused(b"<h1>no credit" + b" " * 99, cut=True), WHY),
    "broken-gzip": (refused(b"nozip", headers={"Content-Encoding": "gzip"}), "422"),
    "s400": (refused(said(WHY), 400), WHY),
    "s401": (refused(said(WHY), 401), WHY),
    "s402": (refused(said(WHY), 402), WHY),
    "s403": (refused(b"<html>no credit</html>", 403), WHY),
    "s404": (refused(b"<html>no credit</html>", 404), WHY),
    "s413": (refused(b"", 413), "413"),
    "s429": (refused(b'"no credit"', 429), WHY),
    "s500": (refused(b"\x00\xff", 500), "500"),
    "s503": (refused(b"<html>no credit</html>", 503), WHY),
    "s599": (refused(b"[]", 599), "599"),
    "s300": (refused(b"no credit", 300), WHY),
    "s304": (without_body(304), "304"),
}
"""A status that is no success, and words of its body that the error repeats."""
IN_200 = {
    "200-page": (sent(b"<!doctype html><h1>no credit</h1>", "text/html"), WHY),
    "200-empty": (sent(b""), ""),
    "200-null": (sent(b"null"), ""),
    "200-list": (sent(f'["{WHY}"]'.encode()), ""),
    "200-number": (sent(b"NaN"), ""),
    "200-bytes": (sent(b"\xff\xfe\x00no credit\x80"), ""),
    "200-blank": (sent(b" " * MEGABYTES), ""),
    "200-deep": (sent(DEEP), ""),
    "200-error": (sent(said({"message": WHY})), WHY),
    "200-error-text": (sent(said(WHY)), WHY),
    "200-error-list": (sent(said([WHY])), WHY),
    "200-error-number": (sent(said(429)), "429"),
    "200-error-nested": (sent(said({"error": {"message": WHY}})), WHY),
    "200-large-page": (sent(b"<html>" + b"x" * MEGABYTES, "text/html"), ""),
    "200-brotli": (
        sent(b"\x8b\x03\x80{}\x03", headers={"Content-Encoding": "br"}),
        "Content-Encoding: br",
    ),
    "200-half": (sent(body(TEXT)[:40]), ""),
    "200-cut": (sent(body(TEXT)[:40], cut=True), ""),
    "200-broken-gzip": (sent(b"nozip", headers={"Content-Encoding": "gzip"}), ""),
    "status-204": (without_body(204), ""),
}
"""A success that is none, and words that the error repeats."""
FAULTS = {**REFUSALS, **IN_200, **dict.fromkeys(ENDINGS, (None, "moved"))}
FAULTS["to-nothing"] = (None, "307")
NO_ROWS = {"s401", "s402", "s429", "s503"}
"""What ends a whole table, or is waited out by it."""


def named(seen: Seen) -> str:
    """The row that a request asks for."""
    return seen.body["messages"][-1]["content"]


class Servers:
    """The one that is asked, and another that a redirect leads to."""

    def __init__(self, loopback: Callable[..., Loopback]) -> None:
        self.asked, self.other = loopback(self._answer), loopback()

    def _answer(self, seen: Seen) -> Answer:
        name = named(seen)
        if name in ENDINGS:
            return ENDINGS[name](self.asked.url, self.other.url)
        return ANSWERS[name] if name in ANSWERS else FAULTS[name][0]


@dataclass(frozen=True)
class Place:
    """What a face asks with."""

    session: Session
    run: Runner
    folder: Path
    capsys: Any


def _cell(line: str) -> Callable[[Place, list[str]], dict[str, Outcome]]:
    def ask(place: Place, names: list[str]) -> dict[str, Outcome]:
        return {name: one(place, name) for name in names}

    def one(place: Place, name: str) -> Outcome:
        ran = place.run(f"{line}\n{name}")
        shown = "\n".join([ran.stdout, ran.stderr, *map(str, ran.outputs)])
        if ran.error is not None:
            return Outcome(error=ran.error_lines[-1], shown=shown)
        return Outcome(place.run("print(_wcode.text, end='')").stdout, "", shown)

    return ask


def _call(call: Callable[[Session, str], str]) -> Callable[..., dict[str, Outcome]]:
    def ask(place: Place, names: list[str]) -> dict[str, Outcome]:
        return {name: one(place.session, name) for name in names}

    def one(session: Session, name: str) -> Outcome:
        try:
            return Outcome(call(session, name))
        except WcodeError as error:
            (line,) = error._render_traceback_()
            return Outcome(error=line, shown=f"{line}{error!r}{error.facts}")

    return ask


def _streamed(session: Session, name: str) -> str:
    with session.stream(name) as stream:
        return "".join(delta.text for delta in stream)


def _awaited(session: Session, name: str) -> str:
    return asyncio.run(session.aio.ask(name)).text


def _rows(table: pd.DataFrame) -> dict[str, Outcome]:
    cells = table.astype(object).where(table.notna(), "")
    made = {}
    for name, text, told in zip(
        cells["name"], cells["out"], cells["out_error"], strict=True
    ):
        error, _, kept = told.partition(" | ")
        assert len(kept) <= MOST_OF_TEXT
        made[name] = Outcome(text, error, f"{text}{told}")
    return made


def _table(_place: Place, names: list[str]) -> dict[str, Outcome]:
    held = pd.DataFrame({"name": names})
    return _rows(held.wcode.ask("{{ name }}", into="out", **TABLE))


def _parquet(place: Place, names: list[str]) -> dict[str, Outcome]:
    source, folder = place.folder / "in.parquet", place.folder / "out"
    pd.DataFrame({"name": names}).to_parquet(source)
    table = wcode_magics.parquet(source, to=folder)
    table.ask("{{ name }}", into="out", **TABLE)
    return _rows(pd.read_parquet(folder))


TABLE = {"progress": False, "details": True, "keep_going": True}


def _panel(place: Place, names: list[str]) -> dict[str, Outcome]:
    panel = Panel(place.session, SimpleNamespace(user_ns={}), Draft())
    barrier = panel.state.barrier  # the front end brings each number back
    barrier._sent.observe(
        lambda sent: barrier._back.set_trait("value", sent["new"]), "value"
    )
    ask, made = panel.pages[0], {}
    for name in names:
        panel.state.take(lambda _draft, name=name: Draft(name))
        before = len(place.session.history)
        ask.send()
        assert ask._worker.wait(20), name
        shown = panel.state.status._message
        told = html.unescape(re.sub(r"<[^>]*>", "", shown)).strip()
        replies = place.session.history[before:]
        text = replies[-1].text if replies and not told else ""
        made[name] = Outcome(text, told, shown)
    panel.close()
    return made


def _shell(place: Place, names: list[str]) -> dict[str, Outcome]:
    made = {}
    for name in names:
        code = main([name])
        out, err = place.capsys.readouterr()
        told = err.strip() if code else ""
        made[name] = Outcome("" if code else out.rstrip("\n"), told, out + err)
    return made


FACES: Mapping[str, Callable[[Place, list[str]], dict[str, Outcome]]] = {
    "cell": _cell("%%wcode"),
    "cell without stream": _cell("%%wcode --no-stream"),
    "ask": _call(lambda session, name: session.ask(name).text),
    "stream": _call(_streamed),
    "async": _call(_awaited),
    "table": _table,
    "parquet": _parquet,
    "panel": _panel,
    "shell": _shell,
}


@pytest.fixture
def place(loopback, run, monkeypatch, tmp_path, capsys):
    """A session, a shell and the environment of one, at the server."""
    servers = Servers(loopback)
    settings = {"base_url": servers.asked.url, "api_key": KEY, "retries": 0}
    monkeypatch.setenv("WCODE_BASE_URL", servers.asked.url)
    monkeypatch.setenv("WCODE_API_KEY", KEY)
    monkeypatch.setenv("WCODE_RETRIES", "0")
    monkeypatch.setattr(network_errors, "CONNECT_TIMEOUT_S", 60.0)
    monkeypatch.setenv("WCODE_STORE", str(tmp_path / "answers.db"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with Session(**settings, store=str(tmp_path / "own.db"), replay="off") as session:
        accessor.register(session)
        yield servers, Place(session, run, tmp_path, capsys)
    accessor.register()


@pytest.mark.parametrize("face", FACES)
def test_no_fault_is_more_than_one_line(face, place):
    """An answer or an error of one line; sent once, here alone, without the key."""
    servers, at = place
    names = [*ANSWERS, *FAULTS]
    if face in {"table", "parquet"}:
        names = [name for name in names if name not in NO_ROWS]
    made = FACES[face](at, names)
    wrong = {name: found for name, one in made.items() if (found := _wrong(name, one))}
    assert wrong == {}, json.dumps(wrong, indent=1, ensure_ascii=False)
    times = Counter(named(seen) for seen in servers.asked.seen)
    assert {name for name, times in times.items() if times > 1} <= {"s400"}
    assert servers.other.seen == []


def _wrong(name: str, one: Outcome) -> list[str]:
    found = []
    if name in ANSWERS:
        found += [] if one.text == TEXT and not one.error else [f"{one.error!r}"]
    else:
        found += [] if one.error else ["no error"]
        found += [] if FAULTS[name][1] in one.error else [f"unsaid: {one.error!r}"]
        found += ["lines"] if "\n" in one.error else []
        found += ["long"] if len(one.error) > LONGEST else []
        found += ["commands"] if not one.error.isprintable() else []
    found += [word for word in ("Traceback", KEY) if word in one.shown]
    return found
