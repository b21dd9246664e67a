"""State shared by a shell's commands: variables, session, last request."""

import os
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from IPython.core.error import StdinNotImplementedError

from wcode_magics.display import bundles
from wcode_magics.display.text_table import shown_value
from wcode_magics.errors import OptionError, Stopped, UsageError
from wcode_magics.notebook.cell_run import CellRun, show_bundle
from wcode_magics.output.escaping import inert
from wcode_magics.output.mimebundle import joined
from wcode_magics.prompts import template
from wcode_magics.protocol import models, parameters
from wcode_magics.protocol.images import abridged
from wcode_magics.protocol.providers import unused
from wcode_magics.protocol.reply import Reply
from wcode_magics.runtime.shell_variables import LAST, bind, own, public
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.cell_identity import CellWatch, chats_folder, notebook_name
from wcode_magics.session.conversations import Chats, next_turn
from wcode_magics.session.session import Session
from wcode_magics.settings import option_values, options
from wcode_magics.settings.api_keys import KEY_VARIABLE
from wcode_magics.settings.option_line import OptionLine, misplaced
from wcode_magics.settings.settings import Advice
from wcode_magics.text import say, sentences

_ANSWER = options.flag("--of")
ASKED = 50
"""Requests remembered with their options, for a later repair."""
_UNMET = {"ignored": "probe_ignored", "refused": "probe_refused"}
YES = frozenset({"y", "yes", "是", "好"})


@dataclass(frozen=True, slots=True)
class Spending:
    """One cell run: execution count, answers stored, costs, answers without a price."""

    cell: int | None
    answers: int
    costs: models.Costs
    unpriced: int


