"""Python functions as tools: schema, argument validation and execution.

The schema is built from type hints and the docstring. Arguments are validated before
a function is called, exceptions are returned to the model as text, and only listed
functions run. A single call runs in the caller's thread; several run concurrently,
plain functions in threads, async ones on one loop.
"""

import asyncio
import copy
import inspect
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from wcode_magics.errors import OptionError, UsageError, WcodeError, mistyped
from wcode_magics.prompts.prompt_repr import shown
from wcode_magics.protocol import parameters
from wcode_magics.protocol.messages import ToolCall, ToolTrace
from wcode_magics.protocol.strict_schema import Strict
from wcode_magics.runtime import loop
from wcode_magics.settings.resolved import Resolved
from wcode_magics.settings.settings import Advice

F = TypeVar("F", bound=Callable[..., Any])

RESULT_LIMIT = 20_000  # characters
_MARK = "_wcode_confirm_"
_BY_NAME = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}


def confirm(function: F) -> F:
    """Mark a function so that the user must confirm each call of it."""
    setattr(function, _MARK, True)
    return function


Ask = Callable[[str, Mapping[str, Any]], bool]


class Tool:
    """A function with the schema of its arguments.

    Raises:
        UsageError: it is not a function, has no name, takes ``*args`` or ``**kwargs``,
            or has a type hint that JSON cannot represent.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", "")
        if not callable(function) or not self.name.isidentifier():
            raise UsageError("tools.not_a_function", given=repr(function)[:60])
        self.needs_confirmation = bool(getattr(function, _MARK, False))

    @cached_property
    def model(self) -> Any:
        """Pydantic model of the arguments; its fields are ``a0``, ``a1``, ….

        The names are aliases, so that an argument may be called ``json`` or ``_x``.
        """
        from pydantic import ConfigDict, Field, create_model

        described = _described(self.function)
        fields: dict[str, Any] = {}
        for row in self._parameters():
            empty = row.default is inspect.Parameter.empty
            hint = Any if row.annotation is inspect.Parameter.empty else row.annotation
            default = ... if empty else row.default
            about = Field(default, alias=row.name, description=described.get(row.name))
            fields[f"a{len(fields)}"] = (hint, about)
        try:
            config = ConfigDict(extra="forbid", regex_engine="python-re")
            model = create_model("Arguments", __config__=config, **fields)
            model.model_json_schema()
        except Exception as wrong:  # the user's hints may raise anything
            raise self._bad(_reason(wrong)) from wrong
        return model

    @cached_property
    def strict(self) -> Strict:
        """Schema of the arguments, limited to keywords that every endpoint supports."""
        return Strict(self.model.model_json_schema(), whole=False)

    @cached_property
    def wire(self) -> dict[str, Any]:
        """The tool in OpenAI format."""
        schema = copy.deepcopy(self.strict.json)
        schema.pop("title", None)
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
        function = {"name": self.name, "parameters": schema}
        about = _described(self.function).get("")
        if about:
            function["description"] = about
        return {"type": "function", "function": function}

    def arguments(self, text: str) -> dict[str, Any]:
        """Parse and validate the JSON arguments of a call.

        Raises:
            UsageError: the JSON is broken or a value does not match its hint.
        """
        from pydantic import ValidationError

        try:
            checked = self.model.model_validate_json(text or "{}")
        except ValidationError as wrong:
            reasons = [
                f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
                for one in wrong.errors(include_url=False)
            ]
            raise UsageError("tools.arguments", reason="; ".join(reasons)) from wrong
        fields = self.model.model_fields
        passed = checked.model_fields_set
        return {fields[name].alias: getattr(checked, name) for name in passed}

    def _parameters(self) -> Iterable[inspect.Parameter]:
        try:
            signature = inspect.signature(self.function, eval_str=True)
        except (NameError, ValueError, TypeError) as wrong:
            raise self._bad(str(wrong)) from wrong
        for row in signature.parameters.values():
            if row.kind not in _BY_NAME:
                raise self._bad(str(row))
            yield row

    def _bad(self, reason: str) -> UsageError:
        return UsageError("tools.bad_signature", name=self.name, reason=reason)


@dataclass(frozen=True, slots=True)
class _Job:
    """A call to run; or ``refused``, the text returned to the model instead."""

    call: ToolCall
    function: Callable[..., Any] | None = None
    arguments: Mapping[str, Any] | None = None
    refused: str = ""


class Toolbox:
    """The functions that may run, and no others.

    Args:
        functions: functions with unique names.
        ask: called with name and arguments of a call marked by :func:`confirm`; returns
            whether it may run. None declines all such calls.

    Raises:
        UsageError: one of them is not a function, or two have the same name.
    """

    def __init__(
        self, functions: Iterable[Callable[..., Any]], *, ask: Ask | None = None
    ) -> None:
        tools = [Tool(function) for function in functions]
        self._tools = {tool.name: tool for tool in tools}
        self._ask = ask
        if len(self._tools) < len(tools):
            names = [tool.name for tool in tools]
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError("tools.twice", name=twice)
        self.wire = [tool.wire for tool in tools]
        self.patterns = [pattern for tool in tools for pattern in tool.strict.patterns]

    def run(
        self, calls: Sequence[ToolCall], round_: int, *, parallel: bool = True
    ) -> list[ToolTrace]:
        """Run the calls of a reply, not in a loop; in turn unless ``parallel``."""
        jobs = [self._job(call) for call in calls]
        if parallel and len(jobs) > 1:
            return loop.run(_run_all, jobs, round_)
        return [
            loop.run(_run_async, job, round_)
            if _is_async(job)
            else _run_here(job, round_)
            for job in jobs
        ]

    async def arun(
        self, calls: Sequence[ToolCall], round_: int, *, parallel: bool = True
    ) -> list[ToolTrace]:
        """Run the calls on the caller's loop, plain functions in threads."""
        jobs = [self._job(call) for call in calls]
        if parallel:
            return await _run_all(jobs, round_)
        return [await _run_async(job, round_) for job in jobs]

    def _job(self, call: ToolCall) -> _Job:
        tool = self._tools.get(call.name)
        if tool is None:
            hint = parameters.hint(call.name, list(self._tools))
            return _refused(
                call, UsageError("tools.unknown", name=call.name, hint=hint)
            )
        try:
            arguments = tool.arguments(call.arguments)
        except WcodeError as error:
            return _refused(call, error)
        if tool.needs_confirmation and not (
            self._ask and self._ask(call.name, arguments)
        ):
            return _refused(call, UsageError("tools.declined", name=call.name))
        return _Job(call, tool.function, arguments)


