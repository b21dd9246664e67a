"""What a person's hand does: few keys and clicks, no jumps, names for every reader."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.loopback import Answer, Loopback, event, streamed
from tests.widgets.driver import NEEDS_CHROMIUM, Desk, Desks, desks

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
PLACE = """place => {
  const box = [...place.querySelectorAll("p")].find(one => one.offsetParent)
    .getBoundingClientRect();
  return [box.x, box.y];
}"""
"""Where the first paragraph that is seen begins, in pixels."""
FRAME = """
import pandas as pd
df = pd.DataFrame({"review": ["I loved it", "A waste of time"]})
""".strip()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """One JupyterLab for the module."""
    with desks(tmp_path_factory.mktemp("hand")) as made:
        yield made


class Hand:
    """Keys pressed and places clicked in a panel; typing a text is not counted."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.count = 0

    def click(self, place: Locator) -> None:
        """Click once."""
        place.click()
        self.count += 1

    def press(self, keys: str) -> None:
        """Press a key or a chord."""
        self.desk.page.keyboard.press(keys)
        self.count += 1

    def choose(self, place: Locator, option: str) -> None:
        """Choose from a menu."""
        place.select_option(option)
        self.count += 1

    def spent(self) -> int:
        """The count since this was asked last."""
        count, self.count = self.count, 0
        return count


TASKS = {
    "send": 1,
    "send with another temperature": 2,
    "reset a parameter": 1,
    "ask with probabilities": 2,
    "see the alternatives of a token": 1,
    "go on from one": 1,
    "answer in a conversation": 2,
    "change a turn and send it again": 2,
    "compare two temperatures": 3,
    "ask about each row of a table": 3,
    "see the request as a program": 2,
}
"""Keys and clicks of each task."""


def test_common_tasks_take_few_keys(lab: Desks) -> None:
    """Each is done with real keys and clicks, in exactly as many as are stated."""
    desk = lab.open(FRAME, "%wcode_panel --seed 3 Tell me a joke")
    hand = Hand(desk)
    counts = [*asking(hand), *reading(hand), *talking(hand), *paging(hand)]
    assert dict(zip(TASKS, counts, strict=True)) == TASKS


def asking(hand: Hand) -> Iterator[int]:
    """Send, change a value, take it back."""
    desk = hand.desk
    desk.panel.get_by_label("Prompt", exact=True).focus()
    hand.press("Control+Enter")
    expect(desk.ended).to_be_visible()
    yield hand.spent()
    row = desk.row("Temperature")
    hand.click(row.locator("input[type=number]"))
    row.locator("input[type=number]").fill("1.5")
    hand.press("Control+Enter")
    expect(row).to_contain_text("reset")
    yield hand.spent()
    hand.click(row.get_by_role("button"))
    expect(row).to_contain_text("not sent")
    yield hand.spent()


def reading(hand: Hand) -> Iterator[int]:
    """Ask for probabilities, open a token, go on from an alternative."""
    panel = hand.desk.panel
    tokens = panel.locator(".wcode-tokens > span")
    hand.click(panel.locator(".wcode-bar .wcode-switch", has_text="Probabilities"))
    hand.press("Control+Enter")
    expect(tokens.first).to_be_visible()
    yield hand.spent()
    hand.click(tokens.nth(1))
    choice = panel.locator("button.wcode-choice").first
    expect(choice).to_be_visible()
    yield hand.spent()
    hand.click(choice)
    expect(panel.locator(".wcode-popover")).not_to_be_visible()
    yield hand.spent()


