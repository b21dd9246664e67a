"""``%wcode_fix`` and ``%wcode_repair``: what failed, asked about."""

from wcode_magics import line as lines
from wcode_magics import view
from wcode_magics.commands.ask import send
from wcode_magics.dialogue.failure import last_failure
from wcode_magics.errors import UsageError
from wcode_magics.extension import CELL_ONLY, Extension
from wcode_magics.text import say


def wcode_fix(home: Extension, line: str) -> None:
    """Ask about the last exception; words after the options are added to it."""
    parsed = lines.parse(line, home.variables)
    failure = last_failure(home.shell, home.session.settings.key())
    question = "\n\n".join(filter(None, (failure.question, parsed.rest)))
    given = {**parsed.values, "raw": True}
    prepared = home.prepare(question, given)
    if given.get("dry_run"):
        home.show_request(prepared)
        return
    sent = view.code_bundle(question, "markdown")
    send(home, prepared, given, [view.note_bundle(say("ui.fix_sent")), sent])


def wcode_repair(home: Extension, line: str) -> None:
    """Ask once more for the form that the last answer does not have."""
    parsed = lines.parse(line, home.variables)
    parsed.refuse_rest()
    last, reply = home.last_request, home.last_reply
    if last is None or reply is None:
        raise UsageError("no_reply")
    own = {k: v for k, v in parsed.values.items() if k not in CELL_ONLY}
    prepared = home.session.repair(last, reply, **own)
    send(home, prepared, {**home.last_given, **parsed.values})
