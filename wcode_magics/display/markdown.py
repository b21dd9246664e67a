r"""Markdown of a model as sanitized HTML, and as sanitized Markdown.

Raw HTML is shown as text, only web and mail links work, and images become links: an
answer must not run code, nor contact a server when it is viewed. Formulas keep
delimiters that MathJax recognizes if :func:`wcode_magics.display.formulas.allowed`
accepts them; every other dollar is literal.

Rendering takes time proportional to the text. Markdown parsers need time quadratic in
a paragraph's length for some texts, such as ten thousand open brackets; so texts that
are too dense or too long are shown unformatted.
"""

import html as html_
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from wcode_magics.display import highlight
from wcode_magics.display.cjk_emphasis import wide_emphasis
from wcode_magics.display.formulas import Formula, allowed, formula_rules, read
from wcode_magics.output.escaping import FAINT, WRAPPED, attribute, escape, faint, inert
from wcode_magics.runtime import logs
from wcode_magics.text import say

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST = 100_000
"""Maximum characters rendered, and maximum shown of unformatted text."""
MOST_MARKS = 5_000
"""Maximum Markdown delimiters rendered; four times as many lines and cells."""
MOST_ALIGNED, MOST_ALIGNED_GROWING = 2_000, 12
"""Maximum cells of a table that is aligned, for 24 bytes each, and while it grows."""
MOST_PAGE = 1_200_000
"""Maximum characters of HTML produced from a text."""
MOST_NEUTRAL = 20_000
"""Maximum characters of Markdown that :func:`neutral` processes."""

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_TARGET = re.compile(
    r"(\]\s*+[(:]\s*+<?+\s*+)(?!https?:|mailto:|#|/)(?=[^\s)]*[:&\\])", re.IGNORECASE
)
_IMAGE = re.compile(r"!+(?=\[)")
_HREF = re.compile(r"https?:|mailto:|#|/|[^:]*$", re.IGNORECASE)
_LINK = re.compile(r"https?:|mailto:", re.IGNORECASE)
_MARK = re.compile(r"[\[\]*_~`<>!&$\\]")
_ROW = re.compile(r"[|\n]")
_TABLE_LAYOUT = re.compile(
    r"(<(?:tr|thead|tbody)>)\n|</(?:td|th|tr|thead|tbody|li)>\n?|(?<=</pre>)\n"
)
_SPECIAL = re.compile(r"`+|\$|\\")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_UNSEEN = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\u3164\ufeff]+")


def html(text: str) -> str:
    """Render Markdown as HTML with plain elements and inline styles."""
    if not _is_dense(text):
        page = _rendered(text, time.thread_time() + highlight.COLOURING_S)
        if len(page) <= MOST_PAGE:
            return page
    return as_written(text) + faint(say("ui.as_written"))


def growing(text: str) -> str:
    """Render a part of a streaming text, without code highlighting.

    Rows, cells and items end where the next begins, which HTML allows.
    """
    if _is_dense(text):
        return as_written(text)
    page = _rendered(text, 0.0, MOST_ALIGNED_GROWING)
    return _TABLE_LAYOUT.sub(r"\1", page)


def _is_dense(text: str) -> bool:
    return (
        len(text) > MOST
        or len(_MARK.findall(text)) > MOST_MARKS
        or len(_ROW.findall(text)) > 4 * MOST_MARKS
    )


def _rendered(text: str, until: float, aligned: int = MOST_ALIGNED) -> str:
    return str(_parser().render(text, {"until": until, "aligned": aligned}))


def as_written(text: str) -> str:
    """Return the text unformatted, truncated to :data:`MOST` characters."""
    left = len(text) - MOST
    note = faint(say("ui.left_out", count=f"{left:,}")) if left > 0 else ""
    return f'<pre style="{WRAPPED}">{escape(text[:MOST])}</pre>{note}'


def folded(title: str, text: str) -> str:
    """Return a text unformatted, under a title that unfolds it."""
    head = f'<summary style="{FAINT}">{escape(title)}</summary>'
    return f"<details>{head}{as_written(text)}</details>"


def is_blank(text: str) -> bool:
    """Return whether a text renders to nothing: empty fences, spaces, comments.

    A block that begins with a letter shows it.
    """
    begun = _UNSEEN.sub("", text[:MOST])
    if len(text) > MOST_NEUTRAL or begun[:1].isalpha():
        return not begun
    page = re.sub(r"<hr\b", "–<hr", _rendered(_COMMENT.sub("", text), 0.0))
    return not _UNSEEN.sub("", html_.unescape(re.sub(r"<[^>]*>", "", page)))


def blocks(text: str) -> "list[Token]":
    """Return the block tokens of a text, without parsing their inline content."""
    tokens: list[Token] = []
    text = re.sub(r"\r\n?", "\n", text)
    _parser().block.parse(text, _parser(), {}, tokens)
    return tokens


def neutral(text: str) -> str | None:
    """Sanitize Markdown: escape raw HTML, break script links, turn images to links.

    Code and allowed formulas are kept verbatim; other dollars and backslashes become
    elements that no parser treats as TeX. Markdown parsers differ in what they treat
    as code, so the result is parsed again, with and without formulas; if anything
    unsafe remains, code is escaped as well. Returns None if the text is too long or
    too dense.
    """
    if len(text) > MOST_NEUTRAL or _is_dense(text):
        return None
    text = re.sub(r"\r\n?", "\n", inert(text))
    escaped = _outside_code(text)
    return escaped if _is_harmless(escaped) else _untexed(_defused(text))


