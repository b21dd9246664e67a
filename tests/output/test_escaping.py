"""Text that is made safe for HTML and for a terminal."""

from collections.abc import Callable

import pytest

from tests.loopback import Answer, Loopback, either
from tests.terminal import Runner
from wcode_magics.output.escaping import inert, joined

ATTACK = "\x1b]0;owned\x07\x1b[2Jhid\rden\x9b5m\x7f\x00"


def test_no_control_character_is_left() -> None:
    """All but line feed and tab are drawn or dropped; words stay as they are."""
    controls = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
    left = [c for c in inert(controls) if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0]
    assert left == ["\t", "\n"]
    assert inert("你好, **bold** 😀\n\tx") == "你好, **bold** 😀\n\tx"


@pytest.mark.parametrize("way", ["--stream", "--no-stream --logprobs"])
def test_an_answer_does_not_command_the_terminal(
    way: str, run: Runner, loopback: Callable[..., Loopback]
) -> None:
    """Neither the answer, its repr nor an error's words hold an escape."""
    refused = Answer([b'{"error":{"message":"\\u001b]0;owned\\u0007"}}'], 400)
    server = loopback(either(ATTACK), refused)
    run(f"%wcode_config base_url={server.url} retries=0")
    shown = [run(f"%wcode {way} hi"), run("_wcode"), run("%wcode hi")]
    assert "hidden" in shown[0].plain
    for ran in shown:
        assert not set("\x1b\x07\x9b\x7f\x00") & set(ran.plain)


def test_a_line_of_parts_breaks_after_a_dot_alone() -> None:
    """At no width does a line begin with the dot; all else is as it was."""
    assert joined("sandbox · 8 → 17 tokens · ¥0").split(" ") == [
        *("sandbox\xa0·", "8", "→", "17", "tokens\xa0·", "¥0"),
    ]
    assert joined("An answer is needed.") == "An answer is needed."
    assert joined("<b> · $5") == "&lt;b&gt;\xa0· <span>$</span>5"
