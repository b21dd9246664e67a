"""Effects of parts of a prompt as a heat map over it, and as a table."""

import math

from wcode_magics.display.text_table import TextTable
from wcode_magics.evaluation.attribution import Attribution, PromptPart
from wcode_magics.logprobs.number_format import number, percent
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import FAINT, WRAPPED, attribute, clipped, escape
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.output.mimebundle import bundle as bundle_of
from wcode_magics.text import say

FOR, AGAINST = "230,97,1", "33,102,172"
"""Orange and blue, distinguishable with any kind of colour vision."""
STRONGEST = 0.55
MOST = 20_000
MOST_CELL = 120
_MINUS = "−"


def bundle(found: Attribution) -> Bundle:
    """Return the prompt with its parts tinted, and the parts by effect."""
    if math.isnan(found.p):
        summary = say("why.unknown")
        return bundle_of(f"<div>{escape(summary)}</div>", summary)
    summary = say("why.summary", label=visible(found.label), share=percent(found.p))
    table = _table(found).bundle()
    legend = (
        f'<span style="{_style(1.0, 1.0)}">+</span> '
        f'<span style="{_style(-1.0, 1.0)}">{_MINUS}</span> '
        f'<span style="{FAINT}">{escape(say("why.scale"))}</span>'
    )
    page = (
        f"<div><div>{escape(summary)}</div>"
        f'<div style="{WRAPPED};line-height:1.7;margin:.5em 0">{_prompt(found)}</div>'
        f"<div>{legend}</div>{table['text/html']}</div>"
    )
    return bundle_of(page, f"{summary}\n{table['text/plain']}")


def _table(found: Attribution) -> TextTable:
    rows = [
        (_effect(part), part.field, visible(clipped(part.text, MOST_CELL)))
        for part in found.ranked
    ]
    heads = [say(f"why.{key}") for key in ("effect", "field", "part")]
    return TextTable(heads, rows)


def _prompt(found: Attribution) -> str:
    """Return the prompt as HTML, with the parts tinted where they stand."""
    prompt = found.prompt
    spans: list[tuple[int, int, PromptPart]] = []
    others = [part for part in found.fields if part.field != found.field]
    for part in (*found.parts, *others):
        at = prompt.find(dict(found.values)[part.field])
        if at >= 0:
            spans.append((at + part.start, at + part.stop, part))
    known = (abs(p.effect) for _, _, p in spans if not math.isnan(p.effect))
    most = max(known, default=0.0)
    shown, at = [], 0
    for start, stop, part in sorted(spans, key=lambda span: span[:2]):
        if start < at or stop > MOST:
            continue
        shown.append(escape(prompt[at:start]))
        shown.append(_tinted(prompt[start:stop], part, most))
        at = stop
    return "".join([*shown, escape(clipped(prompt[at:], MOST))])


def _tinted(text: str, part: PromptPart, most: float) -> str:
    if math.isnan(part.effect):
        return escape(text)
    style, title = _style(part.effect, most), attribute(_effect(part))
    return f'<span style="{style}" title="{title}">{escape(text)}</span>'


def _style(effect: float, most: float) -> str:
    """Return a tint by sign and size; the underline also shows the sign."""
    strength = STRONGEST * abs(effect) / most if most else 0.0
    color, line = (FOR, "solid") if effect >= 0 else (AGAINST, "dashed")
    return (
        f"background:rgba({color},{strength:.2f});padding:.1em 0;"
        f"border-bottom:2px {line} rgba({color},{min(1.0, 2 * strength):.2f})"
    )


def _effect(part: PromptPart) -> str:
    shown = number(abs(part.effect), 3)
    if shown[0].isdigit() and part.effect:
        shown = f"{'+' if part.effect > 0 else _MINUS}{shown}"
    return f"{'> ' if part.bound else ''}{shown}"
