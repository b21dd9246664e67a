r"""TeX formulas in an answer: where they are, and which of them may be typeset.

``$…$`` follows pandoc's rule, so that prices are not formulas: no space inside the
dollars, no digit after the closing one. ``$$…$$``, ``\(…\)``, ``\[…\]`` and
environments such as ``\begin{align}`` are formulas as well. MathJax can load images,
create links and redefine commands, so a formula is typeset only if all of its commands
are in ``tex_commands.txt``; otherwise its source is shown.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block.state_block import StateBlock
    from markdown_it.rules_inline.state_inline import StateInline
    from markdown_it.token import Token

LONGEST = 5_000
DEEPEST = 40

_ENVIRONMENT_NAMES = """
    align align* aligned alignat alignat* alignedat array bmatrix Bmatrix cases dcases
    rcases eqnarray eqnarray* equation equation* flalign flalign* gather gather*
    gathered matrix multline multline* pmatrix smallmatrix split subarray vmatrix
    Vmatrix
"""
_ENVIRONMENTS = frozenset([None, *_ENVIRONMENT_NAMES.split()])
_ALLOWLIST = Path(__file__).with_name("tex_commands.txt")
_COMMANDS = frozenset([None, *_ALLOWLIST.read_text("ascii").split()])
_OPENING = re.compile(r"\$+|\\[(\[]|\\begin\{([A-Za-z]+\*?)\}")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_TOKEN = re.compile(
    r"\\(?:text)?color\s*\{[A-Za-z]{1,20}\}"
    r"|\\[hm]space\*?\s*\{-?\d?\d?\.?\d{0,3}(?:em|ex|pt|mu|cm|mm)\}"
    r"|\\(?:begin|end)\s*\{(?P<environment>[^{}]*)\}"
    r"|\\(?P<command>[A-Za-z]+)"
    r"|\\[\\ ,:;!>|{}$%&#_/-]"
    r"|(?P<refused>\\)|(?P<open>\{)|(?P<close>\})"
)
_VARIABLE_NEXT = re.compile(r"[^\W\d]|\{")
_ENDS_IN_SIGN = re.compile(r"[/:;,.=+\-<>|&\u2e80-\uffff]$")


class Formula(NamedTuple):
    """A formula in a text: its TeX, its source with delimiters, and its end.

    ``display``: set on its own line; ``bare``: an environment without delimiters.
    """

    tex: str
    source: str
    stop: int
    display: bool
    bare: bool = False

    @property
    def delimited(self) -> str:
        """The TeX with delimiters that MathJax recognizes."""
        if self.bare:
            return self.tex
        return f"\\[{self.tex}\\]" if self.display else f"\\({self.tex}\\)"


def allowed(tex: str) -> bool:
    """Return whether TeX has allowed commands only, and balanced braces."""
    if len(tex) > LONGEST:
        return False
    deep = 0
    for token in _TOKEN.finditer(tex):
        if token["refused"] or token["command"] not in _COMMANDS:
            return False
        if token["environment"] not in _ENVIRONMENTS:
            return False
        deep += bool(token["open"]) - bool(token["close"])
        if not 0 <= deep <= DEEPEST:
            return False
    return deep == 0


def read(text: str, at: int, stop: int | None = None) -> Formula | None:
    """Return the formula that starts at ``at`` and ends before ``stop``, or None."""
    opening = _OPENING.match(text, at)
    if opening is None:
        return None
    stop = min(len(text) if stop is None else stop, at + LONGEST)
    word, start = opening.group(), opening.end()
    if word == "$":
        return _dollars(text, at, stop)
    if opening[1] is not None:
        return _environment(text, at, opening[1], stop)
    closing = _CLOSING.get(word)
    end = -1 if closing is None else text.find(closing, start, stop)
    if closing is None or end < 0 or not text[start:end].strip():
        return None
    if word == "$$" and text.startswith("$", end + 2):
        return None
    stop = end + len(closing)
    tex = text[start:end].strip()
    return Formula(tex, text[at:stop], stop, display=word != "\\(")


def _dollars(text: str, at: int, stop: int) -> Formula | None:
    """Read ``$…$`` by pandoc's rule, excluding prices and shell variables."""
    end = at + 1
    while (end := text.find("$", end, stop)) > 0 and _escaped(text, end):
        end += 1
    if end < 0:
        return None
    tex, before, after = text[at + 1 : end], text[at - 1 : at], text[end + 1 : end + 2]
    spaced = tex[:1].isspace() or tex[-1:].isspace()
    if not tex or spaced or before.isdigit() or after.isdigit() or after == "$":
        return None
    if tex[0] == ")" or tex[-1] in "([{" or "\n\n" in tex or "`" in tex:
        return None
    if _VARIABLE_NEXT.match(after) and _ENDS_IN_SIGN.search(tex):
        return None
    return Formula(tex, text[at : end + 1], end + 1, display=False)


