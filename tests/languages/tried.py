"""What the programs of each target were run with, as the READMEs tell."""

TRIED = {
    "curl": ("curl 7.88",),
    "swift": ("Swift on Linux 6.0.3",),
    "dart": (),
    "ruby": ("Ruby 3.1",),
    "rust": ("reqwest 0.11.27", "reqwest 0.12.28", "reqwest 0.13.5"),
    "c": ("libcurl 7.88",),
    "go": ("Go 1.19.13", "Go 1.26.8"),
    "csharp-httpclient": ("Mono 6.8",),
    "csharp-restsharp": (
        ".NET 10.0 with RestSharp 112.1",
        ".NET 10.0 with RestSharp 114.1",
    ),
    "javascript": ("axios 1.21.1",),
    "java": ("OkHttp 3.12.0", "OkHttp 4.12.0", "OkHttp 5.3.2"),
    "php-guzzle": ("Guzzle 7.4",),
    "php-curl": ("PHP 8.2",),
    "python-requests": ("requests 2.34.2",),
    "python-openai": ("openai 3.57.0",),
    "python-httpx": ("httpx 0.28.1",),
}
"""Names with a version, the lowest version first."""

NOT_RUN = {"swift": "tried", "dart": "parsed", "csharp-restsharp": "earlier"}
"""Targets that the tests only parse.

``tried``: the programs were run by hand; ``earlier``: an earlier form of them was;
``parsed``: none was.
"""
