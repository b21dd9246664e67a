"""Construction of mimebundles, whose plain text is safe for a terminal."""

from collections.abc import Iterable
from typing import Any

from wcode_magics.output.escaping import inert
from wcode_magics.text import say

Bundle = dict[str, Any]

MOST = 200_000
"""Maximum characters of plain text in an output; the value itself is not cut."""


def bundle(html: str, plain: str, markdown: str | None = None) -> Bundle:
    """Return a mimebundle with HTML, plain text and, if set, Markdown.

    Front ends choose a format; consoles and terminals print the plain text, so its
    control characters are replaced.
    """
    made = {"text/html": html, **plain_bundle(plain)}
    return made if markdown is None else {**made, "text/markdown": markdown}


def widget_bundle(model: str, plain: str) -> Bundle:
    """Return a mimebundle of the live widget of a model id, with a plain fallback."""
    view = {"version_major": 2, "version_minor": 0, "model_id": model}
    return {"application/vnd.jupyter.widget-view+json": view, **plain_bundle(plain)}


def plain_bundle(plain: str) -> Bundle:
    """Return a mimebundle of plain text only."""
    if len(plain) > MOST:
        left = say("ui.left_out", count=f"{len(plain) - MOST:,}")
        plain = f"{plain[:MOST]}…\n{left}"
    return {"text/plain": inert(plain)}


def joined(bundles: Iterable[Bundle]) -> Bundle:
    """Join mimebundles into one, in the formats that all of them have."""
    parts = list(bundles)
    between = {"text/html": "", "text/plain": "\n", "text/markdown": "\n\n"}
    return {
        kind: space.join(part[kind] for part in parts)
        for kind, space in between.items()
        if all(kind in part for part in parts)
    }
