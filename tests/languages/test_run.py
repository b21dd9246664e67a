"""Each export is run, and what the server received is the request."""

import json

import pytest

from tests.languages.answers import BROKEN, KEY, REFUSAL, TEXT
from tests.languages.toolchains import TOOLCHAINS
from tests.matrix import CASES, LONG, same
from wcode_magics.snippets import TARGETS

IN_PYTHON = "python-"


def _marks(key):
    return () if key.startswith(IN_PYTHON) else (pytest.mark.languages,)


def _param(key, *more):
    return pytest.param(key, *more, id="-".join((key, *more)), marks=_marks(key))


KEYS = [toolchain.key for toolchain in TOOLCHAINS]
LANGUAGES = [_param(key) for key in KEYS]
PROGRAMS = [_param(key, name) for key in KEYS for name in CASES]


def _words(done):
    return (done.stdout + done.stderr).decode()


def test_each_target_is_run_or_said_to_be_parsed():
    """The table's word "run" is true: there is a toolchain for just those targets."""
    assert set(KEYS) == {t.key for t in TARGETS if t.tested == "run"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("key", "name"), PROGRAMS)
def test_the_program_sends_the_request_and_prints_the_answer(workshops, key, name):
    """The body that arrives is the request, and the answer's text is printed."""
    done, seen = workshops(key).run(name)
    assert done.returncode == 0, _words(done)
    case = CASES[name]
    sent = json.loads(case.request.content(stream=case.stream, usage=False))
    assert same([item.body for item in seen], [sent]), seen
    assert (seen[0].method, seen[0].path) == ("POST", "/v1/chat/completions")
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert seen[0].headers["content-type"].startswith("application/json")
    assert done.stdout.decode() == f"{TEXT}\n"
    assert done.stderr == b""


@pytest.mark.timeout(400)
@pytest.mark.parametrize("key", LANGUAGES)
def test_a_prompt_of_64k_tokens_arrives_whole(workshops, key):
    """No literal, argument or buffer limits the length of a prompt."""
    done, seen = workshops(key).run("long")
    assert done.returncode == 0, _words(done)
    assert [item.body for item in seen] == [LONG.body]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["minimal", "streaming"])
@pytest.mark.parametrize("key", LANGUAGES)
def test_a_refusal_fails_with_status_and_body(workshops, key, name):
    """A wrong key ends the program with an error, the status and the body."""
    done, _seen = workshops(key).run(name, key="wrong")
    assert done.returncode != 0
    assert str(REFUSAL["error"]["code"]) in _words(done)
    assert "the key is wrong" in _words(done)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("key", LANGUAGES)
def test_an_error_inside_a_stream_fails(workshops, key):
    """A stream that breaks off with an error does not end as a success."""
    done, _seen = workshops(key).run("streaming", key="breaks")
    assert done.returncode != 0
    assert BROKEN["error"]["message"] in _words(done)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("content", ["null", "absent"])
@pytest.mark.parametrize("key", LANGUAGES)
def test_an_answer_without_text_is_shown_whole(workshops, key, content):
    """Where the model calls a tool instead of speaking, the calls are printed."""
    done, _seen = workshops(key).run("tools", key=content)
    assert done.returncode == 0, _words(done)
    assert "forecast" in done.stdout.decode()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("key", LANGUAGES)
def test_without_a_key_nothing_is_sent(workshops, key):
    """The program names the variable that must hold the key, and sends nothing."""
    done, seen = workshops(key).run("minimal", key=None)
    assert done.returncode != 0
    assert "WCODE_API_KEY" in _words(done)
    assert seen == []
