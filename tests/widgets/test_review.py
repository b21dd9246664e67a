"""The review queue without a browser: order, gold, file, and buttons."""

import json
import time
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from tests.loopback import completion
from tests.tables.asking import QUIET, logprob, texts
from tests.terminal import Runner
from wcode_magics.errors import UsageError
from wcode_magics.session.session import Session
from wcode_magics.tables.gold_file import GoldFile
from wcode_magics.tables.review_queue import ReviewQueue
from wcode_magics.widgets import review
from wcode_magics.widgets.panel import Panel
from wcode_magics.widgets.review import Review


def answers(count=6):
    """Rows whose confidence falls, one without an answer and one without numbers."""
    p = np.linspace(0.95, 0.55, count)
    frame = pd.DataFrame(
        {
            "text": [f"row {n}" for n in range(count)],
            "label": pd.Categorical(["good"] * count, ["good", "bad"]),
            "label_p": pd.array(p, dtype="Float64"),
        },
        index=[f"r{n}" for n in range(count)],
    )
    frame.loc["r1", "label_p"] = pd.NA
    frame.loc["r2", ["label", "label_p"]] = None
    return frame


def test_the_rows_that_most_need_a_person_come_first():
    """Without an answer, without a confidence, then the least sure."""
    queue = ReviewQueue(answers())
    names = [queue.row(n).index for n in range(len(queue))]
    assert names == ["r2", "r1", "r5", "r4", "r3", "r0"]
    assert queue.row(0).answer is None
    assert queue.row(2).texts == (("text", "row 5"),)
    assert queue.row(6) is None
    assert queue.choices == ("good", "bad")


def test_gold_goes_into_the_frame_and_the_file(tmp_path):
    """As it is given; taken back; and found again by a new queue, in any order."""
    path = tmp_path / "answers.gold.jsonl"
    frame = answers()
    queue = ReviewQueue(frame, path=path)
    queue.choose("bad")
    queue.skip()
    queue.choose("good")
    assert frame["gold"].dropna().to_dict() == {"r2": "bad", "r5": "good"}
    assert frame["gold_sample"].dropna().to_dict() == {"r2": False, "r5": False}
    assert queue.undo()
    assert frame["gold"].dropna().to_dict() == {"r2": "bad"}
    assert queue.undo()
    assert queue.undo()
    assert not queue.undo()
    assert frame["gold"].isna().all()
    assert queue.row(queue.done).index == "r2"
    queue.choose("bad")
    told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [one["gold"] for one in told] == ["bad", "good", None, None, "bad"]
    with path.open("a") as file:
        file.write('{"row": "r0", "go')
    again = answers().iloc[::-1].copy()
    again.loc["r3", "text"] = "another text"
    assert len(ReviewQueue(again, path=path)) == 5
    assert again["gold"].dropna().to_dict() == {"r2": "bad"}
    changed = answers().assign(text="another text")
    assert len(ReviewQueue(changed, path=path)) == 6


def test_a_sample_is_drawn_at_random_and_marked(tmp_path):
    """It goes on where it stopped, and its gold alone is an estimate's basis."""
    path = tmp_path / "gold.jsonl"
    frame = answers(200)
    queue = ReviewQueue(frame, sample=50, path=path)
    assert queue.evaluation() is None
    places = queue.order.tolist()
    assert places != sorted(places)
    for number in range(30):
        assert queue.row(number).drawn
        queue.choose("good" if number % 3 else "bad")
    again = ReviewQueue(answers(200), sample=50, path=path)
    assert again.order.tolist() == places[30:]
    ReviewQueue(frame).choose("bad")
    found = queue.evaluation()
    assert found.metrics.rows == 30
    assert found.metrics.accuracy == pytest.approx(20 / 30)
    assert frame.wcode.evaluate("gold").graded.chosen == 0  # r2 had no answer
    ReviewQueue(frame).choose("bad")
    assert frame.wcode.evaluate("gold").graded.chosen == 1


