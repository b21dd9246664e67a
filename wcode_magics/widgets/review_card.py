"""Card of a row to review, as plain values and as HTML."""

import math
from collections.abc import Mapping
from typing import Any

from wcode_magics.logprobs.number_format import percent
from wcode_magics.logprobs.position import Position
from wcode_magics.logprobs.token_captions import BETWEEN, TokenWords
from wcode_magics.output.escaping import WRAPPED, clipped, escape, faint, inert
from wcode_magics.protocol.reply import Reply
from wcode_magics.tables.review_queue import ReviewRow
from wcode_magics.text import say
from wcode_magics.widgets.token_map import drawn

MOST_TEXT = 4_000
MOST_TOKENS = 40
ALTERNATIVES = 4
SURE = 0.9
"""Probability below which a token counts as unsure."""
_BAR = "height:.7em;background:#3b87c8;display:inline-block;vertical-align:baseline"


def card(row: ReviewRow, reply: Reply | None, number: int, total: int) -> Any:
    """Return a card: texts, choices with their shares, tokens of the answer."""
    logprobs = None if reply is None else reply.logprobs
    pieces = drawn(logprobs)["pieces"][:MOST_TOKENS]
    return {
        "place": row.place,
        "more": number < total,
        "head": _head(row, number, total),
        "texts": [
            [inert(name), clipped(inert(text), MOST_TEXT)] for name, text in row.texts
        ],
        "answer": row.answer,
        "choices": [
            {
                "name": name,
                "share": None if math.isnan(share) else share,
                "shown": percent(share),
            }
            for name, share in row.shares
        ],
        "tokens": [{k: one[k] for k in ("text", "style", "title")} for one in pieces],
        "unsure": "" if logprobs is None else _unsure(logprobs),
    }


def html(shown: Mapping[str, Any]) -> str:
    """Return a card as HTML, for front ends without anywidget."""
    lines = [faint(shown["head"])]
    lines += [
        f'<div style="{WRAPPED};font-size:115%">{escape(text)}</div>'
        for _name, text in shown["texts"]
    ]
    for choice in shown["choices"]:
        bold = "font-weight:600" if choice["name"] == shown["answer"] else ""
        width = f"width:{10 * (choice['share'] or 0):.2f}em"
        lines.append(
            f'<div style="{bold}"><span style="display:inline-block;width:10.5em">'
            f'<span style="{_BAR};{width}"></span></span>'
            f"{escape(choice['shown'])} {escape(choice['name'])}</div>"
        )
    if shown["unsure"]:
        lines.append(faint(shown["unsure"]))
    return "".join(lines)


def _head(row: ReviewRow, number: int, total: int) -> str:
    way = say("review.drawn" if row.drawn else "review.chosen")
    sure = percent(row.confidence)
    facts = {"number": f"{number:,}", "total": f"{total:,}", "row": row.index}
    return say("review.head", sure=sure, way=way, **facts)


def _unsure(logprobs: Any) -> str:
    """Return the least sure token with its alternatives, if any is unsure."""
    positions: tuple[Position, ...] = logprobs.positions
    least = min(positions, key=lambda one: one.probability, default=None)
    if least is None or least.probability >= SURE or not least.alternatives:
        return ""
    likely = TokenWords(logprobs, ALTERNATIVES).alternatives(least)
    return say("review.unsure", shown=BETWEEN.join(likely))
