"""Format JSON data as a literal of a programming language, wrapped and indented."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from wcode_magics.snippets import quote

WIDTH = 80


@dataclass(frozen=True, slots=True)
class Dialect:
    """Literal syntax of a language.

    ``words`` are the literals for null, true and false; ``last`` follows the last item
    of a block; ``step`` is the indentation in columns; ``cast`` returns the prefix of
    an object that would otherwise be read as another type.
    """

    string: Callable[[str], str]
    words: tuple[str, str, str] = ("null", "true", "false")
    brackets: tuple[str, str] = ("{", "}")
    arrow: str = ": "
    last: str = ","
    step: int = 4
    cast: Callable[[dict[str, Any]], str] = lambda _value: ""


def _php_cast(value: dict[str, Any]) -> str:
    """Return a cast for arrays that PHP encodes as lists: empty or keys 0, 1, 2 …"""
    listed = list(value) == [str(index) for index in range(len(value))]
    return "(object) " if listed else ""


JSON = Dialect(quote.json_string, last="", step=2)
GO_JSON = Dialect(quote.go_json_string, last="", step=2)
PYTHON = Dialect(quote.python_string, ("None", "True", "False"))
JAVASCRIPT = Dialect(quote.javascript_string, step=2)
RUBY = Dialect(
    quote.ruby_string, ("nil", "true", "false"), arrow=" => ", last="", step=2
)
PHP = Dialect(quote.php_string, brackets=("[", "]"), arrow=" => ", cast=_php_cast)


def block(value: Any, dialect: Dialect, *, indent: int = 0) -> str:
    """Format a value on several lines, with each part that fits on one line.

    ``indent`` is the indentation of the line that the literal begins on, in columns.
    """
    if not isinstance(value, dict | list) or not value:
        return line(value, dialect)
    inner = indent + dialect.step
    rows = []
    for head, item in _items(value, dialect):
        flat = f"{head}{line(item, dialect)}"
        fits = inner + len(flat) <= WIDTH
        rows.append(flat if fits else head + block(item, dialect, indent=inner))
    opening, closing = _brackets(value, dialect)
    margin = f"\n{' ' * inner}"
    body = f",{margin}".join(rows)
    return f"{opening}{margin}{body}{dialect.last}\n{' ' * indent}{closing}"


def line(value: Any, dialect: Dialect) -> str:
    """Format a value on one line."""
    if isinstance(value, str):
        return dialect.string(value)
    if isinstance(value, dict | list):
        opening, closing = _brackets(value, dialect)
        items = (f"{head}{line(v, dialect)}" for head, v in _items(value, dialect))
        return f"{opening}{', '.join(items)}{closing}"
    if value is None or isinstance(value, bool):
        return dialect.words[(None, True, False).index(value)]
    return repr(value).replace("e+", "e")


def _items(
    value: dict[str, Any] | list[Any], dialect: Dialect
) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        yield from (("", item) for item in value)
        return
    for key, item in value.items():
        yield f"{dialect.string(key)}{dialect.arrow}", item


def _brackets(value: dict[str, Any] | list[Any], dialect: Dialect) -> tuple[str, str]:
    if isinstance(value, list):
        return "[", "]"
    opening, closing = dialect.brackets
    return f"{dialect.cast(value)}{opening}", closing


def arguments(values: dict[str, Any], *, indent: int) -> str:
    """Format values as keyword arguments of a Python call, each on its own lines."""
    rows = []
    for name, value in values.items():
        flat = f"{name}={line(value, PYTHON)},"
        fits = indent + len(flat) <= WIDTH
        rows.append(flat if fits else f"{name}={block(value, PYTHON, indent=indent)},")
    return f"\n{' ' * indent}".join(rows)
