"""What a cell shows beside an answer and in it, in front ends and in what is saved."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Page, expect

from tests.browser import Front, Jupyter, Sheet, browser
from tests.loopback import Answer, Loopback, Seen, completion, streamed
from tests.terminal import IPYTHON, in_terminal

LOAD = "%load_ext wcode_magics"
WIDGETS = "import ipywidgets\nfrom IPython.display import display"
FRONTS: list[Front] = ["lab", "notebook"]
BESIDE = """\
print("first")
%wcode a
print("second")
%wcode b
for n in (1, 2):
    print("before", n)
    %wcode c
    display(f"shown {n}")
print("sweeping")
%wcode --sweep seed=1,2 d
print("runs")
%wcode --repeat 2 e
print("the end")
"""
ORDER = [
    *("first", "wordA599", "second", "wordB599"),
    *("before 1", "wordC599", "shown 1", "before 2", "wordC599", "shown 2"),
    *("sweeping", "wordD599", "runs", "wordE0", "the end"),
]
MONEY = [
    "Apples cost $5 per kg and pears cost $10 per kg.",
    "Set $HOME and $PATH.",
    r"It is \$3 or \$4, and US$6 to US$7; 价格$8，促销$9。",
]
FORMULAS = [
    "$x^2$",
    "$$\ny + 1\n$$",
    r"\(a + 2\)",
    "\\[\nb + 3\n\\]",
    "\\begin{align}\nc &= 4 \\\\\nd &= 5\n\\end{align}",
]
SAID = "\n\n".join([*MONEY, *FORMULAS])

browsed = pytest.mark.browser
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page of one browser."""
    with browser() as opened:
        yield opened.new_page(viewport={"width": 1000, "height": 5000})


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """Front ends, each begun when it is first asked for."""
    begun: dict[Front, Jupyter] = {}
    with ExitStack() as stack:

        def front(name: Front) -> Jupyter:
            if name not in begun:
                made = Jupyter(tmp_path_factory.mktemp(name), front=name)
                begun[name] = stack.enter_context(made)
            return begun[name]

        yield front


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook of code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": kernel},
    )


def at(server: Loopback) -> str:
    """Make a server the endpoint."""
    return f"{LOAD}\n%wcode_config base_url={server.url} retries=0"


def saying(text: str) -> Callable[[Seen], Answer]:
    """Answers with a text, to the letter: streamed, or whole."""
    words = re.findall(r"\S*\s*", text)
    return lambda seen: (
        streamed(*words) if seen.body.get("stream") else completion(text)
    )


def long_answer(seen: Seen) -> Answer:
    """Six hundred words, which no other prompt is answered with."""
    mark = seen.body["messages"][-1]["content"].upper()
    words = [f"word{mark}{n}" + ("\n\n" if n % 12 == 11 else "") for n in range(600)]
    return saying(" ".join(words))(seen)


def in_order(shown: str) -> None:
    """Assert that nothing is missing and all stands in its order."""
    place = 0
    for mark in ORDER:
        assert mark in shown[place:], (mark, shown[place : place + 300])
        place = shown.index(mark, place) + len(mark)
    assert shown.count("wordC0 ") == 2
    assert shown.count("wordA0 ") == shown.count("wordB0 ") == 1


@browsed
@pytest.mark.parametrize("front", FRONTS)
def test_nothing_else_of_a_cell_is_cleared(
    fronts: Callable[[Front], Jupyter],
    page: Page,
    loopback: Callable[..., Loopback],
    front: Front,
) -> None:
    """What is printed between answers stays, in order, in a loop, by a widget."""
    made = fronts(front)
    widget = "display(ipywidgets.HTML(f'shown {n}'))"
    code = BESIDE.replace('display(f"shown {n}")', widget)
    cells = f"{at(loopback(long_answer))}\n{WIDGETS}", code
    nbformat.write(notebook(*cells), made.root / "beside.ipynb")
    sheet = Sheet.open(page, made.url("beside.ipynb"))
    sheet.run_all()
    expect(sheet.output(1)).to_contain_text("the end")
    expect(sheet.output(1)).to_contain_text("shown 2")
    in_order(sheet.output(1).inner_text())


def test_a_saved_notebook_has_all_in_order(loopback: Callable[..., Loopback]) -> None:
    """As nbclient runs it, and as nbconvert exports that."""
    made = notebook(f"{at(loopback(long_answer))}\n{WIDGETS}", BESIDE)
    NotebookClient(made, timeout=120).execute(env={**os.environ})
    shown = [
        output.get("text") or output["data"]["text/plain"]
        for output in made.cells[1].outputs
    ]
    in_order("\n".join(shown))
    exported, _resources = HTMLExporter().from_notebook_node(made)
    text = re.sub(r"<[^>]*>", "", exported)
    in_order(text[text.rindex("first\n") :])


def test_a_terminal_has_all_in_order(loopback: Callable[..., Loopback]) -> None:
    """The same cell in IPython, word by word as it comes."""
    server = loopback(long_answer)
    code = f"{LOAD}\nfrom IPython.display import display\n{BESIDE}"
    in_order(in_terminal([*IPYTHON, code], server).replace("\r\n", "\n"))


@browsed
@pytest.mark.parametrize("front", FRONTS)
def test_money_is_no_formula(
    fronts: Callable[[Front], Jupyter],
    page: Page,
    loopback: Callable[..., Loopback],
    front: Front,
) -> None:
    """Prices and variables are read as they are, formulas are typeset."""
    made = fronts(front)
    nbformat.write(
        notebook(at(loopback(saying(SAID))), "%wcode a"), made.root / "money.ipynb"
    )
    sheet = Sheet.open(page, made.url("money.ipynb"))
    sheet.run_all()
    formulas = sheet.output(1).locator("mjx-container")
    expect(formulas).to_have_count(len(FORMULAS))
    assert formulas.nth(4).locator("mjx-mtr").count() == 2
    shown = sheet.output(1).inner_text()
    for line in MONEY:
        assert line.replace("\\", "") in shown


@browsed
def test_money_is_no_formula_in_an_export(
    page: Page, loopback: Callable[..., Loopback], tmp_path: Path
) -> None:
    """Nbconvert's page, by the MathJax 2 that it loads."""
    there = pytest.importorskip("jupyter_server_mathjax")
    made = notebook(at(loopback(saying(SAID))), "%wcode a")
    NotebookClient(made, timeout=120).execute(env={**os.environ})
    (tmp_path / "MathJax").symlink_to(Path(there.__file__).parent / "static")
    url = "MathJax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe"
    exported, _resources = HTMLExporter(mathjax_url=url).from_notebook_node(made)
    (tmp_path / "money.html").write_text(exported, "utf-8")
    serve = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/money.html")
        formulas = page.locator(".jp-OutputArea script[type^='math/tex']")
        expect(formulas).to_have_count(len(FORMULAS), timeout=60_000)
        shown = page.locator(".jp-OutputArea").last.inner_text()
    finally:
        server.shutdown()
        server.server_close()
    for line in MONEY:
        assert line.replace("\\", "") in shown
