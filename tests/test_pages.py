"""What a cell prints beside an answer, in a real JupyterLab."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page

from tests.browser import Jupyter, Sheet, browser
from tests.loopback import Loopback, streamed

LOAD = "%load_ext wcode_magics"

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page of one browser."""
    with browser() as opened:
        yield opened.new_page(viewport={"width": 1000, "height": 5000})


def notebook(*cells: str) -> nbformat.NotebookNode:
    """A notebook of code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": kernel},
    )


def test_nothing_else_of_a_cell_is_cleared(tmp_path: Path, page: Page) -> None:
    """What is printed between two answers stays, in order, in a loop, by a widget."""
    long = [f"word{n} " + ("\n\n" if n % 12 == 11 else "") for n in range(600)]
    code = (
        "import ipywidgets\nfrom IPython.display import display\n"
        "for n in (1, 2):\n"
        "    print(f'before {n}')\n    %wcode hi\n"
        "    display(ipywidgets.HTML(f'widget {n}'))\nprint('end')"
    )
    with Loopback(streamed(*long)) as server:
        env = {"WCODE_BASE_URL": server.url}
        with Jupyter(tmp_path, env=env) as made:
            nbformat.write(notebook(LOAD, code), made.root / "o.ipynb")
            sheet = Sheet.open(page, made.url("o.ipynb"))
            sheet.run(0)
            sheet.run(1)
            page.wait_for_timeout(500)
            shown = sheet.output(1).inner_text()
    marks = [
        "before 1",
        "word599",
        "widget 1",
        "before 2",
        "word599",
        "widget 2",
        "end",
    ]
    at = 0
    for mark in marks:
        at = shown.index(mark, at) + len(mark)
    assert shown.count("word0 ") == 2
