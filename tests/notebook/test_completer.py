"""Tab as a front end asks for it: by a kernel, on any IPython."""

import os

from tests.kernel import kernel


def test_tab_in_a_kernel() -> None:
    """Flags, choices and functions are offered for lines of ours, whole."""
    with kernel(dict(os.environ)) as run:
        run.run("def area(): pass")
        assert "%%wcode --temperature" in run.complete("%%wcode --temp")
        assert run.complete("%%wcode --verbosity l")[-1] == "%%wcode --verbosity low"
        assert "%wcode --functions f,area" in run.complete("%wcode --functions f,ar")
        assert "%wcode_config temperature=" in run.complete("%wcode_config temp")
