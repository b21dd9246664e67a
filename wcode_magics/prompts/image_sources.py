"""Images from what the user names: a file, a URL, bytes, a picture, array or figure.

A PNG, JPEG, WebP or GIF within the limits is sent as it is. The other
formats of :data:`~wcode_magics.protocol.images.READ` and objects are scaled down and
encoded again with Pillow (extra ``images``). A file is read only where the
user names it; a URL is passed on and never fetched here.
"""

import base64
import hashlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wcode_magics.errors import UsageError, VariableError
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol.images import READ, SIDE, ImagePart
from wcode_magics.runtime.imports import of_extra

if TYPE_CHECKING:
    from PIL import Image

MOST_READ = 64 * 2**20
"""Maximum bytes of a file that is read."""
MOST_SENT = 4 * 2**20
"""Maximum bytes of an encoded image; many endpoints refuse bodies above 10 MB."""
QUALITY = 90
SENT: Mapping[str, str] = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
"""Formats that vision models take, by Pillow's name."""
_SHOWN = 60


def load(source: Any) -> ImagePart:
    """Return the image that ``source`` is or names, scaled down to :data:`SIDE`.

    Args:
        source: path or URL as text, path object, encoded bytes, PIL image, NumPy array
            (height × width, × 3 or × 4; 0 … 255, 0.0 … 1.0, or 0 … 65,535 as
            uint16), matplotlib figure, or an ImagePart.

    Raises:
        VariableError: the file cannot be read.
        UsageError: it is no image, too large, or of another type; or Pillow is missing.
    """
    if isinstance(source, ImagePart):
        return source
    if isinstance(source, str):
        return _named(source.strip())
    if isinstance(source, Path):
        return image_of(_file(source), source.name)
    if isinstance(source, bytes | bytearray | memoryview):
        return image_of(bytes(source))
    figure = getattr(source, "figure", source)
    if callable(getattr(figure, "savefig", None)):
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        return image_of(drawn.getvalue())
    pillow = _pillow()
    if isinstance(source, pillow.Image):
        return _drawn(source)
    shaped = hasattr(source, "__array_interface__") and hasattr(source, "shape")
    if shaped or isinstance(source, list):  # a cell's array is read as a list
        return _drawn(_of_array(source))
    raise UsageError("image.kind", kind=type(source).__name__)


def load_all(images: Any) -> tuple[ImagePart, ...]:
    """Return the images of one source or a list of them; raises as :func:`load`."""
    return tuple(map(load, _listed(images)))


def image_of(data: bytes, name: str = "") -> ImagePart:
    """Return the image of an encoded file, unchanged if it can be sent so.

    Raises:
        UsageError: the data is no image, or too large.
    """
    opened = _opened(data, name)
    kind = SENT.get(opened.format or "")
    digest = hashlib.sha256(data).hexdigest()
    width, height = opened.size
    if kind is not None and max(width, height) <= SIDE and len(data) <= MOST_SENT:
        return ImagePart("", data, kind, width, height, digest, name)
    from PIL import ImageOps

    made = _saved(_plain(ImageOps.exif_transpose(opened)))
    return replace(made, digest=_scaled(digest), name=name)


def as_texts(images: Any) -> list[str]:
    """Return sources as texts that :func:`load` takes again: paths, URLs, data URLs.

    So a table can keep them with its settings. Raises as :func:`load`.
    """
    return [
        str(one) if isinstance(one, str | Path) else load(one).address
        for one in _listed(images)
    ]


def _listed(images: Any) -> Sequence[Any]:
    return images if isinstance(images, list | tuple) else (images,)


def _named(text: str) -> ImagePart:
    shown = clipped(text, _SHOWN)
    if text[:5].lower() == "data:":
        _head, comma, data = text.partition(";base64,")
        try:
            raw = base64.b64decode(data, validate=True)
        except ValueError:
            raw = b""
        if not comma or not raw:
            raise UsageError("image.none", name=shown, reason="data URL")
        return image_of(raw)
    if "://" not in text:
        try:
            path = Path(text).expanduser()
        except RuntimeError as wrong:  # the home of an unknown user
            raise VariableError("image.unreadable", path=shown, reason=wrong) from wrong
        return image_of(_file(path), path.name)
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or " " in text:
        raise UsageError("image.url", given=shown)
    return ImagePart(url=text, name=parts.path.rpartition("/")[2] or parts.hostname)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_READ + 1)
    except (OSError, ValueError) as wrong:
        shown = clipped(str(path), _SHOWN)
        raise VariableError("image.unreadable", path=shown, reason=wrong) from wrong
    if len(data) > MOST_READ:
        raise UsageError("image.big", name=path.name, most=f"{MOST_READ >> 20} MB")
    return data


