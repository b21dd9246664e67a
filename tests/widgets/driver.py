"""A panel in a real browser: what a person does with it."""

import json
import re
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import CHROMIUM, Front, Jupyter, Sheet, browser

ROOT = Path(__file__).parents[2]
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here: apt install chromium"
)
LOAD = "%load_ext wcode_magics"


class Desk:
    """A panel that a cell of a notebook opened."""

    def __init__(self, sheet: Sheet, at: int) -> None:
        self.sheet = sheet
        self.page = sheet.page
        self.cell = sheet.cell(at)
        self.panel = self.cell.locator(".wcode-panel")
        expect(self.panel.locator(".wcode-go:visible")).to_be_visible()
        expect(self.panel).to_have_attribute("data-keys", "ready")

    def button(self, *names: str) -> Locator:
        """The button with one of these names."""
        exactly = re.compile(rf"^\s*(?:{'|'.join(names)})\s*$")
        return self.panel.locator("button.jupyter-button:visible").filter(
            has_text=exactly
        )

    def ask(self, prompt: str) -> None:
        """Write a prompt and send it."""
        self.panel.get_by_label("Prompt", exact=True).fill(prompt)
        self.button("Send").click()

    def row(self, label: str) -> Locator:
        """The row of a parameter."""
        tick = self.page.get_by_role("checkbox", name=label, exact=True)
        return self.panel.locator(".wcode-knob").filter(has=tick)

    def type(self, label: str, value: str) -> None:
        """Type a number into a row, and leave it."""
        field = self.row(label).locator("input[type=number]")
        field.fill(value)
        field.press("Tab")

    def unfold(self, group: str) -> None:
        """Open a group of rows."""
        self.panel.locator(".wcode-fold", has_text=group).click()

    def turn_to(self, page: str) -> None:
        """Open a page of the panel."""
        self.panel.locator(".wcode-pages button", has_text=page).click()

    def switch(self, name: str) -> None:
        """Press one of the switches beside the buttons."""
        self.panel.locator(".wcode-bar .wcode-switch", has_text=name).click()

    @property
    def picture(self) -> Locator:
        """The plain output below the panel."""
        return self.cell.locator(".wcode-picture")

    @property
    def answer(self) -> Locator:
        """The place of the answer, while it streams and after."""
        return self.panel.locator(".wcode-answer")

    @property
    def ended(self) -> Locator:
        """The place of the answer, once it has ended."""
        return self.panel.locator(".wcode-answer:not(.wcode-growing, .wcode-blank)")


class Desks:
    """Opens panels in one server and one browser."""

    def __init__(self, jupyter: Jupyter, opened: Browser, front: Front) -> None:
        self.jupyter = jupyter
        self._browser = opened
        self._front = front
        self._count = 0

    def open(
        self,
        *cells: str,
        width: int = 1400,
        height: int = 1000,
        kernel: str = "python3",
    ) -> Desk:
        """A new notebook with these cells, all run; its last panel."""
        sources = [LOAD, *cells]
        sheet = self.sheet(*sources, page=self.new_page(width, height), kernel=kernel)
        for at, source in enumerate(sources):
            sheet.run(at)
            if "panel" in source:
                desk = Desk(sheet, at)
        return desk

    def sheet(
        self, *cells: str, page: Page | None = None, kernel: str = "python3"
    ) -> Sheet:
        """A new notebook with these cells, none run yet."""
        self._count += 1
        name = f"{self._count}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": kernel, "display_name": kernel}},
        )
        nbformat.write(notebook, self.jupyter.root / name)
        return Sheet.open(page or self.new_page(), self.jupyter.url(name))

    def new_page(self, width: int = 1400, height: int = 1000) -> Page:
        """A page of a window of its own."""
        size = {"width": width, "height": height}
        page = self._browser.new_context(viewport=size).new_page()  # type: ignore[arg-type]
        page.set_default_timeout(30_000)
        return page

    def forget_kernels(self) -> None:
        """End all kernels, as a server that was started anew has none."""
        port = self.jupyter.port
        listed = f"http://127.0.0.1:{port}/api/sessions"
        with urllib.request.urlopen(listed) as answer:
            sessions = json.load(answer)
        for session in sessions:
            ask = urllib.request.Request(f"{listed}/{session['id']}", method="DELETE")
            urllib.request.urlopen(ask).close()


@contextmanager
def desks(
    home: Path,
    *,
    front: Front = "lab",
    env: Mapping[str, str] | None = None,
    **more: Any,
) -> Iterator[Desks]:
    """One server and one browser; ``more`` goes to :class:`Jupyter`."""
    env = {"PYTHONPATH": str(ROOT), **(env or {})}
    with Jupyter(home, front=front, env=env, **more) as made, browser() as opened:
        yield Desks(made, opened, front)
