"""Takes the panel's pictures: ``python -m tests.widgets.pictures``."""

import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.widgets.driver import LOAD, Desk, Desks, desks

PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"
FRAME = """
import pandas as pd
reviews = pd.DataFrame({"review": [
    "I loved every minute of it", "A waste of two hours", "Great music, poor story",
    "The best film of the year", "I fell asleep"]})
""".strip()

ANSWERS = f"""
import pandas as pd
reviews = pd.read_csv({str(PICTURES.parent / "data" / "judged.csv")!r}, index_col="id")
answers = reviews.drop(columns="gold").wcode.classify(
    "{{{{ review }}}}", ["positive", "negative"], into="mood", progress=False)
""".strip()


def main() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as home, desks(Path(home)) as made:
        review(made)
        ask = "-t 1.4 --seed 3 --logprobs --top-logprobs 5 Tell me a joke"
        desk = made.open(f"%wcode_panel {ask}", width=1180, height=1400)
        desk.button("Send").click()
        tokens = desk.panel.locator(".wcode-tokens > span")
        expect(tokens.first).to_be_visible()
        tokens.first.click()
        expect(desk.page.get_by_role("dialog")).to_be_visible()
        take(desk, "panel")
        compare(made.open("%wcode_panel Tell me a joke", width=1180, height=1400))
        told = "Classify as positive or negative:"
        table(made.open(FRAME, f"%wcode_panel -t 0 {told}", width=1180, height=1400))


def review(made: Desks) -> None:
    """A row that waits for a key, and what the keys before have shown."""
    page = made.new_page(980, 1400)
    sheet = made.sheet(LOAD, ANSWERS, "%wcode_review $answers --sample 60", page=page)
    for at in range(3):
        sheet.run(at)
    queue = sheet.cell(2).locator(".wcode-review")
    head = queue.locator(".wcode-faint").first
    for number in range(1, 31):
        expect(head).to_contain_text(f"{number} of 60")
        page.keyboard.press("1" if number % 7 == 0 else "Enter")
    expect(queue).to_contain_text("Accuracy on 30 rows")
    page.mouse.move(0, 0)
    sheet.settle()
    queue.screenshot(path=PICTURES / "review.png")


def compare(desk: Desk) -> None:
    """Answers side by side."""
    desk.turn_to("Compare")
    values = desk.panel.get_by_label("Values, e.g.")
    rows = (("Vary …", "Temperature", "0, 1.6"), ("and vary …", "Seed", "1, 2, 3"))
    for at, (label, name, listed) in enumerate(rows):
        desk.panel.get_by_label(label, exact=True).select_option(name)
        values.nth(at).fill(listed)
    desk.button("Compare").last.click()
    expect(desk.panel).to_contain_text("runs gave")
    take(desk, "compare")


def table(desk: Desk) -> None:
    """Rows with a column of answers."""
    desk.turn_to("Table")
    desk.button("\\+ review").click()
    column = desk.panel.get_by_label("Column")
    column.fill("mood")
    column.press("Tab")
    desk.button("Run").click()
    expect(desk.panel).to_contain_text("5 rows · ")
    take(desk, "table")


def take(desk: Desk, name: str) -> None:
    """One picture, of the panel's cell."""
    desk.page.mouse.move(0, 0)
    desk.sheet.settle()
    shown = desk.cell if name == "panel" else desk.panel
    shown.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    main()
