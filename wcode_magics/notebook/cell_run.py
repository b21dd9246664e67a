"""Execution of one cell: stream the answer, bind the reply, then draw it."""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import Any

from wcode_magics.display import bundles, logprob_bundles, reply_bundles
from wcode_magics.display.live_display import EMPTY, Live
from wcode_magics.display.progress import WAIT_S, Progress
from wcode_magics.errors import Stopped, UsageError, WcodeError
from wcode_magics.output import terminal
from wcode_magics.output.mimebundle import Bundle, joined
from wcode_magics.output.secret_forms import without_forms
from wcode_magics.protocol.messages import ToolCall, ToolTrace
from wcode_magics.protocol.reply import Reply, is_answer, reply_of
from wcode_magics.runtime.shell_variables import bind
from wcode_magics.sending.request_run import Prepared, Stream, Watch
from wcode_magics.session.repeat import Runs
from wcode_magics.session.session import Session
from wcode_magics.session.tool_loop import Rounds
from wcode_magics.session.tools import Toolbox
from wcode_magics.text import say

STREAMED = ("markdown", "text", "code", "value")


class NotebookScreen:
    """Outputs of the running cell, updated without clearing its other outputs."""

    def __init__(self) -> None:
        self._handles: dict[int, Any] = {}

    def show(
        self, bundle: Bundle, place: int, metadata: dict[str, Any] | None = None
    ) -> None:
        """Display a bundle, or update the one in this place."""
        from IPython.display import DisplayHandle

        known = place in self._handles
        handle = self._handles.setdefault(place, DisplayHandle())
        (handle.update if known else handle.display)(
            bundle, raw=True, metadata=metadata or {}
        )

    def end(self, bundle: Bundle, metadata: dict[str, Any] | None = None) -> None:
        """Show a bundle in the first place and empty the others."""
        for place in self._handles:
            if place:
                self.show(EMPTY, place)
        self.show(bundle, 0, metadata)

    def clear(self) -> None:
        """Empty all places."""
        for place in self._handles:
            self.show(EMPTY, place)


