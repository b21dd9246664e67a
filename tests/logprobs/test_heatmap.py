"""The heat map is right, safe, readable by everybody, and lasts."""

import html
import inspect
import itertools
import math
import re
from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given, settings
from wcwidth import width

from tests.display.test_text_table import narrow
from tests.logprobs.test_logprobs import token, view
from tests.logprobs.test_token_bytes import tokenised
from wcode_magics import text
from wcode_magics.display.bundles import NOTE
from wcode_magics.display.reply_bundles import BADGE
from wcode_magics.logprobs import heatmap
from wcode_magics.logprobs.comparison_html import BLUE, DIFFERENT
from wcode_magics.logprobs.heatmap import HUE, MAX_TOKENS, STEPS, step
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.logprobs.token_captions import TokenWords
from wcode_magics.output.escaping import FADED, FAINT

# What @jupyterlab/apputils 4.6 lets through of an untrusted output (its sanitizer's
# tables), as far as the heat map could use it.
LAB_TAGS = {
    "a", "b", "br", "code", "details", "div", "em", "font", "i", "li", "mark", "meter",
    "ol", "p", "pre", "small", "span", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "th", "thead", "tr", "ul", "wbr",
}  # fmt: skip
LAB_ATTRIBUTES = {"class", "dir", "lang", "style", "title"}
LAB_STYLES = {
    "background", "border", "border-bottom", "border-radius", "border-top", "color",
    "display", "font-size", "line-height", "margin", "max-height", "min-width",
    "opacity", "overflow", "overflow-wrap", "padding", "text-align", "vertical-align",
    "white-space",
}  # fmt: skip
LIKELY = [(f"a longer word {n}", 0.05) for n in range(4)]
SIZE = 600_000
"""Bytes of a heat map, at most, beside text that is not drawn as tokens."""
VOID = {"br", "wbr"}
UNENDED = {"td", "th", "tr"}  # HTML lets them end where the next one begins


class Shape(HTMLParser):
    """Tags, attributes, styles and text of a piece of HTML; it must be balanced."""

    def __init__(self, markup):
        """Read it all."""
        super().__init__()
        self.tags, self.attributes, self.styles = set(), set(), set()
        self.texts, self.titles, self.open = [], [], []
        self.feed(markup)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Note what is used."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.titles += [value for name, value in attrs if name == "title"]
        styles = (value for name, value in attrs if name == "style")
        rules = itertools.chain(*(value.split(";") for value in styles))
        self.styles |= {rule.split(":")[0] for rule in rules}
        if tag not in VOID and not (tag in UNENDED and self.open[-1] == tag):
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Each end has its start."""
        while self.open[-1] in UNENDED and tag not in UNENDED:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Collect the text."""
        self.texts.append(data)


def rich():
    """An answer with everything that can go wrong."""
    return view(
        token("回答", 0.95, ("回答", 0.95), ("答", 0.04)),
        token("<b>&\"'", 0.4, ("<b>&\"'", 0.4), ("<script>", 0.2)),
        TokenLogprob(r"\xe9\xbe", -3.0, b"\xe9\xbe"),
        TokenLogprob(r"\x8d", -0.1, b"\x8d"),
        token("\n", 0.3),
        token("    ", 0.1),
        token("\x1b", 0.02),
        token("x", 0.001),
        token("<|im_end|>", 0.9),
        said="回答<b>&\"'龍\n    \x1bx!",
    )


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_only_what_an_untrusted_notebook_keeps(language):
    """Tags, attributes and styles are those that the sanitiser lets through."""
    text.use(language)
    shape = Shape(heatmap.html(rich()))
    assert shape.tags <= LAB_TAGS
    assert shape.attributes <= LAB_ATTRIBUTES - {"class"}
    assert shape.styles <= LAB_STYLES


def test_sanitiser_changes_nothing():
    """A sanitiser with those tables gives back the same elements and text."""
    made = heatmap.html(rich())
    filters = {"filter_style_properties": LAB_STYLES}
    if "filter_style_properties" not in inspect.signature(nh3.clean).parameters:
        filters = {}  # older versions keep all styles
    kept = nh3.clean(made, tags=LAB_TAGS, attributes={"*": LAB_ATTRIBUTES}, **filters)
    before, after = Shape(made), Shape(kept)
    assert before.texts == after.texts
    assert before.titles == after.titles
    assert (before.tags, before.styles) == (after.tags, after.styles)


