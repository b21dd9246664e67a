"""Code as HTML in colours that work with JupyterLab's sanitizer and both themes.

The sanitizer drops ``<style>`` and classes have no effect in a saved notebook, so
colours are set in ``style`` attributes, and one set must work on white and on ``#111``.
No colour has a contrast of 4.5:1 with both: the best is √(21 : 1.11) ≈ 4.35:1, where
its luminance is the geometric mean of the two. All of :data:`COLOURS` are chosen there
and so exceed 3:1; in addition, keywords are bold and comments italic. Tokens without a
colour inherit the theme's text colour.

Pygments needs quadratic time for some texts, so highlighting has a time limit; the
rest of the code is left without colours.
"""

import time
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from wcode_magics.output.escaping import escape, faint
from wcode_magics.text import say

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

BLOCK = "border-left:3px solid #80808059;margin:.5em 0;padding:0 .9em;word-break:normal"
CODE = "background:none;color:unset"
"""Style against VS Code's own, which paints code line by line, in a block as well."""
COLOURING_S = 0.3
"""Time limit (s, CPU) for highlighting a piece of code, or all code of a text."""
MOST = 150_000
"""Maximum characters of code shown."""
MOST_COLOURED = 40_000
COLOURS = {
    "Comment": "#717a84",
    "Keyword": "#b14cd2",
    "Literal.String": "#288b31",
    "Literal.Number": "#bd600f",
    "Name.Attribute": "#1978e4",
    "Name.Builtin": "#078787",
    "Name.Class": "#1978e4",
    "Name.Decorator": "#078787",
    "Name.Function": "#1978e4",
    "Name.Tag": "#b14cd2",
    "Name.Variable": "#bd600f",
    "Operator.Word": "#b14cd2",
    "Generic.Deleted": "#dd3c57",
    "Generic.Inserted": "#288b31",
}
_MORE = {
    "Comment": ";font-style:italic",
    "Keyword": ";font-weight:bold",
    "Operator.Word": ";font-weight:bold",
}


def html(code: str, lexer: str, until: float | None = None) -> str:
    """Return code as ``<pre>``, without colours if Pygments lacks the language.

    ``lexer`` is a Pygments name or alias, in any case, such as the first word after a
    Markdown fence; the text of the element is ``code`` with line ends as LF. ``until``
    is the ``time.thread_time()`` (s) at which highlighting stops.
    """
    until = time.thread_time() + COLOURING_S if until is None else until
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    note, left = "", len(code) - MOST
    if left > 0:
        code, words = code[:MOST], say("ui.left_out", count=f"{left:,}")
        note = faint(words)
    coloured = until and len(code) <= MOST_COLOURED
    found = _lexer(lexer, code) if coloured else None
    inner = escape(code) if found is None else "".join(_spans(code, found, until))
    return f"<pre style='{BLOCK}'><code style={CODE}>{inner}</code></pre>{note}"


def _lexer(name: str, code: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    inline = name.lower() == "php" and "<?" not in code
    more = {"startinline": True} if inline else {}
    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=False, **more)
    except ClassNotFound:
        return None


def _spans(code: str, lexer: "Lexer", until: float) -> Iterator[str]:
    styled = _styled(code, lexer, until)
    for style, run in groupby(styled, key=itemgetter(0)):
        text = escape("".join(words for _style, words in run))
        yield f'<span style="{style}">{text}</span>' if style else text


def _styled(code: str, lexer: "Lexer", until: float) -> Iterator[tuple[str, str]]:
    at = 0
    for start, kind, words in lexer.get_tokens_unprocessed(code):
        if time.thread_time() > until:
            break
        yield _style(kind), words
        at = start + len(words)
    yield "", code[at:]


def _style(kind: "_TokenType | None") -> str:
    """Return the style of the nearest token type that has one, else empty."""
    while kind:
        name = ".".join(kind)
        if name in COLOURS:
            return f"color:{COLOURS[name]}{_MORE.get(name, '')}"
        kind = kind.parent
    return ""
