"""What CONTRIBUTING says is enough to add something, is enough."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import wcode_magics

PACKAGE = Path(wcode_magics.__file__).parent
PAGE = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")


@dataclass(frozen=True)
class Addition:
    """Files with what is put into each (after a text, or as a new file); a check."""

    files: dict[str, tuple[str, str]]
    check: str


ZEST = '[params.zest]\nlabel = "{}"\nhelp = "{}"\n'
HELLO = """'''``%wcode_hello``'''


def wcode_hello(home, line):
    return f"hello {line}"
"""

ADDITIONS = {
    "a parameter": Addition(
        {
            "protocol/parameters.py": (
                "PARAMS = (\n",
                '    Param("zest", "float", "sampling", 0.0, 1.0, short="z"),\n',
            ),
            "locale/en.toml": (
                "",
                '[params.zest]\nlabel = "Zest"\nhelp = "More zest."\n',
            ),
            "locale/zh.toml": (
                "",
                '[params.zest]\nlabel = "活力"\nhelp = "更有活力。"\n',
            ),
        },
        """
from wcode_magics import Session, text
from wcode_magics.protocol import parameters
from tests import readme_tables
from wcode_magics.settings import manual, option_completion, option_line
line = option_line.parse("--zest 0.5 hello", {})
with Session() as session:
    body = session.prepare(line.rest, **line.values).request.body
assert body["zest"] == 0.5, body
assert "--zest" in manual.page() and "zest" in readme_tables.params("zh")
assert "--zest" in [one.text for one in option_completion.complete("--ze", {})]
""",
    ),
    "an option": Addition(
        {
            "settings/options.py": (
                "    *_PARAMS,\n",
                '    Option("shout", "flag", stage="run"),\n',
            ),
            "locale/en.toml": ("[options]\n", 'shout = "Shout."\n'),
            "locale/zh.toml": ("[options]\n", 'shout = "大声。"\n'),
        },
        """
from tests import readme_tables
from wcode_magics.settings import manual, option_line, options
line = option_line.parse("--shout hello", {})
assert line.values == {"shout": True}
assert options.of_request(line.values) == {}
assert "Shout." in manual.page() and "大声。" in readme_tables.options("zh")
""",
    ),
    "a model": Addition(
        {
            "protocol/models.toml": (
                "",
                """[[deepseek]]
id = "acme/one"
context = 4_096
price = { input = 1.0, output = 2.0, cached = 0.5, currency = "USD" }
abilities = ["text", "image"]
""",
            )
        },
        """
from wcode_magics.protocol import models
from wcode_magics.protocol.messages import Usage
place = "https://api.deepseek.com/v1"
assert models.cost("acme/one", Usage(1_000_000, 1_000_000), place) == 3.0
cached = Usage(1_000_000, 0, cached_tokens=1_000_000)
assert models.cost("acme/one", cached, place) == 0.5
row = models.find("acme/one", place)
assert [row.can(one) for one in ("image", "tools")] == [True, None]
assert models.find("acme/one", "https://api.openai.com/v1") is None
""",
    ),
    "a provider": Addition(
        {
            "protocol/providers.toml": (
                "",
                """[acme]
title = "Acme"
base_url = "https://acme.example/v1"
key = "ACME_KEY"
""",
            )
        },
        """
from wcode_magics.protocol import providers
names, line = providers.unused({"ACME_KEY": "k"})
assert names == ["ACME_KEY"] and line == "%wcode_config provider=acme"
assert providers.at("https://acme.example/v2").title == "Acme"
""",
    ),
    "a language of export": Addition(
        {
            "snippets/targets.py": (
                "TARGETS = (\n",
                """    Target(
        "acme",
        "Acme",
        "net",
        install="Acme 1",
        run="acme ask.acme",
        quote=_data(literal.PYTHON),
        comment="#",
    ),
""",
            ),
            "snippets/templates/acme.jinja": ("", "{{ header }}\nsend {{ body }}\n"),
        },
        """
from tests import readme_tables
from wcode_magics import Session, snippets
with Session() as session:
    request = session.prepare("hello").request
program = snippets.render(request, "acme", base_url="https://acme.example/v1")
assert program.startswith("# One request") and "hello" in program
assert "| `acme` |" in readme_tables.targets("en")
""",
    ),
    "a command": Addition(
        {
            "notebook/commands/__init__.py": (
                "COMMANDS = {\n",
                '    "wcode_hello": "hello",\n',
            ),
            "notebook/commands/hello.py": (
                "",
                HELLO,
            ),
            "locale/en.toml": ("[commands]\n", 'wcode_hello = "Greet."\n'),
            "locale/zh.toml": ("[commands]\n", 'wcode_hello = "问好。"\n'),
        },
        """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
quiet = Config(HistoryManager={"enabled": False})
shell = InteractiveShell.instance(config=quiet)
shell.run_line_magic("load_ext", "wcode_magics")
assert shell.run_line_magic("wcode_hello", "you") == "hello you"
assert "Greet." in shell.object_inspect("%wcode_hello")["docstring"]
""",
    ),
}


def named(kind: str) -> list[str]:
    """The files that CONTRIBUTING names for an addition."""
    [row] = re.findall(rf"^\| {kind} \| (.+) \|$", PAGE, re.MULTILINE)
    return re.findall(r"`([\w/.]+\.(?:py|toml|jinja))`", row)


@pytest.mark.parametrize("kind", ADDITIONS)
def test_what_is_named_is_enough(kind: str, tmp_path: Path) -> None:
    """Made in a copy in the files that the page names, it works in every face."""
    addition = ADDITIONS[kind]
    concrete = {"KEY.jinja": "acme.jinja", "NAME.py": "hello.py"}
    files = [
        re.sub(r"[A-Z]+\.\w+", lambda m: concrete[m[0]], one) for one in named(kind)
    ]
    assert sorted(files) == sorted(addition.files)
    shutil.copytree(
        PACKAGE, tmp_path / "wcode_magics", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, (after, added) in addition.files.items():
        path = tmp_path / "wcode_magics" / name
        if not after:
            before = path.read_text("utf-8") + "\n" if path.exists() else ""
            path.write_text(before + added, "utf-8")
            continue
        source = path.read_text("utf-8")
        assert source.count(after) == 1
        path.write_text(source.replace(after, after + added), "utf-8")
    paths = [str(tmp_path), str(PACKAGE.parent)]
    script = f"import sys; sys.path[:0] = {paths}\n{addition.check}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_kind_of_the_page_is_tried() -> None:
    """No row of the table stands there on its word alone."""
    table = PAGE.partition("| to add | files |")[2].partition("\n\n")[0]
    kinds = re.findall(r"^\| (an? [^|]+?) \|", table, re.MULTILINE)
    assert kinds == [*ADDITIONS]
