"""Sets of initial values: four built in, and the user's own profiles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.errors import OptionError
from wcode_magics.protocol import parameters
from wcode_magics.settings import options
from wcode_magics.text import say
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.state import PanelState

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "exact": {"temperature": 0.0, "seed": 1},
    "balanced": {"temperature": 0.7},
    "lively": {"temperature": 1.2, "min_p": 0.05, "presence_penalty": 0.5},
    "json": {"temperature": 0.0, "response_format": {"type": "json_object"}},
}


class Presets:
    """Menu that applies a set of values, and a field that saves one as a profile."""

    def __init__(self, desk: PanelState) -> None:
        self._desk = desk
        room = widgets.Layout(width="auto", min_width="0", flex="1 1 8em")
        self._menu = widgets.Dropdown(description=say("panel.presets"), layout=room)
        self._name = widgets.Text(
            description=say("panel.profile"),
            placeholder=say("panel.profile"),
            continuous_update=False,
            layout=room,
        )
        save = widgets.Button(
            description=say("panel.save"),
            tooltip=say("panel.save_tip"),
            layout=widgets.Layout(width="auto"),
        )
        self.widget = widgets.HBox([self._menu, self._name, save])
        self.widget.add_class("wcode-unseen")
        self._fill()
        self._menu.observe(desk.guarded(self._chosen), "value")
        save.on_click(desk.guarded(lambda _button: self._save()))

    def _fill(self) -> None:
        own = self._desk.session.settings.saved_profiles()
        built = [(say(f"panel.preset_{name}"), name) for name in PRESETS]
        saved = [(f"★ {name}", f"profile:{name}") for name in own]
        none = [(say("panel.presets"), ""), (say("panel.preset_none"), "none")]
        self._menu.options = [*none, *built, *saved]
        self._menu.value = ""

    def _chosen(self, change: Any) -> None:
        chosen = change["new"]
        if not chosen:
            return
        self._menu.value = ""
        name = chosen.removeprefix("profile:")
        if name != chosen:
            self._take(self._desk.session.settings.profile(name))
        else:
            self._take(PRESETS.get(name, {}), parameters.NAMES)

    def _take(
        self, values: Mapping[str, Any], names: tuple[str, ...] | None = None
    ) -> None:
        """Replace the options in ``names``, or all options, with these values."""
        own = {row.name: values[row.name] for row in options.CELL if row.name in values}

        def edit(draft: Draft) -> Draft:
            kept = {k: v for k, v in draft.values.items() if names and k not in names}
            return replace(draft, values={**kept, **own})

        self._desk.take(edit)

    def _save(self) -> None:
        name = self._name.value.strip()
        if not name:
            what = say("panel.profile")
            raise OptionError("value_missing", name=what, allowed="NAME")
        settable = {row.name for row in options.SETTINGS}
        held = self._desk.draft.values
        values = {k: v for k, v in held.items() if k in settable and k != "profile"}
        self._desk.session.settings.save_profile(name, values)
        self._name.value = ""
        self._fill()
        self._desk.say(say("panel.saved", name=name))
