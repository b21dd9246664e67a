"""Markdown of a model: it is shown, and it runs nothing."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from wcode_magics.display.markdown import (
    MOST_ALIGNED,
    MOST_ALIGNED_GROWING,
    growing,
    html,
    is_blank,
    neutral,
)
from wcode_magics.display.markdown_blocks import TAIL_LIMIT, split

HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//x.example/x.js>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick='x'>b</b> <i>c</i>",
    "<div>\n```\n<script>alert(1)</script>\n```\n</div>",
    "<!-- --><script>x</script>",
    "<?php x ?><svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe srcdoc='<script>x</script>'>",
    "<style>*{display:none}</style>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x]( javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](javascript&#58;alert(1))",
    "[x](javascript\\:alert(1))",
    "[x](java\\script:alert(1))",
    "[x](vbscript:x) [y](data:text/html,<script>x</script>)",
    "[x](file:///etc/passwd)",
    "[x]\n\n[x]: javascript:alert(1)",
    "[x]\n\n[x]:\n  <javascript:alert(1)> 'title'",
    "<javascript:alert(1)>",
    "![x](http://tracker.example/p.png)",
    "!![x](http://tracker.example/p.png)",
    "!!!![x](http://tracker.example/p.png)",
    "\\![x](http://tracker.example/p.png)",
    "\\\\![x](http://tracker.example/p.png)",
    "![x][y]\n\n[y]: http://tracker.example/p.png",
    '![x](x "onerror=alert(1)")',
    '[x](http://a" onmouseover="alert(1))',
    '!["><script>x</script>](http://a)',
    "a ` b\n\n<script>alert(1)</script>\n\nc ` d",
    "\\`<img src=x onerror=alert(1)>\\`",
    "`` ` `` <img src=x onerror=alert(1)> `` ` ``",
    "` `` ` <img src=x onerror=alert(1)> ``",
    "$$\n```\n$$\n<img src=x onerror=alert(1)>\n```\n<img src=x onerror=alert(2)>\n",
    "$`$<img src=x onerror=alert(1)>$`$",
    "`$`<img src=x onerror=alert(1)>`$`",
    "a\r\r\r```\n<img src=x onerror=alert(1)>\n```\n<script>x</script>\n",
    "```\n</code></pre><script>x</script>\n```",
    '```"><script>x</script>\ncode\n```',
    "    <script>in code</script>\n\n<script>not</script>",
    "- ```\n<script>x</script>\n```",
    "> ```\n<script>x</script>\n```",
    "| a |\n| - |\n| <script>x</script> |",
    "| a |\n| - |\n| `<b>` | <script>x</script> |",
    "$x<script>alert(1)</script>$ $$<img src=x onerror=y>$$",
    "\\(<script>x</script>\\) \\[<script>y</script>\\]",
    "# <script>x</script>\n=====",
    "[a](<b><script>x</script>)",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<script\u2028>x</script>",
    "&lt;script&gt;x&lt;/script&gt;",
    "[![x](javascript:alert(1))](javascript:alert(2))",
    "<https://x.example/onerror=1> <mailto:a@b.example>",
]
HARMLESS_TAGS = {
    *("p", "a", "code", "pre", "em", "strong", "s", "ul", "ol", "li", "blockquote"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "br", "span", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
HARMLESS_ATTRIBUTES = {"href", "title", "style", "class", "start"}


class Judge(HTMLParser):
    """Collects what a browser could run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag, attrs):
        """A tag or an attribute that is not harmless is bad."""
        if tag not in HARMLESS_TAGS:
            self.bad.append(tag)
        for name, value in attrs:
            if name not in HARMLESS_ATTRIBUTES or (
                name == "href" and not re.match(r"https?:|mailto:|#|/|[^:]*$", value)
            ):
                self.bad.append(f"{tag} {name}={value}")

    def handle_comment(self, data):
        """Comments have no place either."""
        self.bad.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def bad_parts(page: str) -> list[str]:
    """All that a page could do besides being read."""
    judge = Judge()
    judge.feed(page)
    judge.close()
    return judge.bad


