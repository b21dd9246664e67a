"""Log levels of other libraries, whose lines would clutter a cell's outputs.

``logging.basicConfig(level="INFO")`` in a notebook shows every library's log lines
about every request. Warnings are still shown; a user who calls
``logging.getLogger("httpx").setLevel`` before the first request gets the rest back.
"""

import logging

CHATTY = (
    *("aiohttp", "httpcore", "httpx", "markdown_it", "stamina"),
    *("tornado.access", "tornado.application", "tornado.general"),
)


def hush() -> None:
    """Limit libraries to warnings, except where the user has set a level."""
    for name in CHATTY:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
