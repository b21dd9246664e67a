"""Row of one option: its flags, values, default and help."""

from dataclasses import dataclass
from typing import Any, Literal

from wcode_magics import text
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.protocol.parameters import Param

Kind = Literal[
    "text",
    "name",
    "flag",
    "switch",
    "number",
    "choice",
    "language",
    "provider",
    "pair",
    "param",
    "functions",
    "schema",
    "grid",
    "words",
    "variable",
    "answer",
    "count",
    "url",
    "headers",
    "image",
    "path",
    "price",
]

Stage = Literal["request", "conversation", "run", "cell", "table", "session"]
"""Where an option applies.

``request``: to the request and its sending; ``conversation``: to sequences of
requests, in notebooks; ``run``: to the use of a request, in cells and the shell;
``cell``: to the use of the answer, in notebooks; ``table``: to the rows of a
DataFrame; ``session``: to all requests, as a setting without a flag.
"""

_FORMS = {
    "functions": "f,g · $list",
    "schema": "$Type · JSON · @file",
    "variable": "$name",
    "answer": "$reply · $runs[0]",
    "count": "int ≥ 1",
    "grid": "name=v1,v2 …",
    "words": "a,b,c",
    "pair": "name=value",
    "url": "https://host/v1",
    "headers": '{"name": "value"} · $name',
    "image": "path · URL · $name",
    "price": "0.6/1.5 · 0.6/1.5/0.3 · $0.15/0.6 · 0.15/0.6USD",
}


@dataclass(frozen=True, slots=True)
class Option:
    """An option row. ``stage``: where it applies; ``setting``: it is a session setting.

    A ``switch`` is turned on or off by ``--name`` and ``--no-name``; a ``flag`` has no
    value; a ``pair`` is ``name=value`` and may be repeated; ``functions`` are names of
    variables, a ``schema`` is any form of
    :mod:`wcode_magics.protocol.schema_source`,
    a ``grid`` is ``name=v1,v2`` once or more, an ``answer`` is a reply. ``low`` is the
    least allowed number, a ``positive`` one is above 0 and a ``whole`` one has no
    fraction; ``form`` describes the format of a text. ``bare`` is the value of a flag
    without an explicit one, which can then only follow ``=``. The value of a
    ``template`` is filled in like the prompt. ``method`` is what does in Python what
    the option does in a cell.
    """

    name: str
    kind: Kind
    short: str = ""
    choices: tuple[str, ...] = ()
    default: Any = None
    stage: Stage = "request"
    setting: bool = False
    low: float | None = None
    positive: bool = False
    bare: Any = None
    form: str = ""
    param: Param | None = None
    template: bool = False
    whole: bool = False
    method: str = ""

    @property
    def flag(self) -> str:
        """``--top-p``"""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flags(self) -> tuple[str, ...]:
        """All spellings, the preferred one first."""
        spelt = [self.flag, f"--{self.name}"]
        if self.switch:
            spelt += [f"--no-{self.name.replace('_', '-')}", f"--no_{self.name}"]
        if self.short:
            spelt.append(f"-{self.short}")
        return tuple(dict.fromkeys(spelt))

    @property
    def switch(self) -> bool:
        """Whether ``--no-name`` exists."""
        kind = self.kind if self.param is None else self.param.kind
        return kind in {"switch", "bool"}

    @property
    def takes_object(self) -> bool:
        """Whether a switch also accepts an object."""
        return self.switch and self.param is not None and self.param.form is not None

    @property
    def count(self) -> str:
        """The flag that a number after this one sets as well, else empty."""
        name = "" if self.param is None else self.param.count
        return name and f"--{name}"

    @property
    def takes_value(self) -> bool:
        """Whether the flag accepts a value, separate or after ``=``."""
        return not self.switch and self.kind != "flag"

    @property
    def needs_value(self) -> bool:
        """Whether the flag requires a value."""
        return self.takes_value and self.bare is None

    @property
    def words(self) -> tuple[str, ...]:
        """The allowed values, if they are a fixed set of words."""
        if self.kind == "language":
            from wcode_magics import snippets

            return snippets.KEYS
        if self.kind == "provider":
            from wcode_magics.protocol import providers

            return tuple(row.name for row in providers.PROVIDERS)
        return self.choices

    @property
    def repeats(self) -> bool:
        """Whether the flag may be repeated."""
        return self.kind in {"pair", "grid", "image"} or self.name == "stop"

    @property
    def allowed(self) -> str:
        """The allowed values, as a short phrase."""
        if self.param is not None:
            return self.param.allowed
        if self.words:
            return " · ".join(self.words)
        if self.positive:
            return "number > 0"
        if self.low is not None:
            return f"{'int' if self.whole else 'number'} ≥ {decimal(self.low)}"
        return self.form or _FORMS.get(self.kind, self.kind)

    @property
    def expected(self) -> str:
        """The allowed values in the words of an error."""
        if self.param is not None:
            return self.param.expected
        if self.kind == "count":
            return text.say("kinds.count")
        if self.words or self.form or self.kind in _FORMS:
            return self.allowed
        if self.positive:
            return text.say("kinds.positive")
        if self.low is None:
            return text.say(f"kinds.{self.kind}")
        kind = "whole" if self.whole else "least"
        return text.say(f"kinds.{kind}", least=decimal(self.low))

    @property
    def usual(self) -> str:
        """The default as people write it; empty if there is none."""
        if self.param is not None:
            return "" if self.param.default is None else self.param.usual
        if self.default is None or isinstance(self.default, bool):
            return ""
        return self.default if isinstance(self.default, str) else decimal(self.default)

    @property
    def help(self) -> str:
        """Help sentence in the user's language."""
        if self.param is not None:
            return text.say(f"params.{self.name}.help")
        return text.say(f"options.{self.name}")
