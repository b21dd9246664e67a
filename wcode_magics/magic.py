"""``%%wcode`` and its companions, in IPython.

Commands are objects, so that their help page can speak the person's language when it
is asked for. Loading puts in commands, one completer, formatters and a configurable;
unloading takes exactly these out again.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import traitlets
from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher
from IPython.core.error import StdinNotImplementedError
from traitlets.config import Configurable

from wcode_magics import line as lines
from wcode_magics import manual, models, options, params, settings, tokens, view
from wcode_magics.cell import Run, is_notebook, show_bundle
from wcode_magics.errors import EndpointError, OptionError, SettingError, UsageError
from wcode_magics.exchange import Prepared
from wcode_magics.reply import Reply
from wcode_magics.request import Request
from wcode_magics.session import Session
from wcode_magics.table import Table
from wcode_magics.text import say
from wcode_magics.values import Usage

_ATTRIBUTE = "_wcode_extension"


class Setting(traitlets.Any):
    """A row of the option table as a trait; checked as everywhere else."""

    def __init__(self, row: options.Option) -> None:
        """A trait for ``row``, unset until the person sets it."""
        super().__init__(default_value=None, allow_none=True, help=row.help)
        self._row = row
        self.tag(config=True)

    def validate(self, _owner: Any, value: Any) -> Any:
        """The checked value; raises OptionError or ParameterError."""
        return None if value is None else options.checked(self._row, value)


WcodeMagics = type(
    "WcodeMagics",
    (Configurable,),
    {
        "__doc__": "Settings and default parameters of wcode-magics.",
        **{row.name: Setting(row) for row in options.SETTINGS},
    },
)


class Command:
    """A magic: called with the line (and the cell); ``help`` makes its page."""

    _ipython_magic_no_var_expand = True

    def __init__(self, call: Callable[..., Any], help_page: Callable[[], str]) -> None:
        self._call = call
        self._help = help_page
        self.__name__ = call.__name__

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """Run it."""
        return self._call(line) if cell is None else self._call(line, cell)

    def getdoc(self) -> str:
        """The help page, where IPython asks for it."""
        return self._help()


class Extension:
    """The commands of one shell, around one session."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.session = Session()
        self.matcher = _completer(shell.user_ns)
        self._sandbox_told = False
        self._last: Prepared | None = None
        self.config = WcodeMagics(parent=shell)
        told = self.session.settings
        for row in options.SETTINGS:
            value = getattr(self.config, row.name)
            if value is not None:
                told.config[row.name] = value
        self.config.observe(self._configured)

    def wcode(self, line: str, cell: str | None = None) -> None:
        """Send the cell, or the line, to the model."""
        parsed = lines.parse(line, self.shell.user_ns)
        given = dict(parsed.values)
        if cell is not None and parsed.rest:
            raise OptionError("unexpected_word", given=parsed.rest.split()[0])
        prompt = parsed.rest if cell is None else cell.removesuffix("\n")
        prepared = self._prepare(prompt, given)
        if given.get("dry_run"):
            self._show(prepared)
            return
        form = prepared.resolved["format"]
        run = Run(self.session, self.shell, given.get("out"), form)
        for key, facts in prepared.advice:
            run.note(say(f"advice.{key}", **facts))
        self._tell_sandbox(run, prepared)
        self._last = prepared
        reply = run.send(prepared, stream=prepared.resolved["stream"])
        if given.get("code"):
            self._insert_code(reply)

    def wcode_config(self, line: str) -> None:
        """Show or set this session's settings and default parameters."""
        word, _, rest = line.strip().partition(" ")
        if word in {"--save", "--remove"}:
            self._change_profile(word, rest.strip())
            return
        named = []
        told = self.session.settings
        for row, value, given in lines.parse_assignments(line, self.shell.user_ns):
            named.append(row.name)
            if given:
                told.set(row.name, value)
        self._show_settings(named)

    def wcode_login(self, line: str) -> None:
        """Take the key by hidden input and keep it in the system keyring."""
        if line.strip():
            raise UsageError("key_on_line", url=settings.GET_KEY_URL)
        import getpass

        try:
            key = getpass.getpass(say("ui.key_prompt", url=settings.GET_KEY_URL))
        except StdinNotImplementedError:
            variable = settings.KEY_VARIABLE
            raise SettingError("login_needs_input", variable=variable) from None
        if not key.strip():
            raise SettingError("empty_key")
        settings.keep_key(key.strip())
        self.session.settings.forget_read_key()
        _tell(say("ui.key_kept"))

    def wcode_logout(self, _line: str) -> None:
        """Remove the key from the system keyring."""
        removed = settings.forget_key()
        self.session.settings.forget_read_key()
        _tell(say("ui.key_forgotten" if removed else "ui.key_absent"))

    def wcode_models(self, _line: str) -> None:
        """Show the catalogue of models, and what the endpoint itself lists."""
        url = self.session.endpoint().base_url
        heads = ("name", "context", "price_in", "price_out", "updated", "abilities")
        rows = [
            (
                model.id,
                f"{model.context:,}",
                f"{model.price_in:g}",
                f"{model.price_out:g}",
                model.updated,
                ", ".join(model.abilities),
            )
            for model in models.MODELS
        ]
        catalogue = Table([say(f"ui.{head}") for head in heads], rows)
        try:
            listed = [(str(row.get("id", "–")),) for row in self.session.models()]
            there = Table([say("ui.listed", url=url)], listed).bundle()
        except EndpointError as error:
            there = view.note_bundle(say("ui.listed_none", url=url, reason=error))
        show_bundle(view.joined([catalogue.bundle(), there]))

    def wcode_params(self, line: str) -> None:
        """Show the table of parameters, or one of them."""
        name = line.strip()
        rows = [params.find(name)] if name else params.PARAMS
        now = self.session.settings.resolve({}).params
        unset = say("ui.not_sent")
        heads = ("name", "label", "range", "default", "current", "meaning")
        cells = [
            (
                row.name,
                say(f"params.{row.name}.label"),
                row.allowed,
                "–" if row.default is None else view.shown_value(row.default),
                view.shown_value(now[row.name]) if row.name in now else unset,
                say(f"params.{row.name}.help"),
            )
            for row in rows
        ]
        show_bundle(Table([say(f"ui.{head}") for head in heads], cells).bundle())

    def wcode_show(self, line: str) -> None:
        """Show the last request, or the one that options and a prompt would make."""
        if line.strip():
            parsed = lines.parse(line, self.shell.user_ns)
            self._show(self._prepare(parsed.rest, dict(parsed.values)))
            return
        if self._last is None:
            raise UsageError("no_reply")
        self._show(self._last)

    def commands(self) -> dict[str, tuple[str, Command]]:
        """Kind and command by name."""
        found = {"wcode": ("line_cell", Command(self.wcode, manual.page))}
        for call in (
            self.wcode_config,
            self.wcode_login,
            self.wcode_logout,
            self.wcode_models,
            self.wcode_params,
            self.wcode_show,
        ):
            page = _page_of(call.__name__)
            found[call.__name__] = ("line", Command(call, page))
        return found

    def _prepare(self, prompt: str, given: dict[str, Any]) -> Prepared:
        raw = given.pop("raw", False)
        own = {k: v for k, v in given.items() if k not in _CELL_ONLY}
        if given.get("continue"):
            prepared = self.session.go_on(self.shell.user_ns.get("_wcode"), **own)
        else:
            names = None if raw else self.shell.user_ns
            prepared = self.session.prepare(prompt, names=names, **own)
        key = self.session.settings.key()
        if key and key.encode() in prepared.request.content():
            raise UsageError("secret_in_prompt")
        return prepared

    def _show(self, prepared: Prepared) -> None:
        resolved = prepared.resolved
        body = view.code_bundle(view.json_text(prepared.request.body), "json")
        rows = [
            (name, view.shown_value(resolved[name]), resolved.layer(name))
            for name in ("model", "system", *params.NAMES)
            if resolved[name] is not None
        ]
        url = self.session.endpoint(resolved).base_url
        title = view.note_bundle(say("ui.show_endpoint", url=url))
        table = view.layers_table(rows, _estimate(prepared.request)).bundle()
        show_bundle(view.joined([title, body, table]))

    def _show_settings(self, named: list[str]) -> None:
        resolved = self.session.settings.resolve({})
        names = named or [row.name for row in options.SETTINGS]
        rows = [
            (name, view.shown_value(resolved[name]), resolved.layer(name))
            for name in names
            if named or resolved[name] is not None
        ]
        if not named:
            rows.append((say("ui.key"), *self._key_row(resolved)))
        show_bundle(view.layers_table(rows).bundle())

    def _key_row(self, resolved: settings.Resolved) -> tuple[str, str]:
        if os.environ.get(settings.KEY_VARIABLE):
            variable = settings.KEY_VARIABLE
            return say("ui.key_environment", variable=variable), "environment"
        if self.session.settings.key():
            return say("ui.key_keyring"), "keyring"
        custom = resolved["base_url"] is not None
        return say("ui.key_none_custom" if custom else "ui.key_none"), "default"

    def _change_profile(self, word: str, name: str) -> None:
        if not name:
            raise OptionError("value_missing", name=word, allowed="NAME")
        told = self.session.settings
        if word == "--remove":
            told.profile(name)
            told.save_profile(name, {})
            _tell(say("ui.removed", name=name))
            return
        path = told.save_profile(name, told.session)
        _tell(say("ui.saved", name=name, path=path))

    def _configured(self, change: Any) -> None:
        if change["name"] in {row.name for row in options.SETTINGS}:
            self.session.settings.set(change["name"], change["new"])

    def _insert_code(self, reply: Reply) -> None:
        blocks = [code for _language, code in reply.code_blocks]
        if not blocks:
            show_bundle(view.note_bundle(say("advice.no_code")))
            return
        self.shell.set_next_input("\n".join(blocks).rstrip("\n"), replace=False)

    def _tell_sandbox(self, run: Run, prepared: Prepared) -> None:
        if self._sandbox_told or not is_notebook(self.shell):
            return
        if self.session.endpoint(prepared.resolved).sandbox:
            self._sandbox_told = True
            run.note(say("ui.sandbox_note", variable=settings.KEY_VARIABLE))


