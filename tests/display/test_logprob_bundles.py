"""Numbers of an answer show themselves: small, rounded, safe."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.formatters import DisplayFormatter
from nbconvert import MarkdownExporter
from traitlets.config import Config

from tests.logprobs.test_comparison_html import ONE, TWO
from tests.logprobs.test_heatmap import LAB_ATTRIBUTES, LAB_STYLES, LAB_TAGS, Shape
from tests.logprobs.test_logprobs import token, view
from wcode_magics import text
from wcode_magics.display import logprob_bundles, reply_bundles
from wcode_magics.errors import UsageError
from wcode_magics.logprobs.alignment import agree, compare
from wcode_magics.logprobs.confidence import of_field, of_labels
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.protocol.messages import Message, Usage
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.session.repeat import Runs
from wcode_magics.session.sweep import Trial
from wcode_magics.settings import options
from wcode_magics.text import say

ROOT = Path(__file__).parents[2]
ASKED = Request("m", (Message("user", "hi"),))
JSON = view(token('{"a": ', 1.0), token("12,", 0.5), token(' "b": 3}', 0.9))
YES = view(token("yes", 0.7, ("yes", 0.7), ("no", 0.2)))


def reply(told: Logprobs) -> Reply:
    """An answer with these tokens."""
    return Reply(told.text, ASKED, "m", tokens=told.tokens)


def runs() -> Runs:
    """Two that agree, one that does not, one that failed."""
    error = UsageError("no_reply")
    found = [Trial({"run": n}, reply(t)) for n, t in enumerate((ONE, TWO, ONE), 1)]
    return Runs((*found, Trial({"run": 4}, None, error)))


SHOWN = {
    "field": logprob_bundles.confidence(of_field(JSON, "a")),
    "labels": logprob_bundles.labels(of_labels(YES, ["yes", "no"])),
    "logprobs": logprob_bundles.logprobs(YES),
    "comparison": logprob_bundles.compared(compare(ONE, TWO)),
    "agreement": logprob_bundles.agreement(agree([ONE, TWO, ONE])),
    "runs": logprob_bundles.runs(runs()),
}


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("name", SHOWN)
def test_safe_in_an_untrusted_notebook(name, language):
    """Only what the sanitiser keeps is used, and texts are escaped."""
    text.use(language)
    shape = Shape(SHOWN[name]["text/html"])
    assert shape.tags <= LAB_TAGS
    assert shape.attributes <= LAB_ATTRIBUTES
    assert shape.styles <= LAB_STYLES | {
        *("vertical-align", "width", "table-layout", "font-weight")
    }


def lines(name):
    """The plain text, runs of spaces as one."""
    return [" ".join(line.split()) for line in SHOWN[name]["text/plain"].splitlines()]


def test_a_field_in_words():
    """Value, probability and the token that is the least certain."""
    assert lines("field") == [
        "Field Value Probability Logprob Least certain token",
        "a 12 50.0% -0.693 50.0%",
        say("scores.fused"),
    ]


def test_labels_in_words():
    """Shares among the labels, probabilities, and what the labels leave."""
    assert lines("labels") == [
        "Label Among the labels Probability",
        "yes 77.8% 70.0%",
        "no 22.2% 20.0%",
        "Anything else: 10.0%",
    ]


def test_runs_in_words():
    """Which runs said what, what failed, and what stood at the fork."""
    shown = lines("runs")
    assert shown[0] == (
        "3 of 4 runs answered. 3 runs gave 2 different answers. The most common one"
        " came 2 times. All begin with the same 7 characters."
    )
    assert list(filter(None, shown[1:])) == [
        "— run 1, 3",
        "The <b>cat sat",
        "— run 2",
        "The <b>dog sat",
        "— run 4",
        "⚠ There is no reply yet; ask something first.",
        "Where they part, run 1 had cat 60.0% dog 30.0%",
    ]


def test_the_heading_of_runs_is_one_short_sentence():
    """The others follow in small print; what all of it took stands once, below."""
    page = SHOWN["runs"]["text/html"]
    assert page.startswith("<div><b>3 of 4 runs answered.</b> <span")
    assert page.count("what differs from the first answer is marked") == 1
    same = [
        Trial({"run": n}, Reply("a", ASKED, "m", usage=Usage(8, 1))) for n in (1, 2)
    ]
    shown = logprob_bundles.runs(Runs(tuple(same)))
    assert shown["text/plain"].startswith("2 runs gave one answer.\n\n— run 1, 2\na\n")
    for form in shown.values():
        assert form.count("16 → 2 tokens") == 1
        assert "differs" not in form


def test_numbers_of_runs_are_listed_as_the_language_does():
    """Chinese has a comma of its own for lists."""
    text.use("zh")
    same = [Trial({"run": n}, Reply("a", ASKED, "m")) for n in (1, 2, 3)]
    shown = logprob_bundles.runs(Runs(tuple(same)))
    assert "第 1、2、3 次" in shown["text/plain"]


def test_agreement_in_words():
    """How often each answer came."""
    assert lines("agreement")[1:] == [
        "Times Answer",
        "2 The <b>cat sat",
        "1 The <b>dog sat",
    ]


def test_long_answers_are_short():
    """A line has 80 characters, and what is left out is marked."""
    assert logprob_bundles.short("a" * 100) == "a" * 80 + "…"
    assert logprob_bundles.short("ab\ncd") == "ab↵cd"


def test_short_reprs():
    """Four digits, no lists of tokens."""
    assert repr(of_field(JSON, "a")) == "<Confidence a: 0.5>"
    told = "<LabelConfidence 'yes' 0.7778, 'no' 0.2222; uncovered 0.1>"
    assert repr(of_labels(YES, ["yes", "no"])) == told
    assert repr(YES) == "<Logprobs: tokens 1, mean -0.3567>"
    found = repr(compare(ONE, TWO))
    assert found == "<Comparison: apart after 7 characters, agreement 0.7857>"
    assert repr(agree([ONE, TWO, ONE])) == "<Agreement: 2 of 3, answers 2>"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (of_field(JSON, "a"), SHOWN["field"]),
        (of_labels(YES, ["yes", "no"]), SHOWN["labels"]),
        (YES, SHOWN["logprobs"]),
        (compare(ONE, TWO), SHOWN["comparison"]),
        (runs(), SHOWN["runs"]),
        (runs().agreement, SHOWN["agreement"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_show_themselves_without_the_extension(value, shown):
    """IPython's protocol finds the picture on the value; nothing is registered."""
    data, _metadata = DisplayFormatter().format(value)
    assert {kind: data[kind] for kind in shown} == shown


