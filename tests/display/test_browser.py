"""The quickstart in a real JupyterLab in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser import Jupyter, Sheet, browser
from tests.logprobs.test_logprobs import token, view
from tests.loopback import Answer, Loopback, event, streamed
from wcode_magics.logprobs import heatmap

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ATTACK = (
    '<img src=x onerror="document.title=\'run\'"><script>document.title="run"</script>'
)
TOKEN = ".jp-OutputArea [title*='%']"
PAUSE_S = 0.05

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """An endpoint that a test can script anew."""
    with Loopback() as made:
        yield made


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """One JupyterLab for the module."""
    with Jupyter(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page of one browser for the module."""
    with browser() as opened:
        yield opened.new_page(viewport={"width": 1000, "height": 2600})


def write(lab: Jupyter, name: str, *cells: str) -> str:
    """A notebook of code cells under the server's root."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": kernel},
    )
    nbformat.write(notebook, lab.root / name)
    return name


def script(server: Loopback, answer: Answer) -> None:
    """Let the server answer everything with this from now on."""
    server.seen.clear()
    server.script[:] = [answer]


@pytest.mark.parametrize("name", ["quickstart.ipynb", "quickstart.zh-CN.ipynb"])
def test_the_quickstart_runs(lab: Jupyter, page: Page, name: str) -> None:
    """Run All shows every answer, the heat map and the footer."""
    shutil.copy(NOTEBOOKS / name, lab.root / name)
    sheet = Sheet.open(page, lab.url(name))
    sheet.run_all()
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for at, cell in enumerate(code):
        if cell.source.startswith("%%wcode") and "raises" not in str(cell.metadata):
            shown = re.compile("wcode-sandbox|POST http")
            expect(sheet.output(at), cell.source).to_contain_text(shown)
    assert page.locator(TOKEN).count() > 20


def test_it_streams_and_ends_as_one_output(
    lab: Jupyter, page: Page, server: Loopback
) -> None:
    """Text stands on the screen before the answer is whole; one output remains."""
    words = [f"word{n} " + ("\n\n" if n % 12 == 11 else "") for n in range(80)]
    script(server, streamed(*words, pause=PAUSE_S))
    config = f"%load_ext wcode_magics\n%wcode_config base_url={server.url}"
    sheet = Sheet.open(page, lab.url(write(lab, "s.ipynb", config, "%%wcode\nhi")))
    sheet.run(0)
    sheet.run(1, wait=False)
    page.wait_for_selector("text=word5")
    assert "word79" not in sheet.output(1).inner_text()
    sheet.wait(1)
    assert "word79" in sheet.output(1).inner_text()
    assert sheet.output(1).locator(".jp-OutputArea-child").count() == 1


def test_stop_in_the_middle(lab: Jupyter, page: Page, server: Loopback) -> None:
    """The stop command ends the cell; the text so far stays, with its badge."""
    pieces = [event({"content": f"w{n} "}) for n in range(2000)]
    script(server, Answer(pieces, kind="text/event-stream", pause=PAUSE_S))
    config = f"%load_ext wcode_magics\n%wcode_config base_url={server.url}"
    sheet = Sheet.open(page, lab.url(write(lab, "p.ipynb", config, "%%wcode\nhi")))
    sheet.run(0)
    sheet.run(1, wait=False)
    page.wait_for_selector("text=w9")
    sheet.command("notebook:interrupt-kernel")
    sheet.wait(1)
    shown = sheet.output(1).inner_text()
    assert "w9" in shown
    assert "stopped: the text so far is kept" in shown
    assert "Traceback" not in shown


def test_model_text_runs_nothing(lab: Jupyter, page: Page, server: Loopback) -> None:
    """A trusted notebook shows the attack as text."""
    script(server, streamed(ATTACK))
    config = f"%load_ext wcode_magics\n%wcode_config base_url={server.url}"
    cells = [f"%%wcode --format {form}\nhi" for form in ("markdown", "text", "code")]
    sheet = Sheet.open(page, lab.url(write(lab, "a.ipynb", config, *cells)))
    for at in range(len(cells) + 1):
        sheet.run(at)
    sheet.settle()
    assert page.title() != "run"
    assert "onerror" in sheet.output(1).inner_text()
    assert sheet.output(1).locator("img").count() == 0


def test_an_untrusted_notebook_still_shows_it(tmp_path: Path, page: Page) -> None:
    """The sanitiser leaves the answer, the tints, tokens that open, and the footer."""
    name = "quickstart.ipynb"
    with Jupyter(tmp_path) as stranger:
        shutil.copy(NOTEBOOKS / name, stranger.root / name)
        sheet = Sheet.open(page, stranger.url(name))
        shown = sheet.page.locator(".jp-Notebook").inner_text()
        assert "wcode-sandbox" in shown
        assert page.locator(TOKEN).count() > 20
        unsure = page.locator(".jp-OutputArea details[style] > summary")
        listed = page.locator(".jp-OutputArea details[style][open] > small")
        unsure.first.focus()
        page.keyboard.press("Enter")
        expect(listed).to_contain_text("%")
        unsure.first.click()
        expect(listed).to_have_count(0)


@pytest.mark.parametrize("size", [13, 14, 16])
def test_lines_of_tokens_stand_evenly(page: Page, size: int) -> None:
    """As high as without tints, whatever the underline, in Latin and Chinese."""
    heights = {}
    for shade in heatmap.STEPS:
        share = shade.low or 0.001
        lines = [token(f"{word}\n", share, ("x", 0.01)) for word in ("word", "词元")]
        shown = heatmap.html(view(*lines, *lines))
        page.set_content(f'<div style="font-size:{size}px">{shown}</div>')
        page.wait_for_selector("div > div > div")
        box = page.locator("div > div > div").first.bounding_box()
        assert box is not None
        heights[shade.low] = box["height"]
    assert max(heights.values()) - min(heights.values()) < 0.5, heights


@pytest.mark.parametrize("word", ["word", "词元"])
def test_an_opened_token_stays_in_its_line(page: Page, word: str) -> None:
    """Its alternatives are below it; its line and those above do not move."""
    words = [token(f" {word}", 0.3, (f" {word}", 0.3), ("x", 0.2))] * 3
    page.set_content(heatmap.html(view(*words, token(" sure", 0.99))))
    line = page.locator("summary[title], span[title]")
    before = [one.bounding_box() for one in line.all()]
    line.nth(1).click()
    expect(page.locator("details[open] > small")).to_be_visible()
    after = [one.bounding_box() for one in line.all()]
    assert len(after) == 4
    assert [box and box["y"] for box in after] == [box and box["y"] for box in before]


def test_a_switch_shows_the_answer_without_probabilities(
    lab: Jupyter, page: Page
) -> None:
    """It needs no script: one of the two is seen, never both."""
    ask = "%%wcode -l 5 --seed 3\nTell me a joke"
    name = write(lab, "switch.ipynb", "%load_ext wcode_magics", ask)
    sheet = Sheet.open(page, lab.url(name))
    sheet.run_all()
    switch = sheet.output(1).locator("details.wcode-untinted")
    tokens = sheet.output(1).locator("details.wcode-untinted + div")
    for opened in (False, True, False):
        expect(switch.locator("p")).to_be_visible(visible=opened)
        expect(tokens).to_be_visible(visible=not opened)
        switch.locator("summary").click()
