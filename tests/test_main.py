"""The shell's command, as a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.loopback import Answer, Loopback, Seen, completion, either, event, streamed

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shell() -> Shell:
    """Run the command with words, standard input and an endpoint."""

    def run(
        *words: str,
        stdin: str | bytes = "",
        server: Loopback | None = None,
        **more: str,
    ) -> subprocess.CompletedProcess[str]:
        where = {"WCODE_BASE_URL": server.url} if server else {}
        done = subprocess.run(
            [sys.executable, "-m", "wcode_magics", *words],
            input=stdin if isinstance(stdin, bytes) else stdin.encode(),
            capture_output=True,
            timeout=60,
            env={**os.environ, "WCODE_RETRIES": "0", **where, **more},
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    return run


def test_words_are_the_prompt(shell: Shell, loopback: Callable[..., Loopback]) -> None:
    """Options may stand anywhere; the answer alone is on standard output."""
    server = loopback(streamed("Hi ", "there."))
    done = shell("Say", "-t", "0", "{{ hi }}", "--stop=END", server=server)
    assert (done.stdout, done.stderr, done.returncode) == ("Hi there.\n", "", 0)
    body = server.seen[0].body
    assert body["messages"] == [{"role": "user", "content": "Say {{ hi }}"}]
    assert (body["temperature"], body["stop"]) == (0, ["END"])


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--sweep", "seed=1,2"]])
def test_advice_is_given_beside_the_answer(
    more: list[str], shell: Shell, loopback: Callable[..., Loopback]
) -> None:
    """As in cells, in the shell's words, a line each, on standard error."""
    server = loopback(*[streamed("Hi.")] * 2)
    words = ["Say hi --seed 3", "-t", "0", "-p", "0.5", "--param", "odd=1", *more]
    done = shell(*words, server=server)
    assert done.returncode == 0
    assert "are both set" not in done.stdout
    both, unknown, inside = done.stderr.splitlines()
    assert unknown.startswith("odd is not in the table")
    assert both.startswith("temperature and top_p are both set")
    assert inside.startswith(
        "--seed is sent as a part of the prompt; write options out"
    )


