"""Images of a panel, and greyed parameters, without a front end."""

import datetime as dt
import io
from typing import Any

import ipywidgets
import pytest
from PIL import Image

from tests.widgets.drafts import parsed
from wcode_magics.errors import UsageError
from wcode_magics.protocol.probe import Finding, Probe
from wcode_magics.session.session import Session
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.images import Images
from wcode_magics.widgets.panel import Panel


def png(colour: str = "red") -> bytes:
    """A small image."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def panel(tmp_path) -> Any:
    """A panel on the sandbox."""
    with Session(model="wcode-sandbox", store=str(tmp_path / "store.db")) as session:
        made = Panel(session, draft=Draft("What do you see?"))
        yield made
        made.close()


def put(images: Images, name: str, data: bytes) -> None:
    """Choose a file."""
    file = {"name": name, "type": "image/png", "size": len(data)}
    if int(ipywidgets.__version__.partition(".")[0]) < 8:
        chosen = {name: {"metadata": file, "content": data}}
        images._upload.set_trait("value", chosen)
        return
    moment = dt.datetime.now(dt.UTC)
    images._upload.value = [{**file, "content": data, "last_modified": moment}]


def test_files_go_with_the_prompt_until_they_are_removed(panel: Panel) -> None:
    """Previews show them; the widget's own state keeps no data."""
    images, desk = panel._images, panel.state
    put(images, "red.png", png())
    put(images, "blue.png", png("blue"))
    assert not images._upload.value
    seen = desk.prepare().request.images
    assert [(one.name, one.width, one.height) for one in seen] == [
        ("red.png", 40, 30),
        ("blue.png", 40, 30),
    ]
    assert images._previews.value.count("<img ") == 2
    assert "red.png" in images._previews.value
    images._clear.click()
    assert desk.prepare().request.images == ()
    assert "<img " not in images._previews.value


def test_what_is_no_image_is_told_on_the_panel(panel: Panel) -> None:
    """In one line; the draft stays as it was."""
    put(panel._images, "notes.txt", b"no image")
    assert "notes.txt is no image" in panel.state.status.widget.value
    assert "image" not in panel.state.draft.values


def test_a_cell_names_files_and_not_data(panel: Panel) -> None:
    """A path and a URL can be written; a dropped image has no name to write."""
    line = Draft("x", {"image": ["a b.png", "https://example.org/c.png"]})
    assert line.cell == '%%wcode --image "a b.png" --image https://example.org/c.png\nx'
    assert parsed(line.cell, {}).values == line.values
    put(panel._images, "red.png", png())
    with pytest.raises(UsageError, match="no name"):
        _ = panel.state.draft.cell


def test_what_has_no_effect_is_grey(panel: Panel) -> None:
    """The rows that a probe found ignored or refused say so, folded ones too."""
    session = panel.state.session
    resolved = session.settings.resolve({})
    found = (
        Finding("top_k", "ignored", "no_variety"),
        Finding("min_p", "refused", "said", {"text": "unknown field <b>"}),
        Finding("seed", "obeyed", "same_seed", {"share": "100%"}),
    )
    probe = Probe("wcode-sandbox", resolved.place, 0.0, found)
    session.pool.keep_probe(probe, resolved)
    knobs = panel.state.knobs
    panel.state.put("temperature", 0.5)
    for group in knobs._groups:
        group.open()
    grey = {
        name
        for name, knob in knobs._knobs.items()
        if "wcode-unmet" in knob.widget._dom_classes
    }
    assert grey == {"top_k", "min_p"}
    assert "&lt;b&gt;" in knobs._knobs["min_p"]._below.value
