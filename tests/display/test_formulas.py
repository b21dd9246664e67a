r"""Money stays money, formulas are typeset, and no formula calls on a server."""

import html as html_
import re

import pytest

from wcode_magics.display import bundles
from wcode_magics.display.formulas import allowed
from wcode_magics.display.markdown import html, neutral
from wcode_magics.output.escaping import escape, without_tex

MONEY = [
    "Apples cost $5 per kg and pears cost $10 per kg.",
    r"It is \$5 and \$10.",
    '{"price": "$5 to $10"}',
    "US$5 to US$10, then A$7–A$9",
    "between $20k/$30k ($15/h) and $1.5M–$2M",
    "**$5** or *$6*, or `$7` and $8",
    "set $HOME and $PATH; $HOME/$USER; ${A}:${B}",
    "Revenue ($) and cost ($)",
    "5$-10$ or 20$, not 30$",
    "from cheap ($) to dear ($$$), or $$$$",
    "价格$5，促销$3；从$A到$B",
    "| a ($) | b ($) |\n| - | - |\n| $5 | $6 |",
    "$ 5 and 6 $ and $5 and 6 $",
    "costs $5 (see `$x`) and $y",
]
FORMULAS = {
    "$x^2$": r"\(x^2\)",
    "$n$th": r"\(n\)",
    "($a_1 * b_1$)": r"\(a_1 * b_1\)",
    "$\\$5 + x$": r"\(\$5 + x\)",
    "$$\\int_0^1 x\\,dx$$": r"\[\int_0^1 x\,dx\]",
    "$$\nx\n- y\n= z\n$$": "\\[x\n- y\n= z\\]",
    "\\(a<b\\)": r"\(a<b\)",
    "\\[\nx\n+ y\n\\]": "\\[x\n+ y\\]",
    "> \\[\n> x\n> - y\n> \\]": "\\[x\n- y\\]",
    "- a\n  $$\n  x\n  $$": r"\[x\]",
    "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}": (
        "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}"
    ),
    "So\n\\begin{pmatrix}1 & 2\\\\ 3 & 4\\end{pmatrix} it is.": (
        "\\begin{pmatrix}1 & 2\\\\ 3 & 4\\end{pmatrix}"
    ),
    "$\\text{if $x$ then } y$": "\\(x\\)",
    "\\(\\text{if $x$}\\color{red} y\\)": r"\(\text{if $x$}\color{red} y\)",
}
REFUSED = [
    r"\mmlToken{mglyph}[src='http://evil.example/a.png']{}",
    r"\href{http://evil.example}{x}",
    r"\url{http://evil.example}",
    r"\require{html}",
    r"\def\a{\a\a}\a",
    r"\gdef\a{b}",
    r"\let\frac\a",
    r"\newcommand{\a}{b}",
    r"\class{evil}{x}",
    r"\cssId{evil}{x}",
    r"\style{position:fixed}{x}",
    r"\unicode[evil]{x41}",
    r"\includegraphics{http://evil.example/a.png}",
    r"\bbox[url(http://evil.example)]{x}",
    r"\data{a=b}{x}",
    r"\color{red;background:url(http://evil.example)}x",
    r"\rule{1000em}{1000em}",
    r"\begin{mmlToken}x\end{mmlToken}",
    r"\begin{html}x\end{html}",
    r"\verb|x|",
    r"\text{\mmlToken{mglyph}[src=http://evil.example]{}}",
    "{",
    "}{",
    "{" * 50 + "}" * 50,
    "x" * 6_000,
]


def typeset(page: str) -> list[str]:
    r"""What MathJax would read: it looks for pairs in each run of text outside code."""
    bare = re.sub(r"<(pre|code)\b.*?</\1>", "|", page, flags=re.DOTALL)
    found = []
    for run in re.split(r"<[^>]*>", bare):
        text = html_.unescape(run)
        pairs = r"(?<!\\)\$[^$]+\$|\\\(.*?\\\)|\\\[.*?\\\]|\\begin\{.*?\}.*\\end\{.*?\}"
        found += [match.group() for match in re.finditer(pairs, text, re.DOTALL)]
    return found


@pytest.mark.parametrize("text", MONEY)
def test_money_stays_money(text: str) -> None:
    """In an answer, in an output's Markdown, in notes, footers and cells of tables."""
    assert typeset(html(text)) == []
    assert typeset(str(bundles.note_bundle(text)["text/html"])) == []
    assert typeset(escape(text)) == []
    told = neutral(text)
    assert told is not None
    assert "$" not in re.sub(r"`[^`]*`", "", told)


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_typeset(text: str) -> None:
    """By pandoc's rule, with any delimiters, wherever Markdown lets them stand."""
    assert typeset(html(text)) == [FORMULAS[text]]


@pytest.mark.parametrize("tex", REFUSED)
@pytest.mark.parametrize(("left", "right"), [("$", "$"), ("$$", "$$"), (r"\(", r"\)")])
def test_only_known_commands_are_typeset(tex: str, left: str, right: str) -> None:
    """All others are shown as they were written, and read by nobody."""
    assert not allowed(tex)
    text = f"See {left}{tex}{right} here."
    page = html(text)
    assert typeset(page) == []
    shown = html_.unescape(re.sub(r"<[^>]*>", "", page))
    assert tex.strip() in shown or tex.startswith(("{", "}"))
    told = neutral(text)
    assert told is not None
    assert not re.search(r"\\(mmlToken|href|require|style)", re.sub("`.*`", "", told))


@pytest.mark.parametrize("tex", REFUSED)
def test_html_of_others_is_not_typeset(tex: str) -> None:
    """Neither an answer's own HTML nor a table of pandas'."""
    page = without_tex(f"<p title=\"$a$\">${tex}$ \\({tex}\\)</p><a href='x'>$y$</a>")
    assert typeset(page) == []
    assert 'title="$a$"' in page
