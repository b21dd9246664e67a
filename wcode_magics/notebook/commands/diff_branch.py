"""``%wcode_diff`` and ``%wcode_branch``: compare answers, continue one differently."""

from typing import Any

from wcode_magics.display import logprob_bundles
from wcode_magics.errors import UsageError
from wcode_magics.logprobs.alignment import compare
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.commands.cell import send
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.settings import option_line as lines
from wcode_magics.settings import options


def wcode_diff(home: ShellState, line: str) -> None:
    """Show two answers side by side."""
    words, rest = lines.first_words(line, 2)
    if len(words) < 2 or rest:
        raise UsageError("diff.usage", given=line.strip() or "–")
    first, second = (home.answer(word, "diff.usage") for word in words)
    names = words[0].removeprefix("$"), words[1].removeprefix("$")
    show_bundle(logprob_bundles.compared(compare(first, second), names))


def wcode_branch(home: ShellState, line: str) -> Any:
    """Continue an answer from an alternative to one of its tokens."""
    words, rest = lines.first_words(line, 2)
    if len(words) < 2 or not words[0].isdecimal():
        raise UsageError("branch.usage", given=line.strip() or "–")
    parsed = lines.parse(rest, home.variables)
    parsed.refuse_rest()
    values = parsed.values
    token, other = words
    prepared = home.session.branch(
        values.get("of") or home.last_reply("%wcode_branch"),
        token=int(token),
        alternative=int(other) if other.isdecimal() else other,
        **options.of_request(values),
    )
    if values.get("dry_run"):
        return home.show_request(prepared)
    return send(home, prepared, values)
