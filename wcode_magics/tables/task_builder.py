"""Build a task from the arguments of a call: its kind, prompt and parameters."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wcode_magics.errors import OptionError, UsageError, mistyped
from wcode_magics.prompts import image_sources
from wcode_magics.protocol import models
from wcode_magics.protocol.parameters import nearest
from wcode_magics.protocol.probe import Probe
from wcode_magics.protocol.schema import Schema
from wcode_magics.protocol.schema_source import as_json, schema_of
from wcode_magics.session.session import Session
from wcode_magics.session.structured import JSON_MODE
from wcode_magics.settings.options import OPTIONS, staged
from wcode_magics.settings.resolved import Resolved
from wcode_magics.tables.extraction import Extract
from wcode_magics.tables.label_plan import LabelPlan, orders
from wcode_magics.tables.label_text import folded
from wcode_magics.tables.labels import Classify
from wcode_magics.tables.task import Task, language_of
from wcode_magics.tables.votes import FIRST_SEED, Vote
from wcode_magics.text import say

MOST_ALTERNATIVES = 20
MOST_VOTES, MOST_ORDERS = 100, 24
ROOM = 64
"""Tokens allowed besides the label: quotes, white space, end of text."""
_OPTIONS = (
    "labels",
    "schema",
    "prefix",
    "flat",
    "confidence",
    "details",
    "into",
    "votes",
    "orders",
    "exact",
    "then",
    "threshold",
    "error",
)
RUN_OPTIONS = ("missing", "overwrite", "names", "progress", "on_error")
"""Options of a run's rows, which are no part of its task."""
_SWITCHES = ("flat", "confidence", "details", "exact")
_OF_LABELS = ("orders", "exact", "then", "threshold", "error")
"""Options that only a classification has."""


def task_of(
    session: Session, template: str, options: Mapping[str, Any]
) -> tuple[Task, Resolved, dict[str, Any]]:
    """Return the task, the settings in force, and the call as plain data.

    ``options``: ``into``, ``details``, ``votes``, one of ``labels`` (with ``orders``,
    ``exact``, ``then``, ``threshold``) and ``schema`` (with ``prefix``, ``flat``,
    ``confidence``) or neither, and request options.

    Raises:
        UsageError: labels, schema or an option are invalid.
    """
    _check_arguments(template, options)
    own = {name: options[name] for name in _OPTIONS if options.get(name) is not None}
    rest = {name: value for name, value in options.items() if name not in _OPTIONS}
    common = {"into": own["into"], "details": bool(own.get("details"))}
    if "image" in rest:
        rest["image"] = image_sources.as_texts(rest["image"])
    call = as_json({**own, **rest, "template": template})
    votes = _votes(own, rest)
    if votes:
        rest.setdefault("seed", FIRST_SEED)
    if "schema" in own:
        schema = schema_of(own["schema"])
        call["schema"] = dict(schema.json)
        sure = bool(own.get("confidence"))
        base, resolved = _prepared(session, *_extracting(template, schema, sure), rest)
        marks = {name: own[name] for name in ("prefix", "flat") if name in own}
        task: Task = Extract(base, **common, schema=schema, confidence=sure, **marks)
    elif "labels" in options:
        labels = _checked(options["labels"])
        call["labels"] = list(labels)
        logprobs = rest.get("logprobs")
        sure = _sure(session, rest) if logprobs is None else bool(logprobs)
        plan = _plan(template, labels, own, sure=sure)
        plan = replace(plan, form=_grammar(plan.form, _probe(session, rest)))
        prompt_and_params = _classifying(template, plan, sure=sure, drawn=bool(votes))
        base, resolved = _prepared(session, *prompt_and_params, rest)
        more = {name: own[name] for name in ("then", "threshold") if name in own}
        _refuse_currencies(base.model, own.get("then"), resolved.place)
        if plan.exact:
            plan = _continuing(plan, session.dialect(resolved, base.model))
        task = Classify(base, **common, plan=plan, **more)
    else:
        base, resolved = _prepared(session, template, {}, rest)
        task = Task(base, **common)
    if votes:
        inner = replace(task, details=False)
        task = Vote(base, **common, inner=inner, votes=votes)
    return task, resolved, call


