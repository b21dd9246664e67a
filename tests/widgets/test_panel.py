"""Opening a panel, from a shell without a front end."""

import json
import sys
import threading
from types import SimpleNamespace

import pytest

from tests.loopback import Answer, event, streamed
from tests.terminal import Runner
from wcode_magics import Session
from wcode_magics.errors import UsageError
from wcode_magics.output.escaping import joined
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.knobs import Knobs
from wcode_magics.widgets.panel import Panel
from wcode_magics.widgets.presets import Presets
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.status import StatusLine
from wcode_magics.widgets.table import TablePage

MOST_MESSAGES = 150
STREAM = "text/event-stream"


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What widgets send to the front end: the kind of each message, and its data."""
    comm = pytest.importorskip("comm", reason="ipywidgets 7 sends by ipykernel's own")
    base = pytest.importorskip("comm.base_comm")
    sent: list[tuple[str, str]] = []

    class Recorded(base.BaseComm):  # type: ignore[misc, name-defined]
        """A comm that keeps what it would send."""

        def publish_msg(self, msg_type: str, data=None, *_args, **_more):  # type: ignore[no-untyped-def]
            sent.append((msg_type, json.dumps(data, default=repr)))

    monkeypatch.setattr(comm, "create_comm", lambda *_args, **more: Recorded(**more))
    return sent


@pytest.mark.usefixtures("notebook_shell")
def test_the_panel_is_a_view_with_a_plain_twin(run: Runner) -> None:
    """``wcode_magics.panel`` shows a widget, and words for those who cannot show it."""
    ran = run("import wcode_magics; wcode_magics.panel('hi', top_p=0.5)")
    assert ran.success
    first = ran.outputs[0].data
    assert set(first) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert "run this cell" in first["text/plain"]


@pytest.mark.usefixtures("notebook_shell")
def test_the_function_checks_its_options(run: Runner) -> None:
    """A value that is not allowed is refused before anything opens."""
    ran = run("import wcode_magics; wcode_magics.panel(top_p=5)")
    assert "0 … 1" in ran.stdout


@pytest.mark.parametrize(
    "cell",
    [
        "%wcode_panel -t 0 who are you?",
        "%%wcode -t 0.5 --panel\nhello",
        "import wcode_magics; wcode_magics.panel('hi')",
        "%wcode_review $rows",
    ],
)
def test_a_terminal_says_that_it_shows_no_panel(run: Runner, cell: str) -> None:
    """Nor a review; nothing is sent, displayed or left to run in the background."""
    run("import pandas as pd")
    run("rows = pd.DataFrame({'t': ['a', 'b'], 'label': ['x', 'y'], 'label_p': 0.5})")
    before = threading.enumerate()
    ran = run(cell)
    assert not ran.outputs
    begun = {one.name for one in threading.enumerate() if one not in before}
    lasting = {name for name in begun if not name.startswith("import ")}
    assert lasting <= {"wcode-end"}  # one for each process
    assert "A terminal shows no panel" in ran.plain
    assert run("_wcode").error is not None


def test_opening_is_light(messages: list[tuple[str, str]]) -> None:
    """Few messages, however many parameters there are; values given cost few more."""
    with Session() as session:
        panel = Panel(session, None, Draft("hi"))
        assert 50 < len(messages) <= MOST_MESSAGES
        panel.close()
        messages.clear()
        values = {"temperature": 0.5, "min_p": 0.1, "logprobs": True, "seed": 1}
        panel = Panel(session, None, Draft("hi", values))
        assert len(messages) <= MOST_MESSAGES
        panel.close()


def test_what_is_given_is_used_or_named() -> None:
    """A sweep or repeats open the page that does them; the rest is said in a line."""
    with Session() as session:
        values = {"sweep": [("temperature", [0.0, 1.5])], "chat": "c", "functions": []}
        panel = Panel(session, None, Draft("hi", values))
        assert [page.name for page in panel.pages] == ["ask", "compare"]
        first = panel.pages[1]._dimensions[0]
        assert (first._name.value, first._values.value) == ("temperature", "0, 1.5")
        said = panel.pages[0].status.widget.value
        assert "does not use --chat, --functions" in said
        assert "--sweep" not in said
        panel.close()


def test_unknown_sums_are_dashes(loopback) -> None:  # type: ignore[no-untyped-def]
    """An endpoint that counts nothing has spent an unknown sum, not 0 tokens and ¥0."""
    bare = Answer([event({"content": "hi"}), event({}, "stop")], kind=STREAM)
    with Session(base_url=loopback(bare, streamed("hi")).url) as session:
        panel = Panel(session, None, Draft("hi"))
        page = panel.pages[0]
        for told in ("1 answer · –", "2 answers · 15 tokens · –"):
            page.send()
            assert page._worker.wait(30)
            assert f"{joined(told)}<" in page.status.widget.value
        panel.close()


def test_an_error_is_said_once() -> None:
    """An estimate that fails as the request did adds no second line."""
    error, line = UsageError("no_reply"), StatusLine()
    line.fail(error)
    line.show([str(error), "12 tokens"])
    assert line.widget.value.count(str(error)) == 1
    line.clear()
    assert line.widget.value.count(str(error)) == 1
    assert "12 tokens" in line.widget.value


def test_what_needs_anywidget_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anywidget the panel works, and says in a line what it lacks."""
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with Session() as session:
        panel = Panel(session, None, Draft("hi"))
        page = panel.pages[0]
        page._estimate()
        assert "need anywidget: pip install" in page.status.widget.value
        panel.close()


