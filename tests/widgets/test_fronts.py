"""The panel in Notebook 7, in the dark, on a narrow screen, by keyboard alone."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.loopback import Loopback, streamed
from tests.widgets.driver import NEEDS_CHROMIUM, Desks, desks

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """One Notebook 7 for the module, with the dark theme."""
    home = tmp_path_factory.mktemp("notebook7")
    with desks(home, front="notebook", dark=True) as made:
        yield made


def test_narrow_and_dark_in_notebook_7(
    notebook7: Desks, loopback: Callable[..., Loopback]
) -> None:
    """On a narrow screen the rows stand below, nothing sticks out, Send works."""
    server = loopback(streamed("**Dark** answer"))
    desk = notebook7.open(
        f"%wcode_config base_url={server.url}", "%wcode_panel -t 0 hi", width=700
    )
    left = desk.panel.locator(".wcode-left").bounding_box()
    right = desk.panel.locator(".wcode-right").bounding_box()
    assert left is not None
    assert right is not None
    assert right["y"] >= left["y"] + left["height"]
    assert desk.panel.evaluate("e => e.scrollWidth - e.clientWidth") <= 2
    desk.button("Send").click()
    expect(desk.answer).to_contain_text("Dark answer")
    desk.turn_to("Code")
    desk.button("Insert below").click()
    expect(desk.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(4)


def test_by_keyboard_alone(notebook7: Desks, loopback: Callable[..., Loopback]) -> None:
    """From the prompt, Tab and Space reach and press Send; typing adds no cells."""
    server = loopback(streamed("typed"))
    desk = notebook7.open(f"%wcode_config base_url={server.url}", "%wcode_panel")
    desk.panel.get_by_label("Prompt", exact=True).focus()
    keyboard = desk.page.keyboard
    keyboard.type("a b dd")
    for _ in range(20):
        keyboard.press("Tab")
        focused = desk.page.evaluate("document.activeElement.innerText")
        if focused.strip() == "Send":
            break
    keyboard.press("Space")
    expect(desk.answer).to_contain_text("typed")
    assert server.seen[0].body["messages"][0]["content"] == "a b dd"
    expect(desk.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(3)
