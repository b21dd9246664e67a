"""The languages and libraries that a request can be exported to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wcode_magics.snippets import literal, quote

Body = Mapping[str, Any]
Tested = Literal["run", "parsed"]

OPENAI_KEYWORDS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "temperature",
        "top_p",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "max_tokens",
        "stop",
        "verbosity",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
    }
)
"""What ``chat.completions.create`` of the OpenAI SDK takes; the rest: extra_body."""

_JAVASCRIPT_SAFE = 2**53 - 1
_PHP_SAFE = 2**63 - 1
_AXIOS_DROPS = frozenset({"__proto__", "constructor", "prototype"})


@dataclass(frozen=True, slots=True)
class Target:
    """A row: a language with the library that makes the call.

    ``suffix`` is that of a source file, ``lexer`` Pygments' name of the language and
    ``comment`` what begins a comment line. ``install`` and ``run`` stand in the head
    of each program, where the file is ``ask.<suffix>``. ``quote`` turns a body into
    what the template calls ``body``. ``tested`` tells whether the tests run the
    programs or only parse them.
    """

    key: str
    title: str
    library: str
    suffix: str
    lexer: str
    comment: str
    install: str
    run: str
    quote: Callable[[Body], str | list[str]]
    tested: Tested = "run"


def _json(write: Callable[[str], str | list[str]]) -> Callable[[Body], Any]:
    return lambda body: write(literal.block(body, literal.JSON))


def _go(body: Body) -> str:
    return quote.go_raw(literal.block(body, literal.GO_JSON))


def _data(dialect: literal.Dialect) -> Callable[[Body], str]:
    return lambda body: literal.block(body, dialect)


def _javascript(body: Body) -> str:
    """An object, or JSON text where an object would not arrive whole.

    Numbers beyond 2⁵³ - 1 lose digits, and axios drops the keys that could change a
    prototype.
    """
    if _largest(body) > _JAVASCRIPT_SAFE or _names(body) & _AXIOS_DROPS:
        return quote.javascript_string(literal.line(body, literal.JSON))
    return literal.block(body, literal.JAVASCRIPT)


def _php(body: Body) -> str:
    """An encoded array, or JSON text where an integer exceeds PHP's 64 bits."""
    if _largest(body) > _PHP_SAFE:
        return quote.php_string(literal.line(body, literal.JSON))
    return f"json_encode({literal.block(body, literal.PHP)})"


def _openai(body: Body) -> str:
    """Keyword arguments of the SDK's ``create``."""
    known = {key: value for key, value in body.items() if key in OPENAI_KEYWORDS}
    more = {key: value for key, value in body.items() if key not in OPENAI_KEYWORDS}
    extra = {"extra_body": more} if more else {}
    return literal.arguments({**known, **extra}, indent=8)


def _largest(value: Any) -> int:
    if isinstance(value, dict):
        return max(map(_largest, value.values()), default=0)
    if isinstance(value, list):
        return max(map(_largest, value), default=0)
    return abs(value) if isinstance(value, int) else 0


def _names(value: Any) -> frozenset[str]:
    if isinstance(value, list):
        return frozenset().union(*map(_names, value))
    if isinstance(value, dict):
        return frozenset(value).union(*map(_names, value.values()))
    return frozenset()


