"""Text fields of a request: prompt, system prompt, model."""

from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.protocol import models
from wcode_magics.text import say
from wcode_magics.widgets.draft import typed
from wcode_magics.widgets.label import made
from wcode_magics.widgets.state import PanelState


class Fields:
    """Prompt, system prompt and model, bound to the panel's draft."""

    def __init__(self, state: PanelState) -> None:
        self._state = state
        draft = state.draft
        place = state.session.settings.resolve({}).place
        self.prompt = _area("prompt", draft.prompt)
        self.system = _area("system", str(draft.values.get("system", "")))
        self.model = made(
            widgets.Combobox,
            value=str(draft.values.get("model", "")),
            description=say("panel.model"),
            tooltip=say("options.model"),
            placeholder=models.DEFAULT,
            options=[row.id for row in models.at(place)],
            continuous_update=False,
            classes="wcode-model",
        )
        state.show_with(self.show)
        self.prompt.observe(state.guarded(self._prompted), "value")
        self.system.observe(state.guarded(self._instructed), "value")
        self.model.observe(
            state.guarded(
                lambda change: state.put("model", change["new"].strip() or None)
            ),
            "value",
        )

    def show(self) -> None:
        """Show the values of the draft."""
        draft = self._state.draft
        self.prompt.value = draft.prompt
        self.system.value = draft.values.get("system", "")
        self.model.value = draft.values.get("model", "")

    def _prompted(self, change: Any) -> None:
        self._state.change(lambda draft: replace(draft, prompt=change["new"]))

    def _instructed(self, change: Any) -> None:
        before = self._state.draft.values.get("system")
        text = change["new"].strip()
        if text != before:  # equal: the draft itself was shown
            self._state.put("system", typed(text, before) if text else None)


def _area(name: str, value: str) -> Any:
    return made(
        widgets.Textarea,
        value=value,
        description=say(f"panel.{name}"),
        placeholder=say(f"panel.{name}_hint"),
        rows=1,
        classes=f"wcode-field wcode-{name}",
    )
