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
    assert queue.take_back()
    assert frame["gold"].dropna().to_dict() == {"r2": "bad"}
    assert queue.take_back()
    assert queue.take_back()
    assert not queue.take_back()
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


def awaited(condition):
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
