"""Token probabilities as HTML that lasts anywhere, and as text.

The HTML is for a notebook that is saved, mailed, opened untrusted, in the dark, or on
a site that strips every style. So there is no style sheet, no script, no id and no
theme to detect: an orange tint of growing alpha lies under text of the inherited
colour, underlines tell the same to those who do not see the tint, and the numbers
stand in a real table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wcwidth import ljust, rjust, width

from wcode_magics.glyphs import Glyph
from wcode_magics.logprobs import Logprobs
from wcode_magics.markup import escape
from wcode_magics.position import Position, probability
from wcode_magics.text import say
from wcode_magics.visible import number, percent, visible

MAX_TOKENS = 2000
MAX_ALTERNATIVES = 5
MAX_LINES = 40
MAX_LINE_ALTERNATIVES = 3

HUE = (230, 97, 1)


@dataclass(frozen=True, slots=True)
class Step:
    """A class of probabilities from ``low`` up, its tint's alpha and its underline."""

    low: float
    alpha: float
    underline: str

    @property
    def style(self) -> str:
        """The inline CSS of a token of this class."""
        if not self.alpha:
            return ""
        hue = ",".join(map(str, HUE))
        return (
            f"background:rgba({hue},{self.alpha:g});"
            f"border-bottom:{self.underline} rgb({hue});border-radius:3px"
        )


STEPS = (
    Step(0.9, 0.0, ""),
    Step(0.5, 0.12, "1px dotted"),
    Step(0.2, 0.24, "2px dotted"),
    Step(0.05, 0.36, "2px dashed"),
    Step(0.01, 0.48, "2px solid"),
    Step(0.0, 0.6, "4px double"),
)

_RUNNING = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9"
_SMALL = "font-size:.9em;line-height:1.7;margin:.3em 0"
_GREY = "rgba(128,128,128,.7)"
_OUTSIDE = f"border:1px solid {_GREY};border-radius:3px;font-size:.85em"
_UNREPORTED = f"border-bottom:1px solid {_GREY}"
_LEFT = ' style="text-align:left;white-space:pre-wrap"'


def step(share: float) -> Step:
    """The class of a probability."""
    return next(row for row in STEPS if share >= row.low)


def html(logprobs: Logprobs) -> str:
    """The heat map: summary, tinted text, legend, table; safe in any notebook."""
    pieces = [p for p in logprobs.glyphs if p.first < MAX_TOKENS]
    parts = [
        _line(escape(" · ".join(summary(logprobs)))),
        _line(_least_certain(logprobs)),
        f'<div style="{_RUNNING}">{"".join(_tokens(logprobs, pieces))}</div>',
        _line(_legend()),
        *(_line(escape(note)) for note in [*logprobs.notes(), *_caps(logprobs)]),
        _table(logprobs, pieces),
    ]
    return f"<div>{''.join(filter(None, parts))}</div>"


def plain(logprobs: Logprobs) -> str:
    """The same as aligned text for terminals, the first tokens only."""
    rows = [[say(f"heatmap.{key}") for key in _COLUMNS]]
    for piece in logprobs.glyphs:
        rows += _rows(logprobs, piece, MAX_LINE_ALTERNATIVES)
    lines = _aligned(rows[: MAX_LINES + 1])
    if len(rows) > len(lines):
        lines.append(say("heatmap.more", count=f"{len(rows) - len(lines):,}"))
    return "\n".join([" · ".join(summary(logprobs)), *lines, *logprobs.notes()])


def summary(logprobs: Logprobs) -> list[str]:
    """The numbers of the whole answer, in words."""
    values = {
        "tokens": f"{len(logprobs):,}",
        "sum": number(logprobs.sum),
        "mean": number(logprobs.mean, 3),
        "perplexity": number(logprobs.perplexity),
        "bits": number(logprobs.bits_per_character),
    }
    return [say(f"heatmap.{key}", value=value) for key, value in values.items()]


_COLUMNS = ("position", "token", "logprob", "probability", "entropy", "alternatives")


def _line(inner: str) -> str:
    return inner and f'<div style="{_SMALL}">{inner}</div>'


def _span(inner: str, style: str, title: str = "") -> str:
    told = f' title="{escape(title)}"' if title else ""
    styled = f' style="{style}"' if style else ""
    return f"<span{told}{styled}>{escape(inner)}</span>"


def _tokens(logprobs: Logprobs, pieces: list[Glyph]) -> Iterator[str]:
    for piece in pieces:
        if piece.unreported:
            said = say("heatmap.unreported")
            yield _span(visible(piece.text, breaks=True), _UNREPORTED, said)
            continue
        title = _title(logprobs, piece)
        if piece.outside:
            position = logprobs.positions[piece.first]
            word = visible(_own_words(logprobs, position))
            yield _span(word, _OUTSIDE, f"{say('heatmap.outside')}\n{title}")
        else:
            style = step(probability(logprobs.logprob_of(piece))).style
            yield _span(visible(piece.text, breaks=True), style, title)


def _own_words(logprobs: Logprobs, position: Position) -> str:
    """What a token that the text does not hold says itself."""
    return logprobs.readable(logprobs.sampled(position.index)) or "∅"