def test_gold_of_one_column_is_not_gold_of_another(tmp_path):
    """A line counts for its columns alone; one without names, for ``gold``."""
    path = tmp_path / "gold.jsonl"
    both = answers().assign(tone=answers()["label"], tone_p=0.5)
    ReviewQueue(both, of="label", gold="true_label", path=path).choose("bad")
    assert len(ReviewQueue(both.copy(), of="tone", gold="true_tone", path=path)) == 6
    assert len(ReviewQueue(both.copy(), of="label", path=path)) == 6
    again = answers().assign(tone=both["tone"], tone_p=0.5)
    assert len(ReviewQueue(again, of="label", gold="true_label", path=path)) == 5
    old = json.loads(path.read_text("utf-8"))
    del old["column"], old["of"]
    path.write_text(json.dumps(old))
    assert len(ReviewQueue(answers(), path=path)) == 5
    assert len(ReviewQueue(answers(), gold="truth", path=path)) == 6


@pytest.mark.parametrize("sample", [0, -5, 2.5, True, "10"])
def test_a_sample_is_a_number_of_rows(sample):
    """From Python as on the line; nothing is added to the frame."""
    frame = answers()
    with pytest.raises(UsageError, match="whole number of rows"):
        ReviewQueue(frame, sample=sample)
    assert list(frame) == list(answers())


def test_gold_of_two_columns_is_not_mixed(tmp_path):
    """A second column of answers needs a column of gold of its own."""
    path = tmp_path / "gold.jsonl"
    both = answers().assign(tone=answers()["label"], tone_p=0.5)
    ReviewQueue(both, of="label", path=path).choose("bad")
    with pytest.raises(UsageError, match=r"gold of label.*--gold tone_gold"):
        ReviewQueue(both, of="tone", path=path)
    ReviewQueue(both, of="tone", gold="tone_gold", path=path).choose("good")
    assert both["gold"].dropna().tolist() == ["bad"]
    assert both["tone_gold"].dropna().tolist() == ["good"]
    assert len(ReviewQueue(both, of="label", path=path)) == 5


def test_a_file_that_was_cut_off_loses_one_line(tmp_path):
    """The next decision stays whole, half a letter and odd separators as well."""
    file = GoldFile(tmp_path / "gold.jsonl")
    file.path.write_bytes(b'{"row": "0", "text": "\xe4\xb8')
    file.append(("a\u2028b", "c"), "x", drawn=True)
    file.append(("1", "c"), "y", drawn=False)
    assert file.read() == {("a\u2028b", "c"): ("x", True), ("1", "c"): ("y", False)}
    assert file.path.read_bytes().count(b"\n") == 3


def test_each_answer_can_be_accepted(tmp_path):
    """Yes/no, a date and one of many values, also again from the file."""
    kinds = {
        "yes": pd.array([True, False] * 8, dtype="boolean"),
        "day": pd.date_range("2024-01-01", periods=16),
        "count": pd.array(range(16), dtype="Int64"),
    }
    for name, values in kinds.items():
        frame = pd.DataFrame({"text": map(str, range(16)), name: values})
        path = tmp_path / name
        given = frame.assign(gold=np.nan)
        made = Review(ReviewQueue(given, of=name, path=path))
        for _ in range(16):
            row = made.queue.row(made.queue.done)
            made.act("choose", row.place, row.answer)
        made.close()
        assert given["gold"].notna().all()
        assert given.wcode.evaluate("gold", of=name).metrics.accuracy == 1
        assert len(ReviewQueue(frame, of=name, path=path)) == 0
        assert frame["gold"].tolist() == given["gold"].tolist()


def test_what_is_refused_is_shown_again(monkeypatch):
    """The card is there again; gold of another kind becomes text."""
    frame = answers().assign(gold=[np.nan] * 5 + [1.0])
    made = Review(ReviewQueue(frame))
    shown = []
    monkeypatch.setattr(made, "show", lambda: shown.append(made.queue.done))
    made.act("choose", made.queue.row(0).place, "neither")
    assert shown == [0]
    made.act("choose", made.queue.row(0).place, "bad")
    assert frame["gold"].dropna().tolist() == ["bad", "1.0"]
    made.act("back")
    assert frame["gold"].dropna().tolist() == ["1.0"]
    made.close()


