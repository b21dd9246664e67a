"""``%wcode_history``: list, export, import and delete paid answers."""

import datetime as dt
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wcode_magics.display.text_table import TextTable
from wcode_magics.errors import OptionError
from wcode_magics.logprobs.number_format import NO_NUMBER
from wcode_magics.notebook.cell_run import show_bundle
from wcode_magics.notebook.shell_state import ShellState, show_note
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol import models
from wcode_magics.settings import option_line as lines
from wcode_magics.settings.option import Option
from wcode_magics.store import Store
from wcode_magics.text import say

SHOWN = 20
COLUMNS = ("time", "model", "prompt", "tokens", "cost")
DAY = "2026-01-31"
ROWS = (
    Option("since", "text", form=DAY),
    Option("before", "text", form=DAY),
    Option("export", "path", form="PATH"),
    Option("import", "path", form="PATH"),
    Option("prune", "flag"),
    Option("keep", "count"),
    Option("full", "flag"),
)
FLAGS = {flag: row for row in ROWS for flag in row.flags}
_BRIEF = 36
_MOST = 10**18
_EXCLUDED = (("import", "since"), ("import", "before"), ("prune", "since"))


def wcode_history(home: ShellState, line: str) -> Any:
    """Return the newest answers of the store as a DataFrame, or show them.

    Each has its time, model, the prompt's start, tokens and ¥ as texts to read; with
    ``--full`` all columns of :meth:`Store.history` as values. Without pandas, the texts
    are shown. With other options, answers are imported from another store, exported to
    one, or deleted, in this order.
    """
    parsed = lines.parse_command(line, FLAGS, home.variables)
    values, number = parsed.values, _number(parsed.rest)
    _refuse(values, number)
    between = {name: _moment(values, name) for name in ("since", "before")}
    store = home.session.store
    if not {"import", "export", "prune"} & set(values):
        listed = number or (None if any(between.values()) else SHOWN)
        rows = store.history(limit=listed, **between)
        return _listed(rows, full="full" in values)
    if "import" in values:
        count = store.absorb(values["import"])
        show_note(
            say(
                "spent.imported",
                count=count,
                source=values["import"],
                **_size_of(store),
            )
        )
    if "export" in values:
        count = store.export(values["export"], **between)
        with Store(values["export"], readonly=True) as copy:
            show_note(say("spent.exported", count=count, **_size_of(copy)))
    if "prune" in values:
        count = store.prune(before=between["before"], keep=values.get("keep"))
        show_note(say("spent.forgotten", count=count, **_size_of(store)))
    return None


def _refuse(values: Mapping[str, Any], number: int | None) -> None:
    """Raise OptionError if options conflict or would delete too much."""
    for one, other in _EXCLUDED:
        if one in values and other in values:
            raise OptionError("not_together", one=f"--{one}", other=f"--{other}")
    work = next(
        (name for name in ("import", "export", "prune") if name in values), None
    )
    if work is not None and number is not None:
        raise OptionError("not_together", one=number, other=f"--{work}")
    if "keep" in values and "prune" not in values:
        raise OptionError("goes_with", name="--keep", other="--prune")
    if "keep" in values:
        _counted("--keep", values["keep"])
    if "prune" in values and not {"before", "keep"} & set(values):
        raise OptionError("unbounded", day=DAY)


def _number(text: str) -> int | None:
    if not text:
        return None
    digits = text.isdecimal() and len(text) <= len(str(_MOST))
    return _counted("%wcode_history", int(text) if digits else text)


def _counted(name: str, value: Any) -> int:
    if isinstance(value, int) and 1 <= value <= _MOST:
        return value
    large = str(value).isdecimal() and len(str(value)) >= len(str(_MOST))
    allowed = f"1 … {_MOST:,}" if large else say("kinds.count")
    raise OptionError("bad_option", name=name, given=value, allowed=allowed)


def _moment(values: Mapping[str, Any], name: str) -> dt.datetime | None:
    """Return the local time of an option; a day counts from its start."""
    text = values.get(name)
    try:
        return None if text is None else dt.datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise OptionError(
            "bad_option",
            name=f"--{name}",
            given=text,
            allowed=say("ui.such_a_day", day=DAY),
        ) from None


def _size_of(store: Store) -> dict[str, Any]:
    return {"left": store.count(), "path": store.path, "size": _size(store.size)}


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"


def _full(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer in all columns, its time in local seconds."""
    return {**row, "time": row["time"].astimezone().replace(microsecond=0)}


def _short(row: Mapping[str, Any]) -> dict[str, str]:
    """Return an answer in the columns that fit a screen."""
    counts = [row["prompt_tokens"], row["completion_tokens"]]
    tokens = [NO_NUMBER if count is None else f"{count:,}" for count in counts]
    return {
        "time": f"{row['time'].astimezone():%Y-%m-%d %H:%M:%S}",
        "model": _brief(row["model"]),
        "prompt": _brief(row["prompt"]),
        "tokens": " → ".join(tokens),
        "cost": models.money(row["cost"], row["currency"]),
    }


def _listed(rows: list[dict[str, Any]], *, full: bool) -> Any:
    if importlib.util.find_spec("pandas") is None:
        show_bundle(table(COLUMNS, [[*_short(row).values()] for row in rows]).bundle())
        return None
    import pandas as pd

    from wcode_magics.notebook.commands.history_frame import HistoryFrame

    if full:
        return pd.DataFrame([_full(row) for row in rows])
    return HistoryFrame([_short(row) for row in rows], columns=[*COLUMNS])


def _brief(value: Any) -> str:
    line = " ".join(str(NO_NUMBER if value is None else value).split())
    return clipped(line, _BRIEF)


def table(names: Iterable[str], rows: Sequence[Sequence[Any]]) -> TextTable:
    """Return rows of answers under headings in the user's language."""
    heads = [say(f"spent.{name}") if name in COLUMNS else str(name) for name in names]
    note = "" if rows else say("spent.none")
    return TextTable(heads, [[*map(str, row)] for row in rows], note=note)
