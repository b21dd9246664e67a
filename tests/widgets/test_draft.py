"""The draft of a panel: its cell, the way back, its request."""

import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.terminal import Runner
from tests.widgets.drafts import parsed
from wcode_magics.errors import UsageError
from wcode_magics.prompts.template import Template
from wcode_magics.protocol import parameters
from wcode_magics.protocol.messages import Message
from wcode_magics.session.session import Session
from wcode_magics.widgets.draft import Draft, typed

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
WORDS = WORDS.filter(lambda text: "{{" not in text)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)


def a_function(name: str) -> dict[str, object]:
    """A tool, or the choice of one."""
    return {"type": "function", "function": {"name": name}}


OBJECTS = {
    "logit_bias": st.dictionaries(
        st.integers(0, 151_642).map(str), st.floats(-100, 100), max_size=3
    ),
    "response_format": st.sampled_from([{"type": "json_object"}, {"type": "text"}])
    | st.builds(
        lambda schema: {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": schema},
        },
        st.dictionaries(WORDS, JSON, max_size=3),
    ),
    "tools": st.lists(NAMES.map(a_function), min_size=1, max_size=2),
    "tool_choice": st.sampled_from(["none", "auto", "required"])
    | NAMES.map(a_function),
    "stop": st.lists(WORDS, min_size=1, max_size=4),
    "structured_outputs": st.booleans()
    | st.builds(lambda words: {"choice": words}, st.lists(WORDS)),
}


def values_of(row: parameters.Param) -> st.SearchStrategy[object]:
    """Values that a row of the table allows."""
    if row.name in OBJECTS:
        return OBJECTS[row.name]
    if row.kind == "bool":
        return st.booleans()
    if row.kind == "choice":
        return st.sampled_from(row.choices)
    kind = st.integers if row.kind == "int" else st.floats
    low = -(2**53) if row.low is None else int(row.low)
    return kind(low, 2**53 if row.high is None else int(row.high))


OWN = {row.name: values_of(row) for row in parameters.PARAMS}
OPTIONAL = OWN | {
    "system": WORDS,
    "model": st.text(string.ascii_letters + "/.-@", min_size=1),
    "timeout": st.floats(0.001, 1e6),
    "stream": st.booleans(),
    "param": st.lists(st.tuples(NAMES, JSON), min_size=1, max_size=2),
}
DRAFTS = st.builds(
    Draft,
    prompt=st.text(st.characters(exclude_categories=["Cs"])),
    values=st.fixed_dictionaries({}, optional=OPTIONAL),
)


def test_every_parameter_is_drawn() -> None:
    """The strategies below know each row of the table."""
    assert set(OWN) == set(parameters.NAMES)


@given(DRAFTS)
@settings(max_examples=150, deadline=None)
def test_the_cell_and_back(draft: Draft) -> None:
    """Whatever a panel holds, its cell says the same."""
    head = draft.cell.partition("\n")[0]
    assert len(head.splitlines()) == 1
    assert parsed(draft.cell, {}) == draft


def test_a_system_of_lines_is_sent_as_lines() -> None:
    """The literal that stands for a line's end is one again in the request."""
    draft = Draft("hi", {"system": "One.\nTwo.", "temperature": 0})
    assert (
        draft.cell == '%%wcode --temperature 0 --system "One.{{ \\"\\\\n\\" }}Two."\nhi'
    )
    with Session() as session:
        assert draft.prepare(session, {}).request.messages[0].content == "One.\nTwo."


def test_numbers_of_the_cell_are_as_people_write_them() -> None:
    """No point without need and no exponent, as a slider's float has."""
    values = {"temperature": 0.0, "min_p": 0.00001}
    assert Draft("hi", values).cell == "%%wcode --temperature 0 --min-p 0.00001\nhi"


def test_lines_with_raw_are_refused() -> None:
    """Without a template a line's end cannot be written; the error says what to do."""
    with pytest.raises(UsageError, match="Leave --raw out"):
        _ = Draft("hi", {"system": "One.\nTwo.", "raw": True}).cell


