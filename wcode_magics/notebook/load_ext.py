"""``%load_ext wcode_magics``: add the commands to IPython, and remove them.

Commands are objects, so that their help page is in the user's language whenever it is
requested. Loading adds commands, one completer, input transformers, formatters and a
configurable; unloading removes exactly these.
"""

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import traitlets
from traitlets.config import Configurable

from wcode_magics import text
from wcode_magics.errors import called_from, stoppable
from wcode_magics.notebook import completer
from wcode_magics.notebook.commands import ASKING, COMMANDS, SENDING, find, modules
from wcode_magics.notebook.transformer import CellWithoutBody, CommandLine
from wcode_magics.runtime import imports
from wcode_magics.session.cell_identity import CellWatch
from wcode_magics.settings import options
from wcode_magics.settings.option import Option
from wcode_magics.tables import registration
from wcode_magics.tables.inert_display import show_inert
from wcode_magics.tables.interrupts import show_in_one_line

if TYPE_CHECKING:
    from wcode_magics.notebook.shell_state import ShellState
    from wcode_magics.session.session import Session


class Setting(traitlets.Any):
    """Trait for a row of the option table, with the table's validation."""

    def __init__(self, row: Option) -> None:
        """Create a trait for ``row``, unset until the user sets it."""
        self._row: Option | None = None
        super().__init__(default_value=None, allow_none=True)
        self._row = row
        self.tag(config=True)

    @property
    def help(self) -> str:
        """The row's help, read on access and not at load."""
        return "" if self._row is None else self._row.help

    @help.setter
    def help(self, _none: str) -> None:
        """Ignore the empty help that traitlets sets."""

    def validate(self, _owner: Any, value: Any) -> Any:
        """Return the checked value; raises OptionError or ParameterError."""
        if value is None or self._row is None:
            return None
        return options.checked(self._row, value)


WcodeMagics = type(
    "WcodeMagics",
    (Configurable,),
    {
        "__doc__": "Settings and default parameters of wcode-magics.",
        **{row.name: Setting(row) for row in options.SETTINGS},
    },
)


class Command:
    """Magic, called with the line (and the cell); ``getdoc`` returns its help page."""

    _ipython_magic_no_var_expand = True

    def __init__(self, name: str, loaded: "Loaded") -> None:
        self.__name__ = name
        self._loaded = loaded

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """Run the command; return None if it has displayed its value already."""
        made = self.value(line, cell)
        return None if self.__name__ in ASKING else made

    def value(self, line: str, cell: str | None = None) -> Any:
        """Run the command and return its value, as ``x = %wcode …`` does."""
        with called_from("cell"), stoppable():
            if self.__name__ in SENDING:
                imports.begin(imports.NETWORK)
            imports.prepare(modules(self.__name__))
            call, home = find(self.__name__), self._loaded.home
            return call(home, line) if cell is None else call(home, line, cell)

    @property
    def kind(self) -> str:
        """The kind of magic to register with IPython."""
        return "line_cell" if self.__name__ == "wcode" else "line"

    def getdoc(self) -> str:
        """Return the help page, which IPython asks for."""
        if self.__name__ == "wcode":
            from wcode_magics.settings import manual

            return manual.page()
        return text.say(f"commands.{self.__name__}")


class Loaded:
    """Everything added to a shell; session and state start at the first command."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.commands = [Command(name, self) for name in COMMANDS]
        self.cell_without_body = CellWithoutBody()
        self._forget_tab = completer.install(shell)
        self._cells = CellWatch(shell)
        self._cells.start()
        self.config = WcodeMagics(parent=shell)
        self._configured = {
            row.name: value
            for row in options.SETTINGS
            if (value := getattr(self.config, row.name)) is not None
        }
        if "language" in self._configured and "WCODE_LANGUAGE" not in os.environ:
            text.use(self._configured["language"])
        self._forgets: list[Callable[[], None]] = []
        self._served = False
        self.config.observe(self._set, [row.name for row in options.SETTINGS])

    @cached_property
    def home(self) -> "ShellState":
        """The state that the commands share."""
        from wcode_magics.notebook.shell_state import ShellState

        home = ShellState(self._shell, self._cells)
        home.session.settings.config.update(self._configured)
        return home

    def watch_tables(self) -> None:
        """Register the DataFrame accessors, now or when their library is imported."""
        self._forgets.append(registration.watch(self._serve))
        self._forgets.append(show_inert(self._shell))
        self._forgets.append(show_in_one_line(self._shell))

    def _serve(self) -> None:
        from wcode_magics.tables.run import serve

        serve(lambda: self.home.session, self._bind)
        self._served = True

    def _bind(self, value: Any) -> None:
        self.home.bind(value)

    def close(self) -> None:
        """Close what was started and restore the default language."""
        text.use(None)
        self._cells.stop()
        self._forget_tab()
        for forget in self._forgets:
            forget()
        if self._served:
            from wcode_magics.tables.run import serve

            serve(None)
        if "home" in self.__dict__:
            self.home.close()

    def _set(self, change: Any) -> None:
        self.home.session.settings.set(change["name"], change["new"])


_loaded: WeakKeyDictionary[Any, Loaded] = WeakKeyDictionary()


def load(shell: Any) -> None:
    """Load the extension into a shell; a second load does nothing."""
    if shell in _loaded:
        return
    loaded = _loaded[shell] = Loaded(shell)
    for command in loaded.commands:
        shell.register_magic_function(command, command.kind, command.__name__)
    shell.configurables.append(loaded.config)
    manager = shell.input_transformer_manager
    manager.token_transformers.append(CommandLine)
    manager.cleanup_transforms.append(loaded.cell_without_body)
    loaded.watch_tables()


def unload(shell: Any) -> None:
    """Remove the extension from a shell."""
    loaded = _loaded.pop(shell, None)
    if loaded is None:
        return
    for command in loaded.commands:
        for magics in shell.magics_manager.magics.values():
            magics.pop(command.__name__, None)
    shell.configurables.remove(loaded.config)
    manager = shell.input_transformer_manager
    manager.token_transformers.remove(CommandLine)
    manager.cleanup_transforms.remove(loaded.cell_without_body)
    loaded.close()


def session(shell: Any) -> "Session":
    """Return the session that a shell's cells use."""
    return _loaded[shell].home.session