_CELL_ONLY = {"out", "code", "dry_run", "continue"}


def _estimate(request: Request) -> str:
    counted = tokens.count_request(request)
    approx = "" if counted.exact else say("ui.approx")
    price = models.cost(request.model, Usage(counted.tokens, 0))
    shown = "¥ –" if price is None else f"{approx}{view.money(price)}"
    told = say("ui.show_estimate", tokens=f"{approx}{counted.tokens}", price=shown)
    return f"{told} {say('ui.show_nothing_sent')}"


def _page_of(name: str) -> Callable[[], str]:
    return lambda: say(f"commands.{name}")


def _tell(text: str) -> None:
    show_bundle(view.note_bundle(text))


def _completer(variables: dict[str, Any]) -> Callable[[CompletionContext], Any]:
    @context_matcher()  # type: ignore[untyped-decorator]
    def wcode_matcher(context: CompletionContext) -> Any:
        """Options, choices, names and variables on a line of ours."""
        typed = context.text_until_cursor
        found = list(_completions(typed, variables))
        fragment = typed[found[0].start :] if found else ""
        return {
            "completions": [SimpleCompletion(one.text, type=one.kind) for one in found],
            "matched_fragment": fragment,
            "suppress": bool(found),
            "ordered": True,
        }

    return wcode_matcher  # type: ignore[no-any-return]