def _votes(own: Mapping[str, Any], rest: Mapping[str, Any]) -> int:
    """Return the number of votes, 0 if none are asked for."""
    alone = [name for name in _OF_LABELS if own.get(name)]
    if alone and "labels" not in own:
        raise UsageError("frame.of_labels", name=alone[0])
    votes = own.get("votes")
    if votes is None:
        return 0
    if type(votes) is not int or not 2 <= votes <= MOST_VOTES:
        raise UsageError("frame.votes", given=repr(votes), most=MOST_VOTES)
    if alone:
        raise UsageError("frame.not_together", one="votes", other=alone[0])
    if rest.get("temperature") == 0:
        raise UsageError("frame.votes_differ")
    return votes


def _refuse_currencies(model: str, then: str | None, place: str) -> None:
    """Raise UsageError if one budget cannot hold for both models."""
    if then is not None:
        one, other = (models.currency(name, place) for name in (model, then))
        if one != other:
            raise UsageError("frame.currencies", one=one, other=other)


def _plan(
    template: str, labels: tuple[str, ...], own: Mapping[str, Any], *, sure: bool
) -> LabelPlan:
    """Return how rows are classified.

    Raises:
        UsageError: ``orders``, ``exact``, ``then`` or ``threshold`` is invalid.
    """
    most = min(math.factorial(min(len(labels), 5)), MOST_ORDERS)
    number = own.get("orders", 1)
    if number == "all" and math.factorial(len(labels)) <= MOST_ORDERS:
        number = most
    if type(number) is not int or not 1 <= number <= most:
        raise UsageError("frame.orders", given=repr(number), most=most)
    if own.get("error") is not None:
        raise UsageError("frame.error_alone")
    exact, then = bool(own.get("exact")), own.get("then")
    if exact and then:
        raise UsageError("frame.not_together", one="exact", other="then")
    name = "exact" if exact else "then" if then else "orders"
    if not sure and (exact or then or number > 1):
        raise UsageError("frame.needs_logprobs", name=name)
    limit = own.get("threshold")
    numeric = isinstance(limit, int | float) and not isinstance(limit, bool)
    if (then is None) != (limit is None) or (then and not _is_text(then)):
        raise UsageError("frame.then", given=repr(then), threshold=repr(limit))
    if limit is not None and not (numeric and 0 < limit <= 1):
        raise UsageError("frame.threshold", given=repr(limit))
    language = language_of([template])
    wordings = (
        say("frame.choose", language, labels=" / ".join(one))
        for one in orders(labels, number)
    )
    schema = Schema("label", {"type": "string", "enum": list(labels)})
    return LabelPlan(labels, tuple(wordings), schema.response_format, exact)


def _continuing(plan: LabelPlan, dialect: str) -> LabelPlan:
    """Return a plan that completes labels in a dialect.

    Raises:
        UsageError: a probe found that no dialect works.
    """
    if dialect == "none":
        raise UsageError("frame.ignored")
    return replace(plan, dialect=dialect)


def _check_arguments(template: Any, options: Mapping[str, Any]) -> None:
    into = options["into"]
    if not _is_text(into) or not into:
        raise UsageError("frame.into", given=repr(into))
    if not into.strip():
        raise UsageError("frame.into", given=repr(into))
    prefix = options.get("prefix")
    if prefix is not None and not _is_text(prefix):
        raise mistyped("prefix", prefix, "string")
    for name in _SWITCHES:
        if not isinstance(options.get(name), bool | None):
            raise mistyped(name, options[name], "switch")
    if "prompt" in options:
        raise OptionError("unknown_option", given="prompt", near="template")
    known = {row.name for row in OPTIONS}
    for name in sorted(options.keys() - known - {*_OPTIONS}):
        near = nearest(name, (*sorted(known), *_OPTIONS, *RUN_OPTIONS))
        if near not in known | {""}:
            raise OptionError("unknown_option", given=name, near=near)
    if not isinstance(template, str):
        raise UsageError("frame.template", given=type(template).__name__)
    for name in sorted(staged("conversation", "run", "cell") | {"frame"}):
        if options.get(name):
            raise UsageError("frame.for_cells", name=name)


