"""The targets, how they are found, and the programs as files."""

import inspect
import re
import subprocess
import sys
from importlib import resources

import pytest
from openai.resources.chat.completions import Completions
from pygments.lexers import get_lexer_by_name

from tests import readme_tables
from tests.golden_files import FOLDER, path, program
from tests.languages.tried import TRIED
from tests.matrix import BASE_URL, CASES, pairs
from wcode_magics import text
from wcode_magics.errors import OptionError
from wcode_magics.protocol import parameters
from wcode_magics.protocol.reply import Reply
from wcode_magics.snippets import KEYS, TARGETS, find, render
from wcode_magics.snippets.targets import OPENAI_KEYWORDS

MINIMAL = CASES["minimal"].request
PAIRS = [pytest.param(t, name, id=f"{t.key}-{name}") for t, name in pairs()]
EVERY = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.key)


@pytest.mark.parametrize(("target", "name"), PAIRS)
def test_the_program_is_the_golden_file(target, name):
    """Each export is the file that was reviewed; ``tests.golden_files`` rewrites."""
    assert path(target, name).read_bytes().decode() == program(target, name)


def test_no_golden_file_is_left_over():
    """Each golden file belongs to a target and a case that still exist."""
    files = {file for file in FOLDER.rglob("*") if file.is_file()}
    assert files == {path(target, name) for target, name in pairs()}


def test_each_target_has_a_template_and_each_template_a_target():
    """Adding a language cannot be half done."""
    folder = resources.files("wcode_magics.snippets") / "templates"
    names = {file.name for file in folder.iterdir() if file.is_file()}
    assert names == {f"{k}.jinja" for k in KEYS}


@EVERY
def test_the_key_is_read_and_never_written(target):
    """The program reads WCODE_API_KEY and tells what to install and how to run."""
    source = render(MINIMAL, target.key, base_url=BASE_URL)
    assert source.count("WCODE_API_KEY") >= 2
    assert target.install in source
    assert target.run in source
    assert BASE_URL in source


@EVERY
def test_lines_end_tidily(target):
    """No trailing blanks, no empty line at either end, one line end at the last."""
    for name in ("minimal", "streaming"):
        source = program(target, name)
        assert source.strip() + "\n" == source
        assert not any(line != line.rstrip() for line in source.split("\n"))


@EVERY
def test_a_streaming_form_asks_to_stream(target):
    """``stream`` adds just that to the body."""
    streaming = render(MINIMAL, target.key, base_url=BASE_URL, stream=True)
    whole = render(MINIMAL, target.key, base_url=BASE_URL)
    asks = re.compile(r"""stream[\\"']*\s*(:|=>|=)\s*[tT]rue""")
    assert asks.search(streaming)
    assert not asks.search(whole)


@EVERY
def test_a_server_without_a_key_needs_none(target):
    """The program runs without a key, and sends one where the variable holds it."""
    source = render(MINIMAL, target.key, base_url=BASE_URL, needs_key=False)
    assert "WCODE_API_KEY" in source.split("Key:")[1].split("\n", 1)[1]
    assert "must hold your key" not in source


@EVERY
def test_a_query_of_the_base_url_stays_behind_the_path(target):
    """Azure's ``api-version`` is sent as the client sends it."""
    url = "https://a.example/openai?api-version=2024-10-21"
    source = render(MINIMAL, target.key, base_url=url)
    if target.key == "python-openai":
        assert "default_query={'api-version': '2024-10-21'}" in source
    else:
        assert "/openai/chat/completions?api-version=2024-10-21" in source


def test_a_base_url_cannot_break_out_of_its_quotes():
    """What a quoted string could read is percent-encoded; the rest of the URL stays."""
    source = render(MINIMAL, "curl", base_url="http://h/\"'$(id)`id`\\ {x}/v1/")
    assert '"http://h/%22%27%24(id)%60id%60%5C%20%7Bx%7D/v1/chat/completions"' in source


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("python", "python-requests, python-openai, python-httpx"),
        ("PHP", "php-guzzle, php-curl"),
        ("rustt", "rust"),
        ("javascrip", "javascript"),
    ],
)
@pytest.mark.parametrize("language", text.LANGUAGES)
def test_an_unknown_language_names_the_nearest(given, near, language):
    """A mistyped language is one line with the nearest and all of them."""
    text.use(language)
    with pytest.raises(OptionError) as caught:
        find(given)
    assert near in str(caught.value)
    assert all(key in str(caught.value) for key in KEYS)


@EVERY
def test_a_key_is_found_in_any_case(target):
    """Keys are found whatever their case, and blanks around them are ignored."""
    assert find(f" {target.key.upper()} ") is target


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_table_lists_each_target(language):
    """The README's table has a row for each target, and all of them stream."""
    rows = readme_tables.targets(language).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(KEYS)
    streaming = {row.split("|")[-3].strip() for row in rows}
    assert streaming == {readme_tables.STREAMS[language]}


def test_the_table_names_the_versions():
    """The last column has the versions of the row, the library's name once."""
    rows = {
        row.split("`")[1]: row for row in readme_tables.targets("en").splitlines()[2:]
    }
    assert rows["go"].endswith("| run with Go 1.19.13, 1.26.8 |")
    assert rows["dart"].endswith("| parsed, not run |")
    for target in TARGETS:
        assert all(tried.split()[-1] in rows[target.key] for tried in TRIED[target.key])


@EVERY
def test_a_reply_gives_its_request_as_code(target):
    """``reply.code("go")`` is the program of the request, to where it was sent.

    A server on this machine may need no key.
    """
    for url, needs_key in ((BASE_URL, True), ("http://127.0.0.1:9/v1", False)):
        reply = Reply("Hello.", MINIMAL, "m", base_url=url)
        expected = render(MINIMAL, target.key, base_url=url, needs_key=needs_key)
        assert reply.code(target.key) == expected


def test_the_sdk_takes_what_it_is_given():
    """Parameters of the table go to the SDK by name exactly where it knows them."""
    known = set(inspect.signature(Completions.create).parameters)
    assert known & set(parameters.NAMES) == OPENAI_KEYWORDS & set(parameters.NAMES)
    assert known >= OPENAI_KEYWORDS


@EVERY
def test_a_title_is_a_language_that_is_highlighted(target):
    """Pygments knows each language by its title, in any case."""
    assert get_lexer_by_name(target.title)


def test_jinja_and_pygments_come_late():
    """Importing the targets loads neither the template engine nor the lexers."""
    check = "import sys, wcode_magics.snippets; print('jinja2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
