"""Extraction of an object from each row, with a column for each of its fields."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from wcode_magics import text
from wcode_magics.errors import AnswerError, UsageError, WcodeError
from wcode_magics.logprobs.confidence import Confidence
from wcode_magics.logprobs.json_path import spelled
from wcode_magics.protocol.json_extraction import find_json
from wcode_magics.protocol.lenient_json import clean
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.schema import Field, Schema, moment, path_of
from wcode_magics.protocol.schema_choices import choices_at
from wcode_magics.tables.task import Task, json_of, language_of, refuse_empty

Steps = tuple[str, ...]
_TYPES: dict[str, Any] = {
    "text": str,
    "choice": str,
    "date": str,
    "datetime": str,
    "bool": bool,
    "int": int | float,
    "float": int | float,
}
"""Python types that JSON yields for a kind of field; an object may be anything."""
_MOST = {"int": 2**63 - 1, "float": int(sys.float_info.max)}


@dataclass(frozen=True)
class Extract(Task):
    """Task that asks for an object of a schema, with a column for each field.

    ``flat``: nested objects become dotted columns. ``confidence``: adds a column
    ``<field>_p`` for each and, where the schema leaves a finite choice,
    ``<field>_uncovered``: the probability of anything else.
    """

    schema: Schema = field(default=Schema("answer", {}))
    prefix: str = ""
    flat: bool = False
    confidence: bool = False

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields, and their probabilities with ``confidence``."""
        fields = [replace(f, name=f"{self.prefix}{f.name}") for _, f in self._places]
        if not self.confidence:
            return (*fields, *self._detail_columns)
        probabilities = [Field(f"{one.name}_p", "float") for one in fields]
        left = [Field(f"{fields[n].name}_uncovered", "float") for n in self._finite]
        return (*fields, *probabilities, *left, *self._detail_columns)

    @cached_property
    def _finite(self) -> list[int]:
        """Numbers of the fields for which the schema leaves a finite choice."""
        form = self.base.params.get("response_format")
        steps = [steps for steps, _ in self._places]
        return [n for n, one in enumerate(steps) if choices_at(form, one)]

    @cached_property
    def _places(self) -> list[tuple[Steps, Field]]:
        """Path of each field in an answer; () if the answer itself is the value."""
        if not self.schema.fields:
            return [((), replace(self.schema.value, name=self.into))]
        return list(_places(self.schema.fields, (), flat=self.flat))

    @property
    def notes(self) -> tuple[str, ...]:
        """Note on schema patterns that are not sent."""
        patterns = ", ".join(self.schema.strict.patterns)
        return (
            (text.say("advice.patterns_held", patterns=patterns),) if patterns else ()
        )

    @property
    def decided(self) -> int:
        """Number of fields."""
        return len(self._places)

    @property
    def measured(self) -> Sequence[str]:
        """The columns of the fields' probabilities, with ``confidence``."""
        columns = self.columns[self.decided : 2 * self.decided]
        return [one.name for one in columns] if self.confidence else ()

    def read(self, *replies: Reply) -> tuple[Any, ...]:
        """Return the field values; raises AnswerError if the schema does not match."""
        reply = replies[0]
        refuse_empty(reply)
        value = self.schema.plain(self.schema.check(json_of(reply)))
        places = self._places
        values = [_fitting(_at(value, steps), steps, one) for steps, one in places]
        sure = self._sure(reply) if self.confidence else ()
        return (*values, *sure, *self._details(reply))

    @property
    def repairs(self) -> bool:
        """True: an answer that does not match is followed by a repair request."""
        return True

    def repair_request(self, reply: Reply, error: WcodeError) -> Request:
        """Return the conversation with the answer and its error appended.

        The error is in the language of the prompt, whatever the user's language is, so
        that the request, and its recorded reply, are the same in both.
        """
        facts = error.facts
        wrong = facts.get("problem") or self._reason(reply) or facts.get("reason")
        problem = f"{facts.get('path', 'JSON')}: {wrong or error.key}"
        problem_text = text.say("frame.again", self._language, problem=problem)
        turns = (("assistant", reply.text), ("user", problem_text))
        more = (Message(role, clean(words)) for role, words in turns)
        return replace(reply.request, messages=(*reply.request.messages, *more))

    def _reason(self, reply: Reply) -> str:
        """Return why an answer is not JSON, in the language of the prompt."""
        try:
            find_json(reply.text, reply.code_blocks, self._language)
        except ValueError as wrong:
            return str(wrong)
        return ""

    @property
    def _language(self) -> str:
        return language_of([one.content or "" for one in self.base.messages])

    def _sure(self, reply: Reply) -> list[float]:
        found = [self._field(reply, steps) for steps, _ in self._places]
        shares = [math.nan if one is None else one.probability for one in found]
        finite = (found[number] for number in self._finite)
        return shares + [math.nan if one is None else one.uncovered for one in finite]

    def _field(self, reply: Reply, steps: Steps) -> Confidence | None:
        if reply.logprobs is None or reply.logprobs.certain:
            return None
        try:
            return reply.confidence(spelled(steps))
        except (UsageError, AnswerError):
            return None


def _places(
    fields: Sequence[Field], above: Steps, *, flat: bool
) -> Iterator[tuple[Steps, Field]]:
    for one in fields:
        steps = (*above, one.name)
        if flat and one.fields:
            yield from _places(one.fields, steps, flat=True)
        else:
            yield steps, replace(one, name=".".join(steps))


def _at(value: Any, steps: Steps) -> Any:
    """Return the value at a path; None if it or a parent is absent or null."""
    for depth, step in enumerate(steps):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _mismatch(steps[:depth], f"{value!r} is not of type 'object'")
        value = value.get(step)
    return value


def _fitting(value: Any, steps: Steps, field: Field) -> Any:
    """Return the value as stored in the field's column.

    Raises:
        AnswerError: the value is of another kind, or does not fit 64 bits.
    """
    kinds = _TYPES.get(field.kind)
    if value is None or kinds is None:
        return value
    if not isinstance(value, kinds) or isinstance(value, bool) != (kinds is bool):
        raise _mismatch(steps, f"{value!r} is not of type '{field.kind}'")
    if field.kind == "choice" and value not in field.choices:
        raise _mismatch(steps, f"{value!r} is not one of {list(field.choices)}")
    if field.kind in {"date", "datetime"}:
        _moment(value, steps, field)
    return _number(value, steps, field) if field.kind in _MOST else value


def _moment(value: str, steps: Steps, field: Field) -> None:
    try:
        moment(value, field.kind)
    except ValueError as wrong:
        raise _mismatch(steps, f"{value!r} is not a '{field.kind}'") from wrong


def _number(value: float, steps: Steps, field: Field) -> float:
    """Return a 64-bit number; nan and infinity are allowed in float columns."""
    most = _MOST[field.kind]
    whole = field.kind == "int"
    if (whole or isinstance(value, int)) and not -most <= value <= most:
        raise _mismatch(steps, "> 64 bits")
    if whole and value != int(value):
        raise _mismatch(steps, f"{value!r} is not of type 'int'")
    return int(value) if whole else float(value)


def _mismatch(steps: Steps, problem: str) -> AnswerError:
    return AnswerError("schema.misfit", path=path_of(steps), problem=problem)
