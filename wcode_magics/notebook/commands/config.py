"""``%wcode_config``: settings, default parameters and profiles."""

from wcode_magics.display import bundles
from wcode_magics.display.text_table import shown_value
from wcode_magics.errors import OptionError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState, show_note
from wcode_magics.settings import option_line as lines
from wcode_magics.settings import options
from wcode_magics.settings.resolved import Resolved
from wcode_magics.text import say


def wcode_config(home: ShellState, line: str) -> None:
    """Show or set this session's settings and default parameters."""
    word, _, rest = line.strip().partition(" ")
    if word in {"--save", "--remove"}:
        _change_profile(home, word, rest.strip())
        return
    named = []
    settings = home.session.settings
    asked = lines.parse_assignments(line, home.variables)
    for row, value, is_set in sorted(asked, key=lambda one: one[0].name != "provider"):
        named.append(row.name)
        if is_set:
            settings.set(row.name, value)
    _show_settings(home, named)


def _show_settings(home: ShellState, named: list[str]) -> None:
    resolved = home.session.settings.resolve({})
    chosen = "provider" in named
    if chosen and "base_url" not in named:
        named = [*named, "base_url"]
    names = named or [row.name for row in options.SETTINGS]
    values = {name: resolved[name] for name in names} | {"model": resolved.model}
    rows = [
        (name, shown_value(values[name]), resolved.layer(name))
        for name in names
        if named or values[name] is not None
    ]
    if not named or chosen:
        rows.append((say("ui.key"), *_key_row(home, resolved)))
    show_bundle(bundles.layers_table(rows).bundle())


def _key_row(home: ShellState, resolved: Resolved) -> tuple[str, str]:
    found = home.session.settings.found_key(resolved)
    if found is not None:
        return say(f"ui.key_{found.source}", name=found.name), found.source
    custom = resolved["base_url"] is not None
    return say("ui.key_none_custom" if custom else "ui.key_none"), "default"


def _change_profile(home: ShellState, word: str, name: str) -> None:
    if not name:
        raise OptionError("value_missing", name=word, allowed="NAME")
    settings = home.session.settings
    if word == "--remove":
        settings.profile(name)
        settings.save_profile(name, {})
        show_note(say("ui.removed", name=name))
        return
    path = settings.save_profile(name, settings.session)
    show_note(say("ui.saved", name=name, path=path))