class CellRun:
    """Execution of one cell.

    Args:
        session: session that sends the requests.
        shell: IPython shell whose variables are bound.
        out: variable to bind besides ``_wcode``, or None.
        form: one of :data:`options.FORMATS`, or ``value`` for a parsed answer.
        foot: returns a line to show below the answer, or an empty string.
    """

    def __init__(
        self,
        session: Session,
        shell: Any,
        out: str | None,
        form: str,
        foot: Callable[[Reply], str] = lambda _reply: "",
    ) -> None:
        self._session = session
        self._shell = shell
        self._out = out
        self._form = form
        self._foot = foot
        self._tokens = False
        self._notes: list[Bundle] = []
        self._screen = NotebookScreen()

    def note(self, text: str) -> None:
        """Show a line above the answer and keep it there."""
        self.add(bundles.note_bundle(without_forms(text)))

    def add(self, bundle: Bundle) -> None:
        """Show a bundle above the answer and keep it there."""
        self._notes.append(bundle)
        if not is_notebook(self._shell):
            terminal.note(bundle["text/plain"])

    def send(self, prepared: Prepared, *, stream: bool) -> Reply:
        """Send a request; show, bind and return its reply.

        Raises:
            WcodeError: the request failed; what arrived is bound and shown first.
            Stopped: the user stopped the cell; what arrived is bound and shown first.
        """
        self._tokens = bool(prepared.request.params.get("logprobs"))
        send = self._stream if stream else self._ask
        if stream and prepared.resolved["functions"]:
            send = self._stream_rounds
        try:
            reply = send(prepared)
        except Stopped:
            raise
        except KeyboardInterrupt:
            raise Stopped(kept=False) from None
        except WcodeError as error:
            if (kept := reply_of(error)) is not None:
                self._end(kept)
            else:
                self._screen.clear()
            raise
        self._end(reply)
        return reply

    def repeat(self, prepared: Prepared, times: int, *, agreed: bool) -> Runs:
        """Send a request several times concurrently; bind, show and return the runs.

        Raises:
            UsageError: nothing was sent.
            WcodeError: every run failed; this is the first error.
            Stopped: the user stopped the cell; what arrived is bound and shown.
        """
        waits = not self._is_sandbox(prepared)
        try:
            with watching(self._shell, self._live(), waits=waits) as tell:
                runs = self._session.repeat(prepared, times, watch=tell, yes=agreed)
        except Stopped as stopped:
            self._end_runs(stopped.value)
            raise
        self._end_runs(runs)
        failed = runs.failed
        if len(failed) == times and failed[0].error is not None:
            raise failed[0].error
        return runs

    def _end_runs(self, runs: Runs) -> None:
        """Bind and draw what was answered; errors alone are left to be raised."""
        errors = {str(one.error) for one in runs.failed}
        if not runs.replies and len(errors) <= 1:
            self._screen.clear()
            return
        bind(self._shell, runs, self._out)
        shown = logprob_bundles.runs(runs)
        notes = self._notes if is_notebook(self._shell) else []
        self._screen.end(joined([*notes, shown]))

    def _ask(self, prepared: Prepared) -> Reply:
        try:
            with watching(self._shell, self._live(), waits=False) as tell:
                reply = self._session.ask(prepared, watch=tell)
        except WcodeError as error:
            self._print(reply_of(error))
            raise
        self._print(reply)
        return reply

    def _print(self, reply: Reply | None) -> None:
        if reply and is_answer(reply) and not is_notebook(self._shell):
            terminal.write(reply.text)

    def _stream(self, prepared: Prepared) -> Reply:
        with self._session.stream(prepared) as stream:
            show = self._show_live if is_notebook(self._shell) else self._print_live
            try:
                show(stream, prepared)
            except KeyboardInterrupt:
                stream.close()
                reply = stream.reply
                thought = reply.reasoning or reply.refusal
                kept = bool(reply.text or reply.tool_calls or thought)
                if kept:
                    self._end(reply)
                else:
                    self._screen.clear()
                raise Stopped(kept=kept) from None
            except WcodeError:
                raise
            except Exception:  # drawing failed; the full answer is drawn later
                for _delta in stream:
                    pass
            return stream.reply

    def _stream_rounds(self, prepared: Prepared) -> Reply:
        rounds, box = self._session.rounds(prepared)
        while calls := rounds.calls(self._stream(rounds.prepared)):
            rounds.answer(self._called(rounds, box, calls))
        return rounds.reply

    def _called(
        self, rounds: Rounds, box: Toolbox, calls: Sequence[ToolCall]
    ) -> list[ToolTrace]:
        """Run the calls; in a notebook, show what they print above the answer."""
        run = partial(box.run, calls, rounds.number, parallel=rounds.parallel)
        if not is_notebook(self._shell):
            return run()
        self._screen.clear()
        self._screen = NotebookScreen()
        with redirect_stdout(io.StringIO()) as printed:
            result = run()
        if printed.getvalue():
            show_bundle(bundles.text_bundle(printed.getvalue()))
        return result

    def _live(self, foot: Callable[[], str] = str) -> Live:
        is_markdown = self._form == "markdown" and not self._tokens
        return Live(self._screen, self._growing, is_markdown=is_markdown, foot=foot)

    def _show_live(self, stream: Stream, prepared: Prepared) -> None:
        waits = not self._is_sandbox(prepared)
        place = prepared.resolved.place if waits else ""
        progress = Progress(prepared.request, place)
        live = self._live(progress.line)
        if prepared.before is not None:
            live.add(prepared.before.text)
        with watching(self._shell, live, waits=waits) as tell:
            for delta in stream.watched(tell, lambda: live.until_redraw or 0.02):
                progress.take(delta)
                if self._form in STREAMED:
                    live.take(delta)

    def _is_sandbox(self, prepared: Prepared) -> bool:
        """Return whether the sandbox answers, which costs nothing and is at once."""
        return self._session.endpoint(prepared.resolved).sandbox

    def _print_live(self, stream: Stream, prepared: Prepared) -> None:
        if prepared.before is not None:
            terminal.write(prepared.before.text, end="")
        thinks = False
        with watching(self._shell, self._live()) as tell:
            for delta in stream.watched(tell):
                if delta.recast or (delta.reasoning and not thinks):
                    thinks = True
                    terminal.note(say("ui.thinking_began"))
                terminal.write(delta.text, end="")
        terminal.write("")

    def _growing(self, text: str) -> Bundle:
        return reply_bundles.growing_bundle(text, self._form, tokens=self._tokens)

    def _end(self, reply: Reply) -> None:
        """Bind the reply, then draw it; an error while drawing loses no answer."""
        bind(self._shell, reply, self._out, reply.parsed)
        try:
            self._draw(reply)
        except Exception as wrong:
            reason = f"{type(wrong).__name__}: {wrong}"
            terminal.write(say("ui.undrawn", reason=reason))
            terminal.write(reply.text)

    def _draw(self, reply: Reply) -> None:
        foot = self._foot(reply)
        if is_notebook(self._shell):
            parts = [*self._notes, reply_bundles.reply_bundle(reply, self._form)]
            parts += [bundles.faint_bundle(foot)] if foot else []
            self._screen.end(joined(parts), reply_bundles.reply_metadata(reply))
        else:
            terminal.write(f"\n{reply_bundles.reply_end(reply)}")
            terminal.write(foot, end="\n" if foot else "")


def is_notebook(shell: Any) -> bool:
    """Return whether outputs go to a Jupyter front end rather than to a terminal."""
    return getattr(shell, "kernel", None) is not None


def refuse_terminal(shell: Any) -> None:
    """Raise UsageError in a terminal, which shows no widgets."""
    if not is_notebook(shell):
        raise UsageError("panel.terminal")


@contextmanager
def watching(shell: Any, live: Live, *, waits: bool = True) -> Iterator[Watch]:
    """Yield a callback that shows a wait: for the next attempt, or for an answer.

    Without ``waits`` only the former: a front end that cannot update an output, such
    as jupyter console, then gets a whole answer as the first one. Nothing of it is
    left at the end.
    """
    if not is_notebook(shell):
        status = terminal.Status()
        yield lambda seconds: status.show(bundles.wait_line(seconds))
        return
    begun = time.monotonic()

    def show(seconds: float) -> None:
        silent = waits and live.is_silent and time.monotonic() - begun >= WAIT_S
        if bundles.wait_line(seconds):
            live.hold(bundles.wait_bundle(seconds))
        elif silent:
            live.hold(bundles.faint_bundle(say("ui.awaited")))
        else:
            live.hold(EMPTY)

    try:
        yield show
    finally:
        live.hold(EMPTY)


def show_bundle(bundle: Bundle) -> None:
    """Display a bundle; a terminal shows its plain text."""
    from IPython.display import display

    display(bundle, raw=True)
