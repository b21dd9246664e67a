"""HTTP by hand, so that the sandbox is judged by its bytes."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

MODEL = "wcode-sandbox"


@dataclass(frozen=True, slots=True)
class Answered:
    """A status and a JSON body, or the data of a stream's events."""

    status: int
    body: Any
    events: tuple[Any, ...] = ()

    @property
    def choice(self) -> Any:
        """The only choice."""
        return self.body["choices"][0]

    @property
    def text(self) -> str:
        """The content of the message."""
        return str(self.choice["message"]["content"])

    @property
    def error(self) -> Any:
        """The error object."""
        return self.body["error"]

    @property
    def tokens(self) -> list[Any]:
        """The tokens with log probabilities."""
        return list(self.choice["logprobs"]["content"])

    @property
    def finish(self) -> str:
        """The finish reason."""
        return str(self.choice["finish_reason"])

    @property
    def streamed(self) -> str:
        """The text of all deltas."""
        deltas = (e["choices"][0]["delta"] for e in self.events if e["choices"])
        return "".join(delta.get("content") or "" for delta in deltas)


@dataclass(frozen=True, slots=True)
class Wire:
    """Posts and gets below a base URL."""

    base_url: str

    def connection(self) -> HTTPConnection:
        """A connection that is not open yet."""
        where = urlsplit(self.base_url)
        return HTTPConnection(str(where.hostname), where.port, timeout=100)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send JSON (bytes go as they are) and read all that comes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        with closing(self.connection()) as connection:
            connection.request(method, f"/v1{path}", raw, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        if response.headers["Content-Type"].startswith("text/event-stream"):
            lines = content.decode().split("\n\n")
            assert lines[-2:] == ["data: [DONE]", ""]
            events = tuple(json.loads(line[6:]) for line in lines[:-2])
            return Answered(response.status, None, events)
        return Answered(response.status, json.loads(content))

    def chat(self, prompt: Any, **more: Any) -> Answered:
        """Ask a question, or go on with messages."""
        messages = [user(prompt)] if isinstance(prompt, str) else prompt
        body = {"model": MODEL, "messages": messages, **more}
        return self.send("POST", "/chat/completions", body)

    def ids(self, text: str) -> list[int]:
        """The ids of the tokens of a text."""
        return list(self.send("POST", "/tokenize", {"text": text}).body["ids"])


def user(text: str) -> dict[str, str]:
    """A message of the user."""
    return {"role": "user", "content": text}


def function(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    """A tool with the given properties, all required."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    told = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": told}


def schema(**properties: Any) -> dict[str, Any]:
    """A ``response_format`` with the given properties, all required."""
    form = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": form}}


WEATHER = function(
    "get_weather", "The current weather of a city", city={"type": "string"}
)
CLOCK = function("get_time", "The local time of a city", city={"type": "string"})
