"""Prompt about the last exception: traceback, cell sources and variables used.

Values are shortened and secrets masked, because all of this leaves the machine.
"""

import ast
import linecache
import os
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from wcode_magics.errors import UsageError, WcodeError
from wcode_magics.runtime.shell_variables import own
from wcode_magics.session.secret_masking import Masker, secrets_in
from wcode_magics.text import say

MOST_NAMES = 20
VALUE_LIMIT = 300
TRACE_LIMIT = 4_000
SOURCE_LIMIT = 8_000
FRAMES = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception; ``sources`` are the cells in its traceback, outermost first."""

    trace: str
    sources: tuple[str, ...]
    values: Mapping[str, str]

    @property
    def question(self) -> str:
        """The prompt that asks what is wrong."""
        cells = "\n\n".join(f"```python\n{source}\n```" for source in self.sources)
        names = "\n".join(f"{name} = {value}" for name, value in self.values.items())
        return say("prompts.fix", trace=self.trace, cells=cells, names=names or "–")


def failure_of(
    error: BaseException | None, shell: Any, key: str | None = None
) -> Failure:
    """Return what a shell knows of an exception; ``key`` is masked as well.

    Raises:
        UsageError: it is None, or was raised by this package.
    """
    if error is None:
        raise UsageError("fix.none")
    if isinstance(error, WcodeError):
        raise UsageError("fix.own", error=error.sentence)
    sources = [_source(name) for name in _cell_files(shell, error)]
    names = own(shell)
    masker = Masker(secrets_in({**os.environ, **names, "api_key": key}))
    trace = _from_cell(shell, error.__traceback__)
    report = "".join(
        traceback.format_exception(type(error), error, trace, limit=-FRAMES)
    )
    for name in _cell_files(shell, error):
        report = report.replace(f'File "{name}"', str(_cell_name(shell, name)))
    return Failure(
        masker.text(report)[-TRACE_LIMIT:].strip(),
        tuple(masker.text(source)[:SOURCE_LIMIT] for source in sources if source),
        _values(sources, names, masker),
    )


def _cell_files(shell: Any, error: BaseException) -> list[str]:
    files = [
        frame.f_code.co_filename
        for frame, _line in traceback.walk_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        files.append(error.filename)
    known = dict.fromkeys(files)
    return [name for name in known if _cell_name(shell, name)]


def _from_cell(shell: Any, trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the first cell on; all of it if there is none."""
    for frame, _line in traceback.walk_tb(trace):
        if _cell_name(shell, frame.f_code.co_filename):
            break
        assert trace is not None
        if trace.tb_next is None:
            return trace
        trace = trace.tb_next
    return trace


def _cell_name(shell: Any, file: str) -> str | None:
    """Return ``Cell In[3]``, as IPython formats it; None if the file is not a cell.

    A file path would reveal too much. IPython before version 8 knows which files are
    cells but not their numbers.
    """
    if hasattr(shell.compile, "format_code_name"):
        return " ".join(shell.compile.format_code_name(file) or ()) or None
    return "Cell" if file in getattr(linecache, "_ipython_cache", ()) else None


def _source(file: str) -> str:
    return "".join(linecache.getlines(file)).strip()


def _values(
    sources: Iterable[str], names: Mapping[str, Any], masker: Masker
) -> dict[str, str]:
    used = dict.fromkeys(name for source in sources for name in _loaded(source))
    known = [name for name in used if name in names and not name.startswith("_")]
    return {name: _shown(name, names[name], masker) for name in known[:MOST_NAMES]}


def _loaded(source: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return re.findall(r"[^\W\d]\w*", source)
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def _shown(name: str, value: Any, masker: Masker) -> str:
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtypes"):
        pairs = value.dtypes.items() if hasattr(value.dtypes, "items") else ()
        columns = ", ".join(f"{name}: {dtype}" for name, dtype in pairs)
        return masker.text(f"{kind} {shape} [{columns}]")[:VALUE_LIMIT]
    if shape is not None and hasattr(value, "dtype"):
        return f"{kind} {shape} {value.dtype}"
    try:
        return masker.value(name, value, VALUE_LIMIT)
    except Exception as error:
        return f"<{kind}: {type(error).__name__}>"
