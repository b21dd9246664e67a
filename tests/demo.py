"""The main job on the sandbox: run both quickstarts, print the answers, save HTML."""

from pathlib import Path

from nbconvert import HTMLExporter

from tests.record import NOTEBOOKS, run

OUT = Path(__file__).parents[1] / "build" / "demo"


def main() -> None:
    """Print each question with its answer, and where the pages are."""
    OUT.mkdir(parents=True, exist_ok=True)
    pages = []
    for name in ("quickstart", "quickstart.zh-CN"):
        notebook = run(NOTEBOOKS / f"{name}.ipynb")
        for cell in notebook.cells:
            _print_answers(cell)
        page, _resources = HTMLExporter().from_notebook_node(notebook)
        pages.append(OUT / f"{name}.html")
        pages[-1].write_text(page, "utf-8")
    print("HTML:", *pages, sep="\n  ")


def _print_answers(cell: dict) -> None:
    for output in cell.get("outputs", ()):
        if "wcode" in output.get("metadata", {}):
            print(f"{cell['source']}\n\n{output['data']['text/plain']}\n{'─' * 72}")


if __name__ == "__main__":
    main()
