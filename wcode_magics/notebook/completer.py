"""Tab completion of command lines: options, choices, names and variables.

IPython 8.6 and later calls a matcher, which returns the type of each completion. Front
ends and terminals show it beside the word, so an option's is its range and default.
Earlier versions (Colab has 7.34) call a command's completer, which returns words only.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core import completer

from wcode_magics.notebook.commands import complete
from wcode_magics.runtime.shell_variables import own

if TYPE_CHECKING:
    from wcode_magics.settings.option_completion import Completion

_LINE = re.compile(r"\s*%%?(wcode\w*)\s+")
_HOOK = "complete_command"


def install(shell: Any) -> Callable[[], None]:
    """Install completion in a shell and return a function that removes it."""
    if hasattr(completer, "context_matcher"):
        matcher = _matcher(shell)
        shell.Completer.custom_matchers.append(matcher)
        return lambda: shell.Completer.custom_matchers.remove(matcher)

    def words(_shell: Any, event: Any) -> list[str]:
        typed = event.text_until_cursor
        return _words(typed, event.symbol, _completions(typed, shell))

    shell.set_hook(_HOOK, words, re_key=_LINE.pattern)
    return lambda: shell.strdispatchers[_HOOK].regexs.pop(_LINE)


def _matcher(shell: Any) -> Callable[[Any], Any]:
    @completer.context_matcher()  # type: ignore[untyped-decorator]
    def wcode_matcher(context: Any) -> Any:
        """Complete options, choices, names and variables on a command line."""
        typed = context.text_until_cursor
        found = _completions(typed, shell)
        return {
            "completions": [
                completer.SimpleCompletion(one.text, type=one.meta or one.kind)
                for one in found
            ],
            "matched_fragment": typed[found[0].start :] if found else "",
            "suppress": bool(found),
            "ordered": True,
        }

    return wcode_matcher  # type: ignore[no-any-return]


def _words(typed: str, symbol: str, found: "list[Completion]") -> list[str]:
    """Return the completions of ``symbol``, the last part of the typed text."""
    start = len(typed) - len(symbol)
    lines = (typed[: one.start] + one.text for one in found)
    return [line[start:] for line in lines if line.startswith(typed[:start])]


def _completions(typed: str, shell: Any) -> "list[Completion]":
    match = _LINE.match(typed)
    if match is None:
        return []
    skipped = match.end()
    found = complete(match.group(1), typed[skipped:], own(shell))
    return [replace(one, start=one.start + skipped) for one in found]
