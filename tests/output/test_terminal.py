"""One way to a terminal, one way to an output."""

import ast
import io
import sys
from pathlib import Path

import pytest

import wcode_magics
from wcode_magics.output import terminal
from wcode_magics.output.escaping import inert
from wcode_magics.output.mimebundle import MOST, bundle

PACKAGE = Path(wcode_magics.__file__).parent
SANDBOX = PACKAGE / "sandbox"
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if SANDBOX not in path.parents and path.name not in {"terminal.py", "mimebundle.py"}
]
HOSTILE = (
    "A\x1b]52;c;cA==\x07B\x9b2JC\x1bP1$r\x1b\\D\u202eE\u2066F\rG\x08H\x00I\x7fJ\x85K"
)


class Stream(io.TextIOWrapper):
    """A stream of an encoding, that is a terminal or not."""

    def __init__(self, encoding: str, *, tty: bool) -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding, write_through=True, newline="")
        self._tty = tty

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._tty

    @property
    def written(self) -> str:
        """What was written."""
        return self.raw_bytes.getvalue().decode(self.encoding)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_outputs_and_lines_leave_by_one_exit(path: Path) -> None:
    """No other file prints, writes to a stream or makes an output by hand."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            assert getattr(node.func, "id", "") != "print", path
        if isinstance(node, ast.Attribute) and node.attr == "write":
            assert "std" not in ast.unparse(node.value), path
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            assert "text/plain" not in keys, path


@pytest.mark.parametrize("exact", [False, True])
def test_a_terminal_is_not_commanded(
    monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    """Whatever a text holds, what is left is visible."""
    out = Stream("utf-8", tty=True)
    monkeypatch.setattr(sys, "stdout", out)
    terminal.write(HOSTILE, exact=exact)
    assert out.written == f"{inert(HOSTILE)}\n"
    assert all(c == "\n" or (c.isprintable() and c != "\u202e") for c in out.written)


def test_a_pipe_gets_an_answer_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written so holds what the model said."""
    out = Stream("utf-8", tty=False)
    monkeypatch.setattr(sys, "stdout", out)
    terminal.write(HOSTILE, end="", exact=True)
    assert out.written == HOSTILE


@pytest.mark.parametrize("encoding", ["gbk", "cp1252", "ascii", "utf-8", "cp932"])
def test_no_encoding_loses_an_answer(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """What it lacks is written as an escape; nothing raises."""
    out = Stream(encoding, tty=False)
    monkeypatch.setattr(sys, "stdout", out)
    terminal.write("Done ✓ 你好 🎉 \ud83d", exact=True)
    assert out.written.startswith("Done ")
    assert ("✓" in out.written) or (r"\u2713" in out.written)
    assert terminal.writes_all() == (encoding == "utf-8")


def test_without_a_stream_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program without a console."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    terminal.write("x")
    terminal.note("x")


def test_an_output_is_inert_and_bounded() -> None:
    """Its plain text commands no console, and ends where it would be too long."""
    made = bundle("<p>", HOSTILE + "x" * (2 * MOST))
    assert not set("\x1b\x07\x9b\x7f\x00\u202e\u2066\r") & set(made["text/plain"])
    assert len(made["text/plain"]) < MOST + 200
    assert "not shown here" in made["text/plain"]
