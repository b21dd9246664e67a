"""Run the notebooks on the sandbox and save what they show.

Without names the sandbox's answers that its tests compare with are saved as well.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.sandbox import varied

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def main(names: list[str]) -> None:
    """Run those named, or all."""
    paths = [NOTEBOOKS / name for name in names] or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in paths:
        notebook = run(path)
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
        notebook.metadata.pop("widgets", None)
        path.write_text(without_temp_folders(nbformat.writes(notebook)) + "\n", "utf-8")
        print(path.name)
    if not names:
        varied.save()


def without_temp_folders(saved: str) -> str:
    """Leave out the temporary folders of the run, keeping the names of files."""
    return re.sub(re.escape(tempfile.gettempdir()) + r"/tmp\w+/", "", saved)


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs, run as a new person without a key."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as home:
        client = NotebookClient(
            notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}
        )
        client.execute(env=person(home))
    return notebook


def person(home: str) -> dict[str, str]:
    """The environment of someone new: no key, no settings, an empty home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WCODE_")}
    return {
        **kept,
        "IPYTHONDIR": home,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "TQDM_DISABLE": "1",
        "WCODE_LANGUAGE": "en",
        "WCODE_STORE": str(Path(home) / "answers.db"),
        "XDG_CONFIG_HOME": home,
        "XDG_DATA_HOME": home,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