def test_stripped_of_styles_the_numbers_remain():
    """Where a site strips all attributes, text, table and numbers are still there."""
    shape = Shape(nh3.clean(heatmap.html(rich()), tags=LAB_TAGS, attributes={}))
    told = "".join(shape.texts)
    assert {"table", "th", "td"} <= shape.tags
    assert "40.0%" in told
    assert "龍 1/2" in told


@settings(deadline=None, max_examples=50)
@given(tokenised())
def test_any_text_is_escaped(case):
    """Markup in tokens is text: no tag, attribute or replacement character comes in."""
    said, pieces, logprobs = case
    tokens = tuple(
        TokenLogprob(piece.decode("utf-8", "replace"), logprob, piece)
        for piece, logprob in zip(pieces, logprobs, strict=True)
    )
    made = heatmap.html(Logprobs(tokens, said))
    shape = Shape(made)
    assert shape.tags <= LAB_TAGS
    assert shape.attributes <= {"style", "title"}
    assert "\ufffd" in said or "\ufffd" not in made
    made.encode()


def test_alternatives_stand_in_the_title():
    """Hovering a token tells its place, its probability and the alternatives."""
    title = Shape(heatmap.html(rich())).titles[1]
    assert title.splitlines() == [
        "#1: 40.0%",
        "<b>&\"' 40.0%",
        "<script> 20.0%",
        "all others 40.0%",
    ]


def test_split_characters_tell_of_each_token():
    """One glyph of two tokens has their product, and each token's own number."""
    title = Shape(heatmap.html(rich())).titles[2]
    assert title.splitlines() == [
        "2 tokens together: 4.50%",
        "#2: 4.98%",
        "#3: 90.5%",
    ]


def test_many_tokens_of_one_piece():
    """A long run of lost tokens is one piece with a title and rows of bounded size."""
    made = heatmap.html(view(*[token("\ufffd", 0.5)] * 3000, said="龍" * 1500))
    assert len(Shape(made).titles[0].splitlines()) < 20
    assert len(made.encode()) < 1.1 * SIZE


def test_a_page_is_small_however_unsure_the_answer():
    """Of tokens that all open, fewer are drawn; the note names their number."""
    top = [(f" alt{n}", 0.15) for n in range(5)]
    answer = view(*[token("概率", 0.2, ("概率", 0.2), *top)] * MAX_TOKENS)
    made = heatmap.html(answer)
    assert 0.95 * SIZE < len(made.encode()) < SIZE
    shown = made.count("<tr>") - 1
    assert made.count("<summary title=") == shown
    count = f"{shown:,}"
    assert text.say("heatmap.capped", shown=count, count="2,000", top=5) in made