def talking(hand: Hand) -> Iterator[int]:
    """Begin a conversation with the answer, then change its first turn."""
    desk, panel = hand.desk, hand.desk.panel
    prompt, turns = (
        panel.get_by_label("Prompt", exact=True),
        panel.locator(".wcode-turn"),
    )
    expect(desk.ended).to_be_visible()
    hand.click(panel.locator(".wcode-bar .wcode-switch", has_text="Conversation"))
    expect(prompt).to_have_value("")
    prompt.fill("Another one")
    hand.press("Control+Enter")
    expect(turns).to_have_count(3)
    expect(desk.button("Stop")).to_be_disabled()
    expect(desk.ended).to_be_visible()
    yield hand.spent()
    hand.click(turns.nth(0).get_by_title("Edit"))
    turns.nth(0).get_by_label("Edited turn").fill("Tell me a story")
    hand.click(turns.nth(0).get_by_title("Send from here"))
    expect(turns).to_have_count(1)
    expect(desk.ended).to_be_visible()
    yield hand.spent()
    desk.switch("Conversation")
    expect(panel.locator(".wcode-bar ~ .wcode-answer")).to_have_count(1)


def paging(hand: Hand) -> Iterator[int]:
    """Compare, run a table, see code."""
    desk, panel = hand.desk, hand.desk.panel
    pages, prompt = (
        panel.locator(".wcode-pages button"),
        panel.get_by_label("Prompt", exact=True),
    )
    prompt.fill("Tell me a joke")
    hand.click(pages.filter(has_text="Compare"))
    hand.choose(panel.get_by_label("Vary …", exact=True), "Temperature")
    panel.get_by_label("Values, e.g.").first.fill("0, 1.5")
    hand.press("Control+Enter")
    expect(panel).to_contain_text("2 runs gave")
    yield hand.spent()
    prompt.fill("Classify:")
    hand.click(pages.filter(has_text="Table"))
    hand.click(desk.button("\\+ review"))
    expect(panel).to_contain_text("Classify: I loved it")
    hand.press("Control+Enter")
    expect(panel).to_contain_text("The result is bound to df_answer")
    yield hand.spent()
    hand.click(pages.filter(has_text="Code"))
    hand.choose(panel.get_by_label("Language", exact=True), "Go · net/http")
    expect(panel.locator(".wcode-source")).to_contain_text("Classify: I loved it")
    yield hand.spent()


TWO_LINES, MOST_EMPTY = 34, 30  # pixels


def test_help_stands_above_the_rows(lab: Desks) -> None:
    """What a parameter does is read in one place, over no row, also from the keyboard.

    A row that is reached from the keyboard shows its own, until the mouse points.
    """
    desk = lab.open("%wcode_panel")
    hint = desk.panel.locator(".wcode-hint")
    last = desk.row("Log probabilities")
    for reach in (last.hover, last.get_by_role("checkbox").focus):
        reach()
        shown = last.locator(".wcode-help")
        expect(shown).to_be_visible()
        place, room = shown.bounding_box(), hint.bounding_box()
        assert place is not None
        assert room is not None
        assert abs(place["y"] - room["y"]) <= 2
        assert room["height"] <= TWO_LINES
        assert place["height"] == pytest.approx(room["height"], abs=1)


@pytest.mark.parametrize("width", [1400, 600])
def test_nothing_moves_when_an_answer_ends(
    lab: Desks, loopback: Callable[..., Loopback], width: int
) -> None:
    """The text stands where it streamed; Esc stops; other inputs mark it as old."""
    words = [event({"content": f"word{n} "}) for n in range(400)]
    slow = Answer(words, kind="text/event-stream", pause=0.05)
    server = loopback(slow)
    setup = f"%wcode_config base_url={server.url} retries=0"
    desk = lab.open(setup, "%wcode_panel", width=width)
    desk.panel.get_by_label("Prompt", exact=True).fill("hi")
    desk.page.keyboard.press("Control+Enter")
    first = desk.answer.locator("p:visible").first
    expect(first).to_contain_text("word20 ")
    expect(desk.answer.locator(".wcode-foot")).to_contain_text("so far")
    before, below = desk.answer.evaluate(PLACE), desk.button("Send").bounding_box()
    desk.page.keyboard.press("Escape")
    expect(desk.ended).to_contain_text("stopped")
    assert server.hung_up.wait(3)
    assert desk.answer.evaluate(PLACE) == before
    assert desk.button("Send").bounding_box() == below
    expect(desk.picture).to_contain_text("word5 ")
    expect(desk.picture).not_to_be_visible()
    expect(desk.panel.locator(".wcode-stale")).to_have_count(0)
    desk.panel.get_by_label("Prompt", exact=True).fill("something else")
    expect(desk.panel).to_contain_text("The inputs have changed since this answer.")
    desk.panel.get_by_label("Prompt", exact=True).fill("hi")
    expect(desk.panel.locator(".wcode-stale")).to_have_count(0)


