"""``df.wcode`` comes with pandas, whenever that is, and goes with the extension."""

import subprocess
import sys

import pytest

ARRIVAL = """
import sys
if sys.argv[1] == "before":
    import pandas
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
meta = list(sys.meta_path)
shell.run_line_magic("load_ext", "wcode_magics")
loaded = "pandas" in sys.modules
import pandas as pd
assert hasattr(pd.DataFrame({"a": [1]}).wcode, "ask")
assert hasattr(pd.Series([1]).wcode, "ask")
shell.run_line_magic("unload_ext", "wcode_magics")
assert not hasattr(pd.DataFrame, "wcode") and not hasattr(pd.Series, "wcode")
shell.run_line_magic("load_ext", "wcode_magics")
assert hasattr(pd.DataFrame, "wcode")
shell.run_line_magic("unload_ext", "wcode_magics")
assert [m for m in sys.meta_path if m not in meta] == []
print(loaded)
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_available_whenever_pandas_comes(order):
    """df.wcode is there whether pandas was imported before or after, and goes."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ARRIVAL, order],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(order == "before")


def test_unloading_forgets_to_wait():
    """Unloaded before pandas came, nothing is left of the import hook."""
    script = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
meta = list(sys.meta_path)
shell.run_line_magic("load_ext", "wcode_magics")
assert sys.meta_path != meta
shell.run_line_magic("unload_ext", "wcode_magics")
assert sys.meta_path == meta
import pandas as pd
print(hasattr(pd.DataFrame, "wcode"), "wcode_magics.frames.frame" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == ["False", "False"]
