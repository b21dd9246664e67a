"""The libraries of the extra ``evaluate``, named in one line if they are missing."""

from importlib.util import find_spec

from wcode_magics.errors import SettingError
from wcode_magics.runtime.imports import prepare

MODULES = ("scipy.stats", "sklearn.metrics", "matplotlib.figure")


def require() -> None:
    """Import the libraries that evaluations need.

    Raises:
        SettingError: one of them is not installed.
    """
    for module in MODULES:
        name = module.partition(".")[0]
        if find_spec(name) is None:
            raise SettingError("evaluate.needs", name=name)
    prepare(MODULES)
