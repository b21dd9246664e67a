"""The house: few names, light on loading, short files, floors that hold."""

import ast
import importlib
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

import wcode_magics

PACKAGE = Path(wcode_magics.__file__).parent
ROOT = PACKAGE.parent
LONGEST = 400
HEAVY = {
    "pandas",
    "pyarrow",
    "ipywidgets",
    "httpx",
    "aiohttp",
    "dask",
    "numpy",
    "tornado",
    "tomllib",
    "wcode_magics.logprobs.visible_text",
    "wcode_magics.protocol.schema",
}
LOAD = """
import sys
import wcode_magics
{then}
print(*sorted({heavy} & set(sys.modules)))
"""
SHELL = """
from IPython.core.interactiveshell import InteractiveShell
before = set(sys.modules)
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "wcode_magics")
assert "wcode" in shell.magics_manager.magics["cell"]
"""


def files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def test_there_are_at_most_twelve_public_names_in_order():
    """A newcomer reads them all at once."""
    assert len(wcode_magics.__all__) <= 12
    assert wcode_magics.__all__ == sorted(wcode_magics.__all__)
    assert len(set(wcode_magics.__all__)) == len(wcode_magics.__all__)
    for name in wcode_magics.__all__:
        assert getattr(wcode_magics, name).__doc__


def test_nothing_else_is_there_by_accident():
    """A name that is not public is an AttributeError, as everywhere."""
    with pytest.raises(AttributeError, match="'wcode_magics' has no attribute"):
        _ = wcode_magics.nonsense


@pytest.mark.parametrize("then", ["", SHELL], ids=["import", "load_ext"])
def test_loading_is_light(then):
    """Neither the import nor %load_ext brings pandas, ipywidgets, httpx or Dask."""
    code = LOAD.format(then=then, heavy=HEAVY)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


def test_a_cell_loads_what_it_shows():
    """Libraries of tables, panels, and probabilities come with the first of them."""
    heavy = {"pandas", "ipywidgets", "numpy", "wcwidth"}
    loaded = []
    for then in ("import IPython", "import wcode_magics.notebook.commands.cell"):
        code = LOAD.format(then=then, heavy=heavy)
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        loaded.append(run.stdout.split())
    assert loaded[0] == loaded[1]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_files_are_short_and_say_what_they_are(path):
    """At most 400 lines, and a docstring that explains the file."""
    source = path.read_text("utf-8")
    assert len(source.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(source))


def test_files_are_nouns():
    """Nothing hides in a drawer."""
    drawers = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert not drawers & {path.stem for path in files()}


def test_one_formatter_writes_numbers():
    """No number that a person reads gets an exponent, as ``:g`` gives to 0.00001."""
    assert [path.name for path in files() if ":g}" in path.read_text()] == []


def test_the_floors_hold():
    """Every file has its place and imports only from below."""
    pytest.importorskip("importlinter", reason="of the group check")
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stdout


def test_types_and_words_are_shipped(tmp_path):
    """The wheel holds py.typed and the words of both languages."""
    hatchling = importlib.import_module("hatchling.builders.wheel")
    (built,) = hatchling.WheelBuilder(str(ROOT)).build(
        directory=str(tmp_path), versions=["standard"]
    )
    names = zipfile.ZipFile(built).namelist()
    for name in ("py.typed", "locale/en.toml", "locale/zh.toml"):
        assert f"wcode_magics/{name}" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_no_class_name_stands_in_two_modules():
    """One word, one thing."""
    homes = Counter(
        node.name
        for path in files()
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in homes.items() if count > 1] == []


def test_the_root_is_short():
    """Whoever opens the folder sees folders."""
    assert len([*PACKAGE.glob("*.py")]) <= 6
