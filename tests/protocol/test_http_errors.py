"""Faults: from any status and body to the error that says what to do."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalogues import keys
from tests.protocol.seen_errors import SEEN
from wcode_magics import text
from wcode_magics.errors import (
    AuthenticationError,
    ContextError,
    CreditError,
    FilteredError,
    ForbiddenError,
    ModelError,
    RateLimitError,
    RejectedError,
    ServerError,
    StatusError,
)
from wcode_magics.protocol.error_words import CODES, MEANINGS, STATUSES, WORDINGS
from wcode_magics.protocol.http_errors import CODED, INSIDE, SAID, error_in, fault
from wcode_magics.sending.wire import MOST_OF_ERROR
from wcode_magics.text import LANGUAGES

FACTS = {"model": "m", "url": "http://h/v1"}


def error(message: str, **more: object) -> str:
    """A body of the OpenAI form."""
    return json.dumps({"error": {"message": message, "type": None, **more}})


BODIES = [
    (400, error("bad", type="BadRequestError", param="n", code=400), "bad"),
    (400, error("bad", code="400"), "bad"),
    (400, error("bad", code=None), "bad"),
    (400, '{"error": "Unauthorized"}', "Unauthorized"),
    (405, '{"detail": "Method Not Allowed"}', "Method Not Allowed"),
    (422, '{"detail": [{"type": "x", "loc": ["body", "n"], "msg": "no"}]}', "n: no"),
    (422, '{"detail": [{"loc": null, "msg": null}]}', "–"),
    (422, '{"detail": [5]}', "5"),
    (422, '{"detail": []}', "–"),
    (500, "Internal Server Error", "Internal Server Error"),
    (500, error(""), "–"),
    (500, error("", code="bad_response"), "bad_response"),
    (500, "", "–"),
    (500, '{"ok": false, "why": "no disk"}', "why: no disk"),
    (502, "<html><body>\n<h1>Bad  Gateway</h1></body></html>", "Bad Gateway"),
    (502, "<html><head><title>502 &amp; out</title><p>x", "502 & out"),
    (400, '[{"error": {"code": 400, "message": "listed"}}]', "listed"),
    (400, '{"message": "flat"}', "flat"),
    (400, '{"error": {"message": {"a": 1}}}', "a: 1"),
    (400, "null", "null"),
    (400, "[1, 2]", "[1, 2]"),
    (400, "[" * 100_000, "["),
    (418, error("two\nlines"), "two lines"),
    (500, '{"error": "SyntaxError", "message": "odd", "status": 500}', "odd"),
    (400, '{"error": "invalid_request", "error_description": "why"}', "why"),
    (400, '{"code": 20012, "message": "why", "data": null}', "why"),
    (400, '{"type": "error", "error": {"type": "x", "message": "why"}}', "why"),
    (400, '{"object": "error", "message": "why", "code": 40001}', "why"),
    (400, '{"error_code": 336003, "error_msg": "why"}', "why"),
    (400, '{"errcode": 1, "errmsg": "why"}', "why"),
    (400, '{"code": 1, "msg": "why"}', "why"),
    (400, '{"errors": [{"message": "why"}]}', "why"),
    (400, '{"errors": ["why"]}', "why"),
    (429, '{"errors": {"message": "why"}}', "(429: why)"),  # ModelScope
    (400, '{"title": "Bad", "errors": {"n": ["why", "so"]}}', "Bad: n: why; so"),
    (400, '{"base_resp": {"status_code": 2013, "status_msg": "why"}}', "why"),
    (400, '{"html-message": "<p>Cause: why</p>"}', "Cause: why"),
    (403, '{"detail": {"error": {"message": "why", "code": "x"}}}', "why"),
    (400, '{"error": {"message": "Up", "metadata": {"raw": "why"}}}', "Up: why"),
    (400, error("Up", metadata={"raw": error("why")}), "Up: why"),
    (400, error(error("why", code=400)), "why"),
    (500, error('Error code: 402 - {"error": {"message": "why"}}'), "(402: why)"),
    (500, error("Error code: 429 - {'error': {'message': \"it's\"}}"), "it's"),
    (
        500,
        error('bad response status code 404, body: {"message":"why"}'),
        "(404: bad response: why)",
    ),
    (400, error('litellm.Bad: b\'{"error":{"message":"why"}}\''), "litellm.Bad: why"),
    (400, error('x: {"error":{"message":"why it was c'), "x: why it was c"),
    (500, 'data: {"error": {"message": "why"}}\n\n', "(500: why)"),
    (400, error("Expected {'a': 1}"), "Expected {'a': 1}"),
]

KINDS = [
    (400, error("no"), RejectedError),
    (400, error("Invalid API key"), AuthenticationError),
    (400, error("Incorrect API key provided"), AuthenticationError),
    (401, error("no"), AuthenticationError),
    (402, error("no"), CreditError),
    (403, error("no"), ForbiddenError),
    (403, error("insufficient_quota: pay"), CreditError),
    (403, error("x", code="content_filter"), FilteredError),
    (404, error("The model `x` does not exist."), ModelError),
    (404, '{"detail": "Not Found"}', ModelError),
    (400, error("x", code="model_not_found"), ModelError),
    (400, error("The model 'x' does not exist"), ModelError),
    (405, error("no"), RejectedError),
    (408, error("no"), RejectedError),
    (413, error("no"), ContextError),
    (415, error("no"), RejectedError),
    (422, error("no"), RejectedError),
    (429, error("slow down"), RateLimitError),
    (429, error("x", code="insufficient_quota"), CreditError),
    (400, error("x", type="exceed_context_size_error"), ContextError),
    (400, error("x", code="context_length_exceeded"), ContextError),
    (500, error("x", code="context_length_exceeded"), ContextError),
    (400, error("This model's maximum context length is 2048 tokens."), ContextError),
    (400, error("x", code="content_filter"), FilteredError),
    (500, error("no"), ServerError),
    (502, "Bad Gateway", ServerError),
    (503, error("overloaded"), ServerError),
    (503, error("Rate limit reached"), RateLimitError),
    (529, error("overloaded"), ServerError),
]


@pytest.mark.parametrize(("status", "body", "said"), BODIES)
def test_every_body_that_was_seen_is_read(status, body, said):
    """What the server said stands in the error, in one line."""
    caught = fault(status, body, **FACTS)
    assert said in str(caught)
    assert "\n" not in str(caught)
    assert str(caught.status) in str(caught)


@pytest.mark.parametrize(("status", "body", "kind"), KINDS)
def test_status_and_words_together_make_the_kind(status, body, kind):
    """Servers use wrong statuses, so the words of the body count too."""
    assert type(fault(status, body, **FACTS)) is kind


def test_every_kind_of_status_error_can_come():
    """No class of the tree is out of reach."""

    def below(kind):
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    assert below(StatusError) - {StatusError} == {kind for *_rest, kind in KINDS}


@pytest.mark.parametrize(
    ("row", "seen"),
    [*zip(WORDINGS, SEEN, strict=True)],
    ids=[messages[0][:30] for _meaning, *messages in SEEN],
)
def test_every_wording_that_was_seen_has_its_meaning(row, seen):
    """Whatever status it came with, the sentence decides."""
    told, *messages = seen
    assert told == row.meaning
    for status in row.statuses or (400, 401, 402, 403, 404, 429, 500, 503):
        for message in messages:
            caught = fault(status, error(message), **FACTS)
            assert (caught.key, type(caught)) == (told, MEANINGS[told])


@pytest.mark.parametrize(("code", "told"), CODES.items())
def test_every_code_counts_before_the_words(code, told):
    """Gateways keep the code and put a sentence of their own beside it."""
    for field in ("code", "type"):
        caught = fault(429, error("当前分组上游负载已饱和", **{field: code}), **FACTS)
        assert caught.key == told
        assert code in str(caught)


def test_every_meaning_has_words_in_both_languages():
    """A row of the tables can be raised."""
    said = {*CODES.values(), *STATUSES.values(), *(row.meaning for row in WORDINGS)}
    assert said | {"server", "rejected"} == set(MEANINGS)
    for key in MEANINGS:
        assert f"errors.{key}" in keys("en") & keys("zh")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_only_a_refused_key_says_check_the_key(lang):
    """Who has no credit or the wrong country does not look for another key."""
    text.use(lang)
    for key, kind in MEANINGS.items():
        told = str(kind(key, status=400, message="no", model="m", url="u"))
        assert ("WCODE_API_KEY" in told) is (key == "key_refused")


@pytest.mark.parametrize(
    ("status", "key"), [*STATUSES.items(), (418, "rejected"), (502, "server")]
)
def test_a_status_counts_where_nothing_is_said(status, key):
    """An empty body leaves the status alone."""
    assert fault(status, "", **FACTS).key == key


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("url", ["http://h", "http://h/"])
def test_a_missing_version_is_told(status, url):
    """Who forgot /v1 reads what to write."""
    caught = fault(status, "404 page not found", url=url.rstrip("/"), model="m")
    assert "try http://h/v1" in str(caught)
    named = fault(404, error("The model `m` does not exist."), url=url, model="m")
    assert named.key == "model"


@pytest.mark.parametrize(
    "payload",
    [
        {"error": {"message": "why"}},
        {"error": "why"},
        {"choices": [{"error": {"message": "why", "code": 502}}]},
        {"code": 30001, "message": "why", "data": None},
        {"object": "error", "message": "why"},
        {"detail": "why"},
        {"errors": [{"message": "why"}]},
        {"success": False, "status": False, "msg": "why"},
        {"choices": None, "base_resp": {"status_code": 1, "status_msg": "why"}},
    ],
)
def test_an_error_with_a_good_status_is_found(payload):
    """Gateways answer 200 and say in the body that it went wrong."""
    assert "why" in str(error_in(payload))


@pytest.mark.parametrize(
    "payload",
    [
        {"choices": [{"delta": {"content": "x"}}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
        {"choices": [{"error": None}], "error": None},
        {"choices": None, "base_resp": {"status_code": 0, "status_msg": ""}},
        {"type": "ping"},
        {"choices": [{"delta": {}}], "error": {"code": 0, "message": "", "type": None}},
        {"choices": [{"error": {"message": ""}}]},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"code": 0, "message": "Success", "usage": {"prompt_tokens": 1}},
        {"code": 200, "msg": "ok", "data": {}},
        {},
        None,
        [],
        "why",
    ],
)
def test_an_answer_is_no_error(payload):
    """Fields that are there and empty say nothing."""
    assert error_in(payload) is None


def test_a_long_message_is_cut_with_an_ellipsis():
    """A server that answers with a book does not fill the notebook."""
    told = str(fault(400, error("x" * 10_000), **FACTS))
    assert len(told) < 500
    assert "x…)" in told


@pytest.mark.parametrize("sign", ["<a", "</a", "<title", "<h1 ", "{", "&", "model "])
@pytest.mark.parametrize("form", [str, error], ids=["a page", "an object"])
def test_a_long_error_is_read_in_no_time(form, sign):
    """Tags without an end took ten seconds, in which all other requests waited."""
    body = form(sign * (MOST_OF_ERROR // len(sign)))
    begun = time.thread_time()
    assert str(fault(500, body, **FACTS))
    assert time.thread_time() - begun < 1


def test_a_rate_limit_may_say_how_long_it_lasts():
    """In the words alone; what else failed is not waited for."""
    words = "You exceeded your current quota. Please retry in 4.5s."
    assert fault(429, error(words), **FACTS).facts["retry_after"] == 4.5
    assert "retry_after" not in fault(500, error("Retry in 4.5s."), **FACTS).facts


def test_only_codes_that_mean_something_are_added():
    """A word of a code may tell what an error means, without being known."""
    caught = fault(400, error("no", code="rate_limit_of_ours"), **FACTS)
    assert "(400: no)" in str(caught)


def test_a_decoded_object_serves_as_well():
    """Inside a stream the object's own code is the status."""
    caught = fault(0, {"error": {"message": "m", "code": 404, "param": "p"}}, **FACTS)
    assert (caught.status, caught.facts["param"]) == (404, "p")
    assert fault(0, {"error": {"code": "²"}}).status == 500


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SAID, *CODED, *INSIDE, "choices", "loc", "param", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.integers(400, 599), st.text() | JSON.map(json.dumps))
def test_any_body_makes_an_error(status, body):
    """No body breaks the reading of errors."""
    assert str(fault(status, body, **FACTS))


@settings(deadline=None)
@given(JSON)
def test_any_event_is_read(payload):
    """No object breaks the search for an error."""
    assert error_in(payload) is None or str(error_in(payload))
