"""The panel in the classic Notebook with ipywidgets 7: the row of Colab has them."""

from collections.abc import Callable, Iterator
from importlib.metadata import version

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import Jupyter, browser
from tests.loopback import Loopback, streamed
from tests.widgets.driver import LOAD, NEEDS_CHROMIUM, ROOT, Desk
from wcode_magics.text import say
from wcode_magics.widgets.panel import PAGES

pytestmark = [
    NEEDS_CHROMIUM,
    pytest.mark.skipif(int(version("notebook").split(".")[0]) > 6, reason="Notebook 7"),
]
_READY = """() => {
  const kernel = window.Jupyter?.notebook?.kernel;
  return kernel?.is_connected() && "jupyter.widget" in kernel.comm_manager.targets;
}"""
"""The kernel is there, and the extension that draws its widgets."""


class Classic:
    """A notebook that is open in the classic front end."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def cell(self, at: int) -> Locator:
        """The code cell at a place."""
        return self.page.locator("#notebook .code_cell").nth(at)


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """One server for the module."""
    home = tmp_path_factory.mktemp("classic")
    with Jupyter(home, front="classic", env={"PYTHONPATH": str(ROOT)}) as made:
        yield made


@pytest.fixture
def desk(classic: Jupyter, loopback: Callable[..., Loopback]) -> Iterator[Desk]:
    """A panel whose prompts are answered."""
    server = loopback(streamed("**Classic** answer"))
    cells = [LOAD, f"%wcode_config base_url={server.url}", "%wcode_panel"]
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "python3"}},
    )
    nbformat.write(made, classic.root / "panel.ipynb")
    with browser() as opened:
        page = opened.new_page()
        page.goto(classic.url("panel.ipynb"))
        page.wait_for_function(_READY, timeout=60_000)
        # on opening, the page asks the kernel for its widgets; a reader waits as long
        page.evaluate("Jupyter.notebook.execute_cells([0, 1])")
        expect(page.locator("#notebook .code_cell").nth(1)).to_contain_text("session")
        page.evaluate("Jupyter.notebook.execute_cells([2])")
        yield Desk(Classic(page), len(cells) - 1)  # type: ignore[arg-type]


def test_pages_and_groups_open(desk: Desk) -> None:
    """Pages and groups are built when they are opened, in ipywidgets 7 too."""
    pages = desk.panel.locator(".wcode-pages button")
    expect(pages).to_have_text([say(f"panel.{page.name}") for page in PAGES])
    desk.unfold("Length and end")
    expect(desk.row("Stop").locator("textarea")).to_be_visible()
    desk.turn_to("Code")
    expect(desk.panel.locator(".wcode-source")).to_contain_text("%%wcode")


def test_send(desk: Desk) -> None:
    """A prompt is sent; its answer stays in the panel, and the copy is hidden."""
    desk.ask("hi")
    expect(desk.ended).to_contain_text("Classic answer")
    expect(desk.picture).to_contain_text("Classic answer")
    expect(desk.picture).not_to_be_visible()
