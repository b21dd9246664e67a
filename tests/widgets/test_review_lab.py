"""The review queue in a real JupyterLab: keys, latency, and what is kept."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.widgets.driver import LOAD, NEEDS_CHROMIUM, Desks, desks

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
ROWS = """
import time
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
p = 1 / (1 + np.exp(-rng.normal(2, 1.5, 100_000)))
moods = pd.Categorical.from_codes(rng.integers(0, 2, 100_000), ["glad", "angry"])
big = pd.DataFrame({"text": np.arange(100_000).astype(str), "mood": moods, "mood_p": p})
big["text"] = "<b>row</b> $" + big["text"] + "$"
"""
OPEN = """begun = time.process_time()
%wcode_review $big --sample 200
print("CPU", time.process_time() - begun)"""
TELL = "print(big.gold.notna().sum(), big.gold_sample.sum())"
WATCH = """() => {
  window.latency = [];
  const root = document.querySelector(".wcode-review");
  let pressed = 0;
  root.addEventListener("keydown", () => { pressed = performance.now() }, true);
  new MutationObserver(() => {
    if (pressed) latency.push(performance.now() - pressed);
    pressed = 0;
  }).observe(root.firstChild, { childList: true });
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """One JupyterLab for the module."""
    with desks(tmp_path_factory.mktemp("review")) as made:
        yield made


def test_a_key_a_row(lab: Desks) -> None:
    """One key decides a row; the next is there in 100 ms; 100,000 rows open in 1 s.

    At one key and three seconds a row, to read it, 200 rows take ten minutes.
    """
    sheet = lab.sheet(LOAD, ROWS, OPEN, TELL)
    for at in range(3):
        sheet.run(at)
    page, review = sheet.page, sheet.cell(2).locator(".wcode-review")
    expect(review.locator(".wcode-text")).to_contain_text("<b>row</b> $")
    assert float(sheet.output(2).inner_text().rpartition("CPU")[2]) < 1
    page.evaluate(WATCH)
    head = review.locator(".wcode-faint").first
    keys = ["1", "2", "Enter", "s", "Enter"] * 4
    for number, key in enumerate(keys, start=1):
        expect(head).to_contain_text(f"{number} of 200")
        page.keyboard.press(key)
    page.keyboard.press("u")
    expect(head).to_contain_text(f"{len(keys)} of 200")
    expect(review).to_contain_text(f"{len(keys) - 1} of 200 reviewed")
    latency = sorted(page.evaluate("latency"))
    assert len(latency) == len(keys) + 1
    assert latency[len(latency) * 9 // 10] < 100
    expect(review).to_contain_text("Accuracy on 15 rows drawn at random")
    expect(sheet.output(2).locator(".wcode-picture img")).to_have_count(2)
    sheet.run(3)
    expect(sheet.output(3)).to_contain_text("15 15")
    (path,) = lab.jupyter.root.glob("*.big.gold.jsonl")
    told = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [one["gold"] is None for one in told] == [False] * 16 + [True]
    assert all(one["sample"] for one in told)


def test_nothing_to_review_is_one_line(lab: Desks) -> None:
    """Without rows there are no keys, no progress and no empty area."""
    opened = "done = big.assign(gold=big.mood)\n%wcode_review $done"
    sheet = lab.sheet(LOAD, ROWS, opened)
    for at in range(3):
        sheet.run(at)
    review = sheet.cell(2).locator(".wcode-review")
    expect(review.locator(".wcode-over")).to_have_text(
        "No row is left to review; gold is in the column gold."
    )
    for part in (".wcode-keys", ".wcode-state"):
        expect(review.locator(part)).to_be_hidden()
    expect(review.locator(".wcode-more")).to_contain_text("Accuracy on 100,000")
    box = review.bounding_box()
    assert box is not None
    assert box["height"] < 100