def _prepared(
    session: Session, prompt: str, defaults: Mapping[str, Any], rest: Mapping[str, Any]
) -> tuple[Any, Resolved]:
    chosen = _accepted(defaults, _probe(session, rest)) if defaults else defaults
    prepared = session.prepare(prompt, **{**chosen, **rest})
    return prepared.request, prepared.resolved


def _probe(session: Session, rest: Mapping[str, Any]) -> Probe | None:
    """Return what is known of the endpoint's parameters, or None."""
    options = {name: rest[name] for name in ("model", "profile") if name in rest}
    return session.probed(**options)


def _sure(session: Session, rest: Mapping[str, Any]) -> bool:
    """Return whether the endpoint gives log probabilities, as far as is known."""
    probe = _probe(session, rest)
    return probe is None or probe["logprobs"].verdict not in {"ignored", "refused"}


def _accepted(defaults: Mapping[str, Any], probe: Probe | None) -> dict[str, Any]:
    """Return the parameters that we add, without those that a probe found refused.

    JSON mode stands in for a schema that is refused.
    """
    if probe is None:
        return dict(defaults)
    taken = {n: v for n, v in defaults.items() if probe[n].verdict != "refused"}
    if "logprobs" not in taken:
        taken.pop("top_logprobs", None)
    if "response_format" in taken and probe.facts.get("schema") == "refused":
        taken["response_format"] = JSON_MODE
    return taken


def _grammar(form: Mapping[str, Any], probe: Probe | None) -> Mapping[str, Any]:
    """Return a form with labels, or an empty one if a probe found schemas refused."""
    accepted = _accepted({"response_format": form}, probe)
    return form if accepted.get("response_format") is form else {}


def _extracting(
    template: str, schema: Schema, sure: bool
) -> tuple[str, dict[str, Any]]:
    shown = json.dumps(schema.json, ensure_ascii=False)
    instruction = say("frame.fill", language_of([template]), schema=_literal(shown))
    params: dict[str, Any] = {"response_format": schema.response_format}
    if sure:
        params |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES}
    return f"{template}\n\n{instruction}", params


def _classifying(
    template: str, plan: LabelPlan, *, sure: bool, drawn: bool
) -> tuple[str, dict[str, Any]]:
    """Return prompt and parameters: the labels as a grammar if no logprobs are wanted.

    ``drawn``: answers should differ, so the endpoint's temperature applies.
    """
    params: dict[str, Any] = {
        "max_tokens": max(len(label.encode()) for label in plan.labels) + ROOM
    }
    if not drawn:
        params["temperature"] = 0
    if sure:
        params |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES}
    else:
        params["response_format"] = plan.form
    return f"{template}\n\n{_literal(plan.wordings[0])}", params


def _checked(labels: Any) -> tuple[str, ...]:
    """Validate labels, in order; refuse sets, whose order varies by process."""
    unordered = isinstance(labels, str | set | frozenset | Mapping)
    try:
        listed = () if unordered else tuple(labels)
    except TypeError:
        listed = ()
    texts = [folded(label) for label in listed if _is_text(label)]
    if len(set(map(str, listed))) == len(texts) > len(set(texts)):
        raise UsageError("frame.labels_case", given=repr(labels))
    if len(texts) < 2 or "" in texts or len(set(texts)) < len(listed):
        raise UsageError("frame.labels", given=repr(labels))
    return listed


def _is_text(value: Any) -> bool:
    """Return whether a value is a text that can be encoded as UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _literal(text: str) -> str:
    """Return a template that renders to exactly this text."""
    if "{{" not in text and "{%" not in text:
        return text
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}"
