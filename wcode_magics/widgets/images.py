"""Images of the prompt: chosen, dropped on the panel, or pasted into it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets

from wcode_magics.display import images as previews
from wcode_magics.prompts import image_sources
from wcode_magics.text import say
from wcode_magics.widgets.buttons import button
from wcode_magics.widgets.label import made, mark
from wcode_magics.widgets.state import PanelState

OPTION = "image"


class Images:
    """Row of previews with buttons that add images to the draft and remove them.

    They go with every prompt until they are removed. Their data is not part of any
    widget's state once it has been taken.
    """

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self._shown: tuple[Any, ...] = ()
        self._upload = made(
            widgets.FileUpload,
            accept="image/*",
            multiple=True,
            description=say("panel.images"),
            icon="image",
            tooltip=say("panel.images_tip"),
        )
        clear = partial(state.put, OPTION, None)
        self._clear = button(
            state,
            "images_clear",
            clear,
            words=False,
            icon="trash",
            classes="wcode-off",
        )
        self._previews = made(widgets.HTML, classes="wcode-off")
        bar = made(widgets.HBox, [self._upload, self._clear])
        self.widget = made(widgets.VBox, [bar, self._previews], classes="wcode-images")
        self._upload.observe(state.guarded(self._uploaded), "value")
        if state.front_end is not None:
            state.front_end.take = state.guarded(lambda image: self._add(*image))
        state.listen(self.show)
        self.show()

    def show(self) -> None:
        """Show the images of the draft."""
        images = tuple(self._state.draft.values.get(OPTION) or ())
        if images == self._shown:
            return
        self._shown = images
        found = [image_sources.load(one) for one in images]
        self._previews.value = previews.html(found)
        for widget in (self._previews, self._clear):
            mark(widget, "wcode-off", on=not found)

    def _uploaded(self, change: Any) -> None:
        value = change["new"]
        if not value:
            return
        older = isinstance(value, Mapping)  # ipywidgets 7
        for item in value.values() if older else value:
            name = item["metadata"]["name"] if older else item["name"]
            self._add(name, bytes(item["content"]))
        if older:
            self._upload.value.clear()
            self._upload._counter = 0  # noqa: SLF001 - how it is emptied there
        else:
            self._upload.value = ()

    def _add(self, name: str, data: bytes) -> None:
        """Add an image; raises UsageError if it is none."""
        image = image_sources.image_of(data, name)
        images = self._state.draft.values.get(OPTION) or ()
        self._state.put(OPTION, [*images, image])
