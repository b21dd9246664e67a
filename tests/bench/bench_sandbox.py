"""The sandbox: how soon it starts and answers, how fast it writes."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from tests.bench.bars import least, most
from wcode_magics.sandbox import Sandbox

STARTS = 5
ROUNDS = 20
TOKENS = 3_000
_START = """
import time
from wcode_magics.sandbox import Sandbox
begun = time.perf_counter()
with Sandbox() as sandbox:
    print(time.perf_counter() - begun)
"""
_ANSWER = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "wcode_magics")
begun = time.perf_counter()
assert shell.run_cell("%%wcode -t 0\\nSay hello.").success
print()
print(time.perf_counter() - begun)
"""


def main() -> list[tuple[str, ...]]:
    """Seconds of start and first answer, medians; tokens per second, best of 3."""
    start, answered = (
        statistics.median(_printed(code) for _ in range(STARTS))
        for code in (_START, _ANSWER)
    )
    with Sandbox() as sandbox:
        url = sandbox.base_url
        first = statistics.median(_first(url) for _ in range(ROUNDS)) * 1000
        plain = max(_rate(url) for _ in range(3))
        shown = max(_rate(url, logprobs=True, top_logprobs=20) for _ in range(3))
        shaped = max(_rate(url, temperature=0.7, top_p=0.9) for _ in range(3))
    return [
        (
            "sandbox's first answer in a fresh shell, s",
            f"{answered:.2f}",
            f"{start:.2f} its start",
            most(answered, 0.5),
        ),
        ("sandbox first token, ms", f"{first:.1f}", "–", most(first, 20)),
        ("sandbox streamed tokens/s", f"{plain:.0f}", "–", least(plain, 2000)),
        ("… with top_logprobs=20", f"{shown:.0f}", "–", "–"),
        ("… with temperature and top_p", f"{shaped:.0f}", "–", "–"),
    ]


def _printed(code: str) -> float:
    """The last line that a new process prints, without a key."""
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "WCODE_STORE": f"{home}/answers.db"}
        env.pop("WCODE_API_KEY", None)
        done = subprocess.run(command, capture_output=True, check=True, env=env)
    return float(done.stdout.splitlines()[-1])


def _first(url: str) -> float:
    begun = time.perf_counter()
    with _stream(url, "What does temperature do?") as response:
        response.readline()
        while b'"content": ""' in (line := response.readline()) or not line.strip():
            pass
        return time.perf_counter() - begun


def _rate(url: str, **more: Any) -> float:
    begun = time.perf_counter()
    endless = {"logit_bias": {"256": -100}, "max_tokens": TOKENS}
    with _stream(url, "Write a long story", **endless, **more) as response:
        response.read()
        return TOKENS / (time.perf_counter() - begun)


@contextmanager
def _stream(url: str, prompt: str, **more: Any) -> Iterator[HTTPResponse]:
    messages = [{"role": "user", "content": prompt}]
    body = {"model": "wcode-sandbox", "messages": messages, "stream": True, **more}
    where = urlsplit(url)
    connection = HTTPConnection(str(where.hostname), where.port)
    try:
        connection.request("POST", f"{where.path}/chat/completions", json.dumps(body))
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()
