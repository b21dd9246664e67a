"""Lines that are said beside an answer, as a person reads them."""

import contextlib
import io
import re
from collections.abc import Iterator


@contextlib.contextmanager
def told(pattern: str) -> Iterator[None]:
    """Something of this pattern is said in the body."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        yield
    assert re.search(pattern, said.getvalue()), said.getvalue()
