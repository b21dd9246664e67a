r"""The model's Markdown: as safe HTML, as safe Markdown, and cut while it grows.

Raw HTML is shown as text, links lead to the web or nowhere, and images become links:
an answer must not run anything, nor call on a server when it is looked at.
Formulas (``$…$``, ``$$…$$``, ``\(…\)``, ``\[…\]``) keep their delimiters, which
MathJax in the front ends and in nbconvert typesets.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from wcode_magics import highlight
from wcode_magics.markup import escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

TAIL_LIMIT = 500
"""Characters that the growing tail may have before it is cut at a line or space."""

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_TARGET = re.compile(
    r"(\]\s*[(:]\s*<?\s*)(?!https?:|mailto:|#|/)(?=[^\s)>]*[:&\\])", re.IGNORECASE
)
_IMAGE = re.compile(r"!+(?=\[)")
_ONE = r"(?:(?!\n[ \t]*\n).)+?"
_SPAN = re.compile(
    rf"(?<![`\\])(`+)(?!`){_ONE}(?<!`)\1(?!`)"
    rf"|(?<!\\)(\$\$?){_ONE}\2|\\\({_ONE}\\\)|\\\[{_ONE}\\\]",
    re.DOTALL,
)
"""Code or a formula inside a paragraph."""
_DISPLAY = re.compile(r"\\\[(.+?)\\\]", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:")
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LINK = re.compile(r"https?:|mailto:", re.IGNORECASE)
_FENCE_LINE = re.compile(r"^(`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_TABLE_HEAD = re.compile(r"\A([^\n]*\|[^\n]*\n[ \t]*\|?[ :|-]*-[ :|-]*\n)")


def html(text: str) -> str:
    """The Markdown as HTML of plain elements with inline styles."""
    return str(_parser().render(text))


def neutral(text: str) -> str:
    """The Markdown with raw HTML escaped, script links broken, images as links.

    Code and formulas keep their characters; a text with none of these comes back as
    it is. Readers of Markdown differ in what they take for code. So the outcome is
    read again, with formulas and without; where anything is left, code is escaped as
    well.
    """
    if not (_TAG.search(text) or _TARGET.search(text) or _IMAGE.search(text)):
        return text
    text = re.sub(r"\r\n?", "\n", text)
    gentle = _outside_code(text)
    return gentle if _is_harmless(gentle) else _defused(text)


def _outside_code(text: str) -> str:
    code = {
        number
        for token in _parser().parse(text)
        if token.type in {"fence", "code_block"} and token.map
        for number in range(*token.map)
    }
    kept: list[str] = []
    prose: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if number in code:
            kept += [*_flush(prose), line]
        else:
            prose.append(line)
    return "\n".join([*kept, *_flush(prose)])


def _is_harmless(text: str) -> bool:
    for reader in _readers():
        for block in reader.parse(text):
            for token in (block, *(block.children or ())):
                href = str(token.attrs.get("href", ""))
                script = _SCHEME.match(href) and not _LINK.match(href)
                if script or token.type in {"html_block", "html_inline", "image"}:
                    return False
    return True


def split(text: str) -> tuple[str, str]:
    """(finished, growing): what no later character can change, and the rest.

    The finished part ends before the last block; a line that has not ended begins none,
    since ``a | b`` may become the head of a table yet. A block that grows past
    :data:`TAIL_LIMIT` is cut inside: a fence is closed and opened again, the head of
    a table is repeated.
    """
    starts = [
        token.map[0]
        for token in _parser().parse(text[: text.rfind("\n") + 1])
        if token.level == 0 and token.map and token.nesting >= 0
    ]
    lines = _LINE.findall(text)
    at = sum(len(line) for line in lines[: starts[-1]]) if starts else 0
    finished, growing = text[:at], text[at:]
    if len(growing) <= TAIL_LIMIT:
        return finished, growing
    cut, rest = _cut(growing)
    return finished + cut, rest


def _cut(block: str) -> tuple[str, str]:
    fence = _FENCE_LINE.match(block)
    if fence is not None:
        at = _last_line(block)
        if at <= fence.end() + 1:
            return "", block
        opening = fence.group()
        return f"{block[:at]}{fence.group(1)}\n\n", f"{opening}\n{block[at:]}"
    table = _TABLE_HEAD.match(block)
    if table is not None:
        at = _last_line(block)
        if at <= table.end():
            return "", block
        return f"{block[:at]}\n", table.group(1) + block[at:]
    at = _cut_place(block)
    return (f"{block[:at]}\n\n", block[at:].lstrip(" ")) if at else ("", block)


def _last_line(block: str) -> int:
    return block.rstrip("\n").rfind("\n") + 1


def _cut_place(block: str) -> int:
    """Before the last line that is not indented; else behind a sentence or a word."""
    for match in reversed(list(re.finditer(r"\n(?=\S)", block))):
        return match.end()
    for pattern in (r"[.!?]\s|[。！？]", r"\s|[，、；]"):
        places = [match.end() for match in re.finditer(pattern, block)]
        if places:
            return places[-1]
    return 0


def _flush(prose: list[str]) -> list[str]:
    if not prose:
        return []
    text, at, done = "\n".join(prose), 0, ""
    prose.clear()
    for span in _SPAN.finditer(text):
        done += _defused(text[at : span.start()]) + span.group()
        at = span.end()
    return (done + _defused(text[at:])).split("\n")


def _defused(text: str) -> str:
    text = _TAG.sub("&lt;", text)
    text = _IMAGE.sub("", text)
    return _TARGET.sub(r"\1#", text)


@cache
def _readers() -> tuple["MarkdownIt", ...]:
    """Those who take raw HTML and any link, with formulas and without."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    plain = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    formulas = MarkdownIt("commonmark", {"html": True}).use(dollarmath_plugin)
    for reader in (plain, formulas):
        reader.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return plain, formulas


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.texmath import texmath_plugin

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    parser.use(texmath_plugin, delimiters="brackets")
    parser.inline.ruler.before("escape", "math_display", _read_display_math)
    parser.use(dollarmath_plugin, allow_digits=False, double_inline=True)
    parser.validateLink = lambda url: _LINK.match(url) is not None  # type: ignore[method-assign]
    rules: Mapping[str, Any] = {
        "fence": _render_fence,
        "code_block": _render_fence,
        "image": _render_image,
        "math_inline": _math("\\(", "\\)"),
        "math_single": _math("\\(", "\\)"),
        "math_inline_double": _math("\\[", "\\]"),
        "math_block": _math("\\[", "\\]"),
        "math_block_eqno": _math("\\[", "\\]"),
    }
    parser.renderer.rules.update(rules)  # type: ignore[attr-defined]
    return parser


def _read_display_math(state: "StateInline", silent: bool) -> bool:
    """Inside a paragraph too, where models like to put it."""
    match = _DISPLAY.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("math_inline_double", "math", 0).content = match.group(1)
    state.pos = match.end()
    return True


def _render_fence(tokens: list["Token"], at: int, *_rest: Any) -> str:
    words = tokens[at].info.split()
    return highlight.html(tokens[at].content, words[0] if words else "") + "\n"


def _render_image(tokens: list["Token"], at: int, *_rest: Any) -> str:
    source, label = str(tokens[at].attrs.get("src", "")), tokens[at].content
    shown = escape(label or source)
    return f'<a href="{escape(source)}">🖼 {shown}</a>' if source else shown


def _math(opening: str, closing: str) -> Any:
    def render(tokens: list["Token"], at: int, *_rest: Any) -> str:
        element = "p" if tokens[at].block else "span"
        formula = escape(tokens[at].content.strip())
        return f"<{element}>{opening}{formula}{closing}</{element}>"

    return render
