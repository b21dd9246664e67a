"""Each program reads odd answers and odd streams by the one rule of the exports."""

import pytest

from tests.languages.odd import PROGRAMS, SDK, SDK_DROPS, odd_key
from tests.languages.toolchains import TOOLCHAINS

ROWS = [
    pytest.param(
        toolchain.key,
        program,
        name,
        id=f"{toolchain.key}-{program}-{name}",
    )
    for toolchain in TOOLCHAINS
    for program, rows in PROGRAMS.items()
    for name in rows
]


@pytest.mark.languages
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("key", "program", "name"), ROWS)
def test_an_odd_answer_is_read_or_told(workshops, key, program, name):
    """The text on standard output, or one reason on standard error and exit 1."""
    row = PROGRAMS[program][name]
    done, _seen = workshops(key).run(program, key=odd_key(program, name))
    out, err = done.stdout.decode(), done.stderr.decode(errors="replace")
    if key == SDK and name in SDK_DROPS and done.returncode:
        assert err.strip()
    elif row.ends == 0:
        assert (done.returncode, err) == (0, "")
        assert out.strip() == row.shows if row.alone else row.shows in out
    else:
        assert done.returncode not in {0, None}
        assert err.strip()
        assert row.shows in err
    assert "Traceback" not in err
    assert "\n\tat " not in err
