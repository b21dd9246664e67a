"""Command line: ``python -m wcode_magics "prompt"``, or a prompt from a pipe.

The answer is streamed to standard output, everything else goes to standard error. The
exit code is 2 for invalid arguments, 1 if there is no answer, 130 if interrupted.
"""

import json
import os
import sys
from collections.abc import Sequence

from wcode_magics.display import answer_notes, bundles, reply_bundles
from wcode_magics.errors import (
    OptionError,
    UsageError,
    VariableError,
    WcodeError,
    called_from,
    in_shell,
)
from wcode_magics.output import terminal
from wcode_magics.protocol.reply import Reply
from wcode_magics.sending.request_run import Prepared, Watch, awaited
from wcode_magics.session.session import Session
from wcode_magics.session.structured import plain_value
from wcode_magics.settings import manual, options
from wcode_magics.settings import option_line as lines
from wcode_magics.settings.option_line import OptionLine
from wcode_magics.text import say

IN_NOTEBOOKS = options.staged("conversation", "cell", "table")


def main(words: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    if {"-h", "--help"} & {*words}:
        terminal.write(manual.shell_page(IN_NOTEBOOKS), end="")
        return 0
    try:
        with called_from("shell"):
            _run(lines.parse_words(words))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except WcodeError as error:
        terminal.note(f"{type(error).__name__}: {error}")
        return 2 if isinstance(error, UsageError) else 1
    return 0


def _run(line: OptionLine) -> None:
    for name in IN_NOTEBOOKS:
        if line.values.get(name):
            raise OptionError("notebook_only", name=f"--{name}")
    own = options.of_request(line.values)
    prompt = "\n\n".join(filter(None, (line.rest, _piped())))
    with Session() as session:
        if line.values.get("sweep") or line.values.get("models"):
            _sweep(session, prompt, line, own)
            return
        prepared = session.prepare(prompt, **own)
        _advise(prepared, line)
        if line.values.get("as"):
            _show_code(session, prepared, line.values["as"])
        elif line.values.get("dry_run"):
            terminal.write(_json(prepared.request.body, indent=2), exact=True)
        else:
            _ask(session, prepared)


def _advise(prepared: Prepared, line: OptionLine) -> None:
    """Give the advice that a cell gives, each piece in a line."""
    advice = [*prepared.advice]
    if line.overlooked:
        advice.append(("option_in_prompt", {"given": line.overlooked}))
    for key, facts in advice:
        terminal.note(say(in_shell(f"advice.{key}"), **facts))


def _ask(session: Session, prepared: Prepared) -> None:
    if prepared.read is None and prepared.resolved["stream"]:
        reply = _stream(session, prepared)
    else:
        reply = _whole(session, prepared)
    if sys.stderr.isatty():
        terminal.note(reply_bundles.reply_end(reply))
    elif answer_notes.badge(reply):
        terminal.note(answer_notes.badge(reply))


def _whole(session: Session, prepared: Prepared) -> Reply:
    try:
        reply = session.ask(prepared, watch=_watch())
    except WcodeError as error:
        if error.reply is not None:
            terminal.write(error.reply.text, exact=True)
        raise
    shown = reply.text
    if prepared.read is not None:
        shown = _json(plain_value(reply.parsed))
    terminal.write(shown, exact=True)
    return reply


def _json(value: object, indent: int | None = None) -> str:
    """Serialize as JSON, in ASCII if the output cannot encode every character."""
    bare = not terminal.writes_all()
    return json.dumps(value, ensure_ascii=bare, indent=indent)


def _stream(session: Session, prepared: Prepared) -> Reply:
    with session.stream(prepared) as stream:
        for delta in stream.watched(_watch()):
            terminal.write(delta.text, end="", exact=True)
        terminal.write("")
    return stream.reply


def _watch() -> Watch:
    status = terminal.Status()
    return lambda seconds: status.show(bundles.wait_line(seconds))


def _sweep(
    session: Session, prompt: str, line: OptionLine, own: dict[str, object]
) -> None:
    from wcode_magics.display import sweep_bundles
    from wcode_magics.session.sweep import grid_of

    yes = bool(line.values.get("yes"))
    grid = grid_of(line.values)
    points, ready = session.sweep_plan(prompt, grid, yes=yes, **own)
    _advise(ready[0], line)
    swept = awaited(session.group(points, ready), _watch())
    terminal.write(sweep_bundles.bundle(swept)["text/plain"])
    if not swept.replies and swept.trials[0].error is not None:
        raise swept.trials[0].error


def _show_code(session: Session, prepared: Prepared, language: str) -> None:
    from wcode_magics import snippets

    endpoint = session.endpoint(prepared.resolved)
    url, needs_key = endpoint.base_url, endpoint.key is not None
    code = snippets.render(
        prepared.request, language, base_url=url, needs_key=needs_key
    )
    terminal.write(code, exact=True)


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        raw = sys.stdin.buffer.read()
        try:
            return raw.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            return raw.decode(sys.stdin.encoding).strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise VariableError("unreadable_file", path="stdin", reason=wrong) from wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
