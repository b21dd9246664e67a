"""The exports as files: where each stands, and the command that rewrites them.

After a deliberate change of a template run ``python -m tests.golden_files`` and read
the difference as code.
"""

import re
import shutil
from pathlib import Path

from tests.matrix import BASE_URL, CASES, pairs
from wcode_magics import snippets

FOLDER = Path(__file__).parent / "golden"


def path(target, name):
    """The file of a target and a case."""
    suffix = re.findall(r"(?:ask|main|Program)(\.\w+)", target.run)[0]
    return FOLDER / target.key / f"{name}{suffix}"


def program(target, name, *, base_url=BASE_URL):
    """The export of a case."""
    case = CASES[name]
    return snippets.render(
        case.request, target.key, base_url=base_url, stream=case.stream
    )


def rewrite():
    """Write all files anew, and none that no pair asks for."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for target, name in pairs():
        file = path(target, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(program(target, name), "utf-8", newline="")


if __name__ == "__main__":
    rewrite()
