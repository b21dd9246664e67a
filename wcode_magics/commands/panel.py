"""``%wcode_panel``"""

from wcode_magics import line as lines
from wcode_magics.extension import Extension
from wcode_magics.playground import open_panel


def wcode_panel(home: Extension, line: str) -> None:
    """Open the panel, with the options and the prompt of the line."""
    parsed = lines.parse(line, home.variables)
    open_panel(home.session, home.shell, parsed.values, parsed.rest)
