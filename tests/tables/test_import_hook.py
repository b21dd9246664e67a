"""``df.wcode`` comes with pandas, whenever that is, and goes with the extension."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ARRIVAL = """
import sys
if sys.argv[1] == "before":
    import pandas
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
quiet = Config(HistoryManager={"enabled": False})  # IPython 7 warns of its database
shell = InteractiveShell.instance(config=quiet)
meta = list(sys.meta_path)
shell.run_line_magic("load_ext", "wcode_magics")
loaded = "pandas" in sys.modules
from importlib.util import find_spec
assert find_spec("pandas")
import pandas as pd
assert hasattr(pd.DataFrame({"a": [1]}).wcode, "ask")
assert hasattr(pd.Series([1]).wcode, "ask")
shell.run_line_magic("unload_ext", "wcode_magics")
assert not hasattr(pd.DataFrame, "wcode") and not hasattr(pd.Series, "wcode")
shell.run_line_magic("load_ext", "wcode_magics")
assert hasattr(pd.DataFrame, "wcode")
shell.run_line_magic("unload_ext", "wcode_magics")
left = [m for m in sys.meta_path if m not in meta]
assert not [m for m in left if type(m).__module__.startswith("wcode_magics")]
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
from traitlets.config import Config
quiet = Config(HistoryManager={"enabled": False})  # IPython 7 warns of its database
shell = InteractiveShell.instance(config=quiet)
meta = list(sys.meta_path)
shell.run_line_magic("load_ext", "wcode_magics")
assert sys.meta_path != meta
shell.run_line_magic("unload_ext", "wcode_magics")
assert sys.meta_path == meta
import pandas as pd
print(hasattr(pd.DataFrame, "wcode"), "wcode_magics.tables.accessor" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == ["False", "False"]


def _run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SCRIPTS = {
    "after": "import wcode_magics; assert 'pandas' not in sys.modules; import pandas",
    "before": "import pandas; import wcode_magics",
    "looked for": """
import wcode_magics, importlib.util
assert importlib.util.find_spec("pandas")
import pandas""",
    "interrupted": """
import wcode_magics, builtins
real = builtins.__import__
def stop(name, *rest):
    if name == "pandas.core.api":
        raise KeyboardInterrupt
    return real(name, *rest)
builtins.__import__ = stop
try:
    import pandas
except KeyboardInterrupt:
    pass
else:
    raise AssertionError("not interrupted")
builtins.__import__ = real
for name in [name for name in sys.modules if name.partition(".")[0] == "pandas"]:
    del sys.modules[name]
import pandas""",
    "twice": """
import wcode_magics
from wcode_magics.tables import registration as accessors
accessors.watch()
import pandas""",
    "dask": "import wcode_magics; import dask.dataframe; import pandas",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_in_a_script(script):
    """Import wcode_magics is enough, in any order, however pandas came."""
    check = """
assert hasattr(pandas.DataFrame({"a": [1]}).wcode, "ask")
assert hasattr(pandas.Series([1]).wcode, "ask")
print(len([one for one in sys.meta_path if type(one).__name__ == "_Finder"]))
"""
    assert _run(f"import sys\n{script}\n{check}").strip() in {"0", "1"}


def test_dask_in_a_script():
    """So it is for Dask's tables."""
    script = """
import wcode_magics
import dask.dataframe as dd, pandas as pd
print(hasattr(dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1).wcode, "ask"))
"""
    assert _run(script).split() == ["True"]
