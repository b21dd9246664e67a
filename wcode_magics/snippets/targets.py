"""Languages and libraries that a request can be exported to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wcode_magics.snippets import literal, quote

Body = Mapping[str, Any]

OPENAI_KEYWORDS = frozenset(
    {
        *("model", "messages", "stream", "temperature", "top_p", "seed"),
        *("frequency_penalty", "presence_penalty", "max_tokens", "stop", "verbosity"),
        *("logprobs", "top_logprobs", "logit_bias", "response_format"),
        *("tools", "tool_choice", "parallel_tool_calls"),
    }
)
"""Arguments of ``chat.completions.create`` (OpenAI SDK); others go to extra_body."""

_JAVASCRIPT_SAFE = 2**53 - 1
_PHP_SAFE = 2**63 - 1
_AXIOS_DROPS = frozenset({"__proto__", "constructor", "prototype"})


@dataclass(frozen=True, slots=True)
class Target:
    """Language with the library that makes the call.

    ``title`` is also Pygments' name of the language. ``install`` and ``run`` are in the
    header of each program, whose lines begin with ``comment``. ``quote`` formats a
    request body as the template's ``body``.
    """

    key: str
    title: str
    library: str
    install: str
    run: str
    quote: Callable[[Body], str | list[str]]
    comment: str = "//"


def _json(write: Callable[[str], str | list[str]]) -> Callable[[Body], Any]:
    return lambda body: write(literal.block(body, literal.JSON))


def _go(body: Body) -> str:
    return quote.go_raw(literal.block(body, literal.GO_JSON))


def _data(dialect: literal.Dialect) -> Callable[[Body], str]:
    return lambda body: literal.block(body, dialect)


def _javascript(body: Body) -> str:
    """Format as an object, or as JSON text if an object would not be sent intact.

    Numbers beyond 2⁵³ - 1 lose digits, and axios drops keys that could change a
    prototype.
    """
    if _largest(body) > _JAVASCRIPT_SAFE or _names(body) & _AXIOS_DROPS:
        return quote.javascript_string(literal.line(body, literal.JSON))
    return literal.block(body, literal.JAVASCRIPT)


def _php(body: Body) -> str:
    """Format as an encoded array, or as JSON text if an integer exceeds 64 bits."""
    if _largest(body) > _PHP_SAFE:
        return quote.php_string(literal.line(body, literal.JSON))
    return f"json_encode({literal.block(body, literal.PHP)})"


def _openai(body: Body) -> str:
    """Format as keyword arguments of the SDK's ``create``."""
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
        comment="#",
        install="curl and jq (1.7 or newer for answers of more than 64 KB)",
        run="bash ask.sh",
        quote=_json(quote.shell_heredoc),
    ),
    Target(
        "swift",
        "Swift",
        "URLSession",
        install="Swift 5.7 or newer, on Linux or macOS 12",
        run="swift ask.swift",
        quote=_json(quote.swift_raw),
    ),
    Target(
        "dart",
        "Dart",
        "http",
        install="dart pub add http",
        run="dart run ask.dart",
        quote=_json(quote.dart_raw),
    ),
    Target(
        "ruby",
        "Ruby",
        "net/http",
        comment="#",
        install="Ruby 2.7 or newer; nothing else",
        run="ruby ask.rb",
        quote=_data(literal.RUBY),
    ),
    Target(
        "rust",
        "Rust",
        "reqwest",
        install="cargo add reqwest serde_json && cargo add tokio --features full",
        run="cargo run (this file as src/main.rs)",
        quote=_json(quote.rust_raw),
    ),
    Target(
        "c",
        "C",
        "libcurl",
        install="libcurl and cJSON (apt install libcurl4-openssl-dev libcjson-dev)",
        run="cc ask.c -o ask -lcurl -lcjson && ./ask",
        quote=_json(quote.c_pieces),
    ),
    Target(
        "go",
        "Go",
        "net/http",
        install="Go 1.19 or newer; nothing else",
        run="go run ask.go",
        quote=_go,
    ),
    Target(
        "csharp-httpclient",
        "C#",
        "HttpClient",
        install=".NET 6 or newer; nothing else",
        run="dotnet run (this file as Program.cs of dotnet new console)",
        quote=_json(quote.csharp_verbatim),
    ),
    Target(
        "csharp-restsharp",
        "C#",
        "RestSharp",
        install="dotnet add package RestSharp (112 or newer)",
        run="dotnet run (this file as Program.cs of dotnet new console)",
        quote=_json(quote.csharp_verbatim),
    ),
    Target(
        "javascript",
        "JavaScript",
        "axios",
        install="npm install axios",
        run="node ask.mjs",
        quote=_javascript,
    ),
    Target(
        "java",
        "Java",
        "OkHttp",
        install="Java 17 or newer; com.squareup.okhttp3:okhttp (3.12 or newer; from 5 "
        "okhttp-jvm) and com.google.code.gson:gson, with what they need",
        run="java -cp 'jars/*' -Dfile.encoding=UTF-8 ask.java",
        quote=_json(quote.java_text),
    ),
    Target(
        "php-guzzle",
        "PHP",
        "Guzzle",
        install="PHP 8.1 or newer; composer require guzzlehttp/guzzle",
        run="php ask.php",
        quote=_php,
    ),
    Target(
        "php-curl",
        "PHP",
        "cURL",
        install="PHP 8.1 or newer with its curl extension",
        run="php ask.php",
        quote=_php,
    ),
    Target(
        "python-requests",
        "Python",
        "requests",
        comment="#",
        install="pip install requests",
        run="python ask.py",
        quote=_data(literal.PYTHON),
    ),
    Target(
        "python-openai",
        "Python",
        "OpenAI SDK",
        comment="#",
        install="pip install openai",
        run="python ask.py",
        quote=_openai,
    ),
    Target(
        "python-httpx",
        "Python",
        "httpx",
        comment="#",
        install="pip install httpx",
        run="python ask.py",
        quote=_data(literal.PYTHON),
    ),
)
KEYS = tuple(target.key for target in TARGETS)