def _opened(data: bytes, name: str) -> "Image.Image":
    pillow = _pillow()
    shown = name or "bytes"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            opened: Image.Image = pillow.open(io.BytesIO(data), formats=READ)
            opened.load()
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError) as wrong:
        most = f"{pillow.MAX_IMAGE_PIXELS / 1e6:,.0f} MP"
        raise UsageError("image.big", name=shown, most=most) from wrong
    except Exception as wrong:  # Pillow raises many kinds for a damaged file
        reason = "" if isinstance(wrong, pillow.UnidentifiedImageError) else str(wrong)
        raise UsageError("image.none", name=shown, reason=reason or "–") from wrong
    return opened


def _drawn(image: "Image.Image") -> ImagePart:
    """Return an image of pixels; its digest does not depend on the encoder."""
    seen = _plain(image)
    described = f"{seen.mode} {seen.width} {seen.height}\n".encode()
    digest = hashlib.sha256(described + seen.tobytes()).hexdigest()
    return replace(_saved(seen), digest=_scaled(digest))


def _plain(image: "Image.Image") -> "Image.Image":
    """Return an image in 8 bits of grey or colour, without palette: what is seen."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _of_grey(image)
    see_through = "transparency" in image.info
    if image.mode in {"RGB", "RGBA", "L", "LA"} and not see_through:
        return image
    alpha = see_through or image.mode.endswith(("A", "a"))
    try:
        return image.convert("RGBA" if alpha else "RGB")
    except ValueError as wrong:  # LAB
        raise UsageError("image.none", name=image.mode, reason=wrong) from wrong


def _of_grey(image: "Image.Image") -> "Image.Image":
    """Return grey of 16 or 32 bits in 8; its white is the least that holds all."""
    wide = image.convert("F")
    extrema: Any = wide.getextrema()
    low, high = extrema
    whites = [65_535] if image.mode.startswith("I;16") else [255, 65_535]
    if image.mode == "F":
        whites.insert(0, 1)
    white = next((most for most in whites if low >= 0 and high <= most), None)
    if white is None:
        shape = f"{image.height} × {image.width} {image.mode}"
        given = f"{shape}, {decimal(low)} … {decimal(high)}"
        raise UsageError("image.array", given=given)
    scale = 255 / white
    return wide.point(lambda grey: grey * scale + 0.5).convert("L")


def _saved(image: "Image.Image") -> ImagePart:
    """Scale an image down and encode it: PNG, or JPEG on white for a large one."""
    fitting = image.copy()
    fitting.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    fitting.save(out, "PNG")
    kind = "image/png"
    if out.tell() > MOST_SENT:
        out = io.BytesIO()
        if fitting.mode.endswith("A"):
            white = _pillow().new("RGBA", fitting.size, "white")
            white.alpha_composite(fitting.convert("RGBA"))
            fitting = white
        fitting.convert("RGB").save(out, "JPEG", quality=QUALITY)
        kind = "image/jpeg"
    width, height = fitting.size
    return ImagePart("", out.getvalue(), kind, width, height)


def _of_array(array: Any) -> "Image.Image":
    """Return an array as an image; floats, booleans and 16 bits are scaled."""
    import numpy as np

    try:
        found = np.asarray(array)
    except ValueError as wrong:  # rows of unequal lengths
        raise UsageError("image.array", given="list") from wrong
    shape = " × ".join(map(str, found.shape))
    coloured = found.ndim == 3 and found.shape[2] in {1, 3, 4}
    numbers = found.dtype.kind in "fbiu"
    if not found.size or not (found.ndim == 2 or coloured) or not numbers:
        raise UsageError("image.array", given=f"{shape} {found.dtype}")
    if found.ndim == 3 and found.shape[2] == 1:
        found = found[:, :, 0]
    if found.dtype.kind in "fb":
        found = np.nan_to_num(found.astype(float)).clip(0, 1) * 255
    elif found.dtype.itemsize == 2 and found.dtype.kind == "u":
        found = found / 257
    if found.min() < 0 or found.max() > 255:
        given = f"{shape} {found.dtype}, {found.min()} … {found.max()}"
        raise UsageError("image.array", given=given)
    pixels = np.rint(found).astype(np.uint8)
    made: Image.Image = _pillow().fromarray(pixels)
    return made


def _scaled(digest: str) -> str:
    return hashlib.sha256(f"{digest} {SIDE}".encode()).hexdigest()


def _pillow() -> Any:
    with of_extra("images"):
        from PIL import Image
    return Image
