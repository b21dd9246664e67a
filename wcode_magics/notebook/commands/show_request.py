"""``%wcode_show`` and ``%wcode_code``: a request as JSON and as a program."""

from wcode_magics import snippets
from wcode_magics.display import bundles
from wcode_magics.display.text_table import TextTable
from wcode_magics.errors import UsageError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState, overlooked, show_advice
from wcode_magics.sending.request_run import Prepared
from wcode_magics.settings import option_line as lines
from wcode_magics.text import say


def wcode_show(home: ShellState, line: str) -> None:
    """Show the last request, or the one built from options and a prompt."""
    home.show_request(_asked(home, line))


def wcode_code(home: ShellState, line: str) -> None:
    """Show the last request as a program, or list the languages."""
    word, _, rest = line.strip().partition(" ")
    if not word:
        heads = (say("ui.name"), say("ui.language"), say("ui.library"))
        rows = [(row.key, row.title, row.library) for row in snippets.TARGETS]
        show_bundle(TextTable(heads, rows).bundle())
        return
    snippets.find(word)
    show_code(home, _asked(home, rest), word)


def show_code(home: ShellState, prepared: Prepared, language: str) -> None:
    """Show a request as a program, highlighted in a notebook, without the key."""
    target = snippets.find(language)
    endpoint = home.session.endpoint(prepared.resolved)
    stream = "stream" in prepared.resolved.origin and prepared.resolved["stream"]
    code = snippets.render(
        prepared.request,
        target.key,
        base_url=endpoint.base_url,
        stream=bool(stream),
        needs_key=endpoint.key is not None,
    )
    show_bundle(bundles.code_bundle(code, target.title))


def _asked(home: ShellState, line: str) -> Prepared:
    if line.strip():
        parsed = lines.parse(line, home.variables)
        prepared = home.prepare(parsed.rest, parsed.values)
        show_advice([*prepared.advice, *overlooked(parsed)])
        return prepared
    if home.last_request is None:
        raise UsageError("no_reply")
    return home.last_request
