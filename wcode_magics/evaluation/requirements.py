"""The libraries of the extra ``evaluate``, named in one line if they are missing."""

from wcode_magics.runtime.imports import of_extra, prepare

MODULES = ("scipy.stats", "sklearn.metrics", "matplotlib.figure")


def require() -> None:
    """Import the libraries that evaluations need.

    Raises:
        SettingError: one of them is not installed.
    """
    with of_extra("evaluate"):
        prepare(MODULES)
