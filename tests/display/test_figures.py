"""Pictures of an evaluation: readable on any theme, the same each time, inert."""

import base64
import math
import re

import numpy as np
import pytest

from tests.display.test_highlight import DARK, WHITE, _contrast
from tests.logprobs.test_heatmap import SIGHTS, _lab
from wcode_magics import text
from wcode_magics.display import figures
from wcode_magics.evaluation import metrics
from wcode_magics.evaluation.graded import Graded

LINE = 3.0
"""Contrast of graphics (WCAG 2.2, 1.4.11)."""


def graded(count=60):
    """Rows of a model that is somewhat too sure."""
    rng = np.random.default_rng(2)
    p = rng.uniform(0.4, 1, count)
    said = np.where(rng.random(count) < p**2, 1, 0)
    places = np.arange(count)
    return Graded("a", "a_p", ("x", "y"), said, np.ones(count, int), p, places)


def drawn(language="en", alt="a"):
    """Both pictures, as SVG."""
    text.use(language)
    rows = graded()
    pages = (
        figures.reliability(metrics.reliability(rows), alt),
        figures.risk_coverage(metrics.risk_coverage(rows), alt),
    )
    found = (re.search(r'base64,([^"]+)"', page).group(1) for page in pages)
    return pages, [base64.b64decode(one).decode() for one in found]


@pytest.mark.parametrize("ground", [WHITE, DARK])
@pytest.mark.parametrize("colour", [figures.INK, figures.FIRST, figures.SECOND])
def test_colours_are_readable_on_light_and_dark(colour, ground):
    """Lines and words stand out from both grounds."""
    assert _contrast(colour, ground) >= LINE


@pytest.mark.parametrize("sight", sorted(SIGHTS.keys() - {"grey print"}))
def test_the_colours_differ_for_the_colour_blind(sight):
    """Told apart by everybody; in grey print, a line and points are."""
    one, two = (
        _lab([int(colour[i : i + 2], 16) for i in (1, 3, 5)], sight)
        for colour in (figures.FIRST, figures.SECOND)
    )
    assert math.dist(one, two) > 40


def test_a_picture_is_the_same_each_time():
    """A notebook that is run again shows no change; words stay words."""
    first, second = drawn(), drawn()
    assert first == second
    for page in first[1]:
        assert "<text" in page
        assert "<metadata" not in page or "dc:date" not in page
    chinese = drawn("zh")[1]
    assert "置信度" in chinese[0]
    assert "错误率" in chinese[1]


def test_a_description_is_no_markup():
    """Names of labels and columns end no attribute."""
    for page in drawn(alt='"><script>x</script>')[0]:
        assert "<script>" not in page
        assert page.count("<") == 1
