"""The panel in a real JupyterLab: opening, Send to first text, frames while it streams.

The endpoint is a stub that sends 4,000 tokens, 100 a second; frames are those that the
browser draws.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.loopback import Answer, Loopback, event
from tests.widgets.driver import CHROMIUM, Desk, desks

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
        desk = made.open(setup, "%wcode_panel -t 0", "1")
        return [*_opening(desk), *_streaming(desk)]


def _opening(desk: Desk) -> Iterator[tuple[str, ...]]:
    """Messages and seconds of a second panel, with the modules loaded."""
    page, cell = desk.page, desk.sheet.cell(3)
    page.evaluate(_COUNT)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("%wcode_panel hi")
    begun = time.perf_counter()
    page.keyboard.press("Control+Enter")
    cell.locator(".wcode-panel[data-keys=ready]").wait_for()
    seconds = time.perf_counter() - begun
    count = page.evaluate("() => window.seen")
    yield ("comm messages on opening", f"{count}", "–", f"(≤ {MOST_MESSAGES})")
    yield ("opening the panel, s", f"{seconds:.2f}", "–", f"(≤ {OPEN_S})")


def _streaming(desk: Desk) -> Iterator[tuple[str, ...]]:
    """Seconds from the chord to the first text, and gaps between drawn frames."""
    page = desk.page
    desk.panel.get_by_label("Prompt").fill("hi")
    begun = time.perf_counter()
    page.keyboard.press("Control+Enter")
    desk.answer.get_by_text("word0 ").first.wait_for()
    first = time.perf_counter() - begun
    page.evaluate(_FRAMES)
    desk.answer.get_by_text(f"word{TOKENS - 1}").last.wait_for(timeout=120_000)
    gap = page.evaluate(_P95)
    yield ("Send to first text, s", f"{first:.2f}", "–", f"(≤ {FIRST_S})")
    named = f"frame gap p95, {TOKENS} tokens streaming, ms"
    yield (named, f"{gap:.0f}", "17", f"{gap / 17:.1f} (≤ {GAP_MS} ms)")