def test_the_sandbox_is_named_once_beside_its_answer(shell: Shell) -> None:
    """On standard error; in a program once, by the package's logger."""
    done = shell("-t", "0", "Hi")
    assert done.stdout.strip()
    assert "sandbox" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    program = """
import logging, wcode_magics
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
with wcode_magics.Session() as session:
    print({session.ask("Hi").source for _ in range(2)}, session.ask("Hi").source)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "{'sandbox'} sandbox\n"
    assert ran.stderr.startswith("wcode_magics WARNING Answered by the sandbox")
    assert len(ran.stderr.splitlines()) == 1


def test_a_pipe_is_the_prompt(shell: Shell, loopback: Callable[..., Loopback]) -> None:
    """Alone, or after the words, in UTF-8 whatever the locale."""
    server = loopback(either("好"))
    done = shell("--system", "简短", stdin="你好\n", server=server, LC_ALL="C")
    assert done.stdout == "好\n"
    shell("Translate:", "--no-stream", stdin="你好", server=server)
    first, second = (seen.body["messages"] for seen in server.seen)
    assert first[0] == {"role": "system", "content": "简短"}
    assert first[1]["content"] == "你好"
    assert second[0]["content"] == "Translate:\n\n你好"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--temprature", "0", "x"), "--temperature"),
        (("-t", "9", "x"), "0 … 2"),
        ((), "prompt is empty"),
        (("x", "-t"), "needs a value"),
        (("--nonsense", "x"), "Options: --help."),
        (("--functions", "f", "x"), "f"),
        (("--chat", "c", "x"), "notebook"),
        (("--repeat", "2", "x"), "notebook"),
        (("--sweep", "tempature=1", "x"), "temperature"),
        (("--system", "$s", "x"), "the command line has none"),
        (("--param", "n=3", "x"), "Ask 3 times"),
        (("--schema", "{}", "x"), "Give a JSON Schema, or a JSON object"),
        (("--schema", "5", "x"), "must be JSON · @file."),
    ],
)
def test_a_wrong_line_is_one_line_and_code_2(
    words: tuple[str, ...], said: str, shell: Shell
) -> None:
    """On standard error; nothing is sent."""
    done = shell(*words, WCODE_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_key_is_no_option_and_is_not_shown(shell: Shell) -> None:
    """Where it belongs is told as a shell has it."""
    done = shell("--api-key", "sk-secret", "x")
    assert "Set WCODE_API_KEY in the environment." in done.stderr
    assert "sk-secret" not in done.stderr
    assert "%wcode" not in done.stderr


def test_a_failure_is_one_line_and_code_1(
    shell: Shell, loopback: Callable[..., Loopback]
) -> None:
    """What came before it is on standard output."""
    broken = Answer([event({"content": "Half"})], kind="text/event-stream")
    done = shell("x", server=loopback(broken))
    assert done.stdout.startswith("Half")
    assert "broke off" in done.stderr
    assert "is on standard output" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 1
    assert shell("x", server=loopback(Answer([b"{}"], 401))).returncode == 1


def test_a_cut_answer_says_so(shell: Shell, loopback: Callable[..., Loopback]) -> None:
    """The badge is on standard error."""
    done = shell(
        "--no-stream", "x", server=loopback(completion(finish_reason="length"))
    )
    assert (done.stdout, done.returncode) == ("Hello.\n", 0)
    assert "raise --max-tokens" in done.stderr
    assert "%wcode" not in done.stderr


def test_forms_are_json(shell: Shell, loopback: Callable[..., Loopback]) -> None:
    """--schema and --json print the checked value on one line."""
    server = loopback(completion('```json\n{"a": 1}\n```'), completion('{"b": 1}'))
    schema = '{"a": "int"}'
    done = shell("--schema", schema, "x", server=server)
    assert json.loads(done.stdout) == {"a": 1}
    wrong = shell("--schema", schema, "x", server=server)
    assert wrong.returncode == 1
    assert "$.a" in wrong.stderr
    assert '{"b": 1}' in wrong.stdout


def test_sweeps_and_what_sends_nothing(
    shell: Shell, loopback: Callable[..., Loopback]
) -> None:
    """--sweep prints the answers; --dry-run and --as send nothing."""

    def by_seed(seen: Seen) -> Answer:
        return completion(f"Answer {seen.body['seed']}")

    server = loopback(by_seed)
    done = shell("--sweep", "seed=1,2", "temperature=0", "hi", server=server)
    assert "Answer 1" in done.stdout
    assert "Answer 2" in done.stdout
    assert server.seen[0].body["messages"][0]["content"] == "hi"
    assert len(server.seen) == 2
    shown = shell("--dry-run", "-t", "0", "hi", server=server)
    assert json.loads(shown.stdout)["temperature"] == 0
    assert "hi" in shell("--as", "curl", "hi", server=server).stdout
    assert len(server.seen) == 2


def test_a_shell_replays_too(shell: Shell, loopback: Callable[..., Loopback]) -> None:
    """By a seed or --replay the answer comes from the store; --fresh sends again."""
    server = loopback(completion("one"), completion("two"))
    lines = (["--seed", "1"], ["--seed", "1"], ["--seed", "1", "--replay=only"])
    said = [shell("--no-stream", *line, "hi", server=server) for line in lines]
    assert [done.stdout for done in said] == ["one\n"] * 3
    again = shell("--no-stream", "--fresh", "--seed", "1", "hi", server=server)
    assert again.stdout == "two\n"
    both = shell("--fresh", "--replay", "hi", server=server)
    assert (both.returncode, len(server.seen)) == (2, 2)


def test_help_has_the_options_that_work_here(shell: Shell) -> None:
    """In the person's language."""
    shown = shell("--help").stdout
    assert "%wcode" not in shown
    for word in ("{{", "image(", "--frame", "--out ", "$", "%wcode_fix", "reply."):
        assert word not in shown, word
    assert "--temperature" in shown
    assert "--functions f,g" not in shown
    assert "标准输出" in shell("-h", WCODE_LANGUAGE="zh").stdout


def test_without_a_key_the_sandbox_answers(shell: Shell) -> None:
    """Nothing needs to be set up."""
    done = shell("-s", "1", "--max-tokens", "5", "Hello")
    assert done.returncode == 0
    assert done.stdout.strip()