def _escaped(text: str, at: int) -> bool:
    before = text[max(0, at - LONGEST) : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _environment(text: str, at: int, name: str, stop: int) -> Formula | None:
    if name not in _ENVIRONMENTS:
        return None
    deep = 0
    edges = re.compile(rf"\\(begin|end)\{{{re.escape(name)}\}}")
    if text.find(f"\\end{{{name}}}", at, stop) < 0:
        return None
    for edge in edges.finditer(text, at, stop):
        deep += 1 if edge[1] == "begin" else -1
        if deep == 0:
            tex = text[at : edge.end()]
            return Formula(tex, tex, edge.end(), display=True, bare=True)
    return None


def formula_rules(parser: "MarkdownIt") -> None:
    """Make a Markdown parser recognize formulas.

    Tokens ``formula_inline`` and ``formula_block`` have the :class:`Formula` in meta.
    """
    inside = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "formula", _read_block, {"alt": inside})
    parser.inline.ruler.before("escape", "formula", _read_inline)


def _read_inline(state: "StateInline", silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    found = read(state.src, state.pos, state.posMax)
    if found is None:
        return _skip_dollars(state, silent=silent)
    if not silent:
        _push(state.push, found, "formula_inline")
    state.pos = found.stop
    return True


def _skip_dollars(state: "StateInline", *, silent: bool) -> bool:
    """Skip a run of dollars that starts no formula, so none starts inside it."""
    run = _OPENING.match(state.src, state.pos)
    if run is None or not run.group().startswith("$$"):
        return False
    if not silent:
        state.pending += run.group()
    state.pos = min(run.end(), state.posMax)
    return True


def _read_block(state: "StateBlock", line: int, end_line: int, silent: bool) -> bool:
    """Read a formula that has its first and last line to itself."""
    start = state.bMarks[line] + state.tShift[line]
    if state.sCount[line] - state.blkIndent >= 4:
        return False
    if not state.src.startswith(("$$", "\\[", "\\begin{"), start):
        return False
    found = read(state.src, start, state.eMarks[end_line - 1])
    if found is None or not found.display:
        return False
    last = line
    while state.eMarks[last] < found.stop:
        last += 1
        if state.sCount[last] < state.blkIndent and not state.isEmpty(last):
            return False
    if state.src[found.stop : state.eMarks[last]].strip(" \t.,;。，；"):
        return False
    if not silent:
        _push_block(state, line, last, found)
    state.line = last + 1
    return True


def _push_block(state: "StateBlock", line: int, last: int, found: Formula) -> None:
    """Push a formula, without the list or quote markers of its lines."""
    source = state.getLines(line, last + 1, state.blkIndent, False).strip()
    inner = read(source, 0)
    token = _push(state.push, inner or found, "formula_block")
    token.map = [line, last + 1]
    token.block = True


def _push(push: Callable[..., "Token"], found: Formula, kind: str) -> "Token":
    token = push(kind, "math", 0)
    token.content, token.meta = found.tex, {"formula": found}
    return token
