"""Help page of the cell and README tables, generated from the option table."""

import textwrap
from collections.abc import Collection, Sequence

from wcode_magics.errors import without_variables
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.protocol import parameters
from wcode_magics.protocol.providers import PROVIDERS
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


def params_markdown(lang: str) -> str:
    """Return the README table of parameters in ``lang``."""
    heads = ("flag", "label", "range", "default", "meaning")
    rows = [
        (
            f"`--{row.name.replace('_', '-')}`"
            + (f" `-{row.short}`" if row.short else ""),
            say(f"params.{row.name}.label", lang),
            f"`{row.allowed}`",
            "–" if row.default is None else f"`{row.usual}`",
            say(f"params.{row.name}.help", lang),
        )
        for row in parameters.PARAMS
    ]
    return _markdown([say(f"ui.{head}", lang) for head in heads], rows)


def options_markdown(lang: str) -> str:
    """Return the README table of a cell's other options in ``lang``."""
    rows = [
        (f"`{_spelt(row)}`", say(f"options.{row.name}", lang))
        for row in options.CELL
        if row.param is None
    ]
    return _markdown([say("ui.flag", lang), say("ui.meaning", lang)], rows)


def settings_markdown(lang: str) -> str:
    """Return the README table of the settings without a cell flag in ``lang``."""
    heads = ("name", "range", "default", "variable", "meaning")
    rows = [
        (
            f"`{row.name}`",
            f"`{row.allowed}`",
            "–" if row.default is None else f"`{decimal(row.default)}`",
            f"`WCODE_{row.name.upper()}`",
            say(f"options.{row.name}", lang),
        )
        for row in options.SETTINGS
        if row.stage == "session"
    ]
    return _markdown([say(f"ui.{head}", lang) for head in heads], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        "| " + " | ".join(heads) + " |",
        "| " + " | ".join("---" for _ in heads) + " |",
    ]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def providers_markdown(language: str) -> str:
    """Return the providers as a Markdown table."""
    heads = ("provider", "key", "prefix", "think")
    rows = [[say(f"ui.providers_{head}", language) for head in heads]]
    rows.append(["---"] * len(heads))
    for row in PROVIDERS:
        switch = ", ".join(row.think_on) or "–"
        limit = f", {row.think_budget}" if row.think_budget else ""
        key = f"`{row.key}`" if row.key else "–"
        rows.append([f"`{row.name}`", key, row.prefix or "–", f"{switch}{limit}"])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


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
        spelt = without_variables(_spelt(row)) if in_shell else _spelt(row)
        shown = say(f"shell.{row.name}") if in_shell and row.name in _IN_SHELL else ""
        lines += [f"  {spelt}", _filled(shown or row.help, "      ")]
    return "\n".join(lines)


def _group(row: Option) -> str:
    return row.param.group if row.param is not None else "general"


def _spelt(row: Option) -> str:
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
