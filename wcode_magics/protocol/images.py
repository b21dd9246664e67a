"""Images of a prompt as values: content parts, digests, size in tokens; no I/O."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from wcode_magics.runtime.serialization import Value, checked

SIDE = 2048
"""Longest side in pixels that is sent; endpoints scale larger images down."""
READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO")
"""Formats that are opened, by Pillow's name; it would start Ghostscript for an EPS."""
PATCH = 28
"""Pixels along a side per token of Qwen2-VL: two patches of 14, merged."""
_FEWEST = 4
_AROUND = 2  # vision_start, vision_end
_DATA = "data:"


@dataclass(frozen=True, slots=True)
class ImagePart(Value):
    """One image, standing in a message's text before the character ``at``.

    Either ``data``, an encoded file of the media type ``kind`` with ``width`` and
    ``height`` in pixels, or the ``url`` that the endpoint fetches. ``digest`` (hex)
    identifies the image in hashes and in the store; ``name`` is what the user called
    it. An image read back from the store alone has no ``data``.
    """

    url: str = ""
    data: bytes = field(default=b"", repr=False)
    kind: str = ""
    width: int | None = None
    height: int | None = None
    digest: str = ""
    name: str = field(default="", compare=False)
    at: int = 0

    @property
    def wire(self) -> dict[str, Any]:
        """The content part that is sent."""
        return _part(self.address)

    @property
    def reference(self) -> dict[str, Any]:
        """The content part with the digest in place of the data."""
        return _part(self.url or f"sha256:{self.digest}")

    @property
    def address(self) -> str:
        """The URL, or the data as ``data:image/png;base64,…``."""
        encoded = base64.b64encode(self.data).decode()
        return self.url or f"{_DATA}{self.kind};base64,{encoded}"

    @property
    def tokens(self) -> int:
        """Estimated prompt tokens: one per 28 × 28 pixels, as Qwen2-VL counts.

        The size behind a URL is unknown, so that of the largest image is assumed.
        """
        across, down = (
            -(-(side or SIDE) // PATCH) for side in (self.width, self.height)
        )
        return max(_FEWEST, across * down) + _AROUND

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set; ``data`` in base64."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["data"] = base64.b64encode(self.data).decode()
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create an image from :meth:`to_dict`."""
        image = base64.b64decode(data.get("data", ""))
        return cls(**{**checked(cls, data), "data": image})


def parts_of(
    text: str, images: Sequence[ImagePart], *, by_reference: bool = False
) -> list[dict[str, Any]]:
    """Return a text and its images as content parts, each image in its place."""
    parts: list[dict[str, Any]] = []
    begun = 0
    for image in sorted(images, key=lambda one: one.at):
        parts += _text(text[begun : image.at])
        parts.append(image.reference if by_reference else image.wire)
        begun = max(begun, image.at)
    return [*parts, *_text(text[begun:])]


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def abridged(body: Any) -> Any:
    """Return a body for display: data URLs are shortened to their type and size."""
    if isinstance(body, Mapping):
        return {name: abridged(value) for name, value in body.items()}
    if isinstance(body, list | tuple):
        return [abridged(value) for value in body]
    if isinstance(body, str) and body.startswith(_DATA) and ";base64," in body[:99]:
        head, _, data = body.partition(",")
        return f"{head},… ({len(data) * 3 / 4 / 1024:,.1f} KB)"
    return body
