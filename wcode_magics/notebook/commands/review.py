"""``%wcode_review``: give gold to rows that were answered, by single keys."""

from wcode_magics.errors import UsageError
from wcode_magics.logprobs.number_format import NO_NUMBER
from wcode_magics.notebook.cell_run import refuse_terminal
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.runtime.imports import of_extra
from wcode_magics.settings import option_line as lines
from wcode_magics.settings.option import Option

ROWS = (
    Option("sample", "count"),
    Option("of", "text"),
    Option("gold", "text"),
    Option("text", "words"),
    Option("error", "number", low=0.0),
    Option("sure", "number", low=0.0),
)
FLAGS = {flag: row for row in ROWS for flag in row.flags}


def wcode_review(home: ShellState, line: str) -> None:
    """Open a review of the rows of a variable, a DataFrame.

    Raises:
        UsageError: there is no such DataFrame, or nothing in it to review, or the
            shell is a terminal, which shows no widgets.
        SettingError: ipywidgets is not installed.
    """
    refuse_terminal(home.shell)
    parsed = lines.parse_command(line, FLAGS, home.variables)
    frame = home.named(parsed.rest or NO_NUMBER, "evaluate.review_usage")
    name = parsed.rest.removeprefix("$")
    if not hasattr(frame, "wcode") or not hasattr(frame, "isetitem"):
        raise UsageError("evaluate.review_usage", given=name)
    with of_extra("interactive"):
        from wcode_magics.widgets.review import review_of
    review_of(home.shell, name, frame, **parsed.values).open()