class ShellState:
    """The state of the extension in one shell."""

    def __init__(self, shell: Any, cells: CellWatch) -> None:
        self.shell = shell
        self.cells = cells
        self.session = Session()
        self.session.allow = _may_run
        self.session.notes_sandbox = False
        notebook = notebook_name(shell)
        if notebook is not None:
            self.session.chats = Chats(chats_folder(notebook))
        self._asked: deque[tuple[Prepared, Mapping[str, Any]]] = deque(maxlen=ASKED)
        self.spending: list[Spending] = []
        self._sandbox_announced = False
        self._unfilled_noted = False
        self._unmet_noted: set[tuple[str, str, str]] = set()
        self._counted = (0, models.Costs(), 0)
        self._left: tuple[BaseException, BaseException | None] | None = None
        shell.events.register("post_run_cell", self._count)

    def close(self) -> None:
        """Stop counting and close the session."""
        self.shell.events.unregister("post_run_cell", self._count)
        self.session.close()

    def _count(self, result: Any) -> None:
        """Record what the finished cell spent, through any interface."""
        pool = self.session.pool
        now = (pool.kept, self.session.budgets.known, pool.unpriced)
        before, self._counted = self._counted, now
        answers, unpriced = now[0] - before[0], now[2] - before[2]
        rises = (
            (code, paid - before[1].get(code, 0.0)) for code, paid in now[1].items()
        )
        costs = models.Costs({code: rise for code, rise in rises if rise})
        if answers or costs:
            number = getattr(result, "execution_count", None)
            self.spending.append(Spending(number, answers, costs, unpriced))

    @property
    def variables(self) -> dict[str, Any]:
        """The user's variables, as options and templates see them."""
        return own(self.shell)

    def bind(self, value: Any, out: str | None = None) -> None:
        """Bind a value to ``_wcode`` and, if set, to the user's variable ``out``."""
        bind(self.shell, value, out)

    def remember(self, prepared: Prepared, values: Mapping[str, Any]) -> None:
        """Remember a request to be sent, with the options of its cell."""
        self._asked.append((prepared, values))

    @property
    def last_request(self) -> Prepared | None:
        """The most recently sent request, or None."""
        return self._asked[-1][0] if self._asked else None

    def asked_for(self, reply: Reply) -> tuple[Prepared, Mapping[str, Any]] | None:
        """Return the request of a reply with the options of its cell, or None."""
        for prepared, values in reversed(self._asked):
            if prepared.request is reply.request:
                return prepared, values
        return None

    @property
    def failed(self) -> BaseException | None:
        """The last exception, or the one that :meth:`keep_failed` left for it."""
        last = getattr(sys, "last_value", None)
        return self._left[1] if self._left and self._left[0] is last else last

    def keep_failed(self, raised: BaseException, failed: BaseException | None) -> None:
        """Keep ``failed`` as the last exception, although ``raised`` follows it."""
        self._left = raised, failed

    def last_reply(self, command: str) -> Reply | None:
        """Return the reply that ``_wcode`` is bound to, or None if it is unbound.

        Raises:
            UsageError: it is bound to several replies or to a table, while ``command``
                takes one reply.
        """
        held = self.shell.user_ns.get(LAST)
        if held is None or isinstance(held, Reply):
            return held
        facts = {"kind": type(held).__name__, "command": command}
        if replies := getattr(held, "replies", None):
            raise UsageError("many_replies", count=len(replies), **facts)
        raise UsageError("not_a_reply", **facts)

    def prepare(self, prompt: str, values: Mapping[str, Any]) -> Prepared:
        """Build the request for a line of options and a prompt.

        Raises:
            UsageError: it cannot be built, or it contains the key.
        """
        own = options.of_request(values)
        if values.get("continue"):
            cut = values.get("of") or self.last_reply("%wcode --continue")
            prepared = self.session.go_on(cut, **own)
        else:
            names = None if values.get("raw") else self.variables
            prepared = self.session.prepare(prompt, names=names, **own)
            if any(key == "top_logprobs" for key, _facts in prepared.advice):
                raise OptionError(
                    "goes_with", name="--top-logprobs", other="--logprobs (-l)"
                )
            prepared = self.advised(prepared, prompt, names or {})
            if values.get("chat"):
                place = self.cells.next_id()
                chats = self.session.chats
                context = self.session.context
                prepared = next_turn(chats, values["chat"], place, prepared, context)
        return prepared

    def advised(
        self, prepared: Prepared, prompt: str, names: Iterable[str]
    ) -> Prepared:
        """Return a request with this shell's advice about its prompt and parameters."""
        notes = (*self.unfilled(prompt, names), *self.unmet(prepared))
        return replace(prepared, advice=(*prepared.advice, *notes))

    def unfilled(self, prompt: str, names: Iterable[str]) -> list[Advice]:
        """Return advice, once, about a placeholder in another language's syntax."""
        found = None if self._unfilled_noted else template.unfilled(prompt, names)
        if found is None:
            return []
        self._unfilled_noted = True
        written, name = found
        return [("unfilled", {"given": written, "name": name})]

    def unmet(self, prepared: Prepared) -> list[Advice]:
        """Return advice, once each, about set parameters that a probe found unmet."""
        request, resolved = prepared.request, prepared.resolved
        probe = self.session.pool.probe(resolved, resolved.place, request.model)
        found = [] if probe is None else probe.unmet(resolved.params)
        advice: list[Advice] = []
        for one in found:
            mark = (resolved.place, request.model, one.name)
            if mark not in self._unmet_noted:
                self._unmet_noted.add(mark)
                facts = {"name": one.name, "model": request.model}
                detail = {**facts, "evidence": one.evidence}
                advice.append((_UNMET[one.verdict], detail))
        return advice

    def named(self, word: str, usage: str) -> Any:
        """Return the value of the variable that a command's word names.

        Raises:
            UsageError: with the key ``usage``; the word names no variable, and none is
                written like it.
            VariableError: there is no variable ``$word``, but one like it; or the
                value has no such item.
        """
        name = word.removeprefix("$")
        is_name = option_values.points(f"${name}")
        bare, variables = name.partition("[")[0], self.variables
        meant = word.startswith("$") or bare in variables
        if is_name and (meant or parameters.nearest(bare, public(variables))):
            return option_values.variable(name, variables)
        raise UsageError(usage, given=word)

    def answer(self, word: str, usage: str) -> Reply:
        """Return the answer that a command's word names, as :meth:`named` does."""
        try:
            found: Reply = options.checked(_ANSWER, self.named(word, usage))
        except OptionError:
            raise UsageError(usage, given=word) from None
        return found

    def show_request(self, prepared: Prepared) -> None:
        """Show the exact body, the source layer of each value, tokens and price."""
        resolved = prepared.resolved
        body = bundles.code_bundle(
            bundles.json_text(abridged(prepared.request.body)), "json"
        )
        rows = [
            (name, shown_value(resolved[name]), resolved.layer(name))
            for name in ("model", "system", *parameters.NAMES)
            if resolved[name] is not None
        ]
        url = self.session.endpoint(resolved).base_url
        title = bundles.note_bundle(say("ui.show_endpoint", url=url))
        estimate = bundles.prompt_estimate(
            prepared.request, self.session.answering(resolved)
        )
        note = sentences([estimate, say("ui.show_nothing_sent")])
        table = bundles.layers_table(rows, note).bundle()
        show_bundle(joined([title, body, table]))

    def announce_sandbox(
        self, run: CellRun, prepared: Prepared, times: int = 1
    ) -> None:
        """Report once that the sandbox answers while no key is set."""
        unset = self.session.settings.is_unset(prepared.resolved)
        if self._sandbox_announced or not unset:
            return
        clients = self.session.clients([prepared] * times)
        if any(one.source == "sandbox" for one in clients):
            self._sandbox_announced = True
            run.note(say("ui.sandbox_note", variable=KEY_VARIABLE))
            names, line = unused(os.environ)
            if names:
                listed = ", ".join(names)
                run.note(say("ui.other_keys", names=listed, line=line))


def _may_run(name: str, arguments: Mapping[str, Any]) -> bool:
    call = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return agrees(say("ui.confirm", call=f"{name}({call})"))


def agrees(question: str) -> bool:
    """Return whether the user confirms; False when input is unavailable."""
    try:
        answer = input(inert(question))
    except (EOFError, OSError, StdinNotImplementedError):
        return False
    except KeyboardInterrupt:
        raise Stopped(kept=False) from None
    return answer.strip().lower() in YES


def show_note(text: str) -> None:
    """Show a one-line notice."""
    show_bundle(bundles.note_bundle(text))


def overlooked(parsed: OptionLine, body: str | None = None) -> list[Advice]:
    """Return advice about an option inside the prompt: of a line, or of a cell's body.

    A body is looked at in its first word alone, as other words may be about options.
    """
    word = parsed.overlooked if body is None else misplaced(body)
    key = "option_in_prompt" if body is None else "option_in_body"
    return [(key, {"given": word})] if word else []


def show_advice(advice: Iterable[Advice]) -> None:
    """Show each piece of advice in a line."""
    for key, facts in advice:
        show_note(say(f"advice.{key}", **facts))
