"""Values as mimebundles: HTML with inline styles, Markdown, and always plain text.

The HTML needs no style sheet, script or running kernel, so it looks the same in saved
and untrusted notebooks and after nbconvert.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from wcode_magics.display import highlight, markdown
from wcode_magics.display.live_display import EMPTY
from wcode_magics.display.text_table import TextTable
from wcode_magics.output.escaping import clipped, escape, faint
from wcode_magics.output.mimebundle import Bundle, bundle
from wcode_magics.protocol import models, token_counts
from wcode_magics.protocol.messages import Usage
from wcode_magics.protocol.request import Request
from wcode_magics.text import say

NOTE = (
    "font-size:90%;border-left:3px solid #c80;padding:.1em .6em;"
    "margin:.2em 0;background-color:#e902"
)


def text_bundle(text: str) -> Bundle:
    """Return a text unformatted."""
    return bundle(markdown.as_written(text), text)


def wait_line(seconds: float) -> str:
    """Return the time until the next attempt; empty below 0.5 s."""
    return say("ui.waiting", seconds=math.ceil(seconds)) if seconds >= 0.5 else ""


def wait_bundle(seconds: float) -> Bundle:
    """Return :func:`wait_line` as a bundle."""
    line = wait_line(seconds)
    return note_bundle(line) if line else EMPTY


def note_bundle(text: str) -> Bundle:
    """Return a note."""
    text = clipped(text, markdown.MOST)
    shown = f'<div style="{NOTE}">{escape(text)}</div>'
    neutral = markdown.neutral(text)
    return bundle(shown, text, neutral and f"> {neutral}")


def faint_bundle(text: str) -> Bundle:
    """Return a line in faint, small print."""
    shown = faint(text)
    neutral = markdown.neutral(text)
    return bundle(shown, text, neutral and f"*{neutral}*")


def code_bundle(code: str, lexer: str) -> Bundle:
    """Return code, highlighted in the notebook."""
    return bundle(highlight.html(code, lexer), code)


def json_text(value: Any) -> str:
    """Return indented JSON with non-ASCII characters unescaped."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def prompt_estimate(request: Request, place: str) -> str:
    """Return tokens of a prompt sent to ``place`` and its price, if that is known.

    Both have ≈ if estimated.
    """
    counted = token_counts.count_request(request, place)
    approx = "" if counted.exact else say("ui.approx")
    price = models.cost(request.model, Usage(counted.tokens, 0), place)
    count = f"{approx}{counted.tokens:,}"
    if price is None:
        return say("ui.prompt_tokens", tokens=count)
    money = models.money(price, models.currency(request.model, place))
    shown = f"{approx if price else ''}{money}"
    return say("ui.prompt_estimate", tokens=count, price=shown)


def layers_table(rows: Iterable[Sequence[str]], note: str = "") -> TextTable:
    """Return a table of settings: name, value and layer."""
    columns = (say("ui.name"), say("ui.value"), say("ui.layer"))
    cells = [(name, value, say(f"layers.{layer}")) for name, value, layer in rows]
    return TextTable(columns, cells, note=note, wraps=True)
