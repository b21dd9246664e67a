r"""Draft of a panel as a value: prompt, options, turns; and its ``%%wcode`` cell.

Options are written on a single line, so line-ending characters inside a text are
written as a Jinja2 literal, ``{{ "\n" }}``, which the template evaluates when it is
sent and :meth:`Draft.from_line` decodes when it is read. The same holds for braces of a
system prompt that is not a template.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wcode_magics.errors import UsageError
from wcode_magics.logprobs.number_format import decimal
from wcode_magics.prompts import template
from wcode_magics.prompts.template import Template
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message
from wcode_magics.sending.request_run import Prepared
from wcode_magics.session.session import Session
from wcode_magics.settings import options
from wcode_magics.settings.option import Option

MAGIC = "%%wcode"
REQUEST = options.staged("request")
"""Options that make up the request of a panel."""

USED = REQUEST | {"out", "format", "raw", "sweep", "models", "repeat", "yes"}
"""Options that a panel obeys; the others stand in its cell alone."""

_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_END = re.compile(f"[{_ENDS}]")
_BRACE = "{{ '{' }}"
_LITERAL = re.compile(r'\{\{ ("(?:\\u[0-9a-f]{4}|\\n|[@$])") \}\}')
_PLAIN = re.compile(r"[^\s\"'\\{}\[\]$@-][^\s\"'\\]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """Request being edited; options not in ``values`` are not sent.

    ``values`` holds options of the cell by name, as :func:`option_values.read` returns
    them; ``turns`` are the messages of a conversation before the prompt, ``sources``
    what the user wrote for some of them, by their index.
    """

    prompt: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    turns: tuple[Message, ...] = ()
    sources: Mapping[int, str] = field(default_factory=dict)

    def source(self, at: int) -> str:
        """Return the template of a turn, to be edited or sent again."""
        content = self.turns[at].content or ""
        return self.sources.get(at, content if self._raw else template.literal(content))

    def before(self, at: int) -> "Draft":
        """Return the draft with a turn moved into the prompt, without later ones."""
        sources = {
            place: source for place, source in self.sources.items() if place < at
        }
        prompt = self.source(at)
        return replace(self, prompt=prompt, turns=self.turns[:at], sources=sources)

    def without(self, at: int, count: int) -> "Draft":
        """Return the draft without ``count`` messages from index ``at``."""
        last = at + count
        moved = {place - count: s for place, s in self.sources.items() if place >= last}
        kept = {place: s for place, s in self.sources.items() if place < at}
        turns = self.turns[:at] + self.turns[last:]
        return replace(self, turns=turns, sources=kept | moved)

    def with_turn(
        self, prompt: Message, answer: Message, source: str | None
    ) -> "Draft":
        """Return the draft with one more turn and its source."""
        more = {} if source is None else {len(self.turns): source}
        sources = {**self.sources, **more}
        return replace(self, turns=(*self.turns, prompt, answer), sources=sources)

    def with_text(self, at: int, text: str, names: Mapping[str, Any] | None) -> "Draft":
        """Return the draft with other words in a turn; templates take ``names``.

        Raises:
            UsageError: the template of a user's turn cannot be filled.
        """
        message, sources = replace(self.turns[at], content=text), self.sources
        if message.role == "user":
            message = template.filled(message, None if self._raw else names)
            sources = {**sources, at: text}
        turns = (*self.turns[:at], message, *self.turns[at + 1 :])
        return replace(self, turns=turns, sources=sources)

    @property
    def _raw(self) -> bool:
        return bool(self.values.get("raw"))

    def put(self, name: str, value: Any) -> "Draft":
        """Return the draft with a value set, or with None removed."""
        kept = {key: other for key, other in self.values.items() if key != name}
        return replace(self, values=kept if value is None else {**kept, name: value})

    @property
    def unused(self) -> list[str]:
        """Flags of the options that a panel does not obey, but its cell does."""
        return [
            row.flag
            for row in options.CELL
            if row.name in self.values and row.name not in USED
        ]

    @property
    def cell(self) -> str:
        """The ``%%wcode`` cell that sends the same request, without the turns.

        Raises:
            UsageError: a value cannot be written on a line: a function without a name,
                a text of several lines, or one that reads like a variable.
        """
        raw = self._raw
        words = [MAGIC]
        for row in options.CELL:
            if row.name in self.values:
                words += _written(row, self.values[row.name], raw=raw)
        return f"{' '.join(words)}\n{self.prompt}"

    @classmethod
    def from_line(cls, values: Mapping[str, Any], prompt: str) -> "Draft":
        """Build a draft from parsed options and a prompt."""
        kept = {k: v for k, v in values.items() if k != "panel"}
        if "system" in kept and not kept.get("raw"):
            kept["system"] = _unquoted(kept["system"])
        return cls(prompt, kept)

    def prepare(self, session: Session, names: Mapping[str, Any] | None) -> Prepared:
        """Build the request, with templates filled from ``names``; send nothing.

        Raises:
            UsageError, SettingError: as :meth:`Session.prepare` does.
        """
        if not self.prompt.strip():
            raise UsageError("empty_prompt")
        options = {k: v for k, v in self.values.items() if k in REQUEST}
        conversation: str | list[Message] = self.prompt
        if self._raw:
            names = None
        if self.turns:
            user = template.filled(Message("user", self.prompt), names)
            conversation = [*self.turns, user]
            if options.get("system"):
                system = template.filled(Message("system", options["system"]), names)
                options["system"] = system.content
            names = None
        return session.prepare(conversation, names=names, **options)


def typed(text: str, before: str | None) -> str:
    """Return a typed system prompt: a template, unless it edits text with tags."""
    is_text = before is not None and not isinstance(before, Template)
    return text if is_text and template.has_tags(before or "") else Template(text)


def _unquoted(system: str) -> str:
    """Decode the literals in a system prompt from a line of options."""
    if not isinstance(system, Template):
        return system
    lines = _LITERAL.sub(lambda match: str(json.loads(match[1])), system)
    if template.has_tags(lines.replace(_BRACE, "")):
        return Template(lines)
    return lines.replace(_BRACE, "{")


def _written(row: Option, value: Any, *, raw: bool) -> list[str]:
    if row.takes_object and isinstance(value, Mapping):
        return [f"{row.flag}={_json(value)}"]
    if not row.takes_value:
        flag = row.flag if value else f"--no-{row.flag[2:]}"
        return [flag]
    if not row.needs_value:
        return [f"{row.flag}={value}"]
    if row.kind in {"pair", "grid"}:
        pairs = (f"{name}={_json(item)}" for name, item in value)
        return [word for pair in pairs for word in (row.flag, _quoted(pair))]
    if row.kind == "words":
        return [row.flag, _quoted(",".join(value))]
    if row.kind == "functions":
        return [row.flag, ",".join(_named(row, one) for one in value)]
    if row.kind == "image":
        return [word for one in value for word in (row.flag, _image(row, one))]
    if row.kind in {"schema", "variable"}:
        plain = isinstance(value, Mapping)
        return [row.flag, _json(value) if plain else f"${_named(row, value)}"]
    if row.param is not None and not isinstance(value, str):
        return [row.flag, _json(value)]
    text = str(value)
    if row.template and not raw:
        kept = text if isinstance(value, Template) else template.literal(text)
        return [row.flag, _quoted(_one_line(kept))]
    if _END.search(text) or text[:1] == "$" or (row.template and text[:1] == "@"):
        key = "panel.lines_with_raw" if row.template else "panel.no_name"
        raise UsageError(key, option=row.flag)
    return [row.flag, _quoted(text)]


def _image(row: Option, value: Any) -> str:
    """Write an image by its path or URL; one that was dropped has none."""
    if isinstance(value, ImagePart) and value.url:
        value = value.url
    if not isinstance(value, str | Path):
        raise UsageError("panel.no_name", option=row.flag)
    return _quoted(str(value))


def _named(row: Option, value: Any) -> str:
    name = getattr(value, "__name__", None)
    if name is None:
        raise UsageError("panel.no_name", option=row.flag)
    return str(name)


def _json(value: Any) -> str:
    if isinstance(value, float):
        return decimal(value)
    shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _END.sub(lambda match: f"\\u{ord(match.group()):04x}", shown)


def _one_line(text: str) -> str:
    if text[:1] in {"@", "$"}:
        text = f'{{{{ "{text[0]}" }}}}{text[1:]}'
    return _END.sub(_literal, text)


def _literal(match: re.Match[str]) -> str:
    end = match.group()
    spelt = "\\n" if end == "\n" else f"\\u{ord(end):04x}"
    return f'{{{{ "{spelt}" }}}}'


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
