"""Render token probabilities as self-contained HTML and as plain text.

The HTML must work in a notebook that is saved, mailed, opened untrusted, in dark mode,
or on a site that strips every style. So it has no style sheet, script, id or theme
detection: an orange background of increasing alpha is behind text of the inherited
colour, underlines carry the same information without colour, and the numbers are in a
real table. An unsure token is a disclosure element, which opens its alternatives by
touch and by keyboard as well; its tooltip shows them to a mouse. The sizes are kept
small, since a notebook saves all of it: cells of the table end where the next begins,
which HTML allows, alternatives of less than one in a thousand are left out, and tokens
are drawn as long as they take at most :data:`MAX_BYTES`. A token's alternatives stand
in its tooltip, below it and in the table, for without a style sheet or script no
element shows the text of another one.
"""

from dataclasses import dataclass

from wcode_magics.logprobs.byte_dialects import encode
from wcode_magics.logprobs.graphemes import Glyph
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import percent
from wcode_magics.logprobs.position import probability
from wcode_magics.logprobs.token_captions import (
    COLUMNS,
    MAX_TEXT,
    TEXT_COLUMNS,
    TokenWords,
    summary,
)
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import FADED, attribute, clipped, escape, joined
from wcode_magics.output.terminal import room, shortened
from wcode_magics.text import say

MAX_TOKENS = 2000
MAX_BYTES = 580_000  # of all tokens that are drawn and their rows of the table
MAX_REST = 100_000  # characters after the last token that is drawn
MAX_ALTERNATIVES = 5
MAX_LINES = 40

LEAST_SHOWN = 0.001
"""Minimum probability of an alternative in the heat map and its table."""

HUE = "#e66101"
SEAM = "┊"


@dataclass(frozen=True, slots=True)
class Step:
    """Class of probabilities from ``low`` up, with the alpha and underline to draw."""

    low: float
    alpha: float
    underline: str

    @property
    def tint(self) -> str:
        """The background, as ``#rrggbbaa``."""
        return f"{HUE}{round(255 * self.alpha):02x}"

    @property
    def style(self) -> str:
        """Inline CSS for tokens of this class."""
        if not self.alpha:
            return ""
        return f"background:{self.tint};border-bottom:{self.underline} {HUE}"


STEPS = (
    Step(0.9, 0.0, ""),
    Step(0.5, 0.12, "1px dotted"),
    Step(0.2, 0.24, "2px dotted"),
    Step(0.05, 0.36, "2px dashed"),
    Step(0.01, 0.48, "2px solid"),
    Step(0.0, 0.6, "3px double"),
)

RUNNING = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.8"
"""Style of text that is, or will be, shown as tokens."""

_SMALL = "font-size:85%;line-height:1.7"
_GREY = "#888b"
_OUTSIDE = f"border:1px solid {_GREY};border-radius:3px;font-size:.85em"
_UNREPORTED = f"border-bottom:1px solid {_GREY}"
_OPENS = "display:inline-table"
"""A token stays on the baseline of its line, shut or opened."""
_SHUT = "display:inline"
"""The underline of inline text adds no height, so lines stand evenly."""
_LEFT = " style=text-align:left"


def step(share: float) -> Step:
    """Return the class of a probability."""
    return next(row for row in STEPS if share >= row.low)


def html(logprobs: Logprobs, *, seam: int = 0) -> str:
    """Render the heat map as HTML: tinted text, then legend, summary and table.

    Text beyond the tokens that are drawn is not tinted. ``seam`` is the length of the
    prefill in characters; its end is marked unless it is 0.
    """
    words = TokenWords(logprobs, MAX_ALTERNATIVES, least=LEAST_SHOWN)
    prefilled = len(encode(logprobs.text[:seam]))
    drawn, rows = _drawn(words, prefilled)
    rest = "".join(p.text for p in logprobs.glyphs[len(drawn) :])
    running_text = f"{''.join(drawn)}{running(clipped(rest, MAX_REST))}"
    parts = [
        f'<div style="{RUNNING}">{running_text}</div>',
        _line(_legend(logprobs)),
        _line(_least_certain(words)),
        *(_line(_faded(note)) for note in _caps(logprobs, len(rows))),
        *(_line(_faded(note)) for note in _notes(logprobs, seam)),
        _table(logprobs, rows),
    ]
    return f"<div>{''.join(filter(None, parts))}</div>"


def token_html(token: str, share: float, note: str = "") -> str:
    """Return a token in the colour of its probability, which follows it."""
    shown = _span(token, step(share).style)
    return f'<span style="white-space:nowrap">{shown} {percent(share)}{note}</span>'


def running(text: str) -> str:
    """Return text without probabilities as it stands among tokens."""
    return escape(visible(text, breaks=True))


def plain(logprobs: Logprobs, *, seam: int = 0) -> str:
    """Render the first tokens as aligned text; in a terminal a line is a row's."""
    words = TokenWords(logprobs, MAX_ALTERNATIVES)
    count = min(len(logprobs), MAX_LINES)
    rows = map(words.row, map(logprobs.position_at, range(count)))
    lines = _aligned([_heads(), *rows])
    most = room()
    lines = lines if most is None else [shortened(line, most) for line in lines]
    if len(logprobs) > MAX_LINES:
        lines.append(say("heatmap.more", count=f"{len(logprobs) - MAX_LINES:,}"))
    lines += _capped(logprobs)
    if seam:
        lines.append(_seam(seam))
    notes = [*lines, *_hint(logprobs), *logprobs.notes()]
    return "\n".join([" · ".join(summary(logprobs)), *notes])


def _notes(logprobs: Logprobs, seam: int) -> list[str]:
    notes = [_seam(seam)] if seam else []
    return [*notes, *_hint(logprobs), *logprobs.notes()]


