"""The panel in a real JupyterLab: opening, Send to first text, frames while it streams.

The endpoint is a stub that sends 4,000 tokens, 100 a second; frames are those that the
browser draws. Seconds begin when the page has nothing else to do, and end with what is
drawn. Their floors are those of one bare button: until it is there, and until its click
has come back from the kernel as text.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.bars import most
from tests.browser import CHROMIUM
from tests.loopback import Answer, Loopback, event
from tests.widgets.driver import Desk, desks

TOKENS, PER_SECOND = 4000, 100
MOST_MESSAGES, OPEN_S, FIRST_S, GAP_MS = 150, 0.5, 0.5, 30
_COUNT = """() => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  window.seen = 0;
  kernel.anyMessage.connect((_sender, { msg, direction }) => {
    const isComm = msg.header.msg_type.startsWith("comm_");
    if (direction === "recv" && isComm) window.seen += 1;
  });
}"""
_FRAMES = """() => {
  window.gaps = [];
  let last = performance.now();
  const next = (now) => { gaps.push(now - last); last = now; raf(next); };
  const raf = requestAnimationFrame;
  raf(next);
}"""
_IDLE = "() => new Promise(done => requestIdleCallback(done))"
_SHOWN = """([place, text]) =>
  [...document.querySelectorAll(place)].some(one => one.textContent.includes(text))"""
_READY = "count => document.querySelectorAll('.wcode-panel[data-keys]').length == count"
_BARE = """
from ipywidgets import HTML, Button, VBox
bare, told = Button(description="bare" + " button"), HTML()
bare.on_click(lambda _button: setattr(told, "value", "come" + " back"))
VBox([bare, told])
""".strip()
_P95 = "() => gaps.sort((a, b) => a - b)[Math.floor(0.95 * gaps.length)]"


def words() -> Iterator[bytes]:
    """The events of the stream."""
    for number in range(TOKENS):
        gap = "\n\n" if number % 80 == 79 else " "
        yield event({"content": f"word{number}{gap}"})


def main() -> list[tuple[str, ...]]:
    """Four rows, or one that says that there is no browser."""
    if CHROMIUM is None:
        return [("the panel", "no chromium here", "–", "–")]
    slow = Answer([*words()], kind="text/event-stream", pause=1 / PER_SECOND)
    with (
        tempfile.TemporaryDirectory() as home,
        Loopback(slow) as server,
        desks(Path(home)) as made,
    ):
        setup = f"%wcode_config base_url={server.url} retries=0"
        desk = made.open(setup, "%wcode_panel -t 0", "1", _BARE)
        return [*_opening(desk), *_streaming(desk)]


def _seconds(desk: Desk, begin: Callable[[], None], page_is: str, told: Any) -> float:
    """Return the seconds from an action until the page is so."""
    desk.page.evaluate(_IDLE)
    begun = time.perf_counter()
    begin()
    desk.page.wait_for_function(page_is, arg=told)
    return time.perf_counter() - begun


def _opening(desk: Desk) -> Iterator[tuple[str, ...]]:
    """Messages and seconds of a second panel, with the modules loaded."""
    page, sheet = desk.page, desk.sheet
    sheet.cell(4).locator(".cm-content").click()
    run = partial(page.keyboard.press, "Control+Enter")
    floor = _seconds(desk, run, _SHOWN, [".jupyter-button", "bare button"])
    sheet.cell(3).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("%wcode_panel hi")
    page.evaluate(_COUNT)
    seconds = _seconds(desk, run, _READY, 2)
    count = page.evaluate("() => window.seen")
    yield ("comm messages on opening", f"{count}", "–", most(count, MOST_MESSAGES))
    yield _row("opening the panel, s", seconds, floor, OPEN_S)


def _row(name: str, seconds: float, floor: float, bound: float) -> tuple[str, ...]:
    ratio = f"{seconds / floor:.1f}; {most(seconds, bound, ' s')}"
    return (name, f"{seconds:.2f}", f"{floor:.2f}", ratio)


def _streaming(desk: Desk) -> Iterator[tuple[str, ...]]:
    """Seconds from the chord to the first text, and gaps between drawn frames."""
    page = desk.page
    bare = page.get_by_role("button", name="bare button")
    floor = _seconds(desk, bare.click, _SHOWN, [".widget-html", "come back"])
    desk.panel.get_by_label("Prompt", exact=True).fill("hi")
    send = partial(page.keyboard.press, "Control+Enter")
    first = _seconds(desk, send, _SHOWN, [".wcode-stream", "word0 "])
    page.evaluate(_FRAMES)
    desk.answer.get_by_text(f"word{TOKENS - 1}").last.wait_for(timeout=120_000)
    gap = page.evaluate(_P95)
    yield _row("Send to first text, s", first, floor, FIRST_S)
    named = f"frame gap p95, {TOKENS} tokens streaming, ms"
    yield (named, f"{gap:.0f}", "17", f"{gap / 17:.1f}; {most(gap, GAP_MS, ' ms')}")
