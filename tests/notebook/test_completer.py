"""Tab as a front end asks for it: by a kernel, on any IPython."""

import os

import pytest
from IPython.core import completer

from tests.kernel import kernel


def test_tab_in_a_kernel() -> None:
    """Flags, choices and functions are offered for lines of ours, whole."""
    with kernel(dict(os.environ)) as run:
        run.run("def area(): pass")
        assert "%%wcode --temperature" in run.complete("%%wcode --temp")
        assert run.complete("%%wcode --verbosity l")[-1] == "%%wcode --verbosity low"
        assert "%wcode --functions f,area" in run.complete("%wcode --functions f,ar")
        assert "%wcode_config temperature=" in run.complete("%wcode_config temp")


@pytest.mark.skipif(
    not hasattr(completer, "context_matcher"), reason="IPython before 8.6 shows words"
)
def test_range_and_default_stand_beside_an_option(shell):
    """What a menu shows at the right is what may be written, and what holds without."""
    with completer.provisionalcompleter():
        found = {
            one.text.split()[-1]: one.type
            for one in shell.Completer.completions("%%wcode --t", len("%%wcode --t"))
        }
    assert found["--temperature"] == "float 0 … 2 · default 1"
    assert found["--top-logprobs"] == "int 0 … 20"
    assert found["--timeout"] == "number > 0 · default 120"
