"""``%wcode_fix`` and ``%wcode_repair``: ask about what failed."""

from typing import Any

from wcode_magics.display import bundles
from wcode_magics.errors import Stopped, UsageError, WcodeError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.commands.cell import send
from wcode_magics.notebook.shell_state import ShellState, agrees
from wcode_magics.output.mimebundle import joined
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.traceback_prompt import failure_of
from wcode_magics.settings import option_line as lines
from wcode_magics.settings import options
from wcode_magics.text import say


def wcode_fix(home: ShellState, line: str) -> Any:
    """Ask about the last exception; text after the options is appended.

    The request is shown, then sent if the user confirms or with ``--yes``. An error of
    this command leaves the exception that it is about as the last one.
    """
    failed = home.failed
    try:
        return _fix(home, line, failed)
    except (WcodeError, Stopped) as error:
        home.keep_failed(error, failed)
        raise


def _fix(home: ShellState, line: str, failed: BaseException | None) -> Any:
    parsed = lines.parse(line, home.variables)
    failure = failure_of(failed, home.shell, home.session.settings.key())
    question = "\n\n".join(filter(None, (failure.question, parsed.rest)))
    values = {**parsed.values, "raw": True}
    prepared = home.prepare(question, values)
    if values.get("dry_run"):
        return home.show_request(prepared)
    shown = bundles.code_bundle(question, "markdown")
    show_bundle(joined([bundles.note_bundle(say("ui.fix_shown")), shown]))
    if not values.get("yes") and not agrees(say("ui.fix_ask")):
        raise UsageError("fix.unsent")
    return send(home, prepared, values)


def wcode_repair(home: ShellState, line: str) -> Any:
    """Ask again for the requested format that the answer in ``_wcode`` lacks."""
    parsed = lines.parse(line, home.variables)
    parsed.refuse_rest()
    reply = home.last_reply("%wcode_repair")
    if reply is None:
        raise UsageError("no_reply")
    own = options.of_request(parsed.values)
    resolved = home.session.settings.resolve({})
    anew = Prepared(reply.request, resolved), dict[str, Any]()
    prepared, values = home.asked_for(reply) or anew
    once = {name: value for name, value in values.items() if name != "repeat"}
    again = home.session.repair(prepared, reply, **own)
    return send(home, again, {**once, **parsed.values})
