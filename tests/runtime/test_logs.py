"""A cell logs nothing, whatever level the person's logs have."""

import logging
import os
from collections.abc import Callable

import pytest

from tests.kernel import kernel
from tests.loopback import Loopback, either
from wcode_magics.runtime.logs import CHATTY, hush


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_line_of_a_library_stands_in_a_cell(
    level: str, loopback: Callable[..., Loopback]
) -> None:
    """Streamed or not, at the second cell or the tenth."""
    env = {**os.environ, "WCODE_BASE_URL": loopback(either("Hello")).url}
    with kernel(env) as made:
        made.run("%wcode hi")
        made.run(f"import logging; logging.basicConfig(level={level!r})")
        for options in ("", "--no-stream", "--repeat 2"):
            shown = made.run(f"%wcode {options} hi")
            assert [o for o in shown.outputs if "name" in o] == []


def test_what_the_person_has_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A level that is set is theirs."""
    logger = logging.getLogger(CHATTY[0])
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    hush()
    assert logger.level == logging.DEBUG
