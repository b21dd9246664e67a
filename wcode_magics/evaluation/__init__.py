"""What answers are worth: measured on gold, compared, calibrated."""

from wcode_magics.runtime.imports import of_extra, prepare

MODULES = ("scipy.stats", "sklearn.metrics", "matplotlib.figure")


def require() -> None:
    """Import the libraries of evaluations; raises SettingError if one is missing."""
    with of_extra("evaluate"):
        prepare(MODULES)
