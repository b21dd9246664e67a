"""Record of the run that a folder of parts belongs to, so that runs never mix."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wcode_magics.errors import UsageError
from wcode_magics.logprobs.word_diff import common_start
from wcode_magics.prompts.plain_values import plain
from wcode_magics.protocol.json_extraction import parsed
from wcode_magics.runtime import private_files
from wcode_magics.tables.columns import columns_of
from wcode_magics.tables.parquet.reader import ParquetSource
from wcode_magics.tables.run import TableRun
from wcode_magics.text import say

FORMAT = 1
_PROMPTS = {"user": "prompt", "system": "system prompt"}
_SAID = {
    "prompt": "prompt",
    "system prompt": "system",
    "model": "model",
    "columns": "columns",
    "source": "source",
    "source columns": "schema",
    "endpoint": "endpoint",
}
"""What is asked, other than arguments by name, by its key in the user's words."""
MOST_EXCERPT = 60
"""Maximum characters of a value in an error."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Settings that must be equal for a run to resume, and the call's arguments."""

    settings: Mapping[str, Any]
    call: Mapping[str, Any]

    @classmethod
    def of(cls, call: TableRun, source: ParquetSource, rows: int) -> "Manifest":
        """Describe a run over a source in chunks of ``rows`` rows; no API key."""
        base, task = call.task.base, call.task
        place = call.session.place(call.resolved)
        columns = source.schema.names
        settings = {
            **{_PROMPTS.get(one.role, one.role): one.content for one in base.messages},
            "model": base.model,
            **base.params,
            **base.extra,
            "columns": [[f.name, f.kind, list(f.choices)] for f in columns_of(task)],
            "missing": call.arguments["missing"],
            "names": {n: v for n, v in call.rows.others.items() if n not in columns},
            "rows": rows,
            "source": source.identity,
            "source columns": str(source.schema.remove_metadata()),
        }
        if place is not None:
            settings["endpoint"] = place
        return cls(_plain(settings), _plain(call.arguments))

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read a manifest; raises UsageError if this version cannot read it."""
        try:
            data = parsed(path.read_text("utf-8"))
            if data["format"] != FORMAT:
                raise UsageError("parquet.newer", path=path)
            asked, call = dict(data["asked"]), dict(data["call"])
        except (OSError, ValueError, KeyError, TypeError) as wrong:
            raise UsageError("parquet.manifest", path=path) from wrong
        if not isinstance(call.get("into"), str):
            raise UsageError("parquet.manifest", path=path)
        return cls(asked, call)

    def write(self, path: Path) -> None:
        """Write the manifest atomically; raises OSError."""
        data = {"format": FORMAT, "asked": self.settings, "call": self.call}
        fresh = path.with_name(f".{path.name}.tmp")
        fresh.write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
        private_files.replace(fresh, path)

    def refuse_another(self, now: "Manifest", folder: Path) -> None:
        """Raise UsageError if ``now`` describes another run, naming the difference."""
        both = {**self.settings, **now.settings}
        if "endpoint" not in now.settings:
            both.pop("endpoint", None)
        for name in both:
            before, after = self.settings.get(name), now.settings.get(name)
            if before != after:
                values = {
                    "before": _excerpt(before, after),
                    "now": _excerpt(after, before),
                }
                what = say(f"parquet.{_SAID[name]}") if name in _SAID else name
                raise UsageError(
                    "parquet.other_run", folder=folder, what=what, **values
                )


def _plain(values: Mapping[str, Any]) -> Any:
    """Convert to JSON values; those without a JSON form become their type's name."""
    return json.loads(json.dumps(values, default=_json_form))


def _json_form(value: Any) -> Any:
    made = plain(value)
    return type(value).__name__ if made is value else made


def _excerpt(value: Any, other: Any) -> str:
    """Return an excerpt of the value from shortly before the first difference."""
    if value is None:
        return "–"
    one, two = (json.dumps(v, ensure_ascii=False) for v in (value, other))
    same = common_start(one, two)
    start = max(0, same - MOST_EXCERPT // 2) if len(one) > MOST_EXCERPT else 0
    shown = one[start : start + MOST_EXCERPT]
    return (
        f"{'…' if start else ''}{shown}{'…' if start + MOST_EXCERPT < len(one) else ''}"
    )
