"""Let ``jupyter nbconvert --to markdown`` take the Markdown of an output.

nbconvert prefers HTML. ``jupyter_nbconvert_config.json``, which is installed into
``etc/jupyter`` of the environment, names :func:`prefer_markdown` as a preprocessor of
that export; one's own ``MarkdownExporter.preprocessors`` replaces it.
"""

from typing import Any


def prefer_markdown(notebook: Any, resources: Any) -> tuple[Any, Any]:
    """Drop the HTML of outputs that have Markdown, in nbconvert's own copy."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/markdown" in data:
                data.pop("text/html", None)
    return notebook, resources
