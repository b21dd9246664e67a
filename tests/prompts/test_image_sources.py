"""Images from files, bytes, pictures, arrays and figures; what is none is refused."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wcode_magics.display import images as previews
from wcode_magics.errors import WcodeError
from wcode_magics.prompts import image_sources, template
from wcode_magics.sandbox import images
from wcode_magics.sandbox.bad_request import BadRequest

RED = Image.new("RGB", (40, 30), (220, 30, 30))


def encoded(image: Image.Image = RED, form: str = "PNG") -> bytes:
    """The image as a file."""
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


def pixels(data: bytes) -> Image.Image:
    """The image of a file."""
    return Image.open(io.BytesIO(data))


def test_a_file_that_models_take_is_sent_as_it_is(tmp_path: Path) -> None:
    """By path, path object, bytes and data URL: the same bytes and digest."""
    path = tmp_path / "red.png"
    path.write_bytes(encoded())
    url = f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"
    for source in (str(path), path, encoded(), bytearray(encoded()), url):
        found = image_sources.load(source)
        assert found.data == encoded()
        assert (found.kind, found.width, found.height) == ("image/png", 40, 30)
        assert found == image_sources.load(encoded())


@pytest.mark.parametrize("form", ["BMP", "TIFF"])
def test_other_formats_become_png(form: str) -> None:
    """What models do not take is encoded again, without a loss."""
    found = image_sources.load(encoded(form=form))
    assert found.kind == "image/png"
    assert pixels(found.data).tobytes() == RED.tobytes()


def test_large_images_are_scaled_and_turned_upright() -> None:
    """The longest side is the limit, by the orientation that a camera wrote."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90°
    out = io.BytesIO()
    Image.new("RGB", (3000, 600), "blue").save(out, "JPEG", exif=exif)
    found = image_sources.load(out.getvalue())
    assert found.height == 2048
    assert found.width == pytest.approx(410, abs=1)


def test_objects_have_a_digest_of_their_pixels() -> None:
    """A picture and the same array are one image, in each form of array."""
    array = np.asarray(RED)
    first = image_sources.load(RED)
    assert image_sources.load(array).digest == first.digest
    assert image_sources.load(array / 255).digest == first.digest
    assert image_sources.load(array.tolist()).digest == first.digest
    assert image_sources.load(array[:, :, :1]).width == 40
    assert image_sources.load(np.eye(5, dtype=bool)).height == 5


def test_palette_and_transparency_belong_to_the_digest() -> None:
    """Images of equal indices and other colours are two."""
    red, blue, clear = (
        Image.new("RGB", (4, 4), colour).quantize(2)
        for colour in ("red", "blue", "blue")
    )
    clear.info["transparency"] = 0
    loaded = [image_sources.load(one) for one in (red, blue, clear)]
    assert len({one.digest for one in loaded}) == 3
    seen = [pixels(one.data).convert("RGBA").getpixel((0, 0)) for one in loaded]
    assert seen == [(255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 255, 0)]


