"""What a program would send, read from its source by the rules of its language.

Each reader takes what a target's ``quote`` wrote and returns the body. It is written
from the language's specification, not from :mod:`wcode_magics.snippets.quote`.
"""

import ast
import json
import re
import textwrap

_C_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "?": "?", '"': '"', "\\": "\\"}
_TRIGRAPH = re.compile(r"\?\?[=/'()!<>-]")


def shell(source):
    """A quoted heredoc is literal up to a line that is its word (POSIX 2.7.4)."""
    assert "JSON" not in source.split("\n")
    assert "\0" not in source
    return json.loads(source)


def swift(source):
    """In a raw string only a backslash and the fence escape, quotes and it close."""
    fence, inner = re.fullmatch(r'(#+)"""\n(.*)\n"""\1', source, re.DOTALL).groups()
    assert f"\\{fence}" not in inner
    assert f'"""{fence}' not in inner
    return json.loads(inner)


def dart(source):
    """A raw string has no escapes; three quotes end it."""
    (inner,) = re.fullmatch(r'r"""\n(.*)"""', source, re.DOTALL).groups()
    assert '"""' not in inner
    return json.loads(inner)


def rust(source):
    """A raw string has no escapes; a quote and its ``#``s end it; no bare CR."""
    fence, inner = re.fullmatch(r'r(#+)"(.*)"\1', source, re.DOTALL).groups()
    assert f'"{fence}' not in inner
    assert "\r" not in inner
    return json.loads(inner)


def go(source):
    """A raw string has no escapes and no backquote; CRs would be dropped."""
    (inner,) = re.fullmatch(r"`([^`\r]*)`", source).groups()
    return json.loads(inner)


def csharp(source):
    """A verbatim string has one escape: a doubled quote."""
    (inner,) = re.fullmatch(r'@"((?:[^"]|"")*)"', source).groups()
    return json.loads(inner.replace('""', '"'))


def c(sources):
    """Adjacent literals join; trigraphs would be read first; C99 bounds the length."""
    text = ""
    for source in sources:
        assert not _TRIGRAPH.search(source)
        literals = re.findall(r'"((?:[^"\\\n]|\\.)*)"', source)
        assert re.sub(r'"(?:[^"\\\n]|\\.)*"', "", source).isspace()
        piece = "".join(_c_unescaped(literal) for literal in literals)
        assert len(piece.encode()) <= 4095
        text += piece
    return json.loads(text)


def _c_unescaped(literal):
    return re.sub(r"\\(.)", lambda found: _C_ESCAPES[found[1]], literal)


def java(source):
    """Unicode escapes come first (JLS 3.3), then a text block's margin (3.10.6)."""
    assert not re.search(r"(?<!\\)(\\\\)*\\u", source)
    block = re.fullmatch(r'"""\n(.*)"""', source, re.DOTALL)
    if block:
        assert '"""' not in block[1]
        return json.loads(_java_unescaped(textwrap.dedent(block[1])))
    literals = re.findall(r'"((?:[^"\\\n]|\\.)*)"', source)
    assert literals.pop(0) == ""
    pieces = [_java_unescaped(literal) for literal in literals]
    assert all(len(_modified_utf8(piece)) <= 65535 for piece in pieces)
    return json.loads("".join(pieces))


def _java_unescaped(text):
    return re.sub(r"\\(.)", lambda found: _C_ESCAPES[found[1]], text)


def _modified_utf8(text):
    """JVMS 4.4.7: each UTF-16 unit by itself."""
    units = text.encode("utf-16-be", "surrogatepass")
    chars = (
        units[i : i + 2].decode("utf-16-be", "surrogatepass")
        for i in range(0, len(units), 2)
    )
    return b"".join(char.encode("utf-8", "surrogatepass") for char in chars)


def python(source):
    """A literal is what Python's own parser makes of it."""
    return ast.literal_eval(source)


def openai(source):
    """Keyword arguments; the SDK lays ``extra_body`` over the rest."""
    call = ast.parse(f"f(\n{source}\n)", mode="eval").body
    sent = {item.arg: ast.literal_eval(item.value) for item in call.keywords}
    more = sent.pop("extra_body", {})
    return {**sent, **more}


READERS = {
    "curl": shell,
    "swift": swift,
    "dart": dart,
    "rust": rust,
    "c": c,
    "go": go,
    "csharp-httpclient": csharp,
    "csharp-restsharp": csharp,
    "java": java,
    "python-requests": python,
    "python-httpx": python,
    "python-openai": openai,
}

_IN_NODE = """
const text = (body) => (typeof body === "string" ? body : JSON.stringify(body));
for (const body of [{}]) console.log(text(body));
"""

INTERPRETERS = {
    "javascript": ("node", "-e", _IN_NODE),
    "php-curl": ("php", "-r", 'foreach ([{}] as $body) echo $body, "\\n";'),
    "php-guzzle": ("php", "-r", 'foreach ([{}] as $body) echo $body, "\\n";'),
    "ruby": (
        "ruby",
        "-rjson",
        "-e",
        "[{}].each { |body| puts JSON.generate(body) }",
    ),
}
"""Languages whose literals are best read by themselves: a program that prints each
of the bodies, put in at ``{}``, as JSON on a line of its own."""
