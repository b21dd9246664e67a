"""Render two answers side by side as self-contained HTML and as plain text."""

from collections.abc import Iterator

from wcode_magics.logprobs import heatmap
from wcode_magics.logprobs.alignment import Branch, Comparison, Fork, Stretch
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import number, percent
from wcode_magics.logprobs.token_captions import BETWEEN, TokenWords
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import attribute, escape, joined
from wcode_magics.text import say

MAX_SAME = 160  # characters of a common stretch; longer ones are elided in the middle
MAX_ALTERNATIVES = 5
BLUE = "#48e"
DIFFERENT = f"background:{BLUE}4;border-top:2px solid {BLUE}"
"""What differs: blue and a line above, so that it is no probability."""

_CELL = (
    "vertical-align:top;text-align:left;white-space:pre-wrap;overflow-wrap:anywhere;"
    "line-height:1.6"
)
_LABEL = "vertical-align:top;text-align:left;width:7em;font-weight:normal"
_SMALL = "font-size:.9em;line-height:1.7;margin:.3em 0"

Names = tuple[str, str]
NAMES: Names = ("A", "B")


def html(comparison: Comparison, names: Names = NAMES) -> str:
    """Render a summary, both texts with differences tinted, and the fork as HTML."""
    fork = comparison.fork
    parts = (
        summary(comparison, names) if fork is None else _divergence(comparison, fork)
    )
    line = f'<div style="{_SMALL}">{joined(" · ".join(parts))}</div>'
    if fork is None:
        return f"<div>{line}</div>"
    rows = [(say("scores.answer"), *(_text(comparison, side) for side in (0, 1)))]
    rows += _fork_rows(comparison, fork)
    heads = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in names)
    return (
        f'<div>{line}<table style="width:100%;table-layout:fixed">'
        f'<thead><tr><th style="{_LABEL}"></th>{heads}</tr></thead>'
        f"<tbody>{''.join(_row(*row) for row in rows)}</tbody></table></div>"
    )


def plain(comparison: Comparison, names: Names = NAMES) -> str:
    """Render for terminals: the summary, the fork, then common and differing lines."""
    lines = [" · ".join(summary(comparison, names)), *_fork_lines(comparison, names)]
    if comparison.fork:
        for stretch in comparison.stretches:
            lines += _stretch_lines(stretch, names)
    return "\n".join(lines)


def summary(comparison: Comparison, names: Names) -> list[str]:
    """Describe where the answers diverge, and their bits per character."""
    fork = comparison.fork
    count = f"{len(comparison.first.text):,}"
    same = [say("comparison.same", count=count)]
    parts = _divergence(comparison, fork) if fork else same
    for name, own in zip(names, (comparison.first, comparison.second), strict=True):
        if own.tokens:
            value = number(own.bits_per_character)
            parts.append(say("comparison.bits", name=name, value=value))
    if comparison.first.tokens and comparison.second.tokens:
        parts.append(say("comparison.apart", value=number(abs(comparison.apart))))
    return parts


def _divergence(comparison: Comparison, fork: Fork) -> list[str]:
    key, share = ("forks" if fork.at else "forks_at_once"), comparison.agreement
    where = say(f"comparison.{key}", count=f"{fork.at:,}")
    return [where, say("comparison.agreement", share=percent(share))]


def _fork_rows(comparison: Comparison, fork: Fork) -> Iterator[tuple[str, str, str]]:
    """Yield label and both cells, as HTML, for each row about the fork."""
    sides = ((comparison.first, fork.first), (comparison.second, fork.second))
    columns = [_fork_cells(own, branch, fork.at) for own, branch in sides]
    keys = ("at_fork", "to_other", "alternatives", "per_character")
    for key, first, second in zip(keys, *columns, strict=True):
        if first or second:
            yield say(f"comparison.{key}"), first, second


def _fork_cells(own: Logprobs, branch: Branch, at: int) -> tuple[str, str, str, str]:
    bits = number(own.bits_per_character) if own.tokens else ""
    position = branch.position
    if position is None:
        ended = at == len(own.text)
        return escape(say("comparison.end")) if ended else "", "", "", bits
    token = visible(own.readable(own.sampled(position.index)))
    chosen = heatmap.token_html(token, position.probability)
    if not position.alternatives:
        return chosen, "", "", bits
    other = branch.other_probability
    share = percent(other) if other else escape(say("comparison.not_shown"))
    likely = TokenWords(own, MAX_ALTERNATIVES).likely(position)
    return chosen, share, " ".join(heatmap.token_html(*one) for one in likely), bits


def _row(label: str, first: str, second: str) -> str:
    cells = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in (first, second))
    return f'<tr><th style="{_LABEL}">{escape(label)}</th>{cells}</tr>'


def _fork_lines(comparison: Comparison, names: Names) -> Iterator[str]:
    fork = comparison.fork
    if fork is None:
        return
    sides = ((comparison.first, fork.first), (comparison.second, fork.second))
    for (own, branch), name, other in zip(sides, names, names[::-1], strict=True):
        yield " · ".join(_branch_text(own, branch, fork.at, name, other))


def _branch_text(
    own: Logprobs, branch: Branch, at: int, name: str, other: str
) -> Iterator[str]:
    position = branch.position
    if position is None:
        ended = at == len(own.text)
        rest = visible(own.text[at : at + 12])
        unknown = say("comparison.unknown")
        yield (
            say("comparison.ends", name=name)
            if ended
            else say("comparison.says", name=name, token=f"{rest}…", share=unknown)
        )
        return
    token = visible(own.readable(own.sampled(position.index)))
    share = percent(position.probability)
    yield say("comparison.says", name=name, token=token, share=share)
    if position.alternatives:
        assigned = branch.other_probability
        key = "assigned" if assigned else "assigned_none"
        yield say(f"comparison.{key}", name=name, other=other, share=percent(assigned))
        words = TokenWords(own, MAX_ALTERNATIVES)
        shown = BETWEEN.join(words.alternatives(position))
        yield f"{say('comparison.shown', name=name)} {shown}"


def _text(comparison: Comparison, side: int) -> str:
    parts = []
    for stretch in comparison.stretches:
        text = stretch.second if side else stretch.first
        if stretch.same:
            parts.append(escape(visible(_elided(text), breaks=True)))
        elif text:
            bits = stretch.second_bits if side else stretch.first_bits
            title = attribute(say("comparison.bits_of", value=number(bits)))
            inner = escape(visible(text, breaks=True))
            parts.append(f'<span title="{title}" style="{DIFFERENT}">{inner}</span>')
    return "".join(parts)


def _elided(text: str) -> str:
    """Replace the middle of a long common stretch by a note on its length."""
    if len(text) <= MAX_SAME:
        return text
    half = MAX_SAME // 2
    note = say("comparison.elided", count=f"{len(text) - 2 * half:,}")
    return f"{text[:half]} […{note}…] {text[-half:]}"


def _stretch_lines(stretch: Stretch, names: Names) -> Iterator[str]:
    if stretch.same:
        yield f"    {visible(_elided(stretch.first))}"
        return
    if stretch.first:
        bits = say("comparison.bits_of", value=number(stretch.first_bits, 1))
        yield f"  {names[0]} {visible(stretch.first)}  ({bits})"
    if stretch.second:
        bits = say("comparison.bits_of", value=number(stretch.second_bits, 1))
        yield f"  {names[1]} {visible(stretch.second)}  ({bits})"
