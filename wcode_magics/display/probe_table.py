"""A probe as a table: verdict and evidence by parameter, then the other facts."""

from wcode_magics.display.text_table import TextTable
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import SANDBOX
from wcode_magics.protocol.probe import FACTS, Finding, Probe
from wcode_magics.text import say, sentences

_MARKS = {"obeyed": "✓", "ignored": "✗", "refused": "⊘", "unknown": "?"}
_TRANSLATED = frozenset(
    {"yes", "no", "none", "obeyed", "ignored", "refused", "before", "after"}
)


def bundle(probe: Probe) -> Bundle:
    """Return the table of a probe, HTML and text."""
    heads = [say(f"probe.{head}") for head in ("parameter", "verdict", "evidence")]
    rows = [(one.name, verdict(one), one.evidence) for one in probe.findings]
    rows += [
        (say(f"probe.fact_{name}"), "", _fact(probe.facts[name]))
        for name in FACTS
        if name in probe.facts
    ]
    title = say(
        "probe.title",
        model=probe.model,
        place=say("ui.sandbox") if probe.place == SANDBOX else probe.place,
        moment=f"{probe.moment.astimezone():%Y-%m-%d %H:%M}",
    )
    cost = models.money(probe.cost, probe.currency)
    note = say("probe.spent", requests=probe.requests, cost=cost)
    if probe.cut:
        note = sentences([note, say("probe.cut")])
    return TextTable(heads, rows, title=title, note=note).bundle()


def verdict(finding: Finding) -> str:
    """Return a verdict in the user's language, with a sign."""
    return f"{_MARKS[finding.verdict]} {say(f'probe.{finding.verdict}')}"


def _fact(value: str) -> str:
    return say(f"probe.{value}") if value in _TRANSLATED else value