def test_rows_reviewed_before_are_marked_as_the_draw_reaches_them(tmp_path):
    """The marked rows are those drawn first; the order of review adds no bias."""
    path = tmp_path / "gold.jsonl"
    frame = answers(60)
    chosen = ReviewQueue(frame, path=path)
    for _ in range(30):
        chosen.choose("bad")
    assert not frame["gold_sample"].any()
    queue = ReviewQueue(frame, sample=60, path=path)
    draw = ReviewQueue(answers(60), sample=60).order
    assert queue.evaluation() is None
    ends = []
    for _ in range(20):
        ends.append(int(frame["gold_sample"].sum()))
        place = queue.row(queue.done).place
        queue.choose("good")
        marked = np.flatnonzero(frame["gold_sample"].fillna(value=False))
        assert sorted(draw[: len(marked)]) == marked.tolist()
        assert place == draw[len(marked) - 1]
    again = answers(60)
    ReviewQueue(again, sample=60, path=path)
    assert again["gold_sample"].equals(frame["gold_sample"])
    while ends:
        assert queue.undo()
        assert int(frame["gold_sample"].sum()) == ends.pop()
    while queue.done < len(queue):
        queue.choose("good")
    assert queue.evaluation().metrics.rows == len(draw)


def test_gold_is_beside_the_notebook(shell, tmp_path, monkeypatch):
    """In its folder, if its path is known and is of this machine."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    for folder, found in (("notes", "notes"), ("elsewhere", ".")):
        shell.user_ns["__vsc_ipynb_file__"] = str(tmp_path / folder / "a.ipynb")
        made = review.gold_path(shell, "rows")
        assert made == tmp_path / found / "a.rows.gold.jsonl"


def test_fields_and_gold_that_is_there():
    """A yes/no field has two choices; gold of a category's kind keeps it."""
    frame = pd.DataFrame(
        {"note": ["a", "b"], "ok": pd.array([True, False]), "ok_p": 0.5}
    )
    queue = ReviewQueue(frame)
    assert (queue.choices, queue.row(0).texts) == (("true", "false"), (("note", "a"),))
    queue.choose("false")
    assert frame["gold"].dtype == "boolean"
    assert frame["gold"].tolist() == [False, pd.NA]
    held = answers().assign(gold=pd.Categorical([None] * 5 + ["good"], ["good"]))
    ReviewQueue(held).choose("bad")
    assert held["gold"].dropna().tolist() == ["bad", "good"]
    assert held["gold_sample"].tolist()[-1] is True
    with pytest.raises(UsageError, match="fewer than two"):
        ReviewQueue(pd.DataFrame({"a": ["x", "x"], "a_p": 0.5}))


def test_the_card_has_the_tokens_of_the_stored_reply(serve):
    """What the model nearly said, from the store; nothing is sent for it."""
    others = [("good", np.log(0.6)), ("bad", np.log(0.4))]
    server = serve(completion("good", logprobs={"content": [logprob("good", *others)]}))
    made = texts(3).wcode.classify("{{ text }}", ["good", "bad"], **QUIET)
    asked = len(server.seen)
    card = Review(ReviewQueue(made))._card(0)
    assert "bad 40.0%" in card["unsure"]
    assert [one["text"] for one in card["tokens"]] == ["good"]
    assert [one["shown"] for one in card["choices"]] == ["60.0%", "40.0%"]
    assert len(server.seen) == asked