def _completions(typed: str, variables: dict[str, Any]) -> list[lines.Completion]:
    match = _OURS.match(typed)
    if match is None:
        return []
    skipped = match.end()
    name, rest = match.group(1), typed[skipped:]
    if name in {"wcode", "wcode_show"}:
        found = lines.complete(rest, variables)
    elif name == "wcode_params":
        found = lines.complete_names(rest, params.NAMES)
    else:
        names = tuple(f"{row.name}=" for row in options.SETTINGS)
        found = lines.complete_names(rest, names)
    return [replace(one, start=one.start + skipped) for one in found]


_OURS = re.compile(r"\s*%%?(wcode|wcode_show|wcode_params|wcode_config)\s+")
_QUESTION = re.compile(r"^(\s*)%wcode[ \t]+(\S.*\?)[ \t]*$", re.MULTILINE)
_loaded: WeakKeyDictionary[Any, "Extension"] = WeakKeyDictionary()


def load(shell: Any) -> None:
    """Put the extension into a shell; a second load does nothing."""
    if shell in _loaded:
        return
    extension = _loaded[shell] = Extension(shell)
    for name, (kind, command) in extension.commands().items():
        shell.register_magic_function(command, kind, name)
    shell.configurables.append(extension.config)
    shell.Completer.custom_matchers.append(extension.matcher)
    shell.input_transformers_cleanup.append(_keep_questions)
    _formatter(shell).for_type(Reply, _show_reply)


def unload(shell: Any) -> None:
    """Take it out again."""
    extension = _loaded.pop(shell, None)
    if extension is None:
        return
    for name in extension.commands():
        for magics in shell.magics_manager.magics.values():
            magics.pop(name, None)
    shell.configurables.remove(extension.config)
    shell.Completer.custom_matchers.remove(extension.matcher)
    shell.input_transformers_cleanup.remove(_keep_questions)
    _formatter(shell).pop(Reply, None)
    extension.session.close()


def _keep_questions(cell: list[str]) -> list[str]:
    """A prompt on one line may end in ``?``, which IPython takes for a cry for help."""
    if cell and cell[0].lstrip().startswith("%%"):
        return cell
    return [_QUESTION.sub(_called, line) for line in cell]


def _called(match: re.Match[str]) -> str:
    indent, line = match.groups()
    return f"{indent}get_ipython().run_line_magic('wcode', {line!r})"


def session(shell: Any) -> Session:
    """The session that the cells of a shell use."""
    return _loaded[shell].session


def _formatter(shell: Any) -> Any:
    return shell.display_formatter.mimebundle_formatter


def _show_reply(reply: Reply, **_asked: Any) -> tuple[view.Bundle, dict[str, Any]]:
    return view.reply_bundle(reply), view.reply_metadata(reply)