TARGETS = (
    Target(
        "curl",
        "Shell",
        "curl",
        suffix="sh",
        lexer="bash",
        comment="#",
        install="curl and jq",
        run="bash ask.sh",
        quote=_json(quote.shell_heredoc),
    ),
    Target(
        "swift",
        "Swift",
        "URLSession",
        suffix="swift",
        lexer="swift",
        comment="//",
        install="Swift 5.7 or newer, on Linux or macOS 12",
        run="swift ask.swift",
        quote=_json(quote.swift_raw),
        tested="parsed",
    ),
    Target(
        "dart",
        "Dart",
        "http",
        suffix="dart",
        lexer="dart",
        comment="//",
        install="dart pub add http",
        run="dart run ask.dart",
        quote=_json(quote.dart_raw),
        tested="parsed",
    ),
    Target(
        "ruby",
        "Ruby",
        "net/http",
        suffix="rb",
        lexer="ruby",
        comment="#",
        install="Ruby 2.7 or newer; nothing else",
        run="ruby ask.rb",
        quote=_data(literal.RUBY),
    ),
    Target(
        "rust",
        "Rust",
        "reqwest",
        suffix="rs",
        lexer="rust",
        comment="//",
        install="cargo add reqwest serde_json && cargo add tokio --features full",
        run="cargo run (this file as src/main.rs)",
        quote=_json(quote.rust_raw),
    ),
    Target(
        "c",
        "C",
        "libcurl",
        suffix="c",
        lexer="c",
        comment="//",
        install="libcurl and cJSON (apt install libcurl4-openssl-dev libcjson-dev)",
        run="cc ask.c -o ask -lcurl -lcjson && ./ask",
        quote=_json(quote.c_pieces),
    ),
    Target(
        "go",
        "Go",
        "net/http",
        suffix="go",
        lexer="go",
        comment="//",
        install="Go 1.19 or newer; nothing else",
        run="go run ask.go",
        quote=_go,
    ),
    Target(
        "csharp-httpclient",
        "C#",
        "HttpClient",
        suffix="cs",
        lexer="csharp",
        comment="//",
        install=".NET 6 or newer; nothing else",
        run="dotnet run (this file as Program.cs of dotnet new console)",
        quote=_json(quote.csharp_verbatim),
    ),
    Target(
        "csharp-restsharp",
        "C#",
        "RestSharp",
        suffix="cs",
        lexer="csharp",
        comment="//",
        install="dotnet add package RestSharp (112 or newer)",
        run="dotnet run (this file as Program.cs of dotnet new console)",
        quote=_json(quote.csharp_verbatim),
        tested="parsed",
    ),
    Target(
        "javascript",
        "JavaScript",
        "axios",
        suffix="mjs",
        lexer="javascript",
        comment="//",
        install="npm install axios",
        run="node ask.mjs",
        quote=_javascript,
    ),
    Target(
        "java",
        "Java",
        "OkHttp",
        suffix="java",
        lexer="java",
        comment="//",
        install="Java 17 or newer; com.squareup.okhttp3:okhttp (3.12 or newer; from 5 "
        "okhttp-jvm) and com.google.code.gson:gson, with what they need",
        run="java -cp 'jars/*' -Dfile.encoding=UTF-8 ask.java",
        quote=_json(quote.java_text),
    ),
    Target(
        "php-guzzle",
        "PHP",
        "Guzzle",
        suffix="php",
        lexer="php",
        comment="//",
        install="PHP 8.1 or newer; composer require guzzlehttp/guzzle",
        run="php ask.php",
        quote=_php,
    ),
    Target(
        "php-curl",
        "PHP",
        "cURL",
        suffix="php",
        lexer="php",
        comment="//",
        install="PHP 8.1 or newer with its curl extension",
        run="php ask.php",
        quote=_php,
    ),
    Target(
        "python-requests",
        "Python",
        "requests",
        suffix="py",
        lexer="python",
        comment="#",
        install="pip install requests",
        run="python ask.py",
        quote=_data(literal.PYTHON),
    ),
    Target(
        "python-openai",
        "Python",
        "OpenAI SDK",
        suffix="py",
        lexer="python",
        comment="#",
        install="pip install openai",
        run="python ask.py",
        quote=_openai,
    ),
    Target(
        "python-httpx",
        "Python",
        "httpx",
        suffix="py",
        lexer="python",
        comment="#",
        install="pip install httpx",
        run="python ask.py",
        quote=_data(literal.PYTHON),
    ),
)
KEYS = tuple(target.key for target in TARGETS)
