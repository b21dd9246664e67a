"""A cell as the draft of a panel, as the cell's own command reads it."""

from wcode_magics.settings import option_line
from wcode_magics.widgets.draft import MAGIC, Draft


def parsed(cell, variables):
    """The draft whose cell this is."""
    head, _, prompt = cell.partition("\n")
    line = option_line.parse(head.removeprefix(MAGIC), variables)
    return Draft.from_line(line.values, prompt)
