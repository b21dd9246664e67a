"""Whose the variables of a shell are."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.loopback import Loopback
from tests.terminal import Runner
from wcode_magics.runtime.shell_variables import own, public

INJECTED = ["get_ipython", "In", "exit", "quit", "open", "__builtins__", "_ih", "_dh"]


@pytest.mark.parametrize("name", INJECTED)
def test_names_of_ipython_are_not_the_persons(
    name: str, run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """No template sees them, whatever asks; the hint names the person's names."""
    made = server()
    assert name not in own(shell)
    shell.user_ns.update(review="good", table=[])
    for code in (f"%%wcode\n{{{{ {name} }}}}", f'%wcode --system "{{{{ {name} }}}}" x'):
        ran = run(code)
        assert not ran.success
        assert len(ran.error_lines) == 1
        assert "Known: " not in ran.stdout or "Known: review, table" in ran.stdout
    assert not made.seen


def test_what_the_person_makes_is_theirs(run: Runner, shell: InteractiveShell) -> None:
    """Also under a name that IPython has; outputs are theirs, modules are not."""
    run("import os\nopen = 3\ndef f(x): return x\n_mine = 1")
    run("40 + 2")
    found = own(shell)
    assert (found["open"], found["_mine"], found["f"](1)) == (3, 1, 1)
    assert "os" not in found
    assert "Out" in found
    assert public(["Out", "_", "_x", "x"]) == ["x"]


TEXT = "You are kind. {{ secret }} {% raw %} {{ get_ipython().getoutput('x') }}"


@pytest.mark.parametrize(
    "given",
    ["--system @{file}", "--system $text", "--system=@{file}", "--profile p", ""],
)
def test_what_is_not_written_in_the_cell_is_text(
    given: str,
    run: Runner,
    server: Callable[..., Loopback],
    shell: InteractiveShell,
    tmp_path: Any,
) -> None:
    """The content of a file, a variable, a profile, a setting is sent as it stands."""
    made = server()
    path = tmp_path / "persona.txt"
    path.write_text(TEXT, "utf-8")
    shell.user_ns.update(text=TEXT, secret="s3cret")
    assert run(f"%wcode_config system=@{path}").success
    if "profile" in given:
        assert run("%wcode_config --save p").success
    if given:
        assert run("%wcode_config system=").success
    assert run(f"%wcode {given.format(file=path)} {{{{ secret }}}}").success
    said = [one["content"] for one in made.seen[-1].body["messages"]]
    assert said == [TEXT, "s3cret"]


def test_a_system_prompt_on_the_line_is_a_template(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """What a person writes there is filled in, with their names."""
    made = server()
    shell.user_ns.update(role="an editor", os=os)
    assert run('%wcode --system "You are {{ role }}." hi').success
    assert made.seen[0].body["messages"][0]["content"] == "You are an editor."


def test_a_frame_is_asked_with_a_system_prompt_that_is_text(
    run: Runner, server: Callable[..., Loopback], shell: InteractiveShell
) -> None:
    """Rows fill in the prompt, and a system prompt only where it is written there."""
    pandas = pytest.importorskip("pandas")
    made = server()
    shell.user_ns.update(
        df=pandas.DataFrame({"i": [7]}), persona="{{ i }} {{ nobody }}"
    )
    assert run("%%wcode --frame $df --system $persona\n{{ i }}").success
    assert run('%%wcode --frame $df --into b --system "No {{ i }}"\n{{ i }}').success
    said = [[m["content"] for m in one.body["messages"]] for one in made.seen]
    assert said == [["{{ i }} {{ nobody }}", "7"], ["No 7", "7"]]
