"""The panel in a real JupyterLab."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import Sheet
from tests.loopback import Answer, Loopback, completion, event, streamed
from tests.widgets.driver import NEEDS_CHROMIUM, Desks, desks

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


EDGES = """left => {
  const edge = (side, selector) => [...left.querySelectorAll(selector)]
    .filter(one => one.checkVisibility())
    .map(one => one.getBoundingClientRect()[side]);
  const texts = ".wcode-field textarea", menu = ".wcode-fields > .widget-dropdown";
  const names = ".wcode-halves > ", column = ".wcode-chips button, .wcode-filled";
  return {
    left: edge("left", `${texts}, .wcode-fields select, ${column},
      ${names} :first-child input`),
    right: edge("right", `${texts}, ${menu} select, ${names} :last-child input`),
  };
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """One JupyterLab for the module."""
    with desks(tmp_path_factory.mktemp("lab")) as made:
        yield made


Serve = Callable[..., Loopback]


def endless() -> Answer:
    """A stream of words that takes a minute."""
    pieces = [event({"content": f"w{n} "}) for n in range(1200)]
    return Answer(pieces, kind="text/event-stream", pause=0.05)


def points(server: Loopback) -> str:
    """The line that makes a server the notebook's endpoint."""
    return f"%wcode_config base_url={server.url} retries=0"


def refused(message: str) -> Answer:
    """A refusal of the request as it is."""
    return Answer([f'{{"error":{{"message":"{message}"}}}}'.encode()], 400)


def sent(server: Loopback) -> Any:
    """The last request's body, without what every one has."""
    common = ("stream", "stream_options", "messages", "model")
    return {k: v for k, v in server.seen[-1].body.items() if k not in common}


def test_only_what_was_touched_is_sent(lab: Desks, loopback: Serve) -> None:
    """Typed, slid, ticked and chosen values arrive; all others stay away."""
    server = loopback(streamed("**Bold** ", "answer"), streamed("the second"))
    desk = lab.open(points(server), "%wcode_panel")
    desk.ask("hi")
    expect(desk.answer).to_contain_text("Bold answer")
    assert sent(server) == {}
    desk.type("Temperature", "0.3")
    slider = desk.row("Top-P").get_by_role("slider")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    desk.row("Max tokens").get_by_role("checkbox").check()
    desk.type("Top-K", "7")
    desk.row("Top-K").get_by_role("button").click()
    desk.unfold("Length and end")
    strings = desk.row("Stop").locator("textarea")
    strings.fill("END\n\\n")
    strings.press("Tab")
    expect(desk.panel).to_contain_text("4 set")
    desk.button("Send").click()
    expect(desk.answer).to_contain_text("the second")
    assert sent(server) == {
        "temperature": 0.3,
        "top_p": 0.97,
        "max_tokens": 512,
        "stop": ["END", "\n"],
    }


def test_stop_in_the_middle(lab: Desks, loopback: Serve) -> None:
    """The answer grows, Stop hangs up at once, and what came is kept and bound."""
    server = loopback(endless())
    desk = lab.open(points(server), "%wcode_panel", "1")
    desk.ask("hi")
    expect(desk.answer).to_contain_text("w5 ")
    desk.button("Stop").click()
    expect(desk.answer).to_contain_text("stopped")
    assert server.hung_up.wait(3)
    expect(desk.button("Stop")).to_be_disabled()
    desk.sheet.cell(3).locator(".cm-content").click()
    desk.page.keyboard.type(" + (len(_wcode.text) > 10)")
    desk.sheet.run(3)
    expect(desk.sheet.output(3)).to_contain_text("2")


def test_errors_show_in_the_panel(lab: Desks, loopback: Serve) -> None:
    """A refusal names the parameter; it is marked, taken out, and offered again."""
    server = loopback(refused("top_k is not supported"), streamed("fine"))
    desk = lab.open(points(server), "%wcode_panel --top-k 5 hello")
    desk.button("Send").click()
    expect(desk.panel.get_by_role("alert")).to_contain_text("top_k is not supported")
    expect(desk.row("Top-K")).to_contain_text("refused")
    desk.button("Send").click()
    expect(desk.answer).to_contain_text("fine")
    expect(desk.panel.get_by_role("alert")).to_have_count(0)
    assert (server.seen[0].body["top_k"], "top_k" in sent(server)) == (5, False)


def test_two_panels_do_not_disturb_each_other(lab: Desks, loopback: Serve) -> None:
    """While one streams, the other sends something else and is answered."""
    server = loopback(endless(), streamed("second"))
    desk = lab.open(points(server), "%wcode_panel -t 1", "%wcode_panel -t 0")
    first, second = type(desk)(desk.sheet, 2), desk
    first.ask("one")
    expect(first.answer).to_contain_text("w5 ")
    second.ask("two")
    expect(second.answer).to_contain_text("second")
    assert sent(server) == {"temperature": 0}
    expect(first.answer).to_contain_text("w20 ")
    first.panel.get_by_title("Close the panel").click()
    assert server.hung_up.wait(3)
    expect(first.panel).to_have_count(0)


def test_the_language_changes_in_place(lab: Desks) -> None:
    """Labels change and the line below the answer; what was set stays."""
    desk = lab.open("%wcode_panel -t 0.5 你好")
    desk.panel.get_by_label("Language of the interface").select_option("中文")
    expect(desk.button("发送")).to_be_visible()
    expect(desk.panel.get_by_label("提示", exact=True)).to_have_value("你好")
    expect(desk.row("温度").locator("input[type=number]")).to_have_value("0.5")
    desk.button("发送").click()
    expect(desk.ended).to_contain_text("沙盒")


def test_presets_and_profiles(lab: Desks, loopback: Serve) -> None:
    """A preset sets its rows; what is saved is a profile of ``--profile`` too."""
    server = loopback(streamed("fine"))
    desk = lab.open(points(server), "%wcode_panel --top-k 3 hi", "1")
    menu = desk.panel.get_by_label("Presets", exact=True)
    menu.select_option("lively")
    field = desk.row("Temperature").locator("input[type=number]")
    expect(field).to_have_value("1.2")
    expect(desk.row("Top-K")).to_contain_text("not sent")
    desk.panel.get_by_label("Save as profile").fill("mine")
    desk.button("Save").click()
    expect(desk.panel).to_contain_text("Saved profile mine")
    menu.select_option("no preset")
    expect(desk.panel).to_contain_text("none set")
    menu.select_option("★ mine")
    expect(field).to_have_value("1.2")
    cell = desk.sheet.cell(3)
    cell.locator(".cm-content").click()
    desk.page.keyboard.press("Control+a")
    desk.page.keyboard.type("%wcode --profile mine hello")
    desk.sheet.run(3)
    want = {"temperature": 1.2, "min_p": 0.05, "presence_penalty": 0.5}
    assert sent(server) == want


def test_code_and_cell(lab: Desks, loopback: Serve) -> None:
    """The request as a program without the key, and as a cell that runs below."""
    server = loopback(streamed("from the cell"))
    desk = lab.open(points(server), "%wcode_panel -t 0.5 hello there")
    desk.turn_to("Code")
    source = desk.panel.locator(".wcode-source")
    expect(source).to_have_text("%%wcode --temperature 0.5\nhello there")
    desk.button("Insert below").click()
    desk.sheet.run(3)
    expect(desk.sheet.output(3)).to_contain_text("from the cell")
    assert sent(server) == {"temperature": 0.5}
    desk.panel.get_by_label("Language", exact=True).select_option("Go · net/http")
    expect(source).to_contain_text('"temperature": 0.5')
    expect(source).to_contain_text("WCODE_API_KEY")


def test_compare_and_adopt(lab: Desks, loopback: Serve) -> None:
    """One prompt with three values: three answers, marked; a click takes one over."""
    answers = [streamed("The sky is blue.")] * 2 + [streamed("The sky is grey.")]
    server = loopback(*answers)
    desk = lab.open(points(server), "%wcode_panel --top-p 0.9 what colour")
    desk.turn_to("Compare")
    desk.panel.get_by_label("Vary …", exact=True).select_option("Temperature")
    values = desk.panel.get_by_label("Values, e.g.")
    values.first.fill("0, 0.7, 2")
    desk.button("Compare").last.click()
    expect(desk.panel).to_contain_text("3 runs gave 2 different answers")
    seen = sorted(one.body["temperature"] for one in server.seen)
    assert seen == [0, 0.7, 2]
    cards = desk.panel.locator(".wcode-card")
    expect(cards.locator("span[style]", has_text="grey")).to_have_count(1)
    heads = desk.panel.locator(".wcode-head-cell")
    expect(heads).to_have_text(["Temperature 0", "Temperature 0.7", "Temperature 2"])
    cards.nth(1).get_by_role("button").click()
    field = desk.row("Temperature").locator("input[type=number]")
    expect(field).to_have_value("0.7")
    expect(desk.row("Top-P").locator("input[type=number]")).to_have_value("0.9")


def test_compare_stops(lab: Desks, loopback: Serve) -> None:
    """Stop hangs up on all and keeps what came."""
    server = loopback(endless())
    desk = lab.open(points(server), "%wcode_panel hi")
    desk.turn_to("Compare")
    desk.panel.get_by_label("Vary …", exact=True).select_option("Seed")
    desk.panel.get_by_label("Values, e.g.").first.fill("1, 2")
    desk.button("Compare").last.click()
    cards = desk.panel.locator(".wcode-card")
    expect(cards.nth(1)).to_contain_text("w3 ")
    desk.button("Stop").click()
    expect(cards.nth(1)).to_contain_text("stopped")
    expect(desk.picture).to_contain_text("seed 2")


FRAME = """
import pandas as pd
df = pd.DataFrame({"review": [f"Film {n} was fine" for n in range(60)]})
"""


def test_a_table_runs_pauses_and_goes_on(lab: Desks, loopback: Serve) -> None:
    """Rows become a column; what was answered is not sent again; ■ does no harm."""
    server = loopback(replace(completion("good"), delay=0.15))
    setup = f"%wcode_config base_url={server.url} retries=0 concurrency=2"
    desk = lab.open(FRAME + setup, "%wcode_panel -t 0 Judge:", "1")
    desk.turn_to("Table")
    desk.button("\\+ review").click()
    expect(desk.panel.get_by_label("Prompt", exact=True)).to_have_value(
        "Judge: {{ review }}"
    )
    desk.button("Estimate").click()
    expect(desk.panel).to_contain_text("60")
    desk.button("Run").click()
    expect(desk.panel).to_contain_text(re.compile("([5-9]|[1-3][0-9]) of 60 rows"))
    desk.button("Pause").click()
    expect(desk.button("Go on")).to_be_enabled()
    expect(desk.panel).not_to_contain_text("of 60 rows")
    first = len(server.seen)
    assert first < 60
    desk.button("Go on").click()
    desk.sheet.command("notebook:interrupt-kernel")
    expect(desk.panel).to_contain_text(
        re.compile(r"60 rows\s· (\d+ \w+ replayed, .*\s· )?[\d.]+ s")
    )
    assert len(server.seen) == 60
    assert server.seen[-1].body["temperature"] == 0
    expect(desk.panel.locator(".wcode-rows")).to_contain_text("Film 0 was fine")
    cell = desk.sheet.cell(3)
    cell.locator(".cm-content").click()
    desk.page.keyboard.type(" + (df_answer.answer == 'good').sum()")
    desk.sheet.run(3)
    expect(desk.sheet.output(3)).to_contain_text("61")


@pytest.mark.parametrize("width", [1400, 600])
def test_fields_of_a_table_stand_in_one_column(lab: Desks, width: int) -> None:
    """The prompt, menus, names and buttons of columns begin alike, and end alike."""
    desk = lab.open(FRAME, "%wcode_panel {{ review }}", width=width)
    desk.turn_to("Table")
    desk.button("\\+ review").wait_for()
    shown = desk.panel.locator(".wcode-left").evaluate(EDGES)
    assert len(shown["left"]) >= 7
    assert max(shown["left"]) - min(shown["left"]) < 1
    assert max(shown["right"]) - min(shown["right"]) < 1


def test_a_conversation(lab: Desks, loopback: Serve) -> None:
    """Each turn stands once, the newest last; one is resent, edited, deleted."""
    server = loopback(*[streamed(f"answer {n}") for n in range(9)])
    desk = lab.open(points(server), "%wcode_panel")
    desk.ask("one")
    expect(desk.ended).to_contain_text("answer 0")
    desk.switch("Conversation")
    turns = desk.panel.locator(".wcode-turn")
    expect(turns).to_have_count(1)
    expect(desk.panel.get_by_label("Prompt", exact=True)).to_have_value("")
    desk.ask("two")
    expect(desk.ended).to_contain_text("answer 1")
    expect(turns).to_have_count(3)
    expect(desk.panel.get_by_text("answer 0")).to_have_count(1)
    expect(desk.panel.get_by_text("answer 1")).to_have_count(1)
    said = [message["content"] for message in server.seen[-1].body["messages"]]
    assert said == ["one", "answer 0", "two"]
    last = desk.panel.locator(".wcode-turns").bounding_box()
    prompt = desk.panel.get_by_label("Prompt", exact=True).bounding_box()
    assert last is not None
    assert prompt is not None
    assert last["y"] < prompt["y"]
    turns.nth(2).get_by_title("Send again from here").click()
    expect(desk.ended).to_contain_text("answer 2")
    turns.nth(0).get_by_title("Edit").click()
    turns.nth(0).get_by_label("Edited turn").fill("first")
    turns.nth(0).get_by_title("Send from here").click()
    expect(desk.ended).to_contain_text("answer 3")
    expect(turns).to_have_count(1)
    assert [m["content"] for m in server.seen[-1].body["messages"]] == ["first"]
    turns.nth(0).get_by_title("Delete this turn").click()
    expect(turns).to_have_count(0)


def test_without_its_kernel_a_notebook_shows_the_answer(
    lab: Desks, loopback: Serve
) -> None:
    """Saved and opened anew: the last answer is there, and no dead widget is seen."""
    server = loopback(streamed("**Lasting** answer"))
    desk = lab.open(points(server), "%wcode_panel")
    desk.ask("hi")
    expect(desk.picture).to_contain_text("Lasting answer")
    desk.sheet.save()
    desk.page.reload()
    panel = desk.page.locator(".wcode-panel")
    expect(panel.get_by_label("Prompt", exact=True)).to_have_value("hi")
    name = desk.page.url.rpartition("/")[2]
    desk.page.close()
    lab.forget_kernels()
    page = Sheet.open(lab.new_page(), lab.jupyter.url(name)).page
    expect(page.locator(".wcode-picture")).to_be_visible()
    expect(page.locator(".wcode-picture")).to_contain_text("Lasting answer")
    dead = page.get_by_text("model not found")
    expect(dead).to_have_count(1)
    expect(dead).not_to_be_visible()


def test_the_map_is_the_answer(lab: Desks) -> None:
    """One switch asks for probabilities; a token opens bars, and goes on from one."""
    desk = lab.open("%wcode_panel -t 1.5 --seed 3 Tell me a joke", "1")
    desk.switch("Probabilities")
    expect(desk.panel).to_contain_text("Top log probabilities 5")
    desk.button("Send").click()
    tokens = desk.panel.locator(".wcode-tokens > span")
    expect(tokens.first).to_be_visible()
    expect(desk.panel.locator(".wcode-text")).not_to_be_visible()
    tokens.first.focus()
    desk.page.keyboard.press("ArrowRight")
    desk.page.keyboard.press("Enter")
    popover = desk.page.get_by_role("dialog", name="What else the token")
    choices = popover.locator("button.wcode-choice")
    expect(popover.locator(".wcode-choice")).to_have_count(6)
    expect(popover.locator(".wcode-chosen")).to_have_count(1)
    desk.page.keyboard.press("b")
    expect(choices.first).to_be_focused()
    expect(desk.page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(3)
    desk.page.keyboard.press("Escape")
    expect(popover).not_to_be_visible()
    expect(tokens.nth(1)).to_be_focused()
    desk.page.keyboard.press("Enter")
    taken = choices.nth(1).locator(".wcode-word").inner_text()
    desk.page.keyboard.press("ArrowDown")
    desk.page.keyboard.press("Enter")
    expect(tokens.nth(1)).to_contain_text(taken.strip("␣·"))
    desk.sheet.cell(2).locator(".cm-content").click()
    desk.page.keyboard.type(" + (_wcode.parent is not None)")
    desk.sheet.run(2)
    expect(desk.sheet.output(2)).to_contain_text("2")
    desk.switch("Probabilities")
    expect(desk.panel.locator(".wcode-text")).to_be_visible()
    expect(tokens.first).not_to_be_visible()


GIVE = """
(panel, [kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], `${kind}.png`, { type: "image/png" }));
  const given = { bubbles: true, cancelable: true };
  const event =
    kind === "drop"
      ? new DragEvent(kind, { ...given, dataTransfer: files })
      : new ClipboardEvent(kind, { ...given, clipboardData: files });
  panel.querySelector("textarea").dispatchEvent(event);
}
"""


def test_images_are_dropped_and_pasted(lab: Desks, loopback: Serve) -> None:
    """Both are shown, sent before the prompt, and shown with the answer."""
    server = loopback(streamed("Two images."))
    desk = lab.open(points(server), "%wcode_panel -m eyes")
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode()
    for number, kind in enumerate(("drop", "paste"), 1):
        desk.panel.evaluate(GIVE, [kind, data])
        expect(desk.panel.locator(".wcode-images img")).to_have_count(number)
    expect(desk.panel.locator(".wcode-images")).to_contain_text("paste.png")
    desk.ask("Which colours?")
    expect(desk.answer).to_contain_text("Two images.")
    *images, text = server.seen[-1].body["messages"][0]["content"]
    assert text == {"type": "text", "text": "Which colours?"}
    urls = [one["image_url"]["url"] for one in images]
    assert urls == [f"data:image/png;base64,{data}"] * 2
    desk.panel.get_by_title("Remove the images").click()
    expect(desk.panel.locator(".wcode-images img")).to_have_count(0)


def test_what_was_typed_last_is_sent(lab: Desks, loopback: Serve) -> None:
    """A click right after fast typing overtakes no letter."""
    server = loopback(streamed("ok"))
    desk = lab.open(points(server), "%wcode_panel")
    for number in range(3):
        said = f"prompt number {number}, typed fast and sent at once"
        desk.panel.get_by_label("Prompt", exact=True).fill("")
        desk.panel.get_by_label("Prompt", exact=True).press_sequentially(said)
        desk.button("Send").click()
        expect(desk.picture).to_contain_text(said)
        assert server.seen[-1].body["messages"][0]["content"] == said
