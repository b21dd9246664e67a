"""Each program reads odd answers and odd streams by the one rule of the exports."""

import pytest

from tests.languages.libraries import editions
from tests.languages.odd import DROPS, OLDER, PROGRAMS, odd_key
from tests.languages.runs import Run
from tests.languages.toolchains import TOOLCHAINS

ROWS = [
    pytest.param(
        name,
        Run(edition, program, odd_key(program, name)),
        id=f"{edition.key}-{edition.version}-{program}-{name}",
    )
    for toolchain in TOOLCHAINS
    for edition in editions(toolchain.key)
    for program, rows in PROGRAMS.items()
    for name in rows
    if edition.is_newest or name in OLDER
]


@pytest.mark.languages
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("name", "ran"), ROWS, indirect=["ran"])
def test_an_odd_answer_is_read_or_told(name, ran):
    """The text on standard output, or one reason on standard error and exit 1."""
    row = PROGRAMS[ran.run.program][name]
    if name in DROPS.get(ran.run.edition.key, ()) and ran.code:
        assert ran.err.strip()
    elif row.ends is None and row.alone:
        assert ran.code or ran.out.strip() == row.shows
        assert bool(ran.code) == bool(ran.err)
    elif row.ends is None:
        assert row.shows in ran.out + ran.err
    elif row.ends == 0:
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.strip() == row.shows if row.alone else row.shows in ran.out
    else:
        assert ran.code not in {0, None}
        assert ran.err.strip()
        assert row.shows in ran.err
    assert "Traceback" not in ran.err
    assert "\n\tat " not in ran.err
