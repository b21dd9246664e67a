"""The README does what it says, in both languages alike."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.record import without_temp_folders
from tests.terminal import Runner

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_every_cell_of_the_readme_runs(
    run: Runner,
    shell: InteractiveShell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The Python blocks, run in order in one shell, all succeed."""
    monkeypatch.chdir(tmp_path)
    for language, code in BLOCK.findall(ENGLISH):
        if language == "python":
            ran = run(code)
            assert ran.success, f"{code}\n{ran.plain}"
    assert "Paris" in str(shell.user_ns["answer"])


def test_make_has_every_target_the_readme_names() -> None:
    """The commands of the shell blocks exist."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    shell_blocks = [
        code for language, code in BLOCK.findall(ENGLISH) if language == "sh"
    ]
    named = re.findall(r"^make (\w+)", "\n".join(shell_blocks), re.MULTILINE)
    assert {"demo", "test", "lab"} <= set(named)
    for name in named:
        assert re.search(rf"^{name}:", makefile, re.MULTILINE)


def test_both_readmes_are_equal() -> None:
    """The same sections, code, tables and pictures in the same order."""

    def shape(text: str) -> list[str]:
        return re.findall(r"^(#+|\||!\[|- |```\w*)", text, re.MULTILINE)

    def code(text: str) -> list[str]:
        return [re.sub(r"  +#.*", "", block) for _name, block in BLOCK.findall(text)]

    assert shape(ENGLISH) == shape(CHINESE)
    assert code(ENGLISH) == code(CHINESE)
    links = r"\]\((?!README)([^)]+)\)"
    linked = [one.replace(".zh-CN.webp", ".webp") for one in re.findall(links, CHINESE)]
    assert re.findall(links, ENGLISH) == linked


def test_comments_are_in_the_language_of_the_page() -> None:
    """What a block says beside its code is Chinese in the Chinese page."""
    comments = re.findall(r"  +# (.*)", "\n".join(b for _, b in BLOCK.findall(CHINESE)))
    assert len(comments) >= 14
    assert [said for said in comments if not re.search(r"[\u4e00-\u9fff]", said)] == []


def test_each_promise_has_its_test() -> None:
    """The tests that «What it promises» names exist."""
    table = ENGLISH.partition("## What it promises")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/.]+)::(\w+)`", table)
    assert len(named) >= 27
    assert len(named) == len(re.findall(r"^\| (?!Promise|---)", table, re.MULTILINE))
    for file, name in named:
        source = (ROOT / "tests" / file).read_text("utf-8")
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), name
    told = CHINESE.partition("## 承诺")[2].partition("\n## ")[0]
    assert re.findall(r"`([\w/.]+)::(\w+)`", told) == named


def test_every_linked_file_exists() -> None:
    """Pictures and files that the README points at are in the repository."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", ENGLISH + CHINESE):
        assert (ROOT / target).exists(), target


def test_every_command_stands_in_the_readme(shell: InteractiveShell) -> None:
    """No magic is a secret."""
    for held in shell.magics_manager.magics.values():
        for name in held:
            if name.startswith("wcode"):
                assert f"%{name}" in ENGLISH, name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_notebook_is_saved_with_its_outputs(path: Path) -> None:
    """A reference without outputs would prove nothing."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [cell for cell in code if cell.outputs]
    assert len(shown) >= len(code) / 2
    assert all(cell.execution_count for cell in code)
    assert without_temp_folders(path.read_text("utf-8")) == path.read_text("utf-8")


def test_the_wheel_holds_what_is_read_at_run_time(tmp_path: Path) -> None:
    """Words, corpus, templates and py.typed are in the built package."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*command, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    listed = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", str(wheel)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    data = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "wcode_magics").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert [name for name in data if name not in listed] == []


def test_the_picture_of_the_house_has_every_file() -> None:
    """A file that the README does not place has no place yet."""
    picture = ENGLISH.partition("## How it is built")[2]
    placed = set(re.findall(r"`([\w/]+)`", picture))
    here = (ROOT / "wcode_magics").iterdir()
    found = {f"{path.name}/" if path.is_dir() else path.stem for path in here}
    assert found - {"__init__", "__pycache__/", "py"} <= placed


@pytest.mark.parametrize(
    ("shown", "compared"),
    [
        ("¥0 · 0 s", "¥0 · SECONDS"),
        ("¥0 · 0 – 1 s", "¥0 · SECONDS"),
        ("12.5 s · ≈3 – 4 秒", "SECONDS · SECONDS"),
    ],
)
def test_saved_outputs_do_not_depend_on_the_speed_of_a_machine(
    shown: str, compared: str
) -> None:
    """Any form of a duration is one word where notebooks are compared."""
    rules = configparser.RawConfigParser()
    rules.read(ROOT / "tests" / "sanitize.cfg", "utf-8")
    rule = rules["seconds"]
    assert re.sub(rule["regex"], rule["replace"], shown) == compared