def test_the_menu_of_presets_names_what_is_set() -> None:
    """A set by its name, also when changed; other values by the first of them."""
    with Session() as session:
        state = PanelState(session, None, Draft("hi", {"temperature": 0.5, "seed": 1}))
        presets = Presets(state)
        state.listen(presets.refresh)
        menu = presets._menu
        assert menu.label == "Temperature 0.5, 1 more"
        for name, value, label in (
            ("seed", None, "Temperature 0.5"),
            ("temperature", 0.7, "balanced"),
            ("top_k", 3, "balanced, changed"),
            ("top_k", None, "balanced"),
            ("temperature", None, "no preset"),
            (
                "stop",
                ["a long text to stop at", "another"],
                'Stop ["a long text to stop at…',
            ),
        ):
            state.put(name, value)
            assert menu.label == label
        state.put("stop", None)
        assert [name for name, _key in menu.options][:2] == ["no preset", "exact"]


def test_a_group_names_its_values_while_it_is_folded() -> None:
    """Unfolded, the rows show them."""
    knobs = Knobs(lambda *_: None, {"min_p": 0.1})
    group = next(one for one in knobs._groups if one.name == "sampling")
    for is_open, shown in ((True, "Sampling"), (False, "Sampling · Min-P 0.1")):
        group._button.value = is_open
        assert group._button.description == shown


@pytest.mark.parametrize(
    ("prompt", "made"),
    [("Judge:", "Judge: {{ t }}"), ("判断：", "判断：{{ t }}"), ("", "{{ t }}")],
)
def test_a_column_stands_apart_from_a_word(prompt: str, made: str) -> None:
    """A Chinese sign has its space within."""
    pandas = pytest.importorskip("pandas")
    shell = SimpleNamespace(user_ns={"rows": pandas.DataFrame({"t": ["a"]})})
    with Session() as session:
        state = PanelState(session, shell, Draft(prompt))
        page = TablePage(state)
        page._columns.children[0].click()
        assert state.draft.prompt == made
        page.close()


def test_runs_of_one_prompt(loopback) -> None:  # type: ignore[no-untyped-def]
    """``--repeat`` is done on the page that compares, with a head for each run."""
    server = loopback(streamed("one"), streamed("two"), streamed("two"))
    with Session(base_url=server.url) as session:
        panel = Panel(session, None, Draft("hi", {"repeat": 3}))
        page = panel.pages[1]
        page._send()
        assert page._worker.wait(30)
        heads = [box.value for box in page._grid.children[:3]]
        assert heads == [f"<b>Run {number}</b>" for number in (1, 2, 3)]
        assert len(server.seen) == 3
        panel.close()