def readers() -> list[MarkdownIt]:
    """Readers of Markdown that let everything through."""
    plain = MarkdownIt("commonmark", {"html": True})
    tables = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    formulas = MarkdownIt("commonmark", {"html": True}).use(dollarmath_plugin)
    made = [plain, tables, formulas]
    for reader in made:
        reader.validateLink = lambda _url: True
    return made


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_runs_in_the_html(text):
    """No tag, handler, script link or fetched picture comes from the model."""
    assert bad_parts(html(text)) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_runs_in_the_neutral_markdown(text):
    """Whoever renders the Markdown, with formulas or without, renders harmless HTML."""
    for reader in readers():
        assert bad_parts(reader.render(neutral(text))) == []


PIECES = st.lists(
    st.sampled_from(
        [
            *("`", "``", "```", "~~~", "\n", "\n\n", "\r", "$", "$$", "\\", "!", "["),
            *("]", "(", ")", "<script>", "<img src=x onerror=y>", "javascript:", "x"),
            *(" ", "    ", ">", "- ", "|", ":", "<", "&#58;", "http://a", "]: ", "]("),
            *("![", "<!--", "\\(", "\\)", "\\[", "\\]"),
        ]
    ),
    max_size=25,
).map("".join)


@given(PIECES)
@settings(max_examples=400, deadline=None)
def test_no_mixture_of_pieces_runs(text):
    """However fences, spans, formulas and links are interleaved."""
    assert bad_parts(html(text)) == []
    safe = neutral(text)
    assert [bad_parts(reader.render(safe)) for reader in readers()] == [[], [], []]


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "# Title\n\n- a\n- b\n\n| a | b |\n| - | - |\n| 1 | 2 |",
        "a < b and c > d, x<3, 5<6",
        "```html\n<div onclick='x'>\n```",
        "Use `List<int>` and `<b>`.",
        "``a ` <b>``",
        "[site](https://x.example/a?b=1&c=2) [mail](mailto:a@b.c) [here](#a) [up](/a)",
        "    <indented code>",
        "- item\n\n  ```\n  <b>\n  ```",
        "$a<b$ and \\(x\\)",
        "wow! [x] y",
        "中文，`代码<甲>`。",
    ],
)
def test_what_is_harmless_stays_as_it_is(text):
    """Code and ordinary prose come through unchanged."""
    assert neutral(text) == text


def test_around_code_tags_are_escaped_and_pictures_are_links():
    """Code keeps its characters while prose loses its teeth."""
    told = neutral("`<b>` <b>\n\n```\n<i>\n```\n\n![cat](https://x.example/c.png)")
    assert told == "`<b>` &lt;b>\n\n```\n<i>\n```\n\n[cat](https://x.example/c.png)"


