"""What is required fits what Google Colab has."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.versions import interpreters
from tests.versions.__main__ import COLAB, QUICK, rows

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
PINS = {
    canonicalize_name(name): version
    for name, version in _PIN.findall(COLAB.read_text("utf-8"))
}
NEEDED = [*PROJECT["dependencies"]]
NEEDED += [
    line for extra in PROJECT["optional-dependencies"].values() for line in extra
]


@pytest.mark.parametrize("line", sorted({*NEEDED}))
def test_installing_replaces_nothing_of_colab(line: str) -> None:
    """The version that Colab has is allowed, extras included."""
    needed = Requirement(line)
    pinned = PINS.get(canonicalize_name(needed.name))
    assert pinned is None or needed.specifier.contains(pinned)


def test_each_python_that_is_run_is_named() -> None:
    """The rows, the classifiers and requires-python agree."""
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert named == [row.name for row in rows() if row.name.startswith("3.")]
    assert PROJECT["requires-python"] == ">={}.{}".format(*interpreters.LEAST)


def test_the_quick_part_is_there() -> None:
    """A file that was moved away would fail each row."""
    assert [path for path in QUICK if not (ROOT / path).is_file()] == []
