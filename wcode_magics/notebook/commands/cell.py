"""``%%wcode`` and ``%wcode``: send a prompt and show the answer."""

import builtins
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from wcode_magics.display import bundles
from wcode_magics.errors import OptionError
from wcode_magics.logprobs.number_format import percent
from wcode_magics.notebook.cell_run import CellRun, refuse_terminal, show_bundle
from wcode_magics.notebook.shell_state import ShellState, overlooked, show_advice
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.conversations import total
from wcode_magics.session.repeat import Runs
from wcode_magics.settings import option_line as lines
from wcode_magics.text import say

_PYTHON = "python"
_LANGUAGES = {
    **dict.fromkeys(("py", "python3", "python2", "ipython", "ipython3"), _PYTHON),
    **dict.fromkeys(("sh", "shell", "zsh"), "bash"),
    "js": "javascript",
    "tex": "latex",
    "md": "markdown",
    "rb": "ruby",
    "pl": "perl",
}
"""Models' names of languages, mapped to IPython's cell magics."""


def wcode(home: ShellState, line: str, cell: str | None = None) -> Any:
    """Send the cell or the line to the model and return the new ``_wcode``."""
    parsed = lines.parse(line, home.variables)
    values = parsed.values
    if cell is not None:
        parsed.refuse_rest("prompt_on_line")
    prompt = parsed.rest if cell is None else cell.removesuffix("\n")
    if values.get("panel"):
        from wcode_magics.widgets import open_panel

        refuse_terminal(home.shell)
        open_panel(home.session, home.shell, values, prompt)
        return None
    notes = overlooked(parsed, cell)
    if values.get("frame") is not None:
        from wcode_magics.notebook.commands.frame import ask_rows

        show_advice(notes)
        return ask_rows(home, prompt, values)
    for name in ("into", "keep_going"):
        if values.get(name):
            raise OptionError("frame_only", name=f"--{name.replace('_', '-')}")
    if values.get("of") and not values.get("continue"):
        raise OptionError("of_alone")
    if values.get("sweep") or values.get("models"):
        from wcode_magics.notebook.commands.sweep import send_sweep

        show_advice(notes)
        return send_sweep(home, prompt, values)
    prepared = home.prepare(prompt, values)
    prepared = replace(prepared, advice=(*prepared.advice, *notes))
    if values.get("as") or values.get("dry_run"):
        show_advice(prepared.advice)
    if values.get("as"):
        from wcode_magics.notebook.commands.show_request import show_code

        return show_code(home, prepared, values["as"])
    if values.get("dry_run"):
        return home.show_request(prepared)
    return send(home, prepared, values)


def send(
    home: ShellState, prepared: Prepared, values: Mapping[str, Any]
) -> Reply | Runs:
    """Send a request; show, bind and return its answer.

    Raises:
        OptionError: ``--repeat`` cannot be combined with another option.
        WcodeError: the request failed.
    """
    resolved = prepared.resolved
    form = resolved["format"]
    if prepared.read is not None and resolved.layer("format") == "default":
        form = "value"
    run = CellRun(
        home.session,
        home.shell,
        values.get("out"),
        form,
        partial(_meter, home, prepared, values.get("chat")),
    )
    for key, facts in prepared.advice:
        run.note(say(f"advice.{key}", **facts))
    if values.get("out") in vars(builtins):
        run.note(say("advice.hides_builtin", name=values["out"]))
    home.announce_sandbox(run, prepared, values.get("repeat") or 1)
    home.remember(prepared, values)
    if values.get("repeat"):
        return _repeat(run, prepared, values)
    reply = run.send(prepared, stream=resolved["stream"])
    if values.get("code"):
        _insert_code(home, reply)
    return reply


def _repeat(run: CellRun, prepared: Prepared, values: Mapping[str, Any]) -> Runs:
    for name in ("chat", "functions", "code"):
        if values.get(name):
            raise OptionError("not_together", one="--repeat", other=f"--{name}")
    return run.repeat(prepared, values["repeat"], agreed=bool(values.get("yes")))


def _meter(home: ShellState, prepared: Prepared, name: str | None, reply: Reply) -> str:
    """Return how full a conversation's context is, or that the turn is not kept."""
    tokens = total(reply)
    if name is not None and not reply.text:
        return say("ui.chat_unkept", name=name)
    if name is None or tokens is None:
        return ""
    context = home.session.context(prepared, tokens)
    return say(
        "ui.chat_meter",
        name=name,
        turn=len(home.session.chats[name].turns),
        share="–" if context is None else percent(tokens / context),
        tokens=f"{tokens:,}",
        context="–" if context is None else f"{context:,}",
    )


def _insert_code(home: ShellState, reply: Reply) -> None:
    """Insert the code of one language as the next cell: Python, else the first one."""
    blocks = [
        (_LANGUAGES.get(language.lower(), language), code)
        for language, code in _code(reply)
    ]
    if not blocks:
        show_bundle(bundles.note_bundle(say("advice.no_code")))
        return
    languages = [language for language, _code in blocks]
    chosen = _PYTHON if _PYTHON in languages else next(filter(None, languages), "")
    code = "\n".join(code for language, code in blocks if language == chosen)
    if chosen != _PYTHON and chosen in home.shell.magics_manager.magics["cell"]:
        code = f"%%{chosen}\n{code}"
    home.shell.set_next_input(code.rstrip("\n"), replace=False)


def _code(reply: Reply) -> list[tuple[str, str]]:
    return [(language.strip("{}."), code) for language, code in reply.code_blocks]