def _reason(wrong: Exception) -> str:
    """Return the message of an error: its first line, unless that is a heading."""
    first, *rest = str(wrong).strip().splitlines() or [type(wrong).__name__]
    return rest[-1].strip() if rest and first.endswith(":") else first


def _result_text(value: Any) -> str:
    """Return a function's result as sent to the model: text, Markdown table or JSON.

    Raises:
        UsageError: it is longer than :data:`RESULT_LIMIT` characters.
    """
    shown = value if isinstance(value, str) else _json(value)
    if len(shown) > RESULT_LIMIT:
        size, limit = f"{len(shown):,}", f"{RESULT_LIMIT:,}"
        raise UsageError("tools.long_result", size=size, limit=limit)
    return shown


def _json(value: Any) -> str:
    if hasattr(type(value), "_ai_repr_") or hasattr(type(value), "to_markdown"):
        return shown(value)
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(Any).dump_json(value).decode()
    except ValueError:
        return shown(value)


def _refused(call: ToolCall, error: WcodeError) -> _Job:
    return _Job(call, refused=str(error))


def _is_async(job: _Job) -> bool:
    return inspect.iscoroutinefunction(job.function)


def _run_here(job: _Job, round_: int) -> ToolTrace:
    if job.function is None:
        return _trace(job, round_, job.refused, 0.0, ok=False)
    begun = time.perf_counter()
    try:
        result, ok = _result_text(job.function(**job.arguments or {})), True
    except BaseException as error:
        result, ok = _raised(error), False
    return _trace(job, round_, result, time.perf_counter() - begun, ok=ok)


async def _run_async(job: _Job, round_: int) -> ToolTrace:
    if job.function is None or not _is_async(job):
        return await asyncio.to_thread(_run_here, job, round_)
    begun = time.perf_counter()
    try:
        result, ok = _result_text(await job.function(**job.arguments or {})), True
    except BaseException as error:
        result, ok = _raised(error), False
    return _trace(job, round_, result, time.perf_counter() - begun, ok=ok)


async def _run_all(jobs: Sequence[_Job], round_: int) -> list[ToolTrace]:
    return list(await asyncio.gather(*(_run_async(job, round_) for job in jobs)))


def _raised(error: BaseException) -> str:
    """Return an error in the words that the model reads; raise one that stops all."""
    if loop.is_stop(error):
        raise error
    return json.dumps({"error": f"{type(error).__name__}: {error}"}, ensure_ascii=False)


def _trace(
    job: _Job, round_: int, result: str, seconds: float, *, ok: bool
) -> ToolTrace:
    return ToolTrace(round_, job.call.name, job.call.arguments, result, ok, seconds)


def _described(function: Callable[..., Any]) -> dict[str, str]:
    """Return docstring texts by argument name; the function's own under ``""``."""
    from docstring_parser import parse

    docstring = parse(inspect.getdoc(function) or "")
    about = "\n\n".join(
        filter(None, (docstring.short_description, docstring.long_description))
    )
    rows = {row.arg_name: row.description or "" for row in docstring.params}
    return {name: words for name, words in {"": about, **rows}.items() if words}


def functions_of(functions: Any) -> list[Any]:
    """Return the functions of a call; raises UsageError if they are no list."""
    if not isinstance(functions, list | tuple) or not functions:
        raise mistyped("functions", functions, "functions")
    return list(functions)


def requested_tools(resolved: Resolved) -> tuple[dict[str, Any], list[Advice]]:
    """Return the parameter ``tools`` for a request's functions, and advice about it."""
    functions = resolved["functions"]
    if not functions:
        return {}, []
    if resolved["tools"] and resolved.layer("tools") == "cell":
        raise OptionError("not_together", one="--functions", other="--tools")
    box = Toolbox(functions)
    held = {"patterns": ", ".join(box.patterns)}
    return {"tools": box.wire}, [("tool_patterns_held", held)] if box.patterns else []
