"""Prompt templates: sandboxed Jinja2, rendered in one pass.

Only ``{{ name }}`` and ``{% … %}`` are template syntax; single braces, JSON and code
are kept as they are, and there are no comments. The contents of a value are text and
never evaluated. :mod:`wcode_magics.prompts.prompt_repr` converts values to text, and
:mod:`wcode_magics.prompts.template_scope` defines what a template may access.

A prompt that the user writes is a template. A system prompt is one only if it is
written with the prompt, as a :class:`Template`; one from a file, a variable, a profile
or a setting is text.

``{{ image(value) }}`` puts an image at that place: a path, a URL, bytes, or any other
source of :mod:`wcode_magics.prompts.image_sources`. Only a call that the template
itself contains does; text that a value contains never becomes one.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, NoReturn

from wcode_magics.errors import TemplateError, UsageError
from wcode_magics.prompts import image_sources
from wcode_magics.prompts.prompt_repr import shown
from wcode_magics.prompts.template_scope import can_call, is_closed
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.parameters import hint
from wcode_magics.runtime import imports, loop
from wcode_magics.runtime.shell_variables import is_dunder, public

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

_NO_COMMENT = "{#\x00", "\x00#}"
_KEPT_COMPILED = 256
_OTHER_WAYS = re.compile(r"(?<!\{)\{([^\W\d]\w*)\}(?!\})|(?<![\w$])\$([^\W\d]\w*)")
_TAG = re.compile(r"\{(?=[{%])")
_NUMBERS = frozenset({bool, float, int})
_IMAGE = "image"
_CALLED, _SEEN = "__image__", "__images__"
"""Names of the function and of its images, which no template can write."""


def render(source: str, names: Mapping[str, Any]) -> str:
    """Render a template with the values of ``names``.

    Raises:
        TemplateError: an unknown name (with the nearest), a syntax error (with its
            line), an expression that fails, or one that the sandbox forbids.
    """
    if not has_tags(source):
        return source
    try:
        words = _words(source)
        if words is not None and names.keys() >= words.needed:
            return words.filled(names, words.names)
        return compiled(source).render(names)
    except UnknownName as wrong:
        if wrong.kind:
            facts = {"given": wrong.name, "kind": wrong.kind}
            raise TemplateError("template_attribute", **facts) from None
        near = hint(wrong.name, public(names))
        raise TemplateError("template_name", given=wrong.name, hint=near) from None
    except BaseException as wrong:
        _fail(wrong)


def renderer(source: str, columns: Sequence[Any]) -> Callable[[Any], str] | None:
    """Return what renders a template from the values of these columns, in order.

    None if it has more than text and their names. It does what :func:`render` does,
    without a look at the template and a dict of names for each row.
    """
    if not has_tags(source):
        return lambda _values: source
    words = _words(source)
    if words is None or not words.needed <= {*columns}:
        return None
    filled, places = words.filled, [columns.index(name) for name in words.names]

    def rendered(values: Sequence[Any]) -> str:
        try:
            return filled(values, places)
        except BaseException as wrong:
            _fail(wrong)

    return rendered


def _fail(wrong: BaseException) -> NoReturn:
    """Raise the error of a rendering: one of ours, or a stop, as it is."""
    if isinstance(wrong, UsageError) or loop.is_stop(wrong):
        raise wrong
    raise _fault(wrong) from wrong


def _fault(wrong: BaseException) -> TemplateError:
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
    """Return system prompt and prompt as messages; None as ``names``: not rendered."""
    found = [Message("user", prompt)] if isinstance(prompt, str) else [*prompt]
    if names is not None:
        found = [_filled(one, names) for one in found]
    if system:
        found.insert(0, filled(Message("system", system), names))
    return tuple(found)


def filled(message: Message, names: Mapping[str, Any] | None) -> Message:
    """Render a message with ``names`` if its text is a template."""
    if names is None or not is_template(message):
        return message
    return _filled(message, names)


def _filled(message: Message, names: Mapping[str, Any]) -> Message:
    source = message.content or ""
    if not takes_images(source):
        return replace(message, content=render(source, names))
    seen = _Seen()
    text, images = seen.parted(render(source, {**names, _SEEN: seen}))
    return replace(message, content=text, images=(*message.images, *images))


def takes_images(source: str) -> bool:
    """Return whether a template calls ``image``."""
    if not has_tags(source) or _IMAGE not in source:
        return False
    try:
        return _CALLED in parsed(source)[1]
    except Exception:  # reported when it is rendered
        return False


class _Seen:
    """Images of one rendering, marked in the text by words nobody can guess."""

    def __init__(self) -> None:
        self._images: dict[str, ImagePart] = {}

    def add(self, source: Any) -> str:
        mark = f"\0{secrets.token_hex(8)}\0"
        self._images[mark] = image_sources.load(source)
        return mark

    def parted(self, text: str) -> tuple[str, list[ImagePart]]:
        """Return the text without marks, and the images with their places.

        Raises:
            TemplateError: the template changed a mark, or left it out.
        """
        if not self._images:
            return text, []
        kept, images, at = [], [], 0
        pieces = re.split(f"({'|'.join(self._images)})", text)
        for piece in pieces:
            if piece in self._images:
                images.append(replace(self._images[piece], at=at))
            else:
                kept.append(piece)
                at += len(piece)
        whole = "".join(kept)
        left = whole.lower()
        if any(mark not in pieces or mark[1:-1] in left for mark in self._images):
            raise TemplateError("image.unplaced")
        return whole, images


def is_template(message: Message) -> bool:
    """Return whether a message is a template: not a system prompt, or a Template."""
    return message.role != "system" or isinstance(message.content, Template)


class Template(str):
    """Text that was written as a template, not read from elsewhere."""

    __slots__ = ()


def has_tags(text: str) -> bool:
    """Return whether a text contains template syntax."""
    return "{{" in text or "{%" in text


def literal(text: str) -> str:
    """Escape a text so that it renders as itself."""
    if not has_tags(text):
        return text
    return _TAG.sub("{{ '{' }}", text)


def unfilled(text: str, names: Iterable[str]) -> tuple[str, str] | None:
    """Find the first ``{name}`` or ``$name`` in a text that is one of ``names``.

    Such a text is sent unchanged. Returns the placeholder and the name, or None.
    """
    known = set(public(names))
    for match in _OTHER_WAYS.finditer(text):
        name = match[1] or match[2]
        if name in known:
            return match[0], name
    return None


class UnknownName(Exception):  # noqa: N818 - carries a name to render(), no further
    """Raised for a name that has no value, or for what a value of ``kind`` lacks."""

    def __init__(self, name: str, kind: str, message: str) -> None:
        super().__init__(message)
        self.name, self.kind = name, kind


@cache
def _environment() -> Any:
    imports.prepare(imports.TEMPLATES)
    from jinja2 import StrictUndefined, UndefinedError, pass_context
    from jinja2.runtime import Context
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
                kind = "" if obj is missing else type(obj).__name__
                exc = partial(UnknownName, str(name), kind)
            super().__init__(hint, obj, name, exc)

    class Sandbox(ImmutableSandboxedEnvironment):
        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return not is_closed(obj) and super().is_safe_attribute(obj, attr, value)

        def getitem(self, obj: Any, argument: Any) -> Any:
            if is_closed(obj):
                return self.unsafe_undefined(obj, str(argument))
            return super().getitem(obj, argument)

        def call(self, context: Any, called: Any, /, *args: Any, **named: Any) -> Any:
            ours = called is image
            if not (ours or isinstance(called, StrictUndefined) or can_call(called)):
                name = getattr(called, "__name__", type(called).__name__)
                raise TemplateError("template_call", name=name)
            checked = self.wrap_str_format(called) or called
            return super().call(context, checked, *args, **named)

    @pass_context
    def image(context: Context, *given: Any, **named: Any) -> Any:
        own = context.get(_IMAGE)
        if callable(own):
            return made.call(context, own, *given, **named)
        if len(given) != 1 or named:
            raise TemplateError("image.call")
        return context[_SEEN].add(given[0])

    made = Sandbox(
        undefined=Missing,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=_printed,
        comment_start_string=_NO_COMMENT[0],
        comment_end_string=_NO_COMMENT[1],
    )
    made.globals[_CALLED] = image
    return made


def _printed(value: Any) -> str:
    if type(value) in _NUMBERS:
        return str(value)
    if type(value) is not str and is_closed(value):
        raise TemplateError("template_closed", kind=type(value).__name__)
    return shown(value)


@dataclass(frozen=True, slots=True)
class _Words:
    """A template of text and names alone; ``text`` has ``%s`` in their places."""

    text: str
    names: tuple[str, ...]
    needed: frozenset[str]

    def filled(self, values: Any, keys: Iterable[Any]) -> str:
        """Render the values at these keys as Jinja does, in a tenth of its time."""
        return self.text % tuple([_printed(values[key]) for key in keys])


@lru_cache(_KEPT_COMPILED)
def _words(source: str) -> _Words | None:
    """Return the parts of a template; None if it has more than text and names."""
    from jinja2 import nodes

    parts, names = [], []
    for output in parsed(source)[0].body:
        for part in output.iter_child_nodes():
            if isinstance(part, nodes.Name) and isinstance(output, nodes.Output):
                names.append(part.name)
                parts.append("%s")
            elif isinstance(part, nodes.TemplateData):
                parts.append(part.data.replace("%", "%%"))
            else:
                return None
    return _Words("".join(parts), tuple(names), frozenset(names))


@lru_cache(_KEPT_COMPILED)
def compiled(source: str) -> "jinja2.Template":
    """Compile a template; cached, as many rows render the same one.

    Its globals are a plain dict, which is copied at each rendering ten times as fast.

    Raises:
        TemplateError: ``self``, which Jinja reserves, or a dunder name is used, or
            another template is loaded.
        jinja2.TemplateSyntaxError: the syntax is invalid.
    """
    made: jinja2.Template = _environment().from_string(parsed(source)[0])
    made.globals = dict(made.globals)
    return made


def parsed(source: str) -> "tuple[nodes.Template, set[str]]":
    """Return the syntax tree of a template, and all names in it.

    Calls of ``image`` refer to the function, even where a column has its name. Raises
    as :func:`compiled`.
    """
    from jinja2 import nodes

    tree = _environment().parse(source)
    loading = (nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)
    for tag in tree.find_all(loading):
        named = type(tag).__name__.lower().removeprefix("from")
        raise TemplateError("template_loads", tag=named)
    for part in tree.find_all(nodes.Name):
        if part.name == "self":
            raise TemplateError("template_self")
        if is_dunder(part.name):
            raise TemplateError("template_forbidden", reason=part.name)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == _IMAGE:
            call.node.name = _CALLED
    return tree, {part.name for part in tree.find_all(nodes.Name)}
