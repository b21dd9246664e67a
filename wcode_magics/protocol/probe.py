"""What an endpoint does with each parameter, as measured: a value kept in the store."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from wcode_magics.protocol import parameters
from wcode_magics.runtime.imports import data_frame, shown_by
from wcode_magics.runtime.serialization import Value
from wcode_magics.text import say

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["obeyed", "ignored", "refused", "unknown"]

FACTS = (
    *("json_mode", "schema", "usage", "prefix", "context", "stage", "bytes"),
    "thinking",
)
"""What is found out beside the parameters, in the order shown."""


@dataclass(frozen=True, slots=True)
class Finding(Value):
    """Verdict on one parameter; ``key`` of ``[probe]`` and ``facts`` tell the evidence.

    ``ignored``: the request is answered as if the parameter had not been sent, or in
    another way than it says. ``unknown``: what came allows no verdict.
    """

    name: str
    verdict: Verdict
    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def evidence(self) -> str:
        """What was seen, as one line in the user's language."""
        words = get_args(Verdict)
        facts = {
            name: say(f"probe.{value}") if value in words else value
            for name, value in self.facts.items()
        }
        return say(f"probe.{self.key}", **facts)


@dataclass(frozen=True)
class Probe(Value):
    """Findings on the 20 parameters of one model at one endpoint (``place``).

    ``facts`` are those of :data:`FACTS` that could be found out; ``time`` is in seconds
    since 1970, ``requests`` and ``cost`` (in ``currency``, None if unknown) are those
    of the measurement. ``cut``: its budget ran out, so the rest is unknown.
    """

    model: str
    place: str
    time: float
    findings: tuple[Finding, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    cost: float | None = None
    currency: str = "CNY"
    cut: bool = False

    _repr_mimebundle_ = shown_by("wcode_magics.display.probe_table.bundle")

    def __getitem__(self, name: str) -> Finding:
        """Return the finding on a parameter; raises ParameterError if there is none."""
        row = parameters.find(name)
        found = (one for one in self.findings if one.name == row.name)
        return next(found, Finding(row.name, "unknown", "unmeasured"))

    @property
    def measured(self) -> int:
        """Number of parameters that the measurement got to."""
        return sum(one.key not in {"unpaid", "unmeasured"} for one in self.findings)

    def unmet(self, params: Mapping[str, Any]) -> list[Finding]:
        """Return the findings on those of some parameters that have no effect."""
        found = (self[name] for name in params if name in parameters.NAMES)
        return [one for one in found if one.verdict in {"ignored", "refused"}]

    def frame(self) -> "pd.DataFrame":
        """Return one row per parameter: parameter, verdict, evidence."""
        rows = [(one.name, one.verdict, one.evidence) for one in self.findings]
        return data_frame(rows, columns=["parameter", "verdict", "evidence"])

    @property
    def moment(self) -> dt.datetime:
        """When it was measured (UTC)."""
        return dt.datetime.fromtimestamp(self.time, dt.UTC)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return {**super().to_dict(), "facts": dict(self.facts)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create a probe from :meth:`to_dict`."""
        findings = tuple(map(Finding.from_dict, data["findings"]))
        return cls(**{**data, "findings": findings})
