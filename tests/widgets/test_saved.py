"""What a panel leaves behind: pictures that last, and never the key."""

import json
import os
from collections.abc import Callable, Iterator

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.loopback import Loopback, streamed
from tests.widgets.driver import LOAD, NEEDS_CHROMIUM, Desks, desks

KEY = "sk-canary-1357924680"
SAVES_STATE = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """A JupyterLab that saves the state of widgets, with a key in its kernels."""
    home = tmp_path_factory.mktemp("saved")
    with desks(home, env={"WCODE_API_KEY": KEY}, settings=SAVES_STATE) as made:
        yield made


@pytest.mark.browser
@NEEDS_CHROMIUM
def test_saved_state_holds_no_key(
    lab: Desks, loopback: Callable[..., Loopback]
) -> None:
    """Though all widgets are saved, the key is in no notebook and no checkpoint."""
    server = loopback(streamed("**Lasting** answer"))
    desk = lab.open(f"%wcode_config base_url={server.url}", "%wcode_panel")
    desk.ask("hi")
    expect(desk.picture).to_contain_text("Lasting answer")
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    desk.turn_to("Code")
    expect(desk.panel.locator(".wcode-source")).to_contain_text("%%wcode")
    desk.sheet.save()
    name = desk.page.url.rpartition("/")[2]
    desk.page.close()
    root = lab.jupyter.root
    saved = [path.read_text("utf-8") for path in root.rglob("*.ipynb")]
    assert len(saved) > 1
    assert "widgets" in json.loads((root / name).read_text("utf-8"))["metadata"]
    assert not any(KEY in text for text in saved)


def test_an_executed_notebook_holds_no_key(loopback: Callable[..., Loopback]) -> None:
    """Where nbclient keeps all widgets and nbconvert embeds them, no key is found."""
    server = loopback(streamed("hello"))
    cells = [LOAD, f"%wcode_config base_url={server.url}", "%wcode_panel -t 0 hi"]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells]
    )
    NotebookClient(notebook, timeout=60).execute(
        env={**os.environ, "WCODE_API_KEY": KEY}
    )
    page, _resources = HTMLExporter().from_notebook_node(notebook)
    assert notebook.metadata["widgets"]
    plain = [output["data"]["text/plain"] for output in notebook.cells[2]["outputs"]]
    assert "run this cell to open it" in plain[0]
    assert KEY not in nbformat.writes(notebook) + page
