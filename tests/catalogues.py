"""The package's catalogues, of words and of models, as tests need them."""

from wcode_magics import text
from wcode_magics.protocol import models


def keys(lang: str) -> frozenset[str]:
    """All keys of one language."""
    return frozenset(text._words(lang))


def forget_models() -> None:
    """Remove what endpoints listed and users set, as a new process starts."""
    for cache in (models._listed, models._prices, models._found):
        cache.clear()