def test_an_answer_of_which_most_is_sure_is_drawn_whole():
    """With 3 of 10 tokens unsure, a token and its row take 300 bytes at most."""
    sure = token(" the", 0.97, (" the", 0.97), (" model", 0.01))
    others = [(f" alt{n}", 0.1) for n in range(4)]
    unsure = token("概率", 0.3, ("概率", 0.3), *others)
    answer = view(*[*[sure] * 7, *[unsure] * 3] * (MAX_TOKENS // 10))
    made = heatmap.html(answer)
    assert made.count("<tr>") == MAX_TOKENS + 1
    assert len(made.encode()) <= 300 * MAX_TOKENS


def test_long_answers_are_capped_with_a_note():
    """Beyond the cap a note names the DataFrame that has it all."""
    made = heatmap.html(view(*[token("a", 0.5)] * (MAX_TOKENS + 5)))
    assert made.count("<tr>") == MAX_TOKENS + 1
    note = text.say(
        "heatmap.capped", shown="2,000", count="2,005", top=heatmap.MAX_ALTERNATIVES
    )
    assert note in "".join(Shape(made).texts)


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_plain_columns_align(language):
    """In a terminal every column begins at the same cell, whatever its script."""
    text.use(language)
    lines = heatmap.plain(rich()).splitlines()
    head, rows = lines[1], lines[2:11]
    column = text.say("heatmap.token")
    start = width(head[: head.index(column)])
    for row, word in zip(rows, ("回答", "<b>", "龍 1/2", "龍 2/2", "↵"), strict=False):
        assert width(row[: row.index(word)]) == start


@pytest.mark.parametrize(("asked", "noted"), [(3, False), (5, False), (7, True)])
def test_plain_lists_as_many_alternatives_as_the_page(asked, noted):
    """Those that were asked for, at most five; more are noted."""
    others = [(f"w{n}", 0.1 / 2**n) for n in range(asked - 1)]
    shown = token("a", 0.5, ("a", 0.5), *others)
    lines = heatmap.plain(view(shown)).splitlines()
    assert [word in lines[2] for word, _p in others[:4]] == [True] * min(asked - 1, 4)
    assert "w4" not in lines[2]
    assert (text.say("heatmap.capped_top", top=5) in lines) == noted


def test_plain_rows_fit_a_terminal(monkeypatch):
    """Each is one line; the alternatives that have no room end with an ellipsis."""
    shown = view(*[token("a", 0.5, ("a", 0.5), *LIKELY)] * 3)
    whole = heatmap.plain(shown).splitlines()
    narrow(monkeypatch, 70)
    fitted = heatmap.plain(shown).splitlines()
    assert len(fitted) == len(whole)
    assert max(map(width, fitted[1:5])) <= 70 < width(whole[2])
    assert fitted[2].endswith("…")


def test_plain_is_cut_with_a_note():
    """A terminal gets the first tokens and is told of the others."""
    lines = heatmap.plain(view(*[token("a", 0.5)] * 100)).splitlines()
    assert len(lines) == heatmap.MAX_LINES + 4
    assert "60" in lines[-2]


def test_no_tokens_no_failure():
    """An answer without tokens has an empty map."""
    empty = Logprobs((), "")
    assert Shape(heatmap.html(empty)).tags
    assert heatmap.plain(empty)


def test_steps_cover_all_probabilities():
    """Steps fall from 1 to 0, and each step is stronger than the one before it."""
    assert [row.low for row in STEPS] == sorted((r.low for r in STEPS), reverse=True)
    assert STEPS[-1].low == 0
    assert [row.alpha for row in STEPS] == sorted(row.alpha for row in STEPS)
    assert len({row.underline for row in STEPS}) == len(STEPS)
    assert (step(1.0), step(0.0)) == (STEPS[0], STEPS[-1])


WHITE, DARK = (255, 255, 255), (17, 17, 17)
# sRGB simulation in linear light, severity 1.0: Machado, Oliveira and Fernandes,
# A Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE
# TVCG 15(6), 2009, table 1.
SIGHTS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "grey print": ((0.2126, 0.7152, 0.0722),) * 3,
}
# Linear sRGB to XYZ (IEC 61966-2-1, D65), and its white.
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
READABLE = 7.0  # WCAG 2.2, success criterion 1.4.6
DISTINCT = 5.0  # in CIE76, where 2.3 is just noticeable: Mahy et al., 1994


def _rgb(colour):
    """The parts of ``#rgb``, ``#rgba``, ``#rrggbb`` or ``#rrggbbaa``, each to 255."""
    digits = colour.removeprefix("#")
    wide = digits if len(digits) >= 6 else "".join(2 * digit for digit in digits)
    return [*bytes.fromhex(wide)]


def _over(colour, ground):
    """A colour over a ground."""
    *parts, alpha = [*_rgb(colour), 255][:4]
    share = alpha / 255
    return [
        share * part + (1 - share) * under
        for part, under in zip(parts, ground, strict=True)
    ]


def _tinted(row, ground):
    return _over(row.tint, ground)


def _linear(colour):
    parts = (part / 255 for part in colour)
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def _times(matrix, vector):
    return [sum(map(float.__mul__, map(float, row), vector)) for row in matrix]


def _contrast(one, other):
    lights = sorted(_times(XYZ, _linear(colour))[1] for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _lab(colour, sight):
    """CIE 1976 L*a*b* of a colour as somebody sees it."""
    seen = [min(max(p, 0.0), 1.0) for p in _times(SIGHTS[sight], _linear(colour))]
    scaled = [
        value / sum(map(float, row))
        for value, row in zip(_times(XYZ, seen), XYZ, strict=True)
    ]
    x, y, z = (
        math.cbrt(t) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in scaled
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("row", STEPS, ids=lambda row: f"{row.low}")
@pytest.mark.parametrize(("ground", "ink"), [(WHITE, (33, 33, 33)), (DARK, WHITE)])
def test_text_stays_readable(row, ground, ink):
    """On white and near-black each step leaves a contrast that suits everybody."""
    assert _contrast(_tinted(row, ground), ink) >= READABLE


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("ground", [WHITE, DARK], ids=["white", "dark"])
def test_steps_are_told_apart_by_everybody(ground, sight):
    """Every two neighbouring steps differ for each kind of sight and in grey print."""
    seen = [_lab(_tinted(row, ground), sight) for row in STEPS]
    apart = [math.dist(a, b) for a, b in itertools.pairwise(seen)]
    assert min(apart) >= DISTINCT


INK = {WHITE: (33, 33, 33), DARK: (255, 255, 255)}
"""Text of JupyterLab on each ground: black or white, of which 13 % is ground."""
LINE = 3.0  # WCAG 2.2, success criterion 1.4.11
PLAIN = 4.5  # WCAG 2.2, success criterion 1.4.3


@pytest.mark.parametrize("ground", [WHITE, DARK], ids=["white", "dark"])
def test_differences_are_no_probabilities(ground):
    """Blue with a line above is readable, and for everybody apart from each orange."""
    blue = _over(f"{BLUE}4", ground)
    assert f"background:{BLUE}4;border-top:2px solid {BLUE}" == DIFFERENT
    assert _contrast(blue, INK[ground]) >= READABLE
    for mark in (BLUE, HUE):
        assert _contrast(_rgb(mark), ground) >= LINE
    assert not any("border-top" in row.style for row in STEPS)
    for sight in set(SIGHTS) - {"grey print"}:  # there the line above tells it
        seen = _lab(blue, sight)
        tints = [_lab(_tinted(row, ground), sight) for row in STEPS]
        assert min(math.dist(seen, tint) for tint in tints) >= 2 * DISTINCT


@pytest.mark.parametrize("ground", [WHITE, DARK], ids=["white", "dark"])
@pytest.mark.parametrize("under", ["#fff0", *re.findall(r"#\w{4}\b", BADGE + NOTE)])
def test_small_print_is_readable(ground, under):
    """Footer and badges, faded as they are, have the contrast of normal text."""
    share = float(FADED.removeprefix("opacity:"))
    behind = _over(under, ground)
    ink = [
        share * dark + (1 - share) * under
        for dark, under in zip(INK[ground], behind, strict=True)
    ]
    assert _contrast(ink, behind) >= PLAIN
    assert "color:" not in FAINT


def test_hue_stands_in_every_style():
    """There is one hue, so that the tests above speak of what is shown."""
    colours = re.findall(r"[: ](#\w{3,8})(?=[;\"])", heatmap.html(rich()))
    assert set(colours) == {HUE, "#888b", *(row.tint for row in STEPS if row.alpha)}


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_unsure_tokens_open_without_a_mouse(language):
    """One opens to what its tooltip says; a line end stays outside of it."""
    text.use(language)
    one = view(token("a\n", 0.4, ("a\n", 0.4), ("b", 0.3)), token("c", 0.95))
    made = heatmap.html(one).partition("white-space:pre-wrap")[2]
    opened = re.search(r"<details.*?</details>(.*?)</span>", made, re.DOTALL)
    assert opened[1] == "<span>\n"
    title = html.unescape(re.search(r'title="(.*?)"', opened[0], re.DOTALL)[1])
    listed = re.search(r"<small>(.*?)</small>", opened[0], re.DOTALL)[1]
    assert title == f"#0{'：' if language == 'zh' else ': '}40.0%\n{listed}"
    assert made.count("<small>") == 1


def test_shares_shown_add_up():
    """What is shown and «all others» are everything, and its own share is in it."""
    many = [(f"w{n}", 0.05) for n in range(12)]
    words = TokenWords(view(token("own", 0.01, *many, ("own", 0.01))), 5)
    [position] = words.logprobs.positions
    shown = [float(line.split()[-1][:-1]) for line in words.alternatives(position)]
    others = float(words.others(position).split()[-1][:-1])
    assert "own 1.00%" in words.alternatives(position)
    assert sum(shown) + others == pytest.approx(100, abs=0.1)
    [alone] = view(token("own", 0.475)).positions
    assert alone.others == pytest.approx(0.525)


def test_without_alternatives_it_says_how_to_have_them():
    """The hint names the option, in the page and in the terminal."""
    bare, full = view(token("a", 0.4)), view(token("a", 0.4, ("a", 0.4)))
    for draw in (heatmap.html, heatmap.plain):
        assert "-l 5" in draw(bare)
        assert "-l 5" not in draw(full)
