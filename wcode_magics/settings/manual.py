"""Help pages of the cell and the shell, generated from the option table."""

import textwrap
from collections.abc import Collection

from wcode_magics.errors import without_variables
from wcode_magics.protocol import parameters
from wcode_magics.settings import options
from wcode_magics.settings.option import Option
from wcode_magics.text import say

WIDTH = 88
_IN_SHELL = frozenset(
    {"model", "system", "image", "schema", "json", "sweep", "yes", "budget", "replay"}
)
"""Options whose help in ``[options]`` speaks of what only a notebook has."""
_EXAMPLES = """\
%%wcode -t 0 --out answer
{ask}

%%wcode -l 5 --max-tokens 30
{classify}

%wcode --stream --seed 7 {line}"""


def page() -> str:
    """Return the help page of ``%%wcode`` in the user's language."""
    parts = [
        say("ui.help_intro"),
        _usage(),
        *(_section(group) for group in (*parameters.GROUPS, "general")),
        _filled(say("ui.help_values")),
        _filled(say("ui.help_reply")),
        f"{_head('ui.help_examples')}\n{textwrap.indent(_examples(), '    ')}",
    ]
    return "\n\n".join(parts) + "\n"


def shell_page(left_out: Collection[str]) -> str:
    """Return the help page of ``python -m wcode_magics``, without some options."""
    parts = [
        f"{_head('ui.help_usage')}\n    {say('ui.shell_usage')}",
        *(
            _section(group, left_out, in_shell=True)
            for group in (*parameters.GROUPS, "general")
        ),
        _filled(say("ui.shell_values")),
    ]
    return "\n\n".join(parts) + "\n"


def _head(key: str) -> str:
    return say("ui.heading", head=say(key))


def _usage() -> str:
    head, prompt = _head("ui.help_usage"), say("ui.help_prompt")
    return f"{head}\n    %%wcode [--…]\n    {prompt}\n\n    %wcode [--…] {prompt}"


def _examples() -> str:
    words = {name: say(f"ui.example_{name}") for name in ("ask", "classify", "line")}
    return _EXAMPLES.format(**words)


def _section(
    group: str, left_out: Collection[str] = (), *, in_shell: bool = False
) -> str:
    rows = [
        row for row in options.CELL if _group(row) == group and row.name not in left_out
    ]
    lines = [_head(f"groups.{group}")]
    for row in rows:
        flags = without_variables(spelt(row)) if in_shell else spelt(row)
        shown = say(f"shell.{row.name}") if in_shell and row.name in _IN_SHELL else ""
        lines += [f"  {flags}", _filled(shown or row.help, "      ")]
    return "\n".join(lines)


def _group(row: Option) -> str:
    return row.param.group if row.param is not None else "general"


def spelt(row: Option) -> str:
    """Return the short form, the flag and the values of an option."""
    short = f"-{row.short}, " if row.short else ""
    flag = f"--[no-]{row.flag[2:]}" if row.switch else row.flag
    if row.takes_value and not row.needs_value:
        return f"{short}{flag}[={row.allowed}]"
    if row.count:
        most = options.flag(row.count).allowed.partition(" ")[2]
        return f"{short}{flag} [{most}]"
    return f"{short}{flag} {row.allowed}" if row.takes_value else f"{short}{flag}"


def _filled(words: str, indent: str = "") -> str:
    return textwrap.fill(
        words,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
