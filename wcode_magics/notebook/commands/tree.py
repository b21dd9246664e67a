"""``%wcode_tree``: what the model could have said, as a tree of probabilities."""

from wcode_magics.errors import UsageError
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.protocol.reply import Reply
from wcode_magics.session.tree import Tree
from wcode_magics.settings import option_line as lines
from wcode_magics.settings import option_values, options
from wcode_magics.settings.option import Option

ROWS = (
    Option("depth", "count"),
    Option("mass", "number", low=0.0),
    options.flag("--budget"),
)
FLAGS = {flag: row for row in ROWS for flag in row.flags}


def wcode_tree(home: ShellState, line: str) -> Tree:
    """Return the tree of a reply, of ``_wcode`` if none is named."""
    words, _rest = lines.first_words(line, len(line))
    parsed = lines.parse_words(words, FLAGS, home.variables)
    return home.session.tree(_reply(home, parsed.rest), **parsed.values)


def _reply(home: ShellState, word: str) -> Reply:
    named = word if word.startswith("$") else f"${word}"
    found: Reply | None = home.last_reply
    if word:
        found = option_values.read(options.flag("--of"), named, home.variables)
    if found is None:
        raise UsageError("no_reply")
    return found
