"""``%load_ext wcode_magics``: put the commands into IPython, and take them out.

Commands are objects, so that their help page can speak the person's language when it
is asked for. Loading puts in commands, one completer, one input transformer,
formatters and a configurable; unloading takes exactly these out again.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import traitlets
from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher
from traitlets.config import Configurable

from wcode_magics import line as lines
from wcode_magics import manual, options, view
from wcode_magics.commands import COMMANDS, complete
from wcode_magics.extension import Extension
from wcode_magics.reply import Reply
from wcode_magics.session import Session
from wcode_magics.text import say


class Setting(traitlets.Any):
    """A row of the option table as a trait; checked as everywhere else."""

    def __init__(self, row: options.Option) -> None:
        """A trait for ``row``, unset until the person sets it."""
        super().__init__(default_value=None, allow_none=True, help=row.help)
        self._row = row
        self.tag(config=True)

    def validate(self, _owner: Any, value: Any) -> Any:
        """The checked value; raises OptionError or ParameterError."""
        return None if value is None else options.checked(self._row, value)


WcodeMagics = type(
    "WcodeMagics",
    (Configurable,),
    {
        "__doc__": "Settings and default parameters of wcode-magics.",
        **{row.name: Setting(row) for row in options.SETTINGS},
    },
)


class Command:
    """A magic: called with the line (and the cell); ``getdoc`` is its help page."""

    _ipython_magic_no_var_expand = True

    def __init__(self, call: Callable[..., Any], home: Extension) -> None:
        self.__name__ = call.__name__
        self._call = partial(call, home)

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """Run it."""
        return self._call(line) if cell is None else self._call(line, cell)

    @property
    def kind(self) -> str:
        """What IPython calls it."""
        return "line_cell" if self.__name__ == "wcode" else "line"

    def getdoc(self) -> str:
        """The help page, where IPython asks for it."""
        if self.__name__ == "wcode":
            return manual.page()
        return say(f"commands.{self.__name__}")


class Loaded:
    """What was put into a shell."""

    def __init__(self, shell: Any) -> None:
        self.home = Extension(shell)
        self.commands = [Command(call, self.home) for call in COMMANDS]
        self.matcher = _matcher(self.home)
        self.config = WcodeMagics(parent=shell)
        told = self.home.session.settings
        for row in options.SETTINGS:
            value = getattr(self.config, row.name)
            if value is not None:
                told.config[row.name] = value
        names = [row.name for row in options.SETTINGS]
        self.config.observe(lambda new: told.set(new["name"], new["new"]), names)


_LINE = re.compile(r"\s*%%?(wcode\w*)\s+")
_QUESTION = re.compile(r"^(\s*)%wcode[ \t]+(\S.*\?)[ \t]*$", re.MULTILINE)
_SHOWN: dict[type, Callable[..., Any]] = {
    Reply: lambda reply, **_asked: (
        view.reply_bundle(reply),
        view.reply_metadata(reply),
    ),
}
_loaded: WeakKeyDictionary[Any, Loaded] = WeakKeyDictionary()


def load(shell: Any) -> None:
    """Put the extension into a shell; a second load does nothing."""
    if shell in _loaded:
        return
    loaded = _loaded[shell] = Loaded(shell)
    for command in loaded.commands:
        shell.register_magic_function(command, command.kind, command.__name__)
    shell.configurables.append(loaded.config)
    shell.Completer.custom_matchers.append(loaded.matcher)
    shell.input_transformers_cleanup.append(_keep_questions)
    for kind, shown in _SHOWN.items():
        _formatter(shell).for_type(kind, shown)


def unload(shell: Any) -> None:
    """Take it out again."""
    loaded = _loaded.pop(shell, None)
    if loaded is None:
        return
    for command in loaded.commands:
        for magics in shell.magics_manager.magics.values():
            magics.pop(command.__name__, None)
    shell.configurables.remove(loaded.config)
    shell.Completer.custom_matchers.remove(loaded.matcher)
    shell.input_transformers_cleanup.remove(_keep_questions)
    for kind in _SHOWN:
        _formatter(shell).pop(kind, None)
    loaded.home.session.close()


def session(shell: Any) -> Session:
    """The session that the cells of a shell use."""
    return _loaded[shell].home.session


def _formatter(shell: Any) -> Any:
    return shell.display_formatter.mimebundle_formatter


def _matcher(home: Extension) -> Callable[[CompletionContext], Any]:
    @context_matcher()  # type: ignore[untyped-decorator]
    def wcode_matcher(context: CompletionContext) -> Any:
        """Options, choices, names and variables on a line of ours."""
        typed = context.text_until_cursor
        found = _completions(home, typed)
        return {
            "completions": [SimpleCompletion(one.text, type=one.kind) for one in found],
            "matched_fragment": typed[found[0].start :] if found else "",
            "suppress": bool(found),
            "ordered": True,
        }

    return wcode_matcher  # type: ignore[no-any-return]


def _completions(home: Extension, typed: str) -> list[lines.Completion]:
    match = _LINE.match(typed)
    if match is None:
        return []
    skipped = match.end()
    found = complete(match.group(1), typed[skipped:], home.variables)
    return [replace(one, start=one.start + skipped) for one in found]


def _keep_questions(cell: list[str]) -> list[str]:
    """A prompt on one line may end in ``?``, which IPython takes for a cry for help."""
    if cell and cell[0].lstrip().startswith("%%"):
        return cell
    return [_QUESTION.sub(_called, line) for line in cell]


def _called(match: re.Match[str]) -> str:
    indent, line = match.groups()
    return f"{indent}get_ipython().run_line_magic('wcode', {line!r})"