@pytest.mark.parametrize("form", options.FORMATS)
def test_the_map_is_the_answer(form):
    """An answer with probabilities stands there once; a switch shows it without them.

    The switch comes before the map, which its style sheet hides while it is open.
    """
    made = reply(view(token("The **cat**", 0.9), token(" sat", 0.4, ("x", 0.5))))
    page = reply_bundles.reply_bundle(made, form)["text/html"]
    sheet, switch, tokens = re.fullmatch(
        r"(<style>.*?</style>)(<details class=.*?</details>)(<div>.*)", page, re.DOTALL
    ).groups()
    assert sheet == "<style>.wcode-untinted[open]+div{display:none}</style>"
    assert "Without probabilities" in switch
    assert 'title="' not in switch
    assert "The **cat**</span>" in tokens
    assert "</table>" in tokens


def line_of(readme: str) -> str:
    """The export that a README writes for the nbconvert of another environment."""
    [line] = re.findall(r"(?m)^jupyter (nbconvert .*)$", (ROOT / readme).read_text())
    return line


@pytest.mark.parametrize(
    "line",
    [
        "nbconvert --to markdown report.ipynb",
        line_of("README.md"),
        line_of("README.zh-CN.md"),
    ],
    ids=["as it is", "README.md", "README.zh-CN.md"],
)
def test_nbconvert_exports_markdown(line, tmp_path):
    """It gives an answer's Markdown, and a table of pandas as the HTML that it is."""
    frame = {"text/html": "<table><tr><td>1</table>", "text/plain": "   a"}
    shown = [reply_bundles.reply_bundle(reply(view(token("The **cat**", 0.9)))), frame]
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in shown]
    cell = nbformat.v4.new_code_cell("%%wcode", outputs=outputs)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "report.ipynb")
    command = f"{shlex.quote(sys.executable)} -m {line}"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    made = (tmp_path / "report.md").read_text()
    assert "<div" not in made
    assert "The **cat**" in made
    assert "<table>" in made


def test_an_export_to_markdown_is_markdown():
    """Text, tokens in a fence and the footer, where Markdown is asked for."""
    said = view(token("The **cat** ", 0.9), token("`` ``` ``", 0.5, ("x", 0.4)))
    told = reply_bundles.reply_bundle(reply(said))
    output = nbformat.v4.new_output("display_data", data=told)
    cell = nbformat.v4.new_code_cell("%%wcode", outputs=[output])
    wanted = Config()
    wanted.NbConvertBase.display_data_priority = ["text/markdown", "text/plain"]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    made, _more = MarkdownExporter(config=wanted).from_notebook_node(notebook)
    assert "<div" not in made
    assert "The **cat**" in made
    assert re.search(
        r"(?m)^````*text\n2 tokens(.|\n)*Alternatives(.|\n)*\n````*$", made
    )
