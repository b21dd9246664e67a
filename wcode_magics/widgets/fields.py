"""Text fields of a request: prompt, system prompt, model."""

from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.protocol import models
from wcode_magics.text import say
from wcode_magics.widgets.draft import typed
from wcode_magics.widgets.label import FULL, tip
from wcode_magics.widgets.state import PanelState


class Fields:
    """Prompt, system prompt and model, bound to the panel's draft."""

    def __init__(self, desk: PanelState) -> None:
        self._desk = desk
        self._prompt = _area("prompt", "7em")
        self._system = _area("system", "3.2em")
        self._model = widgets.Combobox(
            description=say("panel.model"),
            **tip(widgets.Combobox, say("options.model")),
            placeholder=models.DEFAULT,
            options=[model.id for model in models.MODELS],
            continuous_update=False,
            layout=FULL,
        )
        self.widget = widgets.VBox([self._prompt, self._system, self._model])
        self.widget.add_class("wcode-fields")
        self.show()
        desk.show_with(self.show)
        self._prompt.observe(desk.guarded(self._prompted), "value")
        self._system.observe(desk.guarded(self._instructed), "value")
        self._model.observe(desk.guarded(self._named), "value")

    def show(self) -> None:
        """Show the values of the draft."""
        draft = self._desk.draft
        self._prompt.value = draft.prompt
        self._system.value = draft.values.get("system", "")
        self._model.value = draft.values.get("model", "")

    def _prompted(self, change: Any) -> None:
        self._desk.change(lambda draft: replace(draft, prompt=change["new"]))

    def _named(self, change: Any) -> None:
        self._desk.put("model", change["new"].strip() or None)

    def _instructed(self, change: Any) -> None:
        before = self._desk.draft.values.get("system")
        text = change["new"].strip()
        if text != before:  # equal: the draft itself was shown
            self._desk.put("system", typed(text, before) if text else None)


def _area(name: str, height: str) -> Any:
    return widgets.Textarea(
        description=say(f"panel.{name}"),
        placeholder=say(f"panel.{name}_hint"),
        layout=widgets.Layout(width="auto", min_width="0", height=height),
    )
