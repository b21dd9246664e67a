"""Each export is run, and what the server received is the request."""

import json

import pytest

from tests.languages.answers import BROKEN, KEY, REFUSAL, TEXT
from tests.languages.libraries import editions
from tests.languages.runs import Run
from tests.languages.toolchains import REQUIRED, TOOLCHAINS
from tests.languages.tried import NOT_RUN
from tests.matrix import CASES, LONG, same
from wcode_magics.snippets import KEYS

EDITIONS = [edition for toolchain in TOOLCHAINS for edition in editions(toolchain.key)]
NEWEST = [edition for edition in EDITIONS if edition.is_newest]


def _marks(edition):
    return () if edition.key.startswith("python-") else (pytest.mark.languages,)


def _param(edition, program, key=KEY):
    words = (edition.key, edition.version, program, *([] if key == KEY else [key]))
    return pytest.param(
        Run(edition, program, key), id="-".join(map(str, words)), marks=_marks(edition)
    )


def _runs(program, key=KEY, of=NEWEST):
    return [_param(edition, program, key) for edition in of]


def _each(*runs):
    params = [param for some in runs for param in some]
    return pytest.mark.parametrize("ran", params, indirect=True)


PROGRAMS = [
    _param(edition, name)
    for edition in EDITIONS
    for name in CASES
    if edition.is_newest or name in {"minimal", "streaming"}
]


def test_each_target_is_run_or_said_to_be_parsed():
    """The table's word "run" is true: there is a toolchain for just those targets."""
    run = {toolchain.key for toolchain in TOOLCHAINS if toolchain.everywhere}
    assert run == {*KEYS} - {*NOT_RUN}


@pytest.mark.languages
@pytest.mark.parametrize(
    "edition",
    [one for one in EDITIONS if one.key not in NOT_RUN],
    ids=lambda one: f"{one.key}-{one.version}",
)
def test_the_table_names_what_runs(edition):
    """The versions in README's table are those that these tests run."""
    if edition.toolchain.missing(edition.home):
        pytest.skip("the toolchain is missing")
    found = edition.found()
    same = found == edition.version or found.startswith(f"{edition.version}.")
    if not same and (edition.toolchain.version == () or not REQUIRED):
        pytest.skip(f"{found} is run here, not {edition.tried}")
    assert same, f"{found} is run, and the row names {edition.tried}"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("ran", PROGRAMS, indirect=True)
def test_the_program_sends_the_request_and_prints_the_answer(ran):
    """The body that arrives is the request, and the answer's text is printed."""
    assert ran.code == 0, ran.words
    case = CASES[ran.run.program]
    sent = json.loads(case.request.content(stream=case.stream, usage=False))
    assert same([item.body for item in ran.seen], [sent]), ran.seen
    assert ran.seen[0].method == "POST"
    assert ran.seen[0].path.endswith("/v1/chat/completions")
    assert ran.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert ran.seen[0].headers["content-type"].startswith("application/json")
    assert ran.out == f"{TEXT}\n"
    assert ran.err == ""


@pytest.mark.timeout(400)
@_each(_runs("long"))
def test_a_prompt_of_64k_tokens_arrives_whole(ran):
    """No literal, argument or buffer limits the length of a prompt."""
    assert ran.code == 0, ran.words
    assert [item.body for item in ran.seen] == [LONG.body]


@pytest.mark.timeout(400)
@_each(_runs("minimal", "wrong"), _runs("streaming", "wrong"))
def test_a_refusal_fails_with_status_and_body(ran):
    """A wrong key ends the program with an error, the status and the body."""
    assert ran.code != 0
    assert str(REFUSAL["error"]["code"]) in ran.words
    assert "the key is wrong" in ran.words


@pytest.mark.timeout(400)
@_each(_runs("streaming", "breaks"))
def test_an_error_inside_a_stream_fails(ran):
    """A stream that breaks off with an error does not end as a success."""
    assert ran.code != 0
    assert BROKEN["error"]["message"] in ran.words


@pytest.mark.timeout(400)
@_each(_runs("tools", "null"), _runs("tools", "absent"))
def test_an_answer_without_text_is_shown_whole(ran):
    """Where the model calls a tool instead of speaking, the calls are printed."""
    assert ran.code == 0, ran.words
    assert "forecast" in ran.out


@pytest.mark.timeout(400)
@_each(_runs("minimal", None))
def test_without_a_key_nothing_is_sent(ran):
    """The program names the variable that must hold the key, and sends nothing."""
    assert ran.code != 0
    assert "WCODE_API_KEY" in ran.words
    assert ran.seen == []
