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
from wcode_magics.widgets.label import made
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.status import StatusLine

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "exact": {"temperature": 0.0, "seed": 1},
    "balanced": {"temperature": 0.7},
    "lively": {"temperature": 1.2, "min_p": 0.05, "presence_penalty": 0.5},
    "json": {"temperature": 0, "response_format": {"type": "json_object"}},
}

_SAVED = "profile:"


class Presets:
    """Menu that applies a set of values, and a field that saves one as a profile."""

    def __init__(self, desk: PanelState) -> None:
        self._desk = desk
        self._quiet = False
        self._menu = made(
            widgets.Dropdown,
            options=self._options(),
            value=self._held(),
            description=say("panel.presets"),
        )
        self._name = made(
            widgets.Text,
            description=say("panel.profile"),
            placeholder=say("panel.profile"),
            continuous_update=False,
        )
        save = made(
            widgets.Button,
            description=say("panel.save"),
            tooltip=say("panel.save_tip"),
        )
        self._status = StatusLine()
        row = [self._menu, self._name, save, self._status.widget]
        self.widget = made(widgets.Box, row, classes="wcode-presets wcode-unseen")
        self._menu.observe(desk.guarded(self._chosen, self._status), "value")
        save.on_click(desk.guarded(lambda _button: self._save(), self._status))

    def refresh(self) -> None:
        """Show which set of values the draft holds, if it is one of them."""
        held = self._held()
        if self._menu.value != held:
            self._quiet = True
            try:
                self._menu.value = held
            finally:
                self._quiet = False

    def _options(self) -> list[tuple[str, str]]:
        own = self._desk.session.settings.saved_profiles()
        built = [(say(f"panel.preset_{name}"), name) for name in PRESETS]
        saved = [(f"★ {name}", f"{_SAVED}{name}") for name in own]
        none = [(say("panel.presets"), ""), (say("panel.preset_none"), "none")]
        return [*none, *built, *saved]

    def _held(self) -> str:
        """Return the menu's key of the draft's values; empty for any other values."""
        values = self._desk.draft.values
        sent = {k: v for k, v in values.items() if k in parameters.NAMES}
        if not sent:
            return "none"
        settings = self._desk.session.settings
        for name in settings.saved_profiles():
            if _own(settings.profile(name)) == _own(values):
                return f"{_SAVED}{name}"
        same = (name for name, preset in PRESETS.items() if dict(preset) == sent)
        return next(same, "")

    def _chosen(self, change: Any) -> None:
        chosen = change["new"]
        if not chosen or self._quiet:
            return
        self._status.clear()
        name = chosen.removeprefix(_SAVED)
        if name != chosen:
            self._take(self._desk.session.settings.profile(name))
        else:
            self._take(PRESETS.get(name, {}), parameters.NAMES)

    def _take(
        self, values: Mapping[str, Any], names: tuple[str, ...] | None = None
    ) -> None:
        """Replace the options in ``names``, or all options, with these values."""
        own = _own(values)

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
        self._quiet = True
        try:
            self._menu.options = self._options()
        finally:
            self._quiet = False
        self.refresh()
        self._status.say(say("panel.saved", name=name))


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    return {row.name: values[row.name] for row in options.CELL if row.name in values}