def test_grey_of_more_bits_is_scaled() -> None:
    """To 8 bits, of which 65,535, or 1.0, is white; not cut off there."""
    deep = np.array([[0, 32_896, 65_535]], np.uint16)
    one = Image.fromarray(deep)
    big = encoded(Image.fromarray(np.repeat(deep, 1000, axis=1)))
    for source in (deep, one, one.convert("I"), deep / 65_535, big):
        found = pixels(image_sources.load(source).data)
        step = found.width // 3
        greys = [found.getpixel((step * place + step // 2, 0)) for place in range(3)]
        assert (found.mode, greys) == ("L", [0, 128, 255])
    unit = Image.fromarray((deep / 65_535).astype(np.float32))
    assert pixels(image_sources.load(unit).data).tobytes() == bytes([0, 128, 255])
    assert pixels(image_sources.load(Image.new("I", (1, 1), 9)).data).tobytes() == b"\t"


def test_what_is_clear_is_white_in_a_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large image that loses its transparency stands on white."""
    monkeypatch.setattr(image_sources, "MOST_SENT", 10)
    for mode, clear in (("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))):
        found = image_sources.load(Image.new(mode, (8, 8), clear))
        assert found.kind == "image/jpeg"
        assert pixels(found.data).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["EPS", "PCX"])
def test_previews_and_the_sandbox_open_few_formats(form: str) -> None:
    """Those of prompts; none for which Pillow would start a program."""
    assert previews.preview(encoded())
    assert not previews.preview(encoded(form=form))
    url = f"data:image/png;base64,{base64.b64encode(encoded(form=form)).decode()}"
    with pytest.raises(BadRequest, match="not an image"):
        images.read(url, "messages[0]")


def test_a_figure_is_drawn() -> None:
    """A matplotlib figure, or what is in one."""
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=50)
    axes = figure.add_subplot()
    for source in (figure, axes):
        image = image_sources.load(source)
        assert (image.width, image.height) == (100, 50)


def test_a_url_is_passed_on() -> None:
    """Nothing is fetched; the endpoint does."""
    found = image_sources.load("https://example.org/a/cat.jpg?size=2")
    assert (found.url, found.name) == (
        "https://example.org/a/cat.jpg?size=2",
        "cat.jpg",
    )
    assert not found.data


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (b"", "image.none"),
        (b"not an image", "image.none"),
        (encoded()[:60], "image.none"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image.none"),
        ("data:image/png;base64,!", "image.none"),
        ("/no/such/file.png", "image.unreadable"),
        ("nul\0.png", "image.unreadable"),
        ("file:///etc/passwd", "image.url"),
        ("http:// x", "image.url"),
        (3, "image.kind"),
        (None, "image.kind"),
        (np.zeros((2, 2, 7)), "image.array"),
        (np.zeros((0, 2)), "image.array"),
        (np.array([["a"]]), "image.array"),
        (np.zeros((2, 2), "datetime64[s]"), "image.array"),
        (np.zeros((2, 2), complex), "image.array"),
        (np.full((2, 2), 300), "image.array"),
        (Image.new("I", (2, 2), 70_000), "image.array"),
        ("~nouser_x/a.png", "image.unreadable"),
        (encoded(form="EPS"), "image.none"),
        (encoded(form="PCX"), "image.none"),
        ([[1, 2], [3]], "image.array"),
    ],
)
def test_what_is_no_image_is_refused(source: object, key: str) -> None:
    """In one line that says what was given."""
    with pytest.raises(WcodeError) as caught:
        image_sources.load(source)
    assert caught.value.key == key
    assert "\n" not in str(caught.value)


def test_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes and pixels have limits, before anything is decoded."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "bomb.png"
    path.write_bytes(encoded())
    with pytest.raises(WcodeError, match=r"bomb\.png is larger than"):
        image_sources.load(path)
    monkeypatch.setattr(image_sources, "MOST_READ", 50)
    with pytest.raises(WcodeError, match="Scale it down"):
        image_sources.load(path)


def test_images_stand_in_the_text_where_the_template_puts_them() -> None:
    """In order, with the text between them; a column may be called image."""
    names = {"image": encoded(), "b": RED, "said": "{{ image('/etc/passwd') }}"}
    (message,) = template.messages(
        "A {{ image(image) }} B {{ said }}{{ image(b) }}!", None, names
    )
    kinds = [part["type"] for part in message.wire()["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "text"]
    assert message.content == "A  B {{ image('/etc/passwd') }}!"


def test_a_function_of_the_user_named_image_is_called() -> None:
    """What a template could do before, it can do still."""
    names = {"image": lambda word: word.upper()}
    (message,) = template.messages("{{ image('a') }}", None, names)
    assert (message.content, message.images) == ("A", ())


def test_values_cannot_forge_an_image() -> None:
    """Text with the marks of an image, from a value, stays text."""
    names = {"b": RED, "said": "\0" + "0" * 16 + "0\0"}
    (message,) = template.messages("{{ said }}{{ image(b) }}", None, names)
    assert len(message.images) == 1
    assert message.content == names["said"]


@pytest.mark.parametrize("source", ["{{ image() }}", "{{ image('a', 'b') }}"])
def test_image_takes_one_value(source: str) -> None:
    """The line says how it is written."""
    with pytest.raises(WcodeError, match=r"image\(column\)"):
        template.messages(source, None, {})


@pytest.mark.parametrize(
    "source",
    [
        "{{ image(b) | upper }}",
        "{{ [image(b)] }}",
        "{% set p = image(b) %}",
        "{{ image(b)[:-1] }}",
        "{% set p = image(b) %}{{ p }}{{ p | upper }}",
    ],
)
def test_an_image_that_finds_no_place_is_told(source: str) -> None:
    """In one line, before anything is sent."""
    with pytest.raises(WcodeError, match="must stand by itself") as caught:
        template.messages(source, None, {"b": RED})
    assert "\n" not in str(caught.value)


def test_an_image_may_be_placed_twice_and_later() -> None:
    """By a variable, where it is printed."""
    source = "{% set p = image(b) %}A{{ p }}B{{ p }}"
    (message,) = template.messages(source, None, {"b": RED})
    assert (message.content, [one.at for one in message.images]) == ("AB", [1, 2])
