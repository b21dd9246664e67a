"""retry: of tables that were put together, kept in files, and asked with any names."""

import itertools

import numpy as np
import pandas as pd
import pytest

import wcode_magics
from tests.loopback import Answer, completion
from tests.tables.asking import QUIET, prompt_of, texts
from wcode_magics.errors import UsageError
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request
from wcode_magics.tables import call_records

BAD = Answer([b"no"], status=500)


@pytest.fixture
def failing(serve):
    """A server that fails rows with an odd number until it is mended."""
    mended: list[bool] = []
    call_records._runs.clear()  # rows of the same texts may have failed in another file

    def script(seen) -> Answer:
        said = prompt_of(seen).partition("\n")[0]
        odd = "row 1" in said or "row 3" in said
        return BAD if odd and not mended else completion(said.upper())

    serve(script, retries=0)
    return lambda: mended.append(True)


@pytest.mark.parametrize(
    "value", [["x"], {"a": 1}, np.int64(3), np.array([1, 2]), pd.Timestamp(0), (1,)]
)
def test_names_of_any_kind(failing, value):
    """Given again they are taken; where they are not, the error names them."""
    df = texts(2)
    made = df.wcode.ask("{{ text }} {{ g }}", names={"g": value}, **QUIET)
    failing()
    with pytest.raises(UsageError, match=r"values of g .* retry\(names=\{…\}\)"):
        made.wcode.retry(**QUIET)
    again = made.wcode.retry(names={"g": value}, **QUIET)
    assert again["answer_status"].tolist() == ["ok", "ok"]
    assert again["answer"][0] == made["answer"][0]


def test_a_name_that_is_given_anew_leaves_the_others(failing):
    """names= of a retry are added to those that are known."""
    names = {"a": "one", "b": "two"}
    made = texts(2).wcode.ask("{{ text }} {{ a }} {{ b }}", names=names, **QUIET)
    failing()
    again = made.wcode.retry(names={"b": "three"}, **QUIET)
    assert again["answer"].tolist() == ["ROW 0 ONE TWO", "ROW 1 ONE THREE"]


OTHER = pd.DataFrame({"text": [f"row {n}" for n in range(4)], "more": range(4)})
TOGETHER = {
    "merge": lambda made: made.merge(OTHER, on="text"),
    "right merge": lambda made: OTHER.merge(made, on="text"),
    "join": lambda made: made.join(OTHER[["more"]]),
    "concat": lambda made: pd.concat([made.iloc[:2], made.iloc[2:]]),
    "concat with others": lambda made: pd.concat([made, OTHER], ignore_index=True),
    "new": lambda made: pd.DataFrame({name: made[name] for name in made}),
}


@pytest.mark.parametrize("how", TOGETHER.values(), ids=TOGETHER)
def test_tables_that_were_put_together(failing, how):
    """What pandas forgets of a table, the process still knows of its failed rows."""
    made = how(texts(4).wcode.classify("{{ text }}", ["row 1", "row 2"], **QUIET))
    failing()
    again = made.wcode.retry(["http_5xx"], **QUIET)
    assert again["label_status"].tolist()[1] == "ok"
    assert again["label"].tolist()[1] == "row 1"


def test_another_question_of_the_same_name(failing):
    """A row is never asked what was not asked of it: which of two, must be given."""
    one = pd.DataFrame(dict(texts(2).wcode.ask("one {{ text }}", **QUIET)))
    texts(2).wcode.ask("two {{ text }}", **QUIET)
    failing()
    with pytest.raises(UsageError, match=r"retry\(into=…, template=…\)"):
        one.wcode.retry(**QUIET)
    made = one.wcode.retry(into="answer", template="one {{ text }}", **QUIET)
    assert made["answer"].tolist() == ["ONE ROW 0", "ONE ROW 1"]


def test_a_table_of_another_process(failing):
    """Where nobody knows, the error says what to give, and with it the rows go."""
    made = texts(2).wcode.ask("{{ text }}!", **QUIET)
    failing()
    call_records._runs.clear()
    other = pd.DataFrame(dict(made))
    with pytest.raises(UsageError, match=r"retry\(into=…, template=…\)"):
        other.wcode.retry(**QUIET)
    with pytest.raises(UsageError, match=r"retry\(into=…, template=…\)"):
        other.wcode.retry(into="answer", **QUIET)
    again = other.wcode.retry(into="answer", template="{{ text }}!", **QUIET)
    assert again["answer"].tolist() == ["ROW 0!", "ROW 1!"]


@pytest.mark.parametrize("backend", [None, "pyarrow", "numpy_nullable"])
def test_a_table_that_was_a_file(failing, tmp_path, backend):
    """Parquet and back, by any backend, it is sent again; the columns are as before."""
    kinds = {"n": "int", "p": "float", "ok": "bool", "day": "date", "m": ["a", "b"]}
    made = texts(2).wcode.extract("{{ text }}", kinds, **QUIET)
    made.to_parquet(tmp_path / "made.parquet")
    more = {} if backend is None else {"dtype_backend": backend}
    read = pd.read_parquet(tmp_path / "made.parquet", **more)
    failing()
    again = read.wcode.retry(["http_5xx", "invalid"], **QUIET)
    assert again["extract_status"].tolist() == ["invalid", "invalid"]
    assert again["n"].dtype == made["n"].dtype
    assert again["day"].dtype == made["day"].dtype