def _hint(logprobs: Logprobs) -> list[str]:
    """Return how to get alternatives, if the tokens have none."""
    alone = logprobs.tokens and not any(token.top for token in logprobs.tokens)
    return [say("heatmap.no_alternatives")] if alone else []


def _seam(at: int) -> str:
    return say("heatmap.seam", count=f"{at:,}")


def _heads() -> list[str]:
    return [say(f"heatmap.{key}") for key in COLUMNS]


def _line(inner: str) -> str:
    return inner and f'<div style="{_SMALL}">{inner}</div>'


def _span(inner: str, style: str, title: str = "") -> str:
    titled = f' title="{attribute(title)}"' if title else ""
    styled = f' style="{style}"' if style else ""
    return f"<span{titled}{styled}>{escape(inner)}</span>"


def _drawn(words: TokenWords, prefilled: int) -> tuple[list[str], list[str]]:
    """Return pieces of the text and rows of the table, as many as there is room for."""
    pieces: list[str] = []
    rows: list[str] = []
    room = MAX_BYTES
    for piece in words.logprobs.glyphs:
        if piece.first >= MAX_TOKENS or room <= 0:
            break
        for index in range(piece.first, piece.stop):
            if index >= MAX_TOKENS or room <= 0:
                break
            rows.append(_row(words.row(words.logprobs.position_at(index))))
            room -= len(rows[-1].encode())
        drawn = _piece(words, piece)
        if prefilled and piece.start >= prefilled:
            drawn, prefilled = f"{_span(SEAM, FADED)}{drawn}", 0
        pieces.append(drawn)
        room -= len(drawn.encode())
    return pieces, rows


def _piece(words: TokenWords, piece: Glyph) -> str:
    text = shown(piece, step(probability(words.logprobs.logprob_of(piece))))
    if piece.unreported:
        return _span(text, _UNREPORTED, say("heatmap.unreported"))
    if piece.outside:
        title = f"{say('heatmap.outside')}\n{words.title(piece)}"
        return _span(words.label(piece.first), _OUTSIDE, title)
    return _token(words, piece, text)


def shown(piece: Glyph, shade: Step) -> str:
    """Return the text of a piece; a lone space is drawn if its token is unsure."""
    text = clipped(piece.text, MAX_TEXT)
    return text if text == " " and not shade.alpha else visible(text, breaks=True)


def _token(words: TokenWords, piece: Glyph, text: str) -> str:
    """Return a token; one that is unsure opens, and closes before its line ends."""
    style = step(probability(words.logprobs.logprob_of(piece))).style
    title = words.title(piece)
    _head, _end, listed = title.partition("\n")
    if not style or not listed:
        return _span(text, style, title)
    line, end, rest = text.partition("\n")
    opened = (
        f'<details style={_OPENS}><summary title="{attribute(title)}"'
        f' style="{_SHUT};{style}">{escape(line)}</summary>'
        f"<small>{escape(listed)}</small></details>"
    )
    return f"{opened}{_span(f'{end}{rest}', '')}" if end else opened


def _legend(logprobs: Logprobs) -> str:
    samples = []
    for row in STEPS:
        limit = f"≥ {row.low:.0%}" if row.low else f"< {STEPS[-2].low:.0%}"
        samples.append(_span(limit, f"{row.style};padding:0 .3em".lstrip(";")))
    legend = f"{_faded(say('heatmap.legend'))} {' '.join(samples)}"
    opens = any(token.top for token in logprobs.tokens)
    return f"{legend} {_faded(say('heatmap.opens'))}" if opens else legend


def _least_certain(words: TokenWords) -> str:
    least = words.logprobs.least_certain()
    unsure = [p for p in least if p.probability < STEPS[0].low]
    chips = [
        token_html(words.label(p.index), p.probability, f" #{p.index}") for p in unsure
    ]
    if not chips:
        return ""
    shown = [_faded(say("heatmap.least")), " · ".join(chips)]
    return " ".join([*shown, _faded(say("heatmap.number"))])


def _faded(text: str) -> str:
    return _span(text, FADED)


def _caps(logprobs: Logprobs, rows: int) -> list[str]:
    if len(logprobs) > rows:
        shown, count = f"{rows:,}", f"{len(logprobs):,}"
        return [say("heatmap.capped", shown=shown, count=count, top=MAX_ALTERNATIVES)]
    return _capped(logprobs)


def _capped(logprobs: Logprobs) -> list[str]:
    """Return how many alternatives are shown, if there are more."""
    most = max((len(token.top) for token in logprobs.tokens), default=0)
    if most > MAX_ALTERNATIVES:
        return [say("heatmap.capped_top", top=MAX_ALTERNATIVES)]
    return []


def _table(logprobs: Logprobs, rows: list[str]) -> str:
    heading = f"{say('heatmap.table')} {' · '.join(summary(logprobs))}"
    return (
        f'<details style="{_SMALL}">'
        f'<summary style="{FADED}">{joined(heading)}</summary>'
        '<div style="max-height:30em;overflow:auto"><table>'
        f"<thead>{_row(_heads(), 'th')}</thead><tbody>{''.join(rows)}</tbody>"
        "</table></div></details>"
    )


def _row(cells: list[str], tag: str = "td") -> str:
    inner = "".join(
        f"<{tag}{_LEFT if place == len(cells) - 1 else ''}>{escape(cell)}"
        for place, cell in enumerate(cells)
    )
    return f"<tr>{inner}"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Pad columns to equal width in terminal cells, with text left-aligned."""
    from wcwidth import ljust, rjust, width

    sizes = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            (ljust if place in TEXT_COLUMNS else rjust)(cell, size)
            for place, (cell, size) in enumerate(zip(row, sizes, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