FORMULAS = ["$a<b$", "$$\\int_0^1 x\\,dx$$", "\\(a_1 * b_2 * c_3\\)", "\\[x\\\\y\\]"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_keep_their_delimiters_and_their_signs(formula):
    """MathJax finds them, and Markdown has not eaten underscores and stars."""
    shown = html(f"Look: {formula} so")
    inner = formula.strip("$").removeprefix("\\(").removesuffix("\\)")
    inner = inner.removeprefix("\\[").removesuffix("\\]")
    assert inner.replace("<", "&lt;") in shown
    assert re.search(r"\\[(\[].*\\[)\]]", shown)
    assert "<em>" not in shown


def test_text_in_tables_stands_at_the_left():
    """As in JupyterLab's own Markdown, unless the answer says where; also growing."""
    rows = "| name | n |\n| --- | ---: |\n| alpha | 1 |\n"
    for page in (html(rows), growing(rows)):
        assert page.count('style="text-align:left">') == 2
        assert page.count('style="text-align:right">') == 2
    assert "left" not in growing(rows + "| beta | 2 |\n" * MOST_ALIGNED_GROWING)
    assert "left" not in html(rows + "| beta | 2 |\n" * MOST_ALIGNED)


def test_a_formula_stands_where_models_put_it():
    """Behind a line of text, without a blank line between."""
    shown = html("So:\n\\[\nx_1 * y_1\n\\]\nand on.")
    assert "\\[x_1 * y_1\\]" in shown


def test_money_is_no_formula():
    """``$5 and $6`` stays as it is."""
    assert "\\(" not in html("It costs $5 and $6.")


def test_pictures_become_links():
    """Looking at an answer calls on no server."""
    shown = html("![a cat](https://x.example/c.png)")
    assert 'href="https://x.example/c.png"' in shown
    assert "a cat" in shown


def words(count: int) -> list[str]:
    """Words that are told apart."""
    return [f"w{number}" for number in range(count)]


def prose(count: int) -> str:
    """One long paragraph."""
    return " ".join(words(count))


TEXTS = {
    "prose": prose(900),
    "sentences": ". ".join(words(900)),
    "paragraphs": "\n\n".join(words(400)),
    "lines": "\n".join(words(900)),
    "Chinese": "。".join(words(900)),
    "one word after another": "，".join(words(900)),
    "fence": "```py\n" + "\n".join(words(900)) + "\n```\n",
    "tildes": "~~~~\n" + "\n".join(words(900)) + "\n~~~~\n",
    "open fence": "before\n\n```\n" + "\n".join(words(900)),
    "two fences": "```\nw0\n```\n\n" + "```\n" + "\n".join(words(900)[1:]) + "\n```\n",
    "list": "- " + "\n- ".join(words(900)),
    "numbers": "\n".join(f"{n}. {word}" for n, word in enumerate(words(900))),
    "nested": "\n".join(f"{'  ' * (n % 3)}- {w}" for n, w in enumerate(words(900))),
    "table": "| a | b |\n| - | - |\n| " + " | x |\n| ".join(words(900)) + " | x |\n",
    "bare table": "a | b\n--- | ---\n" + " | x\n".join(words(900)) + " | x\n",
    "quote": "> " + "\n> ".join(words(900)),
    "titles": "\n".join(f"# {word}" for word in words(300)),
    "formulas": "\n\n".join(f"$$\n{word}\n$$" for word in words(300)),
    "odd line ends": "\u2028".join(words(50)) + "\n\n" + "\x0c".join(words(900)[50:]),
    "carriage returns": "\r\n\r\n".join(words(400)),
    "code in a list": "- a\n\n  ```\n  " + "\n  ".join(words(900)) + "\n  ```\n",
}


def grown(text: str, size: int) -> tuple[list[str], str]:
    """The finished parts, and the rest, of a text that comes in pieces."""
    finished, tail = [], ""
    for at in range(0, len(text), size):
        tail += text[at : at + size]
        done, tail = split(tail)
        finished += [done] if done else []
    return finished, tail


@pytest.mark.parametrize("size", [7, 40])
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_grows_is_finished_once_and_in_order(name, size):
    """Every word stands once in what was finished or is left; the rest stays short."""
    finished, tail = grown(TEXTS[name], size)
    told = re.findall(r"w\d+", "\n".join([*finished, tail]))
    expected = re.findall(r"w\d+", TEXTS[name])
    assert told == expected
    assert len(finished) > 3
    assert len(tail) <= TAIL_LIMIT + 2 * size + 60


@pytest.mark.parametrize(
    "name", ["prose", "sentences", "paragraphs", "lines", "Chinese", "list", "numbers"]
)
def test_what_is_cut_joins_to_what_it_was(name):
    """A long paragraph or list that is merged again is one, and a list stays tight."""
    finished, tail = grown(TEXTS[name], 40)
    assert "".join([*finished, tail]) == TEXTS[name]


def test_a_paragraph_ends_at_an_empty_line():
    """It is not sent again with the line that begins after it."""
    assert split("some words\n\nmore") == ("some words\n\n", "more")
    for text in ("- some words\n\nmore", "```\nsome words\n\nmore"):
        assert split(text) == ("", text)


def test_a_fence_that_is_cut_stays_code():
    """Each part of a long fence is a fence in the same language."""
    finished, _tail = grown(TEXTS["fence"], 40)
    for part in finished:
        assert part.startswith("```py\n")
        assert part.rstrip().endswith("```")


def test_a_table_that_is_cut_stays_a_table():
    """Each part repeats the head."""
    for name in ("table", "bare table"):
        finished, _tail = grown(TEXTS[name], 40)
        assert all("<table" in html(part) for part in finished)


@given(st.text(alphabet="ab \n\r`~|->#$\u2028*1.。[]()<", max_size=200))
@settings(max_examples=200, deadline=None)
def test_a_short_text_is_cut_between_its_characters(text):
    """Nothing is lost or added where no long block is cut inside."""
    finished, growing = split(text)
    assert finished + growing == text


@given(st.text(alphabet="ab \n`~|->#$*1.。[]():/<!&;\u3164", max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_text_that_begins_with_a_letter_is_seen(text):
    """So whether it renders to nothing is known without rendering it."""
    assert "w" in re.sub("<[^>]*>", "", html(f"\n w{text}"))
    assert not is_blank(f"\n w{text}")
