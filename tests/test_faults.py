"""Faults: from any status and body to the error that says what to do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from wcode_magics.faults import fault

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
    (422, '{"detail": [{"loc": null, "msg": null}]}', ""),
    (422, '{"detail": [5]}', ""),
    (422, '{"detail": []}', ""),
    (500, "Internal Server Error", "Internal Server Error"),
    (500, error(""), "–"),
    (500, "", "–"),
    (502, "<html><body>\n<h1>Bad  Gateway</h1></body></html>", "Bad Gateway"),
    (400, '[{"error": {"code": 400, "message": "listed"}}]', "listed"),
    (400, '{"message": "flat"}', "flat"),
    (400, '{"error": {"message": {"a": 1}}}', "{'a': 1}"),
    (400, "null", "null"),
    (400, "[1, 2]", "[1, 2]"),
    (400, "[" * 100_000, "["),
    (418, error("two\nlines"), "two lines"),
]

KINDS = [
    (400, error("no"), RejectedError),
    (400, error("Invalid API key"), AuthenticationError),
    (400, error("Incorrect API key provided"), AuthenticationError),
    (401, error("no"), AuthenticationError),
    (402, error("no"), CreditError),
    (403, error("no"), AuthenticationError),
    (403, error("insufficient_quota: pay"), CreditError),
    (403, error("x", code="content_filter"), FilteredError),
    (404, error("The model `x` does not exist."), ModelError),
    (404, '{"detail": "Not Found"}', ModelError),
    (400, error("x", code="model_not_found"), ModelError),
    (400, error("The model 'x' does not exist"), ModelError),
    (405, error("no"), RejectedError),
    (408, error("no"), RejectedError),
    (413, error("no"), RejectedError),
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
    assert caught.status == status
    assert str(status) in str(caught)


@pytest.mark.parametrize(("status", "body", "kind"), KINDS)
def test_status_and_words_together_make_the_kind(status, body, kind):
    """Servers use wrong statuses, so the words of the body count too."""
    assert type(fault(status, body, **FACTS)) is kind


def test_every_kind_of_status_error_can_come():
    """No class of the tree is out of reach."""

    def below(kind):
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    assert below(StatusError) - {StatusError} == {kind for *_rest, kind in KINDS}


def test_a_long_message_is_shortened():
    """A server that answers with a book does not fill the notebook."""
    assert len(str(fault(400, error("x" * 10_000), **FACTS))) < 500


def test_a_decoded_object_serves_as_well():
    """Inside a stream the object's own code is the status."""
    caught = fault(0, {"error": {"message": "m", "code": 404, "param": "p"}}, **FACTS)
    assert (caught.status, caught.facts["param"]) == (404, "p")
    assert fault(0, {"error": {"code": "²"}}).status == 500


@given(st.integers(400, 599), st.text())
def test_any_text_makes_an_error(status, body):
    """No body breaks the reading of errors."""
    assert str(fault(status, body, **FACTS))
