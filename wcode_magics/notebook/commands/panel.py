"""``%wcode_panel``: open the panel."""

from wcode_magics.notebook.cell_run import refuse_terminal
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.settings import option_line as lines
from wcode_magics.widgets import open_panel


def wcode_panel(home: ShellState, line: str) -> None:
    """Open the panel with the options and the prompt of the line.

    Raises:
        UsageError: the shell is a terminal, which shows no panel.
    """
    refuse_terminal(home.shell)
    parsed = lines.parse(line, home.variables)
    open_panel(home.session, home.shell, parsed.values, parsed.rest)
