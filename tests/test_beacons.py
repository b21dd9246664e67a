"""No text makes a page ask another host: every request of a page is recorded.

The server puts addresses of other hosts into everything it says, in each form that a
page would fetch. A cell beside them, that shows such a formula as HTML of its own, is
fetched: so the page did typeset, and the record sees it.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import jupyter_server_mathjax
import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from tests.browser import Jupyter, Sheet, browser
from tests.loopback import DONE, Answer, Loopback, Seen, event, sse
from tests.widgets.driver import Desk

VIEW: ViewportSize = {"width": 1000, "height": 20_000}
EVIL, CONTROL = "http://evil.example", "http://control.example"
GLYPH = r"$\mmlToken{mglyph}[src='%s']{}$"
FORMS = {
    "formula": GLYPH % f"{EVIL}/glyph.png",
    "display": rf"$$\mmlToken{{mglyph}}[src='{EVIL}/display.png']{{}}$$",
    "paren": rf"\(\mmlToken{{mglyph}}[src='{EVIL}/paren.png']{{}}\)",
    "bracket": rf"\[\mmlToken{{mglyph}}[src='{EVIL}/bracket.png']{{}}\]",
    "begin": rf"\begin{{align}}{GLYPH[1:-1] % f'{EVIL}/begin.png'}\end{{align}}",
    "defined": rf"$\def\x{{\mmlToken{{mglyph}}[src='{EVIL}/def.png']{{}}}}\x$",
    "picture": rf"$\require{{graphicx}}\includegraphics{{{EVIL}/graphics.png}}$",
    "style": rf"$\style{{background:url({EVIL}/style.png)}}{{x}}$",
    "markdown": f"![x]({EVIL}/md.png) ![y][r]\n\n[r]: {EVIL}/reference.png",
    "html": f"<img src={EVIL}/img.png><svg><image href='{EVIL}/svg.png'/></svg>",
    "sheet": f"<style>*{{background:url({EVIL}/css.png)}}</style>"
    f"<link rel=stylesheet href={EVIL}/link.css><base href={EVIL}>",
    "frame": f"<iframe src={EVIL}/frame></iframe><video src={EVIL}/v.mp4></video>",
    "script": f"<script>fetch('{EVIL}/script')</script><img src=x onerror="
    f"\"fetch('{EVIL}/onerror')\">",
    "fence": f"```html\n</code></pre><img src={EVIL}/fence.png>\n```",
}
"""Forms of text that a page may fetch something for."""
TEXT = "\n\n".join(FORMS.values())
LINE = " ".join(FORMS.values()).replace("\n", " ")

PANEL = "%wcode_panel"
CELLS = (
    (
        "%load_ext wcode_magics\n"
        "import pandas as pd\n"
        f"text = {TEXT!r}\n"
        "df = pd.DataFrame({'a': [text, 'ERROR'], text: [1, 2]})"
    ),
    "%%wcode\nhi",
    "%%wcode --no-stream\nhi",
    "%%wcode --logprobs --top-logprobs 2\nhi",
    "_wcode.logprobs",
    "%%wcode --format text\nhi",
    "%%wcode --format code\nhi",
    "%%wcode --json\nJSON",
    '%%wcode --schema {"a": "str"}\nJSON',
    "%%wcode --sweep seed=1,2\nhi",
    "%%wcode --repeat 2\nhi",
    "%%wcode --chat c\n{{ text }}",
    "%%wcode --chat c\nhi",
    "%wcode_chats c",
    "%wcode_branch 0 1",
    "%wcode_tree --depth 1",
    "%%wcode\nREFUSAL",
    "%%wcode\nCALLS",
    "%wcode ERROR",
    "%%wcode --dry-run\n{{ text }}",
    "%%wcode --as curl\n{{ text }}",
    "%%wcode --param $text=1\nhi",
    "%%wcode --system $text --stop $text\nhi",
    "%wcode_config system=$text",
    "%wcode_config",
    "%wcode_models",
    "%wcode_show",
    "%wcode_history",
    "%wcode_usage",
    "made = df.wcode.ask('{{ a }}', into='b')\nmade",
    "made.b_error",
    "df.wcode.ask('{{ a }}', into='c', columns={'c': str})",
    "%%wcode --frame $df --into d\n{{ a }}",
    "raise ValueError(text)",
    "%wcode_fix --yes",
    PANEL,
    (
        "from IPython.display import HTML\n"
        f"display(HTML({GLYPH % f'{CONTROL}/typeset.png'!r}))"
    ),
)
"""Each face of a text; the last cell is not ours, and does ask."""

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def hostile(seen: Seen) -> Answer:
    """Says it in every field that is shown."""
    if not seen.content:
        return Answer([json.dumps({"data": [{"id": LINE}]}).encode()])
    asked = seen.body["messages"][-1]["content"] or ""
    if "ERROR" in asked:
        error = {"error": {"message": LINE, "code": LINE, "param": LINE}}
        return Answer([json.dumps(error).encode()], 400)
    said: dict[str, Any] = {"content": json.dumps({"a": TEXT, LINE: 1})}
    if "JSON" not in asked:
        said = {"content": TEXT, "reasoning_content": TEXT}
    if "REFUSAL" in asked:
        said = {"content": None, "refusal": TEXT}
    if "CALLS" in asked:
        function = {"name": LINE[:200], "arguments": json.dumps({LINE: TEXT})}
        said |= {"tool_calls": [{"index": 0, "id": "1", "function": function}]}
    token = {"token": LINE, "logprob": -0.5, "bytes": None}
    top = [token, {**token, "token": f"{LINE}2", "logprob": -1}]
    more = {"logprobs": {"content": [{**token, "top_logprobs": top}]}}
    if not seen.body.get("stream"):
        choice = {"message": said, "finish_reason": LINE[:200], **more}
        whole = {"model": LINE[:200], "choices": [choice], "usage": USED}
        return Answer([json.dumps(whole).encode()])
    end = sse({"model": LINE[:200], "choices": [], "usage": USED})
    pieces = [event(said, **more), event({}, LINE[:200]), end, DONE]
    return Answer(pieces, kind="text/event-stream")


USED = {"prompt_tokens": 3, "completion_tokens": 5}


class Record:
    """The hosts other than this machine that a page asks; none is reached."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        page.route("**/*", self._route)

    def _route(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or parts.hostname == "127.0.0.1":
            route.continue_()
        else:
            self.asked.append(f"{parts.scheme}://{parts.hostname}")
            route.abort()

    def wait(self, page: Page, times: int = 1) -> set[str]:
        """The hosts, once the cell that does ask was typeset and all is still."""
        for _ in range(600):
            if self.asked.count(CONTROL) >= times:
                break
            page.wait_for_timeout(100)
        page.wait_for_load_state("networkidle")
        return {*self.asked}


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_facts: object) -> None:
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on this machine."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the module."""
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page with a memory of its own."""
    with chromium.new_context(viewport=VIEW) as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def run(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, set[str]]]:
    """A notebook run and saved in a JupyterLab that trusts it, and what was asked."""
    home = tmp_path_factory.mktemp("trusted")
    with Loopback(hostile) as server:
        env = {"WCODE_BASE_URL": server.url, "WCODE_RETRIES": "0"}
        with Jupyter(home, env=env) as made:
            kernel = {"name": "python3", "display_name": "x", "language": "python"}
            cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
            for cell in cells:
                cell.metadata["tags"] = ["raises-exception"]
            metadata = {"kernelspec": kernel}
            path = made.root / "n.ipynb"
            nbformat.write(
                nbformat.v4.new_notebook(cells=cells, metadata=metadata), path
            )
            page = chromium.new_page(viewport=VIEW)
            record = Record(page)
            sheet = Sheet.open(page, made.url("n.ipynb"))
            sheet.run_all()
            desk = Desk(sheet, CELLS.index(PANEL))
            desk.ask("hi")
            expect(desk.picture).to_contain_text("glyph.png")
            sheet.run(len(CELLS) - 1)
            asked = record.wait(page, times=2)
            sheet.save()
            yield path, asked


def test_a_trusted_notebook_asks_nobody(run: tuple[Path, set[str]]) -> None:
    """Where scripts may run, as the cells ran and afterwards."""
    path, asked = run
    assert asked == {CONTROL}
    shown = nbformat.read(path, as_version=4)
    silent = [cell.source for cell in shown.cells[1:] if not cell.outputs]
    assert silent == []


def test_an_untrusted_notebook_asks_nobody(
    run: tuple[Path, set[str]], tmp_path: Path, page: Page
) -> None:
    """A file of somebody else, sanitised by JupyterLab and typeset by it."""
    with Jupyter(tmp_path) as stranger:
        shutil.copy(run[0], stranger.root / "n.ipynb")
        record = Record(page)
        Sheet.open(page, stranger.url("n.ipynb"))
        assert record.wait(page) == {CONTROL}


def test_a_page_made_of_it_asks_nobody(
    run: tuple[Path, set[str]], tmp_path: Path, page: Page
) -> None:
    """What nbconvert writes, with a MathJax that refuses nothing."""
    folder = Path(jupyter_server_mathjax.__file__).parent / "static"
    shutil.copytree(folder, tmp_path / "mathjax")
    with served(tmp_path) as url:
        exporter = HTMLExporter(
            mathjax_url=f"{url}/mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full",
            require_js_url="",
            mermaid_js_url=f"{url}/none.js",
            jquery_url="",
            jupyter_widgets_base_url=f"{url}/none",
        )
        made, _resources = exporter.from_filename(str(run[0]))
        (tmp_path / "n.html").write_text(made, "utf-8")
        record = Record(page)
        page.goto(f"{url}/n.html")
        assert record.wait(page) == {CONTROL}
