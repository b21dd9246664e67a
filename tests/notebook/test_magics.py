"""Cells and commands in a real IPython shell against a real server."""

import json
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from tests.loopback import Answer, Loopback, completion, event, streamed
from tests.terminal import Runner, new_shell, run_in
from wcode_magics import snippets, text
from wcode_magics.notebook import load_ext
from wcode_magics.protocol import models, parameters
from wcode_magics.protocol.reply import Reply
from wcode_magics.settings import options

KEY = "sk-canary-0123456789"


def test_a_cell_sends_its_body_and_binds_the_reply(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """The body is the prompt, the stream is shown, _wcode and --out are the reply."""
    made = server(streamed("Hel", "lo ", "you"))
    ran = run("%%wcode -t 0 --out answer\nSay hello")
    assert ran.success
    assert "Hello you" in ran.stdout
    assert made.seen[0].body == {
        "model": "qwen/qwen-2.5-7b-instruct",
        "messages": [{"role": "user", "content": "Say hello"}],
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    reply = shell.user_ns["answer"]
    assert reply is shell.user_ns["_wcode"]
    assert str(reply) == "Hello you"
    assert reply.usage.total_tokens == 15


def test_a_line_sends_the_rest_of_it(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """%wcode takes options first, then words that need no quotes."""
    made = server()
    assert run("%wcode --seed 7 What's {up}, $HOME?").success
    assert made.seen[0].body["messages"][0]["content"] == "What's {up}, $HOME?"
    assert made.seen[0].body["seed"] == 7


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_a_pasted_endpoint_is_noted_and_answers(
    run: Runner, server: Callable[..., Loopback], language: str
) -> None:
    """The URL of the API's path is trimmed: a note of one line, then the answer."""
    made = server(streamed("Hello"))
    run(f"%wcode_config language={language} base_url={made.url}/chat/completions")
    ran = run("%wcode Hi")
    assert ran.success
    assert text.say("advice.url_trimmed", url=made.url) in ran.stdout + ran.stderr
    assert "Hello" in ran.stdout


@pytest.mark.parametrize(
    ("prompt", "noted"),
    [
        ("Hello there -n 5", "-n"),
        ('"hello there" -t 0', "-t"),
        ("Hello --temperature=0.5 there", "--temperature=0.5"),
        ("\u2014temperature 0 Hi", "\u2014temperature"),
        ("\u2014 what is that dash? -- or -?", ""),
        ("-- Hello there -n 5", ""),
    ],
)
def test_an_option_inside_a_prompt_is_noted(
    prompt: str, noted: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """In one line; the prompt goes as it was written."""
    made = server(completion())
    ran = run(f"%wcode --no-stream {prompt}")
    told = "is sent as a part of the prompt"
    assert (f"{noted} {told}" if noted else "") in ran.stderr
    assert ran.stderr.count(told) == bool(noted)
    content = made.seen[0].body["messages"][0]["content"]
    assert content == prompt.removeprefix("-- ")


@pytest.mark.parametrize(
    ("code", "noted"),
    [
        ("%%wcode --no-stream\n-t 0 Hello", "-t"),
        ("%%wcode --no-stream\n\n  --seed=7 Hello", "--seed=7"),
        ("%%wcode --no-stream\n- what does -t 0 do?", ""),
        ("%%wcode --dry-run\n-t 0 Hello", "-t"),
        ("%%wcode --as curl\n-t 0 Hello", "-t"),
        ("%%wcode --frame $df\n-t 0 Hello {{ n }}", "-t"),
        ("%%wcode --sweep seed=1,2\n-t 0 Hello", "-t"),
        ("%wcode --sweep seed=1,2 Hello -t 0", "-t"),
        ("%wcode --dry-run Hello -t 0", "-t"),
        ("%wcode_show Hello -t 0", "-t"),
        ("%wcode_code curl Hello -t 0", "-t"),
    ],
)
def test_an_option_that_is_sent_as_text_is_noted_everywhere(
    code: str,
    noted: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """At the beginning of a cell, and in each command that takes a prompt."""
    server()
    shell.user_ns["df"] = pd.DataFrame({"n": [1, 2]})
    ran = run(code)
    told = "is sent as a part of the prompt"
    assert ran.success
    assert (f"{noted} {told}" if noted else "") in ran.plain + ran.stderr
    assert (ran.plain + ran.stderr).count(told) == bool(noted)


@pytest.mark.parametrize(
    "line", ["--dry-run", "--as curl", "--sweep seed=1,2", "--no-stream"]
)
def test_a_name_that_is_not_filled_in_is_told_wherever_it_is_shown(
    line: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """Once, and not before it can be seen."""
    server()
    shell.user_ns["name"] = "Rome"
    ran = run(f"%%wcode {line}\nSay {{name}}")
    assert "{name} is sent as it stands" in ran.plain + ran.stderr


def test_the_sandbox_costs_nothing_before_it_answers_too(run: Runner) -> None:
    """In the estimate of a prompt and of many requests."""
    assert ", ¥0." in run("%wcode_show Hi").plain
    assert "at most ¥0;" in run("%wcode --repeat 25 Hi").plain
    seeds = ",".join(map(str, range(25)))
    assert "at most ¥0;" in run(f"%wcode --sweep seed={seeds} -- Hi").plain


def test_runs_that_all_fail_alike_are_told_once(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """As the error of the cell, and not in a row for each."""
    server(*[Answer([b"{}"], 500)] * 3)
    ran = run("%wcode --repeat 3 hi")
    assert not ran.success
    assert (ran.plain + ran.stderr).count("500") == 1


def test_alternatives_without_probabilities_are_not_sent(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """One line with the remedy, instead of a request that is refused."""
    made = server()
    (line,) = run("%%wcode --top-logprobs 5\nhi").error_lines
    assert "--logprobs (-l)" in line
    assert not made.seen


def test_a_variable_that_hides_a_builtin_is_noted(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """It is bound as asked, and a line names the way back."""
    server(completion(), completion())
    assert "del print" in run("%wcode --no-stream -o print hi").stderr
    assert "del" not in run("%wcode --no-stream -o mine hi").stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%wcode -x Hi", "no option -x. Options: %%wcode?"),
        ("%wcode --api-key=k Hi", "%wcode_login"),
        ("%wcode_config api_key=", "WCODE_API_KEY"),
        ("%wcode_config temperature 0.5", "Write temperature=0.5"),
        ("%wcode_config price=0.15/0.6 USD", 'price="… USD"'),
        ("%wcode_code --stream curl", "No language --stream. There are curl"),
        ("%wcode_chats a/b --delete", "Options: --save · --load"),
        ("%wcode_probe foo", "options begin with --."),
        ("%wcode_usage foo", "foo was given; leave it out"),
    ],
)
def test_a_slip_is_answered_by_what_is_right(
    line: str, told: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """In one line; only what is near is suggested, and nothing is sent."""
    made = server()
    (error,) = run(line).error_lines
    assert told in error
    assert not made.seen


def test_the_model_in_force_is_shown(run: Runner) -> None:
    """Also the default one, which is sent with every request."""
    for line in ("%wcode_config", "%wcode_config model"):
        assert models.DEFAULT in run(line).plain


def test_nothing_is_sent_that_was_not_set(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """Without options the body is model and messages."""
    made = server(completion())
    run("%wcode --no-stream hi")
    assert set(made.seen[0].body) == {"model", "messages"}


@pytest.mark.parametrize("name", parameters.NAMES)
def test_every_parameter_reaches_the_endpoint(
    name: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """Each row of the table is a flag whose value is sent as it is."""
    values = {
        "logit_bias": {"15": -100},
        "response_format": {"type": "json_object"},
        "stop": ["END", "\n"],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "auto",
        "verbosity": "low",
    }
    row = parameters.find(name)
    value = values.get(name, {"float": 0.0, "int": 1, "bool": False}.get(row.kind))
    shell.user_ns["given"] = value
    made = server(completion())
    also = "-l " if name == "top_logprobs" else ""
    assert run(
        f"%wcode --no-stream {also}{options.FLAGS[f'--{name}'].flag}=$given hi"
    ).success
    assert made.seen[0].body[name] == value


def test_templates_are_filled_once(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """Values go in as text; --raw and single braces leave the prompt alone."""
    made = server()
    shell.user_ns.update(name="{{ secret }}", secret="s3cret")
    run('%%wcode\n{{ name }} {"a": {"b": 1}}')
    run("%%wcode --raw\n{{ name }}")
    said = [seen.body["messages"][0]["content"] for seen in made.seen]
    assert said == ['{{ secret }} {"a": {"b": 1}}', "{{ name }}"]


def test_system_text_file_and_variable(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell, tmp_path: Any
) -> None:
    """--system takes words, @file and $variable."""
    made = server()
    (tmp_path / "s.txt").write_text("from a file", "utf-8")
    shell.user_ns["role"] = "from a variable"
    for given in ('"two words"', f"@{tmp_path / 's.txt'}", "$role"):
        assert run(f"%wcode --system {given} hi").success
    heard = [seen.body["messages"][0]["content"] for seen in made.seen]
    assert heard == ["two words", "from a file", "from a variable"]


MISTAKES = {
    "%%wcode --temprature 0.5\nhi": r"--temprature.*--temperature.*0 … 2",
    "%%wcode --temperature 3\nhi": r"temperature is 3.*0 … 2",
    "%%wcode --verbosity loud\nhi": r"verbosity.*low · medium · high",
    "%%wcode --logit-bias {15: 3}\nhi": r"--logit-bias is not JSON",
    "%%wcode\n{{ reveiw }}": r"reveiw.*Did you mean review",
    "%%wcode\n   ": r"prompt is empty",
    "%wcode": r"prompt is empty",
    "%%wcode --system $rewiev\nhi": r"rewiev.*\$review",
    "%%wcode --system @nowhere.txt\nhi": r"nowhere\.txt cannot be read",
    "%%wcode --system @~nouser_x/a\nhi": r"~nouser_x/a cannot be read",
    "%%wcode hello\nhi": r"hello is not an option",
    "%%wcode -o 1x\nhi": r"--out is 1x",
    "%%wcode -t\nhi": r"--temperature needs a value",
    "%%wcode -t 0 -t 1\nhi": r"given twice",
    "%%wcode --profile nobody\nhi": r"no profile nobody",
    '%%wcode --system "open\nhi': r"not closed",
    "%%wcode\n{{ 1/0 }}": r"ZeroDivisionError",
    "%%wcode\n{% if %}": r"line 1",
    "%wcode_config tempature=1": r"tempature.*temperature",
    "%wcode_params tempature": r"tempature.*temperature",
    "%wcode_show": r"no reply yet",
    "%wcode --continue": r"no reply yet",
    "%wcode_login sk-on-the-line": r"Never write the key",
}


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_is_one_line_and_fails_the_cell(
    code: str, run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """What was given, what is allowed; nothing is sent."""
    made = server()
    shell.user_ns["review"] = "good"
    ran = run(code)
    assert not ran.success
    assert len(ran.error_lines) == 1, ran.stdout
    assert re.search(MISTAKES[code], ran.error_lines[0])
    assert not made.seen


FAILURES = {
    "wrong key": (Answer([b'{"error":{"message":"no"}}'], 401), "refuses the key"),
    "no credit": (Answer([b"{}"], 402), "no credit"),
    "unknown model": (Answer([b"{}"], 404), "does not know"),
    "rate limited": (Answer([b"{}"], 429), "Too many requests"),
    "server": (Answer([b"oops"], 500), "500: oops"),
    "not JSON": (Answer([b"<html>Login</html>"]), "not JSON"),
    "no choices": (Answer([b'{"choices": []}']), "no choices"),
    "cut": (
        Answer([event({"content": "Half"})], kind="text/event-stream"),
        "broke off",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_a_failure_is_one_line_and_fails_the_cell(
    name: str, stream: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """Every answer that is none says so in one line."""
    answer, words = FAILURES[name]
    if name == "cut" and stream == "--no-stream":
        answer, words = Answer([b'{"cho'], cut=True), "broke the connection"
    server(answer)
    ran = run(f"%%wcode {stream}\nhi")
    assert not ran.success
    assert words in ran.error_lines[-1]
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_a_page_is_no_answer_to_go_on_from(
    stream: str, run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """A page in place of an answer is kept, and neither shown nor continued."""
    page = "<html><body><h1>Log in</h1></body></html>"
    server(Answer([page.encode()]))
    ran = run(f"%%wcode {stream}\nhi")
    assert "--continue" not in ran.plain
    assert ran.plain.count("Log in") <= 1  # the error names how it begins
    assert f"keeps all {len(page)} characters" in ran.plain
    assert shell.user_ns["_wcode"].text == page
    assert "is no answer" in run("%wcode --continue").error_lines[-1]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (FAILURES["cut"][0], "Half"),
        (FAILURES["not JSON"][0], "<html>Login</html>"),
        (
            Answer(
                [event({"content": "Half"}), b'data: {"error":{"message":"x"}}\n\n'],
                kind="text/event-stream",
            ),
            "Half",
        ),
    ],
)
def test_what_arrived_is_kept(
    answer: Answer,
    text: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """A reply that broke off is bound, and the error says that it is."""
    server(answer)
    ran = run("%%wcode -o kept\nhi")
    assert not ran.success
    assert "_wcode" in ran.error_lines[-1]
    assert shell.user_ns["kept"].text == text
    assert shell.user_ns["kept"].finish_reason is None


def test_a_cut_answer_goes_on(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--continue sends the beginning back and joins what comes to it."""
    cut = Answer(
        [event({"content": "One, "}), event({}, "length")], kind="text/event-stream"
    )
    made = server(cut, streamed("two."))
    assert "max_tokens" in run("%%wcode -n 2\nCount").plain
    assert run("%wcode --continue -n 50").success
    assert str(shell.user_ns["_wcode"]) == "One, two."
    body = made.seen[1].body
    assert body["messages"][-1] == {"role": "assistant", "content": "One, "}
    assert body["continue_final_message"] is True
    assert body["max_tokens"] == 50
    assert "ended by itself" in run("%wcode --continue").plain


def test_the_key_shows_nowhere(
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither errors that quote it nor any command or repr tell the key."""
    made = server(
        Answer([f'{{"error":{{"message":"bad {KEY}"}}}}'.encode()], 401), completion()
    )
    monkeypatch.setenv("WCODE_API_KEY", KEY)
    seen = [run("%wcode hi"), run("%wcode --no-stream hi"), run("%wcode_config")]
    seen += [run("%wcode_show"), run("%wcode_models"), run("%config WcodeMagics")]
    seen += [run("repr(_wcode)"), run("_wcode")]
    assert made.seen[0].headers["authorization"] == f"Bearer {KEY}"
    session = load_ext.session(shell)
    held = repr([session.settings, session.endpoint(), session.last.to_dict()])  # type: ignore[union-attr]
    for ran in seen:
        everything = ran.plain + ran.stderr + json.dumps([o.data for o in ran.outputs])
        assert KEY not in everything
    assert KEY not in held


def test_a_prompt_with_the_key_is_not_sent(
    run: Runner, server: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key must not travel in a prompt, nor be saved with it."""
    made = server()
    monkeypatch.setenv("WCODE_API_KEY", KEY)
    ran = run(f"%%wcode\nMy key is {KEY}")
    assert not ran.success
    assert "contains your API key" in ran.stdout
    assert not made.seen


def test_settings_have_layers(
    run: Runner, server: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cell over profile over session over environment, and %wcode_config tells."""
    made = server()
    monkeypatch.setenv("WCODE_TEMPERATURE", "0.1")
    run("%wcode hi")
    run("%wcode_config temperature=0.2 top_k=5")
    run("%wcode hi")
    run("%wcode_config --save calm")
    run("%wcode_config temperature=0.9")
    run("%wcode --profile calm hi")
    run("%wcode --profile calm -t 0 hi")
    assert [s.body["temperature"] for s in made.seen] == [0.1, 0.2, 0.2, 0]
    assert re.search(r"temperature\s+0\.9\s+session", run("%wcode_config").plain)
    run("%wcode_config temperature=")
    assert re.search(r"temperature\s+0\.1\s+environment", run("%wcode_config").plain)


def test_config_traits(
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """%config WcodeMagics sets a checked value."""
    made = server()
    assert run("%config WcodeMagics.temperature = 0.3").success
    run("%wcode hi")
    assert made.seen[0].body["temperature"] == 0.3
    run("%config WcodeMagics.temperature = 9")
    assert "0 … 2" in caplog.text
    assert load_ext.session(shell).settings.session["temperature"] == 0.3


def test_the_configuration_file_is_a_layer(
    server: Callable[..., Loopback],
) -> None:
    """c.WcodeMagics.<name> holds where nothing above it says otherwise."""
    made = server()
    shell = new_shell()
    shell.config.WcodeMagics.temperature = 0.4
    load_ext.load(shell)
    run_in(shell, "%wcode hi")
    assert made.seen[0].body["temperature"] == 0.4
    shown = run_in(shell, "%wcode_config").plain
    assert re.search(r"temperature\s+0\.4\s+config", shown)
    load_ext.unload(shell)


def test_the_configuration_file_chooses_the_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """c.WcodeMagics.language speaks from the first command on, until unload."""
    monkeypatch.delenv("WCODE_LANGUAGE")
    monkeypatch.setenv("LC_ALL", "C")
    shell = new_shell()
    shell.config.WcodeMagics.language = "zh"
    load_ext.load(shell)
    assert "范围" in run_in(shell, "%wcode -t 9 hi").plain
    load_ext.unload(shell)
    assert text.language() != "zh"


@pytest.mark.priced
def test_show_and_dry_run_send_nothing(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """Both print the exact body and the layer of each value."""
    made = server()
    for code in ("%wcode_show -t 0.5 hello", "%wcode --dry-run -t 0.5 hello"):
        shown = run(code).plain
        assert '"temperature": 0.5' in shown
        assert re.search(r"temperature\s+0\.5\s+cell", shown)
        assert re.search(r"\d+ tokens, .*¥0\.0000\d+", shown)
    assert not made.seen


def test_code_exports_the_request(run: Runner, server: Callable[..., Loopback]) -> None:
    """The last request, the next one, and --as: a program, and nothing is sent."""
    made = server(completion())
    assert all(row.key in run("%wcode_code").plain for row in snippets.TARGETS)
    run("%wcode --no-stream -t 0.5 hello there")
    for code in (
        "%wcode_code python-httpx",
        "%wcode_code go --top-k 5 hello there",
        "%%wcode --as ruby\nhello there",
    ):
        shown = run(code).plain
        assert "hello there" in shown
        assert "WCODE_API_KEY" in shown
    assert "go" in run("%wcode_code golang").error_lines[0]
    assert len(made.seen) == 1


def test_params_lists_every_row(run: Runner) -> None:
    """%wcode_params is the table; with a name, one row of it."""
    shown = run("%wcode_params").plain
    assert all(name in shown for name in parameters.NAMES)
    assert "Current" not in shown
    run("%wcode_config top_p=0.5")
    assert "Current" in run("%wcode_params").plain
    one = run("%wcode_params top_p").plain
    assert "top_p" in one
    assert "min_p" not in one


def test_models_lists_both(run: Runner, server: Callable[..., Loopback]) -> None:
    """The catalogue, and what the endpoint lists or why it lists nothing."""
    server(Answer([b'{"data": [{"id": "their-model"}]}']), Answer([b"no"], 500))
    listed = run("%wcode_models").plain
    assert re.search(r"their-model[\s\S]*qwen-2.5-7b[\s\S]*¥0\.6", listed)
    again = run("%wcode_models").plain
    assert "500" in again
    assert "their-model" in again  # as it was listed before


def test_models_are_filtered_priced_and_marked(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """Words filter; the one in use is marked; what is unknown is a dash."""
    row = {"id": "acme/eye", "context_length": 8192, "created": 1_700_000_000}
    row |= {"pricing": {"prompt": "0.0000005", "completion": "0.000002"}}
    row |= {"architecture": {"input_modalities": ["text", "image"]}}
    listed = {"data": [row, {"id": "acme/plain"}]}
    server(*[Answer([json.dumps(listed).encode()])] * 4, completion())
    run("%wcode_config model=acme/plain")
    shown = run("%wcode_models acme").plain
    eye, plain = (line for line in shown.splitlines() if "acme/" in line)
    assert re.search(r"text, images +8,192 +\$0\.5 +\$2 +2023-11-14", eye)
    assert re.search(r"▸ +acme/plain +– +– +– +– +–$", plain)
    only = run("%wcode_models ACME image").plain
    assert "acme/eye" in only
    assert "acme/plain" not in only
    run("%wcode_config price=3/4/1")
    assert re.search(r"▸ .*¥3 +¥4 +¥1", run("%wcode_models plain").plain)
    wrong = run("%wcode_models acme/eyes").error
    assert re.search("No model matches acme/eyes.*acme/eye", str(wrong))
    run("%wcode --no-stream -m acme/eye hi")
    reply = run.args[0].user_ns["_wcode"]
    assert reply.currency == "USD"
    assert reply.cost == pytest.approx(
        reply.usage.prompt_tokens * 5e-7 + reply.usage.completion_tokens * 2e-6
    )


def test_tab_completes_everything(shell: InteractiveShell) -> None:
    """Flags, choices, variables, names; the body is left alone."""
    shell.user_ns["review"] = "x"
    shell.Completer.use_jedi = False  # IPython 7 adds its guesses to any line

    def offered(code: str) -> list[str]:
        with provisionalcompleter():
            found = [*shell.Completer.completions(code, len(code))]
        word = code.rfind(" ") + 1
        return [(code[: one.start] + one.text)[word:] for one in found]

    assert {row.flag for row in options.CELL} <= set(offered("%%wcode --"))
    assert offered("%%wcode --verbosity ") == ["low", "medium", "high"]
    assert offered("%wcode -t 0 --format m") == ["markdown"]
    assert offered("%%wcode --system $rev") == ["$review"]
    assert offered("%wcode_params top_") == ["top_p", "top_k", "top_a", "top_logprobs"]
    assert offered("%wcode_config temp") == ["temperature="]
    assert offered("%wcode_code php") == [k for k in snippets.KEYS if "php" in k]
    assert "--model" not in offered("%%wcode -t 0\n--mo")


def test_the_help_page_has_every_option(run: Runner, shell: InteractiveShell) -> None:
    """%%wcode? tells every option of the table, in the person's language."""
    page = shell.magics_manager.magics["cell"]["wcode"].getdoc()
    assert all(row.flag.removeprefix("--") in page for row in options.CELL)
    assert "the prompt" in run("%%wcode?").plain
    run("%wcode_config language=zh")
    assert "提示" in shell.magics_manager.magics["cell"]["wcode"].getdoc()


def test_chinese_everywhere(run: Runner, server: Callable[..., Loopback]) -> None:
    """With language=zh errors, tables and badges are Chinese."""
    server(
        Answer(
            [event({"content": "一"}), event({}, "length")], kind="text/event-stream"
        )
    )
    run("%wcode_config language=zh")
    assert "范围" in run("%%wcode -t 9\n你好").plain
    assert "被截断" in run("%%wcode\n你好").plain
    assert "核采样" in run("%wcode_params").plain


def test_code_becomes_the_next_cell(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """--code offers the answer's code blocks as the next input."""
    server(
        streamed("Here:\n```python\n", "print(1)\n", "```\ndone"), streamed("no code")
    )
    assert run("%%wcode --code\nhi").success
    assert shell.rl_next_input == "print(1)"
    assert "no code block" in run("%%wcode --code\nhi").plain


BASH, PY = "```bash\npip install foo\n```\n", "```python\nimport foo\n```\n"


@pytest.mark.parametrize(
    ("answer", "inserted"),
    [
        (f"{BASH}{PY}```\nhello world\n```\n", "import foo"),
        (f"{PY}then\n```py\nfoo.run()\n```\n{BASH}", "import foo\n\nfoo.run()"),
        (f"{BASH}```\nhello\n```\n", "%%bash\npip install foo"),
        ("```sh\nls\n```\n```json\n{}\n```", "%%bash\nls"),
        ("```sql\nSELECT 1\n```\n```\n1\n```", "SELECT 1"),
        ("```\na = 1\n```\nand\n```\nb = 2\n```", "a = 1\n\nb = 2"),
    ],
)
def test_one_language_is_inserted(
    answer: str,
    inserted: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """Python before others, never the output of a program beside it."""
    server(streamed(answer))
    assert run("%%wcode --code\nhi").success
    assert shell.rl_next_input == inserted


def test_advice_is_given_and_the_request_goes(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """Combinations the API advises against get a line, and are sent."""
    made = server()
    ran = run("%%wcode -t 0.5 -p 0.5 --param foo=1\nhi")
    assert ran.success
    assert "one of them" in ran.stderr
    assert "foo is not in the table" in ran.stderr
    assert made.seen[0].body["foo"] == 1


@pytest.mark.parametrize("form", options.FORMATS)
def test_every_format_shows_the_reply(
    form: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """Each format is accepted and shows the text in a terminal."""
    server(streamed('{"a": 1}'))
    ran = run(f"%%wcode --format {form}\nJSON please")
    assert ran.success
    assert '{"a": 1}' in ran.plain


def test_unload_restores_the_shell() -> None:
    """What load put in, unload takes out."""
    shell = new_shell()

    def state() -> Any:
        formatters = shell.display_formatter.mimebundle_formatter.type_printers
        kinds = {
            kind: sorted(held) for kind, held in shell.magics_manager.magics.items()
        }
        return (
            kinds,
            len(shell.configurables),
            list(shell.Completer.custom_matchers),
            list(shell.Completer.custom_completers.flat_matches("%wcode ")),
            list(formatters),
            sorted(shell.user_ns),
            shell.custom_exceptions,
            list(shell.input_transformer_manager.token_transformers),
            list(shell.input_transformer_manager.cleanup_transforms),
        )

    before = state()
    load_ext.load(shell)
    assert state() != before
    load_ext.unload(shell)
    assert state() == before


def test_a_reply_shows_itself(shell: InteractiveShell) -> None:
    """A reply at the end of a cell has HTML, text and metadata."""
    from wcode_magics.protocol.messages import Message
    from wcode_magics.protocol.request import Request

    request = Request("m", (Message("user", "hi"),))
    reply = Reply("**bold** <script>x</script>", request, "m", finish_reason="stop")
    data, metadata = shell.display_formatter.format(reply)
    assert "<strong>bold</strong>" in data["text/html"]
    assert "<script" not in data["text/html"] + data["text/markdown"]
    assert data["text/plain"].startswith("**bold**")
    assert metadata["wcode"]["request_hash"] == request.hash


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("Say {name}", "{name} is sent as it stands; {{ name }}"),
        ("Say $name", "$name is sent as it stands; {{ name }}"),
        ("Say {{ name }}", ""),
        ("Say {nobody} $HOME {Out} {_x} US$name {{name}}", ""),
    ],
)
def test_a_name_that_is_not_filled_in_is_told_once(
    prompt: str,
    told: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
) -> None:
    """What other languages fill in is sent as it stands, and the person knows."""
    server()
    shell.user_ns.update(name="Rome", _x=1)
    assert not run(f"%%wcode --raw\n{prompt}").stderr
    assert told in run(f"%%wcode\n{prompt}").stderr
    assert not run(f"%%wcode\n{prompt}").stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%%wcode --n 3\nhi", "--repeat"),
        ("%%wcode --best-of 3\nhi", "--repeat"),
        ("%%wcode --param n=2\nhi", "--repeat 2"),
    ],
)
def test_several_answers_are_asked_for_by_repeat(
    code: str, words: str, run: Runner, server: Callable[..., Loopback]
) -> None:
    """No paid answer is dropped."""
    made = server()
    assert words in run(code).error_lines[0]
    assert not made.seen
    assert run("%%wcode --param n=1\nhi").success


def test_another_model_goes_on(run: Runner, server: Callable[..., Loopback]) -> None:
    """--continue -m: the beginning is one model's, the rest another's."""
    made = server(completion("Once", finish_reason="length"), completion("Once upon"))
    run("%wcode --no-stream -m first hi")
    run("%wcode --no-stream --continue -m second")
    run("%wcode --no-stream --continue")
    assert [one.body["model"] for one in made.seen[:2]] == ["first", "second"]


def test_a_listing_that_fails_does_not_advise_itself(
    run: Runner, server: Callable[..., Loopback]
) -> None:
    """%wcode_models shows the catalogue and what the endpoint said."""
    server(Answer([b'{"error": {"message": "no such path"}}'], 404))
    shown = run("%wcode_models").plain
    assert "no such path" in shown
    assert "%wcode_models" not in shown