@pytest.mark.parametrize("kind", ["ask", "classify", "extract"])
def test_a_table_that_was_csv(failing, tmp_path, kind):
    """Columns without a value lost their kind in the file, and are taken again."""
    asked = {
        "ask": {},
        "classify": {"labels": ["row 0", "row 1"]},
        "extract": {"schema": {"n": "int", "day": "date", "at": "datetime"}},
    }[kind]
    method = getattr(texts(2)[1:].wcode, kind)
    method("{{ text }}", into="o", **asked, **QUIET).to_csv(tmp_path / "x.csv")
    read = pd.read_csv(tmp_path / "x.csv", index_col=0)
    failing()
    made = read.wcode.retry(
        ["http_5xx"], into="o", template="{{ text }}", **asked, **QUIET
    )
    assert made["o_status"].tolist() == ["invalid" if kind == "extract" else "ok"]


@pytest.mark.parametrize("kind", ["ask", "classify", "extract"])
def test_retry_of_a_folder_of_parts(failing, tmp_path, kind):
    """Whatever was asked of parts, those that failed are asked again."""
    asked = {
        "ask": {},
        "classify": {"labels": ["row 0", "row 1"], "orders": 2},
        "extract": {"schema": {"kind": ["a", "b"], "n": "int", "day": "date"}},
    }[kind]
    texts(2).to_parquet(tmp_path / "in.parquet")
    made = wcode_magics.parquet(tmp_path / "in.parquet", to=tmp_path / "out")
    getattr(made, kind)("{{ text }}", into="o", **asked, **QUIET)
    failing()
    made.retry(["http_5xx"], **QUIET)
    read = pd.read_parquet(tmp_path / "out")
    assert "http_5xx" not in read["o_status"].tolist()


def test_names_of_a_folder_of_parts(failing, tmp_path):
    """Parts say likewise which names they need, and differ by what these were."""
    texts(2).to_parquet(tmp_path / "in.parquet")
    made = wcode_magics.parquet(tmp_path / "in.parquet", to=tmp_path / "out")
    ask = {"template": "{{ text }} {{ g }}", **QUIET}
    made.ask(names={"g": np.int64(3)}, **ask)
    with pytest.raises(UsageError, match="names"):
        made.ask(names={"g": np.int64(4)}, **ask)
    failing()
    with pytest.raises(UsageError, match="values of g"):
        made.retry(**QUIET)
    made.retry(names={"g": np.int64(3)}, **QUIET)
    assert pd.read_parquet(tmp_path / "out")["answer"].tolist() == [
        "ROW 0 3",
        "ROW 1 3",
    ]


def test_a_frame_that_was_never_asked(serve):
    """Each says what to do, and names no column that nobody named."""
    server = serve()
    frame = texts(2)
    with pytest.raises(UsageError, match="which column was asked for"):
        frame.wcode.retry(**QUIET)
    with pytest.raises(UsageError, match="no column that classify has made"):
        frame.wcode.why(0)
    with pytest.raises(UsageError, match="no column of answers yet"):
        frame.assign(gold="x").wcode.evaluate("gold")
    assert str(frame.wcode.estimate("{{ text }}")).endswith("–")
    assert not server.seen


@pytest.mark.usefixtures("failing")
def test_advice_where_it_applies(capsys):
    """A series has another call for its failed rows."""
    said = texts(2)["text"].wcode.ask("{{ value }}")
    assert "series.wcode.retry(of=answers)" in capsys.readouterr().out
    assert said["answer_status"].tolist() == ["ok", "http_5xx"]


def test_an_empty_answer_has_its_error_alone(serve):
    """Nothing stands behind the sentence where the answer has no text."""
    serve(completion(" "))
    made = texts(1).wcode.ask("{{ text }}", **QUIET)
    assert made["answer_error"].tolist() == ["The answer has no text."]


def test_a_refusal_stands_in_the_column_of_errors(serve):
    """In the model's words, or as what the content filter did."""
    said = {"role": "assistant", "content": None, "refusal": "I can't\nhelp."}
    serve(completion(message=said), completion("Half", finish_reason="content_filter"))
    made = texts(2).wcode.ask("{{ text }}", concurrency=1, **QUIET)
    assert made["answer_status"].tolist() == ["refused", "refused"]
    assert made["answer"].tolist() == ["", "Half"]
    assert made["answer_error"].tolist() == [
        "The model refused: “I can't help.”.",
        "The content filter ended the answer. | Half",
    ]


def test_a_table_that_failed_says_how_to_send_again(serve, capsys):
    """The method is that of the answers, not of the table they were asked for."""
    serve(completion("Half", finish_reason="length"))
    texts(1).wcode.ask("{{ text }}")
    assert "answers.wcode.retry() resends failed rows" in capsys.readouterr().out


def test_no_more_runs_are_remembered_than_a_few():
    """The memory of what failed is bounded, in runs and in rows."""
    asks = [Request("m", (Message("user", str(n)),)) for n in range(3)]
    for number in range(call_records.RUNS + 2):
        call_records.remember({"into": f"a{number}"}, itertools.cycle(asks))
    assert len(call_records._runs) == call_records.RUNS
    assert not list(call_records.remembered("a0"))
