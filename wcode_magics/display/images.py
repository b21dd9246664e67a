"""Small previews of the images of a prompt, saved with the output."""

import base64
import io
from collections.abc import Sequence
from functools import lru_cache

from wcode_magics.output.escaping import FAINT, attribute, clipped, faint
from wcode_magics.protocol.images import READ, ImagePart
from wcode_magics.protocol.request import Request
from wcode_magics.text import say

WIDTH, HEIGHT = 160, 120
"""Largest preview in pixels."""
MOST = 12
"""Maximum number of previews of one prompt."""
_STYLE = (
    f"max-width:{WIDTH}px;max-height:{HEIGHT}px;border-radius:3px;vertical-align:top"
)
_FIGURE = "display:inline-block;margin:.2em .6em .2em 0"


def prompt_images(request: Request) -> tuple[ImagePart, ...]:
    """Return the images of the last user message."""
    users = (one for one in reversed(request.messages) if one.role == "user")
    last = next(users, None)
    return () if last is None else last.images


def html(images: Sequence[ImagePart]) -> str:
    """Return previews with captions; an image behind a URL is never fetched."""
    if not images:
        return ""
    shown = "".join(map(_figure, images[:MOST]))
    left = f'<span style="{FAINT}">+{len(images) - MOST}</span>'
    return f"<div>{shown}{left if len(images) > MOST else ''}</div>"


def plain(images: Sequence[ImagePart]) -> str:
    """Return one line that names the images; empty if there are none."""
    named = "; ".join(map(caption, images[:MOST]))
    return say("ui.images", names=named) if images else ""


def caption(image: ImagePart) -> str:
    """Return name, type and size of an image."""
    if image.url:
        return clipped(image.url, 80)
    kind = image.kind.rpartition("/")[2].upper()
    size = f"{kind} {image.width} × {image.height}"
    return f"{image.name} · {size}" if image.name else size


def _figure(image: ImagePart) -> str:
    line = faint(caption(image))
    source = preview(image.data) if image.data else ""
    if source:
        alt = attribute(caption(image))
        line = f'<img src="{source}" alt="{alt}" style="{_STYLE}">{line}'
    return f'<div style="{_FIGURE}">{line}</div>'


@lru_cache(64)
def preview(data: bytes) -> str:
    """Return a small copy of an encoded image as a data URL.

    Empty without Pillow, or if it is none that can be read: the caption remains.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        return ""
    try:
        with Image.open(io.BytesIO(data), formats=READ) as opened:
            small = ImageOps.exif_transpose(opened)
            small.thumbnail((2 * WIDTH, 2 * HEIGHT))
    except UnidentifiedImageError:
        return ""
    kind = "PNG" if small.mode in {"P", "PA", "RGBA", "LA"} else "JPEG"
    if kind == "JPEG" and small.mode not in {"RGB", "L"}:
        small = small.convert("RGB")
    out = io.BytesIO()
    small.save(out, kind, optimize=True)
    shown = base64.b64encode(out.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{shown}"
