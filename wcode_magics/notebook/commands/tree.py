"""``%wcode_tree``: what the model could have said, as a tree of probabilities."""

from wcode_magics.errors import UsageError
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.session.tree import Tree
from wcode_magics.settings import option_line as lines
from wcode_magics.settings import options
from wcode_magics.settings.option import Option

ROWS = (
    Option("depth", "count"),
    Option("mass", "number", low=0.0),
    options.flag("--budget"),
)
FLAGS = {flag: row for row in ROWS for flag in row.flags}


def wcode_tree(home: ShellState, line: str) -> Tree:
    """Return the tree of a reply, of ``_wcode`` if none is named."""
    parsed = lines.parse_command(line, FLAGS, home.variables)
    word = parsed.rest
    reply = home.answer(word, "tree.usage") if word else home.last_reply("%wcode_tree")
    if reply is None:
        raise UsageError("no_reply")
    return home.session.tree(reply, **parsed.values)
