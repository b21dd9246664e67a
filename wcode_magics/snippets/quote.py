"""Quote text as a string literal of each language, correct for any content.

Invisible characters (controls, U+2028, bidirectional marks, joiners, spaces other than
U+0020 and U+3000) are always escaped: an editor, a clipboard or a compiler may change
them, and some languages forbid them in source. All others are kept, so Chinese and
emoji stay readable.

Languages that embed the body as JSON text get it from :func:`json_string`, with those
characters escaped by JSON's rules. Such text is printable, never has three ``"`` in a
row (a quote inside a string follows a backslash), and each of its lines begins with a
space, a bracket or a quote; the functions below rely on that.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping

C_LITERAL_BYTES = 4000
"""Bytes of a C literal; C99 guarantees 4095 (5.2.4.1)."""

JAVA_LITERAL_CHARS = 20_000
"""UTF-16 units of a Java literal; a constant has 65535 bytes, a unit up to three."""

_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_SHOWN_SPACES = " \u3000"


def _is_hidden(char: str) -> bool:
    if char in _SHOWN_SPACES:
        return False
    return unicodedata.category(char) in _HIDDEN


def _escaped(
    text: str, named: Mapping[str, str], numbered: Callable[[int], str]
) -> str:
    return "".join(
        named.get(char) or (numbered(ord(char)) if _is_hidden(char) else char)
        for char in text
    )


_LINES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_DOUBLE = {**_LINES, "\\": r"\\", '"': r"\""}


def _utf16(code: int) -> str:
    units = chr(code).encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _braced(code: int) -> str:
    return f"\\u{{{code:x}}}"


def _python_number(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_string(text: str) -> str:
    """Return a JSON string with invisible characters escaped."""
    return f'"{_escaped(text, _DOUBLE, _utf16)}"'


def go_json_string(text: str) -> str:
    """Return a JSON string without backquotes, for use in a raw string of Go."""
    return json_string(text).replace("`", r"\u0060")


def python_string(text: str) -> str:
    """Return a Python string, in single quotes if that saves escapes."""
    mark = "'" if text.count('"') > text.count("'") else '"'
    named = {**_LINES, "\\": r"\\", mark: f"\\{mark}"}
    return f"{mark}{_escaped(text, named, _python_number)}{mark}"


def javascript_string(text: str) -> str:
    """Return a JavaScript string in double quotes."""
    return f'"{_escaped(text, _DOUBLE, _braced)}"'


def ruby_string(text: str) -> str:
    """Return a Ruby string in double quotes; ``#`` never starts an interpolation."""
    escaped = _escaped(text, _DOUBLE, _braced)
    return '"{}"'.format(re.sub(r"#(?=[{$@])", r"\\#", escaped))


def php_string(text: str) -> str:
    """Return a PHP string: in single quotes, or double ones if escapes are needed."""
    if any(map(_is_hidden, text)):
        return '"{}"'.format(_escaped(text, {**_DOUBLE, "$": r"\$"}, _braced))
    return "'{}'".format(text.replace("\\", r"\\").replace("'", r"\'"))


def shell_heredoc(body: str) -> str:
    """Return the text unchanged; no line of JSON can be the delimiter ``JSON``."""
    return body


def swift_raw(body: str) -> str:
    """Return a raw multi-line string with more ``#`` than the longest run of them."""
    fence = "#" * (1 + _longest(r"#+", body))
    return f'{fence}"""\n{body}\n"""{fence}'


def dart_raw(body: str) -> str:
    """Return a raw multi-line string."""
    return f'r"""\n{body}"""'


def rust_raw(body: str) -> str:
    """Return a raw string with more ``#`` than follow any quote in the text."""
    fence = "#" * max(1, _longest(r'"#*', body))
    return f'r{fence}"{body}"{fence}'


def go_raw(body: str) -> str:
    """Return a raw string; :func:`go_json_string` leaves no backquotes."""
    return f"`{body}`"


def csharp_verbatim(body: str) -> str:
    """Return a verbatim string, with quotes doubled."""
    return '@"{}"'.format(body.replace('"', '""'))


def java_text(body: str) -> str:
    """Return a text block, or joined pieces if one constant would be too long."""
    if len(body) <= JAVA_LITERAL_CHARS:
        lines = body.replace("\\", r"\\").replace("\n", "\n            ")
        return f'"""\n            {lines}"""'
    pieces = (
        _double(body[start : start + JAVA_LITERAL_CHARS])
        for start in range(0, len(body), JAVA_LITERAL_CHARS)
    )
    return 'String.join("",\n            {})'.format(",\n            ".join(pieces))


def c_pieces(body: str) -> list[str]:
    """Split a text into string literals of a length that C guarantees."""
    return [
        "\n".join(f"    {_c_string(line)}" for line in piece)
        for piece in _pieces(body.splitlines(keepends=True))
    ]


def _pieces(lines: list[str]) -> list[list[str]]:
    """Group lines into at most C_LITERAL_BYTES each; longer lines are split."""
    pieces: list[list[str]] = [[]]
    room = C_LITERAL_BYTES
    for part in (part for line in lines for part in _cut(line)):
        size = len(part.encode())
        if size > room and pieces[-1]:
            pieces.append([])
            room = C_LITERAL_BYTES
        pieces[-1].append(part)
        room -= size
    return pieces


def _cut(line: str) -> list[str]:
    step = C_LITERAL_BYTES // 4
    if len(line.encode()) <= C_LITERAL_BYTES:
        return [line]
    return [line[start : start + step] for start in range(0, len(line), step)]


def _c_string(text: str) -> str:
    """Return a C string without adjacent question marks, which may be a trigraph."""
    return re.sub(r"(?<=\?)\?", r"\\?", _double(text))


def _double(text: str) -> str:
    return '"{}"'.format("".join(_DOUBLE.get(char, char) for char in text))


def _longest(pattern: str, text: str) -> int:
    return max(map(len, re.findall(pattern, text)), default=0)
