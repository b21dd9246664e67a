"""Record the moving pictures of the READMEs: ``python -m tests.film``.

A real JupyterLab in a real browser. The sandbox answers, slowed down to the pace of a
hosted model, since it writes faster than anybody reads.
"""

import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import nbformat
from PIL import Image
from playwright.sync_api import Page

from tests.browser import Jupyter, Sheet, browser
from tests.loopback import Answer, Loopback, Seen
from wcode_magics.sandbox import Sandbox

PICTURES = Path(__file__).parents[1] / "notebooks" / "pictures"
SIZE = {"width": 860, "height": 560}
SHOWN = {"x": 36, "y": 88, "width": 788, "height": 444}
"""The notebook without what is around it."""
TOKEN_S, ROW_S, FRAME_S = 0.045, 0.35, 0.1
SPEED = 1.6  # it is shown faster than it was recorded
MOST = 1_500_000
LOAD = "%load_ext wcode_magics"
ASK = {
    "en": "%%wcode -l 5 -t 1.4 --seed 3\nTell me a joke",
    "zh": "%%wcode -l 5 -t 1.2 --seed 1\n讲个笑话",
}
TABLE = """
reviews.wcode.ask(
    "{prompt}{{{{ review }}}}", into="mood", temperature=0
)[["review", "mood"]]
""".strip()
PROMPTS = {"en": "Positive or negative? ", "zh": "正面还是负面？"}
REVIEWS = {
    "en": ["I loved every minute", "A waste of two hours", "Great music, poor story"],
    "zh": ["每一分钟都很喜欢", "浪费了两个小时", "今年最好的一部"],
}
HIDDEN = """
import pandas as pd
reviews = pd.DataFrame({{"review": {reviews!r}}})
"""


class Film:
    """Frames of a page, each with the time that it stays."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._times: list[float] = []

    def shoot(self, seconds: float = FRAME_S) -> None:
        """Take a frame that stays for some seconds."""
        frame = Image.open(io.BytesIO(self._page.screenshot(clip=SHOWN))).convert("RGB")
        if self._frames and frame.tobytes() == self._frames[-1].tobytes():
            self._times[-1] += seconds
            return
        self._frames.append(frame)
        self._times.append(seconds)

    def type(self, text: str) -> None:
        """Type a text, a frame for every few letters."""
        step = 5 if text.isascii() else 3
        for at in range(0, len(text), step):
            self._page.keyboard.insert_text(text[at : at + step])
            self.shoot()

    def follow(self, sheet: Sheet, at: int, most: float = 15) -> None:
        """Take frames at their own pace until a cell has ended."""
        prompt, end = sheet.cell(at).locator(".jp-InputPrompt"), time.monotonic() + most
        while time.monotonic() < end:
            begun = time.monotonic()
            running = "*" in prompt.inner_text()
            self.shoot(0.0)
            time.sleep(max(0.0, FRAME_S - (time.monotonic() - begun)))
            self._times[-1] += time.monotonic() - begun
            if not running:
                break
        sheet.wait(at)

    def save(self, path: Path) -> None:
        """Write an animated WebP that repeats.

        Raises:
            ValueError: it is larger than :data:`MOST`.
        """
        first, *rest = self._frames
        first.save(
            path,
            save_all=True,
            append_images=rest,
            duration=[round(1000 * seconds / SPEED) for seconds in self._times],
            loop=0,
            lossless=True,
        )
        size, seconds = path.stat().st_size, sum(self._times) / SPEED
        print(f"{path.name}: {size / 1e6:.2f} MB, {seconds:.1f} s")
        if size > MOST:
            raise ValueError(path)


@contextmanager
def slowed() -> Iterator[Loopback]:
    """The sandbox at the pace of a hosted model."""
    with Sandbox() as sandbox:

        def answer(seen: Seen) -> Answer:
            url = sandbox.base_url.removesuffix("/v1") + seen.path
            sent = httpx.request(seen.method, url, content=seen.content)
            if not sent.headers["content-type"].startswith("text/event-stream"):
                return Answer([sent.content], sent.status_code, delay=ROW_S)
            events = [event + b"\n\n" for event in sent.content.split(b"\n\n") if event]
            return Answer(
                events, kind="text/event-stream", pause=TOKEN_S, delay=4 * ROW_S
            )

        with Loopback(answer) as server:
            yield server


def record(lab: Jupyter, page: Page, language: str) -> None:
    """Record one language's picture."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells: list[Any] = [nbformat.v4.new_code_cell() for _ in range(2)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    name = f"film.{language}.ipynb"
    nbformat.write(notebook, lab.root / name)
    sheet, film = Sheet.open(page, lab.url(name)), Film(page)
    hidden = HIDDEN.format(reviews=REVIEWS[language])
    _run(page, f"{hidden}\n{LOAD}")
    page.add_style_tag(content=".jp-Toolbar, .jp-Notebook-footer { display: none }")

    _edit(sheet, 0)
    film.shoot(0.5)
    film.type(ASK[language])
    film.shoot(0.5)
    page.keyboard.press("Control+Enter")
    film.follow(sheet, 0)
    sheet.settle()
    film.shoot(1.0)
    unsure = sheet.output(0).locator("details summary[title]").first
    box = unsure.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    film.shoot(0.4)
    unsure.click()
    film.shoot(1.8)
    unsure.click()
    sheet.cell(1).scroll_into_view_if_needed()
    _edit(sheet, 1)
    film.type(TABLE.format(prompt=PROMPTS[language]))
    film.shoot(0.3)
    page.keyboard.press("Control+Enter")
    film.follow(sheet, 1)
    sheet.output(1).scroll_into_view_if_needed()
    sheet.settle()
    film.shoot(3.0)
    tail = "" if language == "en" else ".zh-CN"
    film.save(PICTURES / f"wcode{tail}.webp")


def _edit(sheet: Sheet, at: int) -> None:
    sheet.cell(at).locator(".cm-content").click()


def _run(page: Page, code: str) -> None:
    """Run code in the notebook's kernel without a cell."""
    page.evaluate(
        """async code => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext;
          await kernel.session.kernel.requestExecute({code, silent: true}).done;
        }""",
        code,
    )


def main() -> None:
    """Record both."""
    settings = {
        "@jupyterlab/notebook-extension:tracker": {
            "codeCellConfig": {"autoClosingBrackets": False, "lineNumbers": False},
        },
        "@jupyterlab/completer-extension:manager": {"autoCompletion": False},
    }
    with slowed() as server, browser() as opened:
        for language in ASK:
            env = {"WCODE_BASE_URL": server.url, "WCODE_LANGUAGE": language}
            with (
                tempfile.TemporaryDirectory() as home,
                Jupyter(Path(home), env=env, settings=settings) as lab,
            ):
                page = opened.new_page(viewport=SIZE)
                record(lab, page, language)
                page.close()


if __name__ == "__main__":
    main()
