"""Masking: no echo of the key is shown or kept, however it is cut."""

import asyncio
import base64
import json
import traceback
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loopback import DONE, Answer, Loopback, completion, event
from wcode_magics import Session
from wcode_magics.errors import StreamError, WcodeError
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol.http_errors import fault
from wcode_magics.protocol.messages import CallPiece, Delta
from wcode_magics.sending.key_masking import Masking

KEY = "sk-CANARY7h3k3yZQX9182"
MASKING = Masking([KEY])


def through(*deltas: Delta) -> list[Delta]:
    """The deltas that come out."""

    async def source():
        for delta in deltas:
            yield delta

    async def collect():
        return [delta async for delta in MASKING.deltas(source())]

    return asyncio.run(collect())


CUTS = st.lists(st.integers(0, 2 * len(KEY) + 12), max_size=8).map(sorted)


def cut(text: str, places: list[int]) -> list[str]:
    """The text in pieces."""
    edges = [0, *(min(place, len(text)) for place in places), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@settings(deadline=None)
@given(CUTS)
def test_a_key_in_any_pieces_is_masked(places):
    """In the text, a refusal and the arguments of a call."""
    text = f"it is {KEY}, {KEY}s"
    pieces = cut(text, places)
    for made in (
        [Delta(text=piece) for piece in pieces],
        [Delta(refusal=piece) for piece in pieces],
        [Delta(calls=(CallPiece(1, arguments=piece),)) for piece in pieces],
    ):
        out = through(*made)
        joined = "".join(
            d.text + (d.refusal or "") + "".join(c.arguments for c in d.calls)
            for d in out
        )
        assert joined == "it is ***, ***s"


@settings(deadline=None)
@given(st.lists(st.text(alphabet="sk-CANX ", max_size=6), max_size=8))
def test_a_text_without_the_key_goes_on_as_it_was(pieces):
    """Deltas keep their borders, and none is lost at the end."""
    deltas = [Delta(text=piece) for piece in pieces]
    assert through(*deltas) == deltas


@pytest.mark.parametrize(
    "deltas",
    [
        [Delta(text="s")] * 200,
        [Delta(text="it is sk")] * 200,
        [Delta(reasoning="It is"), *[Delta(text="sk-")] * 200],
        [Delta(calls=(CallPiece(0, arguments="s"),)), *[Delta(text=" ")] * 200],
    ],
)
def test_no_delta_waits_for_more_than_a_key_has_characters(deltas):
    """A text that begins a key again and again, or is over, holds nothing up."""
    taken = 0

    async def source():
        nonlocal taken
        for delta in deltas:
            taken += 1
            yield delta

    async def collect():
        made = [(taken, delta) async for delta in MASKING.deltas(source())]
        return [delta for _taken, delta in made], [at for at, _delta in made]

    out, when = asyncio.run(collect())
    assert out == deltas
    assert max(at - place for place, at in enumerate(when)) <= len(KEY) + 1


def test_tokens_that_spell_the_key_are_left_out():
    """A heat map would show it."""
    tokens = [TokenLogprob(piece, -0.1) for piece in (KEY[:9], KEY[9:])]
    made = [Delta(text=one.token, tokens=(one,)) for one in tokens]
    out = through(*made)
    assert "".join(delta.text for delta in out) == "***"
    assert not any(delta.tokens for delta in out)
    whole = MASKING.delta(Delta(text=KEY, tokens=tuple(tokens)))
    assert (whole.text, whole.tokens) == ("***", ())


@pytest.mark.parametrize(
    "delta",
    [
        Delta(model=KEY),
        Delta(finish_reason=f"x{KEY}"),
        Delta(calls=(CallPiece(0, id=KEY, name=KEY, arguments=KEY),)),
        Delta(
            tokens=(
                TokenLogprob("a", -1.0, None, (TokenLogprob(KEY, -2.0, KEY.encode()),)),
            )
        ),
        Delta(
            tokens=(
                TokenLogprob("a", -1.0, None, (TokenLogprob("b", -2.0, KEY.encode()),)),
            )
        ),
        Delta(tokens=(TokenLogprob("a", -1.0, KEY.encode()),)),
    ],
)
def test_every_field_is_masked(delta):
    """A name, a reason, an alternative, the bytes of one."""
    assert KEY not in repr(MASKING.delta(delta)) + repr(through(delta))


@pytest.mark.parametrize("left", range(1, len(KEY) // 2))
def test_a_key_that_the_end_cuts_off_is_masked(left):
    """An answer that ends at its greatest length, or breaks off in the key."""
    begun = KEY[:-left]
    pieces = [Delta(text=f"it is {begun[:9]}"), Delta(text=begun[9:])]
    for out in (through(*pieces), [MASKING.delta(Delta(text=f"it is {begun}"))]):
        assert "".join(delta.text for delta in out) == "it is ***"


def test_a_key_is_masked_where_a_message_is_cut():
    """An error shows a limited part of what the server says."""
    for before in range(240, 310):
        said = {"message": f"{'x' * before} {KEY}", "code": "insufficient_user_quota"}
        shown = MASKING.value(fault(403, {"error": said}).facts)["message"]
        assert KEY[: len(KEY) // 2 + 1] not in shown


SPECIAL = "aB3+/dE5gH7==jK9mN1"


@pytest.mark.parametrize(
    "said",
    [
        f"?key={quote(SPECIAL, safe='')}&",
        *(
            base64.b64encode(f"{before}{SPECIAL}{after}".encode()).decode()
            for before in ("", "u", "u:", "me:")
            for after in ("", "\n", ", more")
        ),
    ],
)
def test_a_key_in_another_form_is_masked(said):
    """As gateways write it where they show headers and addresses."""
    shown = Masking([SPECIAL]).text(f"it is {said}.")
    assert "***" in shown
    left = shown.replace("***", "").removeprefix("it is ")
    assert len(left) <= len(said) - len(SPECIAL)


def test_what_waited_is_not_lost_when_the_stream_breaks():
    """A text may end like the beginning of a key and break off there."""

    async def source():
        yield Delta(text=f"it is {KEY[:3]}")
        raise StreamError("stream_cut")

    async def collect():
        deltas = MASKING.deltas(source())
        assert (await anext(deltas)).text == "it is sk-"
        with pytest.raises(StreamError):
            await anext(deltas)

    asyncio.run(collect())


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # aiohttp's, of proxies with a user
@pytest.mark.parametrize("password", ["pr0xy-PASSw0rd", "pr0xy%2DPASSw0rd"])
def test_a_proxy_that_echoes_its_password_shows_nothing(
    loopback, monkeypatch, password
):
    """As in a page of an error, whatever way it is written in the variable."""
    page = Answer([b"<title>no user me:pr0xy-PASSw0rd</title>"], 502)
    place = loopback(page).url.removesuffix("/v1").partition("//")[2]
    monkeypatch.setenv("http_proxy", f"http://me:{password}@{place}")
    far = {"base_url": "http://far.example/v1", "retries": 0}
    with Session(**far) as session, pytest.raises(WcodeError) as caught:
        session.ask("a")
    assert "me:***" in str(caught.value)


def test_without_a_secret_nothing_is_touched():
    """What local servers take for a key is none."""
    delta = Delta(text="k")
    assert Masking([]).delta(delta) is delta


def whole(**more) -> Answer:
    """A body that holds the key somewhere."""
    body = json.loads(completion().pieces[0]) | more
    return Answer([json.dumps(body).encode()])


def stream_of(*texts: str) -> Answer:
    """The texts as a stream that ends well."""
    pieces = [event({"content": text}) for text in texts]
    return Answer([*pieces, event({}, "stop"), DONE], kind="text/event-stream")


def refused(status: int, said: object) -> Answer:
    """An error whose body is JSON."""
    return Answer([json.dumps(said).encode()], status)


ECHOES = {
    "text": completion(f"key {KEY}"),
    "name": whole(model=KEY),
    "reason": completion(finish_reason=KEY),
    "error": Answer([KEY.encode()], 400),
    "error object": refused(401, {"error": {"message": f"no {KEY}", "code": KEY}}),
    "error in a 200": refused(200, {"error": KEY}),
    "no JSON": Answer([b"{" + KEY.encode()]),
    "moved": Answer([], 302, {"Location": f"http://h/{KEY}"}),
    "no HTTP": Answer([], 200, {f"a {KEY}": "b"}),
    "packing": Answer([b"\xff"], 200, {"Content-Encoding": f"br, gzip, {KEY}"}),
    "list": refused(200, {"data": [{"id": KEY, KEY: [KEY]}]}),
    "stream": stream_of("key ", KEY[:9], KEY[9:]),
    "broken stream": Answer([event({"content": KEY})], kind="text/event-stream"),
}


@pytest.mark.parametrize("name", ECHOES)
def test_a_server_that_echoes_the_key_shows_and_stores_nothing(
    name, loopback, tmp_path, caplog
):
    """Text, model name, finish reason, error, listing: whole or in two chunks."""
    caplog.set_level("DEBUG")
    server: Loopback = loopback(ECHOES[name])
    store = tmp_path / "a.db"
    seen = []
    with Session(
        base_url=server.url, api_key=KEY, store=str(store), retries=0
    ) as session:
        for work in (
            lambda: session.ask("a"),
            lambda: [*(stream := session.stream("b")), stream.reply],
            session.models,
        ):
            try:
                seen.append(work())
            except WcodeError as error:
                seen += [error, error.facts, error.reply, repr(error)]
                seen += traceback.format_exception(error)
        seen += session.history
    told = "".join(map(repr, seen)) + "".join(map(str, seen)) + caplog.text
    assert KEY not in told
    for file in tmp_path.iterdir():
        assert KEY.encode() not in file.read_bytes()