def test_names_and_contrast_for_every_reader(
    lab: Desks, loopback: Callable[..., Loopback]
) -> None:
    """Axe finds nothing wrong, on any page, in any theme; groups open by keyboard."""
    server = loopback(streamed("good"))
    setup = f"{FRAME}\n%wcode_config base_url={server.url}"
    desk = lab.open(setup, "%wcode_panel -t 0 Judge {{ review }}", height=1600)
    for group in desk.panel.locator(".wcode-fold").all():
        group.focus()
        desk.page.keyboard.press("Space")
        expect(group).to_have_attribute("aria-expanded", "true")
    expect(desk.row("Parallel tool calls")).to_be_visible()
    found = []
    for theme in THEMES:
        desk.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})",
            theme,
        )
        attribute = f"body[data-jp-theme-name='{theme}']"
        expect(desk.page.locator(attribute)).to_be_attached()
        for page in ("Table", "Compare", "Code", "Ask"):
            desk.turn_to(page)
            if page == "Ask":
                expect(desk.button("Send")).to_be_visible()
                desk.page.keyboard.press("Control+Enter")
                expect(desk.ended).to_be_visible()
            desk.sheet.settle()
            told = Axe().run(desk.page, context=".wcode-panel").response
            found += [
                (theme, page, one["id"], node["html"][:200])
                for one in told["violations"]
                for node in one["nodes"]
            ]
    assert found == []


EMPTY_SPACE = """left => {
  const lines = [...left.querySelectorAll(".wcode-bar button, .wcode-status div div")]
    .filter(one => one.checkVisibility());
  const last = Math.max(...lines.map(one => one.getBoundingClientRect().bottom));
  const next = left.parentElement.querySelector(".wcode-right");
  return next.getBoundingClientRect().top - last;
}"""
"""Pixels between the last line that is seen and what stands below it."""


def test_a_narrow_panel_keeps_no_room_for_what_is_not_there(lab: Desks) -> None:
    """Before the first answer, the parameters follow the buttons and their line."""
    desk = lab.open("%wcode_panel", width=600)
    left = desk.panel.locator(".wcode-left")
    expect(desk.panel).to_contain_text("Write a prompt.")
    for page in ("Compare", "Ask"):
        desk.turn_to(page)
        assert left.evaluate(EMPTY_SPACE) < MOST_EMPTY
    desk.switch("Conversation")
    system, prompt = (
        desk.panel.get_by_label(name, exact=True).bounding_box()
        for name in ("System", "Prompt")
    )
    assert system is not None
    assert prompt is not None
    assert prompt["y"] - system["y"] - system["height"] < MOST_EMPTY


@pytest.mark.parametrize("width", [1400, 600])
def test_code_takes_the_width_there_is(lab: Desks, width: int) -> None:
    """The buttons stand in one line above it; no word is broken that fits a line."""
    desk = lab.open("%wcode_panel -t 0 hello", width=width)
    desk.turn_to("Code")
    desk.panel.get_by_label("Language", exact=True).select_option("Go · net/http")
    source = desk.panel.locator(".wcode-source pre")
    expect(source).to_contain_text("package main")
    expect(source).to_have_css("word-break", "normal")
    code, bar = (
        place.bounding_box()
        for place in (source, desk.panel.locator(".wcode-code > .widget-hbox"))
    )
    assert code is not None
    assert bar is not None
    assert code["width"] == pytest.approx(bar["width"], abs=8)
    insert, copy = (
        desk.button(name).bounding_box() for name in ("Insert below", "Copy")
    )
    assert insert is not None
    assert copy is not None
    assert copy["y"] == pytest.approx(insert["y"], abs=1)
    assert copy["height"] == pytest.approx(insert["height"], abs=1)
