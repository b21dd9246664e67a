"""Other libraries' log lines, which would stand among a cell's outputs.

``logging.basicConfig(level="INFO")`` in a notebook shows what every library tells of
every request. Warnings still come through; ``logging.getLogger("httpx").setLevel`` by
the person, before the first request, brings the rest back.
"""

import logging

CHATTY = (
    *("aiohttp", "httpcore", "httpx", "markdown_it", "stamina"),
    *("tornado.access", "tornado.application", "tornado.general"),
)


def hush() -> None:
    """Let libraries log warnings only, except where the person has chosen a level."""
    for name in CHATTY:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