@pytest.mark.parametrize("words", ["@/etc/hostname", "$x", "$x[0]"])
def test_no_text_becomes_a_file_or_a_variable(words: str) -> None:
    """As the line of a cell would read it."""
    stop = Draft("hi", {"stop": [words]})
    assert parsed(stop.cell, {"x": ["secret"]}) == stop
    for name in ("system", "model", "chat"):
        values = {name: words, "raw": True}
        if (name, words[0]) in {("model", "@"), ("chat", "@")}:
            assert parsed(Draft("hi", values).cell, {}).values[name] == words
            continue
        with pytest.raises(UsageError, match=r"\$"):
            _ = Draft("hi", values).cell


def test_turns_are_no_template() -> None:
    """What was said before goes as it was said; the prompt is filled in."""
    turns = (Message("user", "{{ x }}"), Message("assistant", "{{ y }}"))
    draft = Draft("{{ x }}!", {"system": Template("Be {{ x }}.")}, turns)
    with Session() as session:
        said = draft.prepare(session, {"x": "kind"}).request.messages
    assert [message.content for message in said] == [
        "Be kind.",
        "{{ x }}",
        "{{ y }}",
        "kind!",
    ]


def test_a_turn_comes_back_as_it_was_written() -> None:
    """What a value contained is no template when its turn is edited or sent again."""
    said, answer = Message("user", "about: {{ y }}"), Message("assistant", "ok")
    draft = Draft("about: {{ x }}").with_turn(said, answer, "about: {{ x }}")
    draft = draft.with_turn(said, answer, None)
    assert draft.before(0).prompt == "about: {{ x }}"
    again = draft.before(2)
    assert again.source(0) == "about: {{ x }}"
    names = {"x": "{{ y }}", "y": "secret"}
    with Session() as session:
        sent = again.prepare(session, names).request.messages[-1]
    assert sent.content == "about: {{ y }}"
    assert draft.without(0, 2).sources == {}
    assert draft.without(2, 2).sources == {0: "about: {{ x }}"}


TEXTS = st.text(alphabet="{}% 'x\"\\\n$@#")


@given(TEXTS)
def test_a_system_prompt_that_is_text_stays_text(words: str) -> None:
    """Whatever braces a file or a profile holds, the panel's cell sends them."""
    draft = Draft("hi", {"system": words}) if words else Draft("hi")
    with Session() as session:
        for one in (draft, parsed(draft.cell, {})):
            sent = one.prepare(session, {"x": "secret"}).request.messages
            assert "".join(m.content or "" for m in sent[:-1]) == words


@pytest.mark.parametrize(
    ("before", "template"), [(None, True), ("{{ x }}", False), (Template("a"), True)]
)
def test_what_is_typed_in_the_panel_is_a_template(
    before: str | None, *, template: bool
) -> None:
    """Unless it is an edit of a text with braces that came from elsewhere."""
    assert isinstance(typed("{{ x }}!", before), Template) == template


def test_the_cell_sends_the_same_request(run: Runner) -> None:
    """A real shell makes of the cell the request that the panel sends."""
    draft = Draft(
        "Say {{ 1 + 1 }}.\n\n  {not: it}",
        {
            "temperature": 0.25,
            "stop": ["\n", '"', "a b"],
            "logprobs": False,
            "system": "$y, 'she' said:\n\"no\\yes\"",
            "logit_bias": {"17": -3.5},
        },
    )
    with Session() as session:
        body = draft.prepare(session, {}).request.body
    shown = run(draft.cell.replace("%%wcode", "%%wcode --dry-run"))
    assert json.dumps(body, ensure_ascii=False, indent=2) in shown.plain


def look_up(word: str) -> str:
    """A function that a model may call."""
    return word


def test_options_that_name_variables_come_back() -> None:
    """Functions and types are written by their names; what has none is refused."""
    line = (
        "%%wcode --functions look_up --schema $Runner --models a,b --json "
        "--sweep temperature=0,1 seed=[1,2]\nhi"
    )
    draft = parsed(line, {"look_up": look_up, "Runner": Draft})
    names = {"look_up": look_up, "Draft": Draft}
    assert parsed(draft.cell, names) == draft
    assert "--functions look_up" in draft.cell
    nameless = Draft("hi", {"frame": object()})
    with pytest.raises(UsageError, match="has no name"):
        _ = nameless.cell


def test_turns_alone_are_no_prompt() -> None:
    """An empty prompt is refused however much was said before."""
    turns = (Message("user", "one"), Message("assistant", "two"))
    with Session() as session, pytest.raises(UsageError, match="prompt is empty"):
        Draft(" ", {}, turns).prepare(session, {})