def _title(logprobs: Logprobs, piece: Glyph) -> str:
    positions = logprobs.positions[piece.first : piece.stop]
    if len(positions) == 1:
        return _told(logprobs, positions[0], MAX_ALTERNATIVES)
    total = logprobs.logprob_of(piece)
    head = say(
        "heatmap.together",
        count=len(positions),
        share=percent(probability(total)),
        logprob=number(total, 3),
    )
    each = MAX_ALTERNATIVES if len(positions) == 2 else 0
    return "\n".join([head, *(_told(logprobs, p, each) for p in positions)])


def _told(logprobs: Logprobs, position: Position, most: int) -> str:
    head = say(
        "heatmap.one",
        position=position.index,
        share=percent(position.probability),
        logprob=number(position.logprob, 3),
    )
    shown = alternatives(logprobs, position, most)
    if not shown:
        return head
    if position.others:
        shown.append(f"{say('heatmap.others')} {percent(position.others)}")
    return "\n".join([f"{head} · {_rank(position)}", *shown])


def _rank(position: Position) -> str:
    key = "rank" if position.listed else "rank_below"
    return say(f"heatmap.{key}", rank=position.rank)


def alternatives(logprobs: Logprobs, position: Position, most: int) -> list[str]:
    """The ``most`` likely tokens shown, each with its probability."""
    shown = zip(position.alternatives[:most], position.shares, strict=False)
    return [
        f"{visible(logprobs.readable(other)) or '∅'} {percent(share)}"
        for other, share in shown
    ]


def _legend() -> str:
    samples = []
    for row in STEPS:
        limit = f"≥ {row.low:.0%}" if row.low else f"< {STEPS[-2].low:.0%}"
        samples.append(_span(limit, f"{row.style};padding:0 .3em".lstrip(";")))
    return f"{escape(say('heatmap.legend'))} {' '.join(samples)}"


def _least_certain(logprobs: Logprobs) -> str:
    chips = []
    for position in logprobs.least_certain():
        share = position.probability
        if share >= STEPS[0].low:
            break
        word = visible(_label(logprobs, position)) or "∅"
        chips.append(
            f"{_span(word, step(share).style)} {percent(share)} #{position.index}"
        )
    if not chips:
        return ""
    return f"{escape(say('heatmap.least'))} {' · '.join(map(_unbroken, chips))}"


def _unbroken(inner: str) -> str:
    return f'<span style="white-space:nowrap">{inner}</span>'


def _label(logprobs: Logprobs, position: Position) -> str:
    """A token's text; of tokens that share a character, which of them it is."""
    piece = logprobs.glyph_at(position.index)
    count = piece.stop - piece.first
    if piece.outside:
        return _own_words(logprobs, position)
    if count > 1 and position.text in {"", piece.text}:
        return f"{piece.text} {position.index - piece.first + 1}/{count}"
    return position.text


def _caps(logprobs: Logprobs) -> list[str]:
    shown, count = f"{MAX_TOKENS:,}", f"{len(logprobs):,}"
    if len(logprobs) > MAX_TOKENS:
        said = say("heatmap.capped", shown=shown, count=count, top=MAX_ALTERNATIVES)
        return [said]
    most = max((len(token.top) for token in logprobs.tokens), default=0)
    if most > MAX_ALTERNATIVES:
        return [say("heatmap.capped_top", top=MAX_ALTERNATIVES)]
    return []


def _table(logprobs: Logprobs, pieces: list[Glyph]) -> str:
    head = "".join(f"<th>{escape(say(f'heatmap.{key}'))}</th>" for key in _COLUMNS)
    rows = [
        _row(row)
        for piece in pieces
        for row in _rows(logprobs, piece, MAX_ALTERNATIVES)
    ]
    told = escape(say("heatmap.table", count=f"{len(rows):,}"))
    return (
        f"<details><summary>{told}</summary>"
        '<div style="max-height:30em;overflow:auto"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
        "</table></div></details>"
    )


def _row(cells: list[str]) -> str:
    text_cells = {1, len(cells) - 1}
    return "".join(
        [
            "<tr>",
            *(
                f"<td{_LEFT if place in text_cells else ''}>{escape(cell)}</td>"
                for place, cell in enumerate(cells)
            ),
            "</tr>",
        ]
    )


def _rows(logprobs: Logprobs, piece: Glyph, most: int) -> Iterator[list[str]]:
    for position in logprobs.positions[piece.first : piece.stop]:
        low, high = position.entropy_bounds()
        spread = number(low) if number(low) == number(high) else ""
        yield [
            str(position.index),
            visible(_label(logprobs, position)),
            number(position.logprob, 3),
            percent(position.probability),
            spread or f"{number(low)} … {number(high)}",
            " · ".join(alternatives(logprobs, position, most)),
        ]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Columns of equal width in terminal cells, text to the left."""
    sizes = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            (ljust if place in {1, len(row) - 1} else rjust)(cell, size)
            for place, (cell, size) in enumerate(zip(row, sizes, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
