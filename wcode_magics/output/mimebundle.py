"""Mimebundles: the one way to make an output, its plain text fit for a terminal."""

from collections.abc import Iterable
from typing import Any

from wcode_magics.output.escaping import inert
from wcode_magics.text import say

Bundle = dict[str, Any]

MOST = 200_000
"""Characters of plain text in an output; the value itself keeps all."""


def bundle(html: str, plain: str, markdown: str | None = None) -> Bundle:
    """An output as HTML, as plain text, and as Markdown where there is some.

    Front ends choose one; consoles and terminals print the plain text, so no
    character in it commands them.
    """
    made = {"text/html": html, **plain_bundle(plain)}
    return made if markdown is None else {**made, "text/markdown": markdown}


def widget_bundle(model: str, plain: str) -> Bundle:
    """A live widget by the id of its model, and plain text where none can live."""
    view = {"version_major": 2, "version_minor": 0, "model_id": model}
    return {"application/vnd.jupyter.widget-view+json": view, **plain_bundle(plain)}


def plain_bundle(plain: str) -> Bundle:
    """An output that is plain text alone."""
    if len(plain) > MOST:
        left = say("ui.left_out", count=f"{len(plain) - MOST:,}")
        plain = f"{plain[:MOST]}…\n{left}"
    return {"text/plain": inert(plain)}


def joined(bundles: Iterable[Bundle]) -> Bundle:
    """Several bundles as one output, in the formats that all of them have."""
    parts = list(bundles)
    between = {"text/html": "", "text/plain": "\n", "text/markdown": "\n\n"}
    return {
        kind: space.join(part[kind] for part in parts)
        for kind, space in between.items()
        if all(kind in part for part in parts)
    }
