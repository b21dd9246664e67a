"""The key: no command and no error shows or keeps it, at the lowest log level.

The server repeats the key and the value of a header in whatever it says, whole and
over several chunks; the person's own names and files hold neither.
"""

import io
import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.loopback import DONE, Answer, Loopback, Seen, completion, event
from tests.terminal import Ran, Runner
from wcode_magics.notebook import load_ext
from wcode_magics.protocol.error_words import STATUSES

KEY = "sk-canary-0123456789"
HEADER = "header-canary-9876543210"
SECRETS = (KEY, HEADER)
SAID = " ".join(SECRETS)

COMMANDS = {
    "wcode": [
        "%wcode hi",
        "%wcode --no-stream hi",
        "%wcode --logprobs --top-logprobs 2 hi",
        "%wcode --dry-run hi",
        "%wcode --as curl hi",
        "%wcode --chat t hi",
        "%wcode --json hi",
        "%wcode --sweep seed=1,2 -- hi",
        "%wcode --repeat 2 hi",
        "%wcode --temprature 3 hi",
        f"%wcode --param api_key={KEY} hi",
        f"%wcode {KEY}",
        "%%wcode -f code\nhi",
        "import pandas as pd; df = pd.DataFrame({'a': ['x', 'y']})",
        "%%wcode --frame $df\n{{ a }}",
        "%wcode --panel hi",
        "%wcode?",
    ],
    "wcode_config": [
        "%wcode_config",
        "%wcode_config headers",
        "%wcode_config --save work",
        f"%wcode_config base_url=http://user:{KEY}@h/v1",
        f"%wcode_config base_url=http://h/v1?key={KEY}",
    ],
    "wcode_show": ["%wcode_show", "%wcode_show hi"],
    "wcode_models": ["%wcode_models"],
    "wcode_params": ["%wcode_params"],
    "wcode_code": ["%wcode_code curl", "%wcode_code python-requests"],
    "wcode_usage": ["%wcode_usage"],
    "wcode_history": ["%wcode_history 9", "%wcode_history --export out.jsonl"],
    "wcode_chats": ["%wcode_chats"],
    "wcode_reset": ["%wcode_reset t"],
    "wcode_diff": ["%wcode_diff"],
    "wcode_branch": ["%wcode_branch 0 1"],
    "wcode_tree": ["%wcode_tree", "%wcode_tree --depth 0"],
    "wcode_repair": ["%wcode_repair"],
    "wcode_fix": ["1 / 0", "%wcode_fix --yes"],
    "wcode_panel": ["%wcode_panel"],
    "wcode_review": ["%wcode_review $nothing"],
    "wcode_probe": ["%wcode_probe", "%wcode_probe x"],
    "wcode_login": ["%wcode_login"],
    "wcode_logout": ["%wcode_logout"],
}
"""What is run for each command, the right and the wrong."""


def echo(seen: Seen) -> Answer:
    """Answers with the secrets, in two chunks where a stream is asked for."""
    if not seen.content:
        return Answer([json.dumps({"data": [{"id": SAID}]}).encode()])
    message = {"role": "assistant", "content": SAID}
    choice = {"index": 0, "message": message, "finish_reason": KEY}
    if not seen.body.get("stream"):
        return Answer([json.dumps({"model": HEADER, "choices": [choice]}).encode()])
    pieces = [event({"content": part}) for part in (SAID[:9], SAID[9:30], SAID[30:])]
    return Answer([*pieces, event({}, KEY), DONE], kind="text/event-stream")


def refusal(status: int) -> Answer:
    """An error that repeats the secrets."""
    error = {"message": f"no {SAID}", "code": KEY, "param": HEADER}
    return Answer([json.dumps({"error": error}).encode()], status)


