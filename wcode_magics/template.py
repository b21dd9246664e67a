"""Prompt templates: Jinja2 in its sandbox, one pass.

``{{ name }}`` and ``{% … %}`` are the template's; single braces, JSON and code go
through as they are, comments do not exist, and what a value contains is text: it is
never evaluated again. How a value becomes text stands in :mod:`wcode_magics.show`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from wcode_magics.errors import TemplateError
from wcode_magics.params import hint
from wcode_magics.show import shown
from wcode_magics.values import Message

if TYPE_CHECKING:
    from jinja2 import Template

_NO_COMMENT = "{#\x00", "\x00#}"
_KEPT_COMPILED = 256


def render(source: str, names: Mapping[str, Any]) -> str:
    """``source`` with the values of ``names`` put in.

    Raises:
        TemplateError: an unknown name (with the nearest), a syntax error (with its
            line), an expression that fails, or one that the sandbox forbids.
    """
    if "{{" not in source and "{%" not in source:
        return source
    try:
        return compiled(source).render(names)
    except UnknownName as wrong:
        known = [name for name in names if not name.startswith("_")]
        raise TemplateError(
            "template_name", given=wrong.name, hint=hint(wrong.name, known)
        ) from None
    except TemplateError:
        raise
    except Exception as wrong:
        raise _fault(wrong) from wrong


def _fault(wrong: Exception) -> TemplateError:
    from jinja2 import TemplateSyntaxError
    from jinja2.exceptions import SecurityError

    if isinstance(wrong, TemplateSyntaxError):
        return TemplateError("template_syntax", line=wrong.lineno, reason=wrong.message)
    if isinstance(wrong, SecurityError):
        return TemplateError("template_forbidden", reason=str(wrong))
    return TemplateError("template_failed", reason=f"{type(wrong).__name__}: {wrong}")


def messages(
    prompt: str | Sequence[Message],
    system: str | None,
    names: Mapping[str, Any] | None,
) -> tuple[Message, ...]:
    """A prompt behind its system prompt, both filled in; None: no template."""
    said = [Message("user", prompt)] if isinstance(prompt, str) else [*prompt]
    if system:
        said.insert(0, Message("system", system))
    if names is None:
        return tuple(said)
    return tuple(
        replace(message, content=render(message.content or "", names))
        for message in said
    )


class UnknownName(Exception):  # noqa: N818 - carries a name to render(), no further
    """A name of the template that is not among the values."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined, UndefinedError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import missing

    class Missing(StrictUndefined):
        def __init__(
            self,
            hint: str | None = None,
            obj: Any = missing,
            name: str | None = None,
            exc: Any = UndefinedError,
        ) -> None:
            if exc is UndefinedError:
                exc = partial(UnknownName, str(name))
            super().__init__(hint, obj, name, exc)

    return ImmutableSandboxedEnvironment(
        undefined=Missing,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=shown,
        comment_start_string=_NO_COMMENT[0],
        comment_end_string=_NO_COMMENT[1],
    )


@lru_cache(_KEPT_COMPILED)
def compiled(source: str) -> "Template":
    """The template of a source, kept: many rows render through one.

    Its globals are copied at each rendering, a plain dict ten times as fast.

    Raises:
        TemplateError: ``self`` is used, which Jinja has for itself.
        jinja2.TemplateSyntaxError: it is no template.
    """
    from jinja2 import nodes

    environment = _environment()
    names = environment.parse(source).find_all(nodes.Name)
    if any(part.name == "self" for part in names):
        raise TemplateError("template_self")
    made: Template = environment.from_string(source)
    made.globals = dict(made.globals)
    return made
