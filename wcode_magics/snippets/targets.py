"""Languages and libraries that a request can be exported to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wcode_magics.snippets import literal, quote

Body = Mapping[str, Any]
Tested = Literal["run", "tried", "earlier", "parsed"]

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
"""Arguments of ``chat.completions.create`` (OpenAI SDK); others go to extra_body."""

_JAVASCRIPT_SAFE = 2**53 - 1
_PHP_SAFE = 2**63 - 1
_AXIOS_DROPS = frozenset({"__proto__", "constructor", "prototype"})


@dataclass(frozen=True, slots=True)
class Target:
    """Language with the library that makes the call.

    ``suffix`` is the extension of a source file, ``lexer`` the Pygments name of the
    language and ``comment`` the start of a comment line. ``install`` and ``run`` are
    in the header of each program, where the file is ``ask.<suffix>``. ``quote``
    formats a request body as the template's ``body``. ``tested`` is ``run`` if the
    tests run the programs; if they only parse them, it is ``tried`` if the programs
    were run by hand, ``earlier`` if an earlier form of them was, else ``parsed``.
    ``tried`` lists what they were run with, as names with a version, lowest version
    first.
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
    tried: tuple[str, ...]
    tested: Tested = "run"


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
        suffix="sh",
        lexer="bash",
        comment="#",
        install="curl and jq (1.7 or newer for answers of more than 64 KB)",
        run="bash ask.sh",
        quote=_json(quote.shell_heredoc),
        tried=("curl 7.88",),
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
        tried=("Swift on Linux 6.0.3",),
        tested="tried",
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
        tried=(),
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
        tried=("Ruby 3.1",),
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
        tried=("reqwest 0.11.27", "reqwest 0.12.28", "reqwest 0.13.5"),
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
        tried=("libcurl 7.88",),
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
        tried=("Go 1.19.13", "Go 1.26.8"),
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
        tried=("Mono 6.8",),
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
        tried=(".NET 10.0 with RestSharp 112.1", ".NET 10.0 with RestSharp 114.1"),
        tested="earlier",
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
        tried=("axios 1.21.1",),
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
        tried=("OkHttp 3.12.0", "OkHttp 4.12.0", "OkHttp 5.3.2"),
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
        tried=("Guzzle 7.4",),
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
        tried=("PHP 8.2",),
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
        tried=("requests 2.34.2",),
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
        tried=("openai 3.57.0",),
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
        tried=("httpx 0.28.1",),
    ),
)
KEYS = tuple(target.key for target in TARGETS)