def _outside_code(text: str) -> str:
    code = {
        number
        for token in blocks(text)
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


def _flush(prose: list[str]) -> list[str]:
    if not prose:
        return []
    text = "\n".join(prose)
    prose.clear()
    parts = [part if kept else _untexed(_defused(part)) for part, kept in _parted(text)]
    return "".join(parts).split("\n")


def _parted(text: str) -> Iterator[tuple[str, bool]]:
    """Yield parts of a text outside fences, and whether each is code or formula."""
    at = done = 0
    while (special := _SPECIAL.search(text, at)) is not None:
        end = _verbatim_end(text, special)
        if end is None:
            at = special.end() + (special.group() == "\\")
            continue
        if special.start() > done:
            yield text[done : special.start()], False
        yield text[special.start() : end], True
        at = done = end
    yield text[done:], False


def _verbatim_end(text: str, special: re.Match[str]) -> int | None:
    """Return the end of the code or allowed formula starting here, or None."""
    mark, start = special.group(), special.start()
    if mark[0] != "`":
        formula = read(text, start)
        return formula.stop if formula is not None and allowed(formula.tex) else None
    paragraph = text.find("\n\n", start)
    stop = len(text) if paragraph < 0 else paragraph
    end = special.end()
    while (end := text.find(mark, end, stop)) >= 0:
        run = end + len(mark)
        while text.startswith("`", run):
            run += 1
        if run - end == len(mark):
            return run
        end = run
    return None


def _untexed(text: str) -> str:
    return _ESCAPED.sub(_without_tex, text)


_ESCAPED = re.compile(r"\\(.)|\$|\\", re.DOTALL)
_OWN_TAGS = {"<span>", "</span>"}
_ENTITIES = {"(": "(", ")": ")", "[": "&#91;", "]": "&#93;"}


def _without_tex(found: re.Match[str]) -> str:
    """Wrap a dollar or backslash in an element; keep escapes that are not TeX."""
    after = found[1]
    if found.group() == "$" or after == "$":
        return "<span>&#36;</span>"
    if after is None or after == "\\":
        return "<span>&#92;</span>"
    if after.isalpha():
        return f"<span>&#92;</span>{after}"
    return _ENTITIES.get(after, found.group())


def _defused(text: str) -> str:
    return _TARGET.sub(r"\1#", _IMAGE.sub("", _TAG.sub("&lt;", text)))


def _is_harmless(text: str) -> bool:
    for reader in _readers():
        for block in reader.parse(text):
            for token in (block, *(block.children or ())):
                href = str(token.attrs.get("href", ""))
                if not _HREF.match(href) or token.type in {"html_block", "image"}:
                    return False
                if token.type == "html_inline" and token.content not in _OWN_TAGS:
                    return False
    return True


@cache
def _readers() -> tuple["MarkdownIt", ...]:
    """Return parsers that accept raw HTML and any link, without and with formulas."""
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

    logs.hush()
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    parser.use(formula_rules).use(wide_emphasis)
    parser.validateLink = lambda url: _LINK.match(url) is not None  # type: ignore[method-assign]
    rules: Mapping[str, Callable[..., str]] = {
        "text": lambda tokens, at, *_rest: escape(tokens[at].content),
        "code_inline": lambda tokens, at, *_rest: (
            f"<code>{escape(tokens[at].content)}</code>"
        ),
        "fence": _render_fence,
        "code_block": _render_fence,
        "image": _render_image,
        "table_open": _render_table,
        "formula_inline": _render_formula,
        "formula_block": _render_formula,
    }
    parser.renderer.rules.update(rules)  # type: ignore[attr-defined]
    return parser


def _render_fence(
    tokens: list["Token"], at: int, _options: Any, env: Mapping[str, float]
) -> str:
    words = tokens[at].info.split()
    lexer = words[0] if words else ""
    return highlight.html(tokens[at].content, lexer, env.get("until")) + "\n"


def _render_table(
    tokens: list["Token"], at: int, _options: Any, env: Mapping[str, float]
) -> str:
    """Begin a table of text at the left; JupyterLab has cells of HTML at the right."""
    rest = islice(tokens, at, None)
    table = [*takewhile(lambda token: token.type != "table_close", rest)]
    cells = [token for token in table if token.type in {"th_open", "td_open"}]
    if len(cells) <= env["aligned"]:
        for cell in cells:
            cell.attrs.setdefault("style", "text-align:left")
    return "<table>\n"


def _render_image(tokens: list["Token"], at: int, *_rest: Any) -> str:
    source, label = str(tokens[at].attrs.get("src", "")), tokens[at].content
    shown = escape(label or source)
    return f'<a href="{attribute(source)}">🖼 {shown}</a>' if source else shown


def _render_formula(tokens: list["Token"], at: int, *_rest: Any) -> str:
    formula: Formula = tokens[at].meta["formula"]
    if not allowed(formula.tex):
        return f"<code>{escape(formula.source)}</code>"
    element = "p" if tokens[at].block else "span"
    shown = html_.escape(inert(formula.delimited), quote=False)
    return f"<{element}>{shown}</{element}>"
