"""Sets of initial values: four built in, and the user's own profiles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from wcode_magics.display.text_table import shown_value
from wcode_magics.errors import OptionError
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol import parameters
from wcode_magics.settings import options
from wcode_magics.text import say
from wcode_magics.widgets.buttons import button
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.label import entry, label, made
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.status import StatusLine

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "exact": {"temperature": 0.0, "seed": 1},
    "balanced": {"temperature": 0.7},
    "lively": {"temperature": 1.2, "min_p": 0.05, "presence_penalty": 0.5},
    "json": {"temperature": 0, "response_format": {"type": "json_object"}},
}

NONE = "none"
_SAVED = "profile:"
MOST_NAME = 30
"""Maximum characters of a value that names a set of values."""


class Presets:
    """Menu that applies a set of values, and a field that saves one as a profile."""

    def __init__(self, state: PanelState) -> None:
        self._state = state
        self._refreshing = False
        self._base = ""
        key = self._current_key()
        self._menu = made(
            widgets.Dropdown,
            options=self._options(key),
            value=key,
            description=say("panel.presets"),
        )
        self._name = entry("profile", say("panel.profile"))
        self._status = StatusLine()
        save = button(state, "save", self._save, status=self._status)
        row = [self._menu, self._name, save, self._status.widget]
        self.widget = made(widgets.Box, row, classes="wcode-presets wcode-unseen")
        self._menu.observe(state.guarded(self._chosen, self._status), "value")

    def refresh(self) -> None:
        """Show which set of values the draft holds, or the values themselves."""
        key = self._current_key()
        listed = self._options(key)
        if listed == [*self._menu.options] and self._menu.value == key:
            return
        self._refreshing = True
        try:
            self._menu.options = listed
            self._menu.value = key
        finally:
            self._refreshing = False

    def _options(self, key: str) -> list[tuple[str, str]]:
        """Return the sets of values by name; the draft's own first, if it has some."""
        profiles = self._state.session.settings.saved_profiles()
        listed = [(say("panel.preset_none"), NONE)]
        listed += [(say(f"panel.preset_{name}"), name) for name in PRESETS]
        listed += [(f"★ {name}", f"{_SAVED}{name}") for name in profiles]
        if key:
            self._base = key
            return listed
        return [(self._own_name({k: name for name, k in listed}), ""), *listed]

    def _own_name(self, names: Mapping[str, str]) -> str:
        """Return the set that was changed, or the first value of several."""
        if self._base in names and self._base != NONE:
            return say("panel.preset_changed", name=names[self._base])
        values = self._state.draft.values
        rows = [row for row in parameters.PARAMS if row.name in values]
        named = [f"{label(row)} {shown_value(values[row.name])}" for row in rows[:1]]
        first = clipped("".join(named), MOST_NAME)
        if len(rows) <= 1:
            return first
        return say("panel.preset_first", first=first, more=len(rows) - 1)

    def _current_key(self) -> str:
        """Return the menu's key of the draft's values; empty for any other values."""
        values = self._state.draft.values
        sent = {k: v for k, v in values.items() if k in parameters.NAMES}
        if not sent:
            return NONE
        settings = self._state.session.settings
        for name in settings.saved_profiles():
            if _cell_options(settings.profile(name)) == _cell_options(values):
                return f"{_SAVED}{name}"
        same = (name for name, preset in PRESETS.items() if dict(preset) == sent)
        return next(same, "")

    def _chosen(self, change: Any) -> None:
        chosen = change["new"]
        if not chosen or self._refreshing:
            return
        self._status.clear()
        name = chosen.removeprefix(_SAVED)
        if name != chosen:
            self._apply(self._state.session.settings.profile(name))
        else:
            self._apply(PRESETS.get(name, {}), parameters.NAMES)

    def _apply(
        self, values: Mapping[str, Any], names: tuple[str, ...] | None = None
    ) -> None:
        """Replace the options in ``names``, or all options, with these values."""
        replaced = _cell_options(values)

        def edit(draft: Draft) -> Draft:
            kept = {k: v for k, v in draft.values.items() if names and k not in names}
            return replace(draft, values={**kept, **replaced})

        self._state.take(edit)

    def _save(self) -> None:
        name = self._name.value.strip()
        if not name:
            what = say("panel.profile")
            raise OptionError("value_missing", name=what, allowed="NAME")
        settable = {row.name for row in options.SETTINGS}
        current = self._state.draft.values
        values = {k: v for k, v in current.items() if k in settable and k != "profile"}
        self._state.session.settings.save_profile(name, values)
        self._name.value = ""
        self.refresh()
        self._status.say(say("panel.saved", name=name))


def _cell_options(values: Mapping[str, Any]) -> dict[str, Any]:
    return {row.name: values[row.name] for row in options.CELL if row.name in values}