def test_buttons_where_there_is_no_anywidget(monkeypatch, tmp_path):
    """Choices, accept, skip and take back; texts are never HTML."""
    monkeypatch.setattr(
        review,
        "find_spec",
        lambda name: None if name == "anywidget" else find_spec(name),
    )
    frame = answers().assign(text="<b>$x$")
    made = Review(ReviewQueue(frame, sample=6, path=tmp_path / "no" / "file"))
    face = made.widget.children[0]
    card, choices, keys, progress, told = face.children
    assert "&lt;b&gt;<span>$</span>" in card.value
    assert [one.description for one in choices.children] == ["good", "bad"]
    accept, skip, back = keys.children
    accept.click()
    assert frame["gold"].notna().sum() == 1
    assert "1 of 5 reviewed" in progress.value
    assert "could not be written" in progress.value
    awaited(lambda: "Accuracy on 1 row drawn at random: 100" in told.value)
    skip.click()
    back.click()
    back.click()
    assert frame["gold"].isna().all()
    for _ in range(5):
        choices.children[1].click()
    assert "No row is left" in card.value
    awaited(lambda: "more labels alone will not" in told.value)
    made.close()
    done = Review(ReviewQueue(frame, sample=6)).widget.children[0]
    one_line, progress, _told = done.children
    assert one_line.value == "No row is left to review; gold is in the column gold."
    assert not progress.value


@pytest.mark.usefixtures("notebook_shell")
def test_the_command(run: Runner, tmp_path, monkeypatch):
    """It shows a widget with a plain twin; what is no table is one line."""
    monkeypatch.chdir(tmp_path)
    run("import pandas as pd; x = 5")
    run("rows = pd.DataFrame({'t': ['a', 'b'], 'label': ['x', 'y'], 'label_p': 0.5})")
    ran = run("%wcode_review $rows --sample 2")
    assert ran.success
    assert "application/vnd.jupyter.widget-view+json" in ran.outputs[0].data
    for line in ("", "$x", "$rows other", "$rows --sample 0", "$rows --of nothing"):
        ran = run(f"%wcode_review {line}")
        assert not ran.success, line
        assert len(ran.stdout.strip().splitlines()) <= 1
    for line in ("$rows --error 5", "$rows --sure 95"):
        ran = run(f"%wcode_review {line}")
        assert not ran.success, line
        assert "must be a number between 0 and 1" in ran.stdout
        assert len(ran.stdout.strip().splitlines()) == 1
    assert "%wcode_review $answers --sample 200" in run("%wcode_review $x").stdout


def test_the_panel_reviews_its_table(shell, run: Runner, tmp_path, monkeypatch):
    """The result of a run, or the DataFrame that is chosen; closed with the panel."""
    monkeypatch.chdir(tmp_path)
    run("import pandas as pd")
    run("rows = pd.DataFrame({'t': ['a', 'b'], 'answer': ['x', 'y'], 'answer_p': 0.5})")
    with Session() as session:
        panel = Panel(session, shell)
        panel._menu.value = "table"
        page = panel._pages["table"]
        page._open_review()
        assert page._review.queue.into == "answer"
        assert page._reviews.children == (page._review.widget,)
        page._review.act("choose", 0, "y")
        assert shell.user_ns["rows"]["gold"].tolist()[0] == "y"
        assert (tmp_path / "rows.gold.jsonl").exists()
        shell.user_ns["rows_answer"] = answers()
        page._open_review()
        assert page._review.queue.into == "label"
        panel.close()
        assert page._review is None


def test_the_panel_offers_columns_as_a_template_writes_them(shell, run: Runner):
    """Whatever their names; one that no template can write is not offered."""
    run("import pandas as pd")
    run("names = [None, True, 1, 'none', 'a b', 'c', 'x_error', 'x_error', b'k']")
    run("rows = pd.DataFrame([[*range(9)]], columns=pd.Index(names, dtype=object))")
    with Session() as session:
        panel = Panel(session, shell)
        panel._menu.value = "table"
        offered = [one.tooltip for one in panel._pages["table"]._columns.children]
        panel.close()
    assert offered == [
        "{{ row[None] }}",
        "{{ row[True] }}",
        "{{ row[1] }}",
        '{{ row["none"] }}',
        '{{ row["a b"] }}',
        "{{ c }}",
        "{{ x_error }}",
        "{{ x_error }}",
    ]


def awaited(condition):
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