@pytest.fixture
def canary(
    server: Callable[..., Loopback],
    run: Runner,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[..., tuple[str, str]]]:
    """Run cells at a server with the secrets set; gives what is shown, and the log."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)

    def at(answer: object, cells: list[str]) -> tuple[str, str]:
        server(answer)
        monkeypatch.setenv("WCODE_API_KEY", KEY)
        monkeypatch.setenv("WCODE_HEADERS", json.dumps({"x-key": HEADER}))
        monkeypatch.setenv("WCODE_STORE", str(tmp_path / "answers.db"))
        monkeypatch.chdir(tmp_path)
        shown = "\n".join(_everything(run(cell)) for cell in cells)
        return shown, log.getvalue()

    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield at
    root.removeHandler(handler)
    root.setLevel(before)
    for path in tmp_path.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        assert leaks(held.decode("latin-1")) == [], path


def leaks(text: str) -> list[str]:
    """Where a secret stands in a text, with what is around it."""
    found = (re.finditer(re.escape(secret), text) for secret in SECRETS)
    return [text[max(0, at.start() - 99) : at.end() + 9] for one in found for at in one]


def _everything(ran: Ran) -> str:
    outputs = [(one.data, one.metadata) for one in ran.outputs]
    return "\n".join([ran.stdout, ran.stderr, repr(outputs), repr(ran.error)])


def test_every_command_is_run(shell: InteractiveShell) -> None:
    """A new one has a row here."""
    names = [*shell.magics_manager.magics["line"], *shell.magics_manager.magics["cell"]]
    assert {name for name in names if name.startswith("wcode")} == set(COMMANDS)


def test_no_command_shows_it(
    canary: Callable[..., tuple[str, str]], shell: InteractiveShell
) -> None:
    """Outputs, metadata, logs, the store, exports, chats, values and pickles."""
    cells = [cell for cells in COMMANDS.values() for cell in cells]
    shown, log = canary(echo, cells)
    assert "***" in shown
    assert leaks(shown) == []
    assert leaks(log) == []
    session = load_ext.session(shell)
    settings, endpoint = session.settings, session.endpoint()
    held = [settings, settings.resolve({}), endpoint, session.history]
    assert endpoint.key == KEY
    assert leaks(repr(held)) == []
    packed = pickle.dumps([settings, settings.resolve({}), endpoint])
    assert leaks(packed.decode("latin-1")) == []


MISPLACED = (
    *("%wcode_config {}=1", "%wcode_config {}", "%wcode_config api_key={}"),
    *("%wcode_config KEY={}", "%wcode_config --{}", "%wcode_config {} {}"),
    *("%wcode_config temperature={}", "%wcode_config base_url={}"),
    *("%wcode_config headers={}", "%wcode_config profile={}"),
    *("%wcode --{} hi", "%wcode --api-key {} hi", "%wcode --temperature {} hi"),
    *("%wcode --param {}=1 hi", "%wcode --param {} hi", "%wcode --param key={} hi"),
    *("%wcode --profile {} hi", "%wcode --schema {} hi", "%wcode --tools {} hi"),
    *("%wcode --functions {} hi", "%wcode --as {} hi"),
    *("%wcode --format {} hi", "%wcode --sweep {}=1 -- hi", "%wcode --timeout {} hi"),
    *("%wcode --sweep seed={} -- hi", "%wcode --logit-bias {} hi"),
    *("%wcode_code {}", "%wcode_params {}", "%wcode_history {}", "%wcode_reset {}"),
    *("%wcode_chats {}", "%wcode_diff {} {}", "%wcode_branch {}", "%wcode_login {}"),
    *("%wcode_tree {}", "%wcode_tree --depth {}"),
    *("%wcode_probe {}", "%wcode_review {}", "%wcode --image {} hi"),
    *("%wcode_history --import {}", "%wcode_usage {}", "%wcode_repair --{}"),
)
"""Where people type a key by mistake."""
TYPED = (
    *(
        "sk-typed0123456789abcd",
        "hf_typedABCDEFGHIJKLMNOPQRST",
        "AIzatyped012345678901",
    ),
    "Zq8typed9kQ2vX7bN4mL1pR6tW3y",
)
"""Keys, three by their forms and one that is merely random."""


@pytest.mark.parametrize("key", TYPED)
def test_a_key_in_the_wrong_place_is_not_repeated(
    server: Callable[..., Loopback], run: Runner, key: str
) -> None:
    """An error names what was typed, but never what looks like a key."""
    server(completion())
    shown = {cell: _everything(run(cell.replace("{}", key))) for cell in MISPLACED}
    assert [cell for cell, text in shown.items() if "typed" in text] == []


@pytest.mark.parametrize("status", [400, 500, *STATUSES])
def test_no_error_shows_it(canary: Callable[..., tuple[str, str]], status: int) -> None:
    """Every kind of refusal, streamed, whole, of a listing and in a table."""
    cells = [
        "%wcode hi",
        "%wcode --no-stream hi",
        "%wcode_models",
        *COMMANDS["wcode"][-4:-2],
        "%tb",
        "%wcode_fix --yes",
    ]
    shown, log = canary(refusal(status), cells)
    assert str(status) in shown
    assert leaks(shown) == []
    assert leaks(log) == []
