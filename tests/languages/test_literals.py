"""Literals that are best read by their own language, in batches of any content."""

import json
import subprocess

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.languages.toolchains import Toolchain, demand
from tests.matrix import same
from tests.snippets.bodies import BODIES
from tests.snippets.reading import INTERPRETERS
from wcode_magics.snippets import find

BATCH = 40


@pytest.mark.languages
@pytest.mark.parametrize("key", INTERPRETERS)
@given(bodies=st.lists(BODIES, min_size=BATCH, max_size=BATCH))
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.large_base_example, HealthCheck.too_slow],
)
def test_what_is_written_is_what_the_interpreter_reads(key, bodies):
    """Read by its own language, each literal of a batch is the body."""
    *command, program = INTERPRETERS[key]
    demand(Toolchain(key, (command[0],), None).missing())
    literals = ",\n".join(find(key).quote(body) for body in bodies)
    done = subprocess.run(
        [*command, program.replace("{}", literals)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    read = [json.loads(line) for line in done.stdout.splitlines()]
    assert same(read, bodies), done.stdout
