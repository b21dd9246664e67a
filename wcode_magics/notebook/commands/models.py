"""``%wcode_models`` and ``%wcode_params``: available models and parameters."""

from wcode_magics.display import bundles
from wcode_magics.display.text_table import TextTable
from wcode_magics.errors import EndpointError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.output.mimebundle import joined
from wcode_magics.protocol import models, parameters
from wcode_magics.text import say


def wcode_models(home: ShellState, _line: str) -> None:
    """Show the catalogue of models and those that the endpoint lists."""
    url = home.session.endpoint().base_url
    heads = ("name", "context", "price_in", "price_out", "updated", "abilities")
    rows = [
        (
            model.id,
            f"{model.context:,}" if model.context else "–",
            f"{model.price.input:g}" if model.price else "–",
            f"{model.price.output:g}" if model.price else "–",
            model.updated or "–",
            ", ".join(model.abilities),
        )
        for model in models.MODELS
    ]
    catalogue = TextTable([say(f"ui.{head}") for head in heads], rows)
    try:
        listed = [(str(row.get("id", "–")),) for row in home.session.models()]
        there = TextTable([say("ui.listed", url=url)], listed).bundle()
    except EndpointError as error:
        reason = error if error.key != "model" else _own_words(error)
        there = bundles.note_bundle(say("ui.listed_none", url=url, reason=reason))
    show_bundle(joined([catalogue.bundle(), there]))


def _own_words(error: EndpointError) -> str:
    """Return the endpoint's message, without the advice to run this command."""
    return f"{error.facts.get('status', '–')}: {error.facts.get('message', '–')}"


def wcode_params(home: ShellState, line: str) -> None:
    """Show the table of parameters, or one parameter."""
    name = line.strip()
    rows = [parameters.find(name)] if name else parameters.PARAMS
    now = home.session.settings.resolve({}).params
    unset = say("ui.not_sent")
    heads = ("name", "label", "range", "default", "current", "meaning")
    cells = [
        (
            row.name,
            say(f"params.{row.name}.label"),
            row.allowed,
            row.usual,
            bundles.shown_value(now[row.name]) if row.name in now else unset,
            say(f"params.{row.name}.help"),
        )
        for row in rows
    ]
    show_bundle(TextTable([say(f"ui.{head}") for head in heads], cells).bundle())
