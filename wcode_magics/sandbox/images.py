"""Images in a prompt: their format, size and main colour, which is all that is seen."""

import base64
import io
import re
from dataclasses import dataclass

from .bad_request import BadRequest

_COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "red": (220, 30, 30),
    "orange": (255, 140, 0),
    "yellow": (250, 220, 30),
    "green": (40, 160, 60),
    "blue": (40, 80, 220),
    "purple": (140, 50, 170),
    "pink": (255, 150, 190),
    "brown": (130, 80, 40),
}
_CHINESE = dict(zip(_COLOURS, "黑白灰红橙黄绿蓝紫粉棕", strict=True))
_READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO")
"""Formats that are opened; Pillow would start Ghostscript for an EPS."""
_BEGUN = "an image\n"
_SAMPLE = 64
_PATCH = 28
"""Pixels along a side per token, as Qwen2-VL counts."""


@dataclass(frozen=True, slots=True)
class SeenImage:
    """What is seen of an image: Pillow's name of its format, pixels, main colour."""

    format: str
    width: int
    height: int
    colour: str

    @property
    def tokens(self) -> int:
        """Prompt tokens of the image."""
        across, down = (-(-side // _PATCH) for side in (self.width, self.height))
        return max(4, across * down) + 2

    @property
    def notes(self) -> str:
        """What is seen, as lines that labels and fields are read from."""
        return (
            f"{_BEGUN}format: {self.format}\n"
            f"width: {self.width}\nheight: {self.height}\n"
            f"colour: {self.colour}\ncolor: {self.colour}\n"
            f"格式：{self.format}\n宽度：{self.width}\n高度：{self.height}\n"
            f"颜色：{_CHINESE[self.colour]}色"
        )

    def sentence(self, language: str) -> str:
        """Return a sentence about the image."""
        size = f"{self.width} × {self.height}"
        if language == "zh":
            colour = _CHINESE[self.colour]
            return f"这是一张 {self.format} 图片，{size} 像素，主要是{colour}色。"
        return f"The image is a {self.format} of {size} pixels, mainly {self.colour}."


def noted(key: str, text: str) -> str | None:
    """Return what the notes in a text say of an image's property, or None."""
    _, begun, notes = text.rpartition(_BEGUN)
    rows = (re.split(r"[:：]\s?", row, maxsplit=1) for row in notes.splitlines())
    found = {row[0]: row[1] for row in rows if len(row) == 2} if begun else {}
    return found.get(key.lower())


def read(url: object, where: str) -> SeenImage:
    """Look at the image of a data URL.

    Raises:
        BadRequest: it is another URL, which is never fetched, or not an image.
    """
    head, _, data = url.partition(";base64,") if isinstance(url, str) else ("", "", "")
    if not head.startswith("data:image/") or not data:
        message = (
            f"`{where}.image_url.url` must be a data URL of an image; "
            "the sandbox fetches nothing."
        )
        raise BadRequest(message, "messages", "invalid_image_url")
    try:
        from PIL import Image
    except ImportError:
        message = "The sandbox looks at images with Pillow, which is not installed."
        raise BadRequest(message, "messages") from None
    try:
        file = io.BytesIO(base64.b64decode(data, validate=True))
        with Image.open(file, formats=_READ) as opened:
            small = opened.convert("RGB").resize((_SAMPLE, _SAMPLE))
            form, (width, height) = opened.format or "image", opened.size
    except Exception:  # Pillow raises many kinds for a damaged file
        message = f"`{where}.image_url.url` is not an image that can be read."
        raise BadRequest(message, "messages", "invalid_image") from None
    return SeenImage(form, width, height, _main(small.tobytes()))


def _main(pixels: bytes) -> str:
    """Return the name that most pixels are nearest to."""
    votes = dict.fromkeys(_COLOURS, 0)
    for start in range(0, len(pixels), 3):
        votes[_nearest(pixels[start : start + 3])] += 1
    return max(votes, key=votes.__getitem__)


def _nearest(pixel: bytes) -> str:
    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(pixel, _COLOURS[name], strict=True))

    return min(_COLOURS, key=distance)
