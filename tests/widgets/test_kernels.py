"""The panel on other versions of ipykernel, whose threads differ.

``WCODE_TEST_KERNELS`` holds folders of virtual environments with the package's
dependencies, ipywidgets and one ipykernel each, parted by ``os.pathsep``.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.loopback import Answer, Loopback, event, streamed
from tests.widgets.driver import NEEDS_CHROMIUM, Desks, desks

PLACES = [*filter(None, os.environ.get("WCODE_TEST_KERNELS", "").split(os.pathsep))]
pytestmark = [
    pytest.mark.browser,
    NEEDS_CHROMIUM,
    pytest.mark.skipif(not PLACES, reason="WCODE_TEST_KERNELS names no environments"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """A JupyterLab that has all these kernels."""
    home = tmp_path_factory.mktemp("kernels")
    for place in PLACES:
        spec = home / "data" / "kernels" / Path(place).name / "kernel.json"
        spec.parent.mkdir(parents=True)
        python = str(Path(place) / "bin" / "python")
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        told = {"argv": argv, "display_name": spec.parent.name, "language": "python"}
        spec.write_text(json.dumps(told), "utf-8")
    with desks(home) as made:
        yield made


@pytest.mark.parametrize("place", PLACES)
def test_send_and_stop_both_live(
    lab: Desks, loopback: Callable[..., Loopback], place: str
) -> None:
    """While an answer streams rows move, Stop hangs up, and Send sends again."""
    words = [event({"content": f"w{n} "}) for n in range(1200)]
    endless = Answer(words, kind="text/event-stream", pause=0.05)
    server = loopback(endless, streamed("the end"))
    setup = f"%wcode_config base_url={server.url} retries=0"
    desk = lab.open(setup, "%wcode_panel", kernel=Path(place).name)
    desk.ask("hi")
    expect(desk.answer).to_contain_text("w5 ")
    desk.type("Temperature", "0.3")
    expect(desk.panel).to_contain_text("1 set")
    expect(desk.answer).to_contain_text("w30 ")
    desk.button("Stop").click()
    expect(desk.answer).to_contain_text("stopped")
    assert server.hung_up.wait(3)
    desk.button("Send").click()
    expect(desk.answer).to_contain_text("the end")
    assert server.seen[-1].body["temperature"] == 0.3
