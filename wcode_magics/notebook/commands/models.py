"""``%wcode_models`` and ``%wcode_params``: available models and parameters."""

import datetime as dt
import time
from collections.abc import Sequence

from wcode_magics.display.text_table import TextTable, shown_value
from wcode_magics.errors import EndpointError, UsageError
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState
from wcode_magics.protocol import models, parameters, providers
from wcode_magics.protocol.models import Model
from wcode_magics.settings.resolved import Resolved
from wcode_magics.text import say, sentences

RECENT_S = 60.0
MOST = 100
"""Maximum number of models shown; words narrow them down."""
IN_USE = "▸"
_HEADS = (
    *("", "name", "abilities", "context", "price_in", "price_out", "price_cached"),
    *("provider", "updated"),
)


def wcode_models(home: ShellState, line: str) -> None:
    """Show the models of the endpoint and of the catalogue, filtered by words."""
    session = home.session
    resolved = session.settings.resolve({})
    session.inform(resolved)
    url = session.endpoint(resolved).base_url
    note = say("ui.listed", url=url)
    try:
        session.list_models()
    except EndpointError as error:
        reason = error if error.key != "model" else _own_words(error)
        note = say("ui.listed_none", url=url, reason=reason)
    here = models.at(resolved.place)
    elsewhere = [row for row in models.MODELS if not row.is_at(resolved.place)]
    words = line.lower().split()
    found = [row for row in (*here, *elsewhere) if _has(row, words)]
    if not found:
        known = [row.id for row in here]
        near = parameters.hint(line.strip(), known)
        raise UsageError("no_such_models", given=line.strip(), hint=near)
    has_price = resolved["price"] is not None
    notes = [note, *_dated(here), say("ui.prices_per")]
    notes += [say("ui.price_set")] if has_price else []
    if len(found) > MOST:
        notes.append(say("ui.models_left", count=f"{len(found) - MOST:,}"))
    rows = [_cells(row, resolved) for row in found[:MOST]]
    heads = [say(f"ui.{head}") if head else "" for head in _HEADS]
    show_bundle(TextTable(heads, rows, note=sentences(notes), wraps=True).bundle())


def _has(row: Model, words: Sequence[str]) -> bool:
    labels = (say(f"abilities.{name}") for name in row.abilities)
    fields = (row.id, row.title, _provider(row), *row.abilities, *labels)
    text = " ".join(fields).lower()
    return all(word in text for word in words)


def _cells(row: Model, resolved: Resolved) -> list[str]:
    used = row.id == resolved.model and row in models.at(resolved.place)
    price = row.price
    paid = (None,) * 3 if price is None else (price.input, price.output, price.cached)
    currency = models.CURRENCY if price is None else price.currency
    abilities = [say(f"abilities.{name}") for name in row.abilities]
    return [
        IN_USE if used else "",
        row.id,
        say("ui.between").join(abilities) or "–",
        f"{row.context:,}" if row.context else "–",
        *(models.money(each, currency, plain=True) for each in paid),
        _provider(row) or "–",
        row.updated or "–",
    ]


def _provider(row: Model) -> str:
    here = providers.at(row.place) if row.place else None
    return row.provider or (here.name if here else "")


def _dated(rows: Sequence[Model]) -> list[str]:
    """Return when the endpoint listed its models, if that was not now."""
    times = [row.listed for row in rows if row.listed is not None]
    if not times or time.time() - max(times) < RECENT_S:
        return []
    moment = dt.datetime.fromtimestamp(max(times)).astimezone()
    return [say("ui.listed_at", moment=f"{moment:%Y-%m-%d %H:%M}")]


def _own_words(error: EndpointError) -> str:
    """Return the endpoint's message, without the advice to run this command."""
    return f"{error.facts.get('status', '–')}: {error.facts.get('message', '–')}"


def wcode_params(home: ShellState, line: str) -> None:
    """Show the table of parameters, or one parameter."""
    name = line.strip()
    rows = [parameters.find(name)] if name else parameters.PARAMS
    now = home.session.settings.resolve({}).params
    heads = ("name", "label", "range", "default", "current", "meaning")
    cells = [
        (
            row.name,
            say(f"params.{row.name}.label"),
            row.allowed,
            row.usual,
            shown_value(now.get(row.name)),
            say(f"params.{row.name}.help"),
        )
        for row in rows
    ]
    headings = [say(f"ui.{head}") for head in heads]
    note = say("ui.params_set")
    show_bundle(TextTable(headings, cells, note=note, wraps=True).bundle())
