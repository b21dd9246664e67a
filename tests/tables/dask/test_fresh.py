"""What is asked anew is asked anew once, however often Dask computes it."""

from collections import Counter

import dask.dataframe as dd
import pandas as pd
import pytest

from tests.tables.asking import prompt_of
from tests.tables.dask.tables import slow, table
from wcode_magics.tables import run

pytestmark = pytest.mark.usefixtures("ready")


@pytest.fixture(params=["cluster", "threads"])
def ready(request, cluster) -> None:
    """A cluster, or none."""
    if request.param == "cluster":
        cluster()


@pytest.mark.parametrize("options", [{"fresh": True}, {"replay": "off"}])
def test_once_a_call(lead, options):
    """Each call sends all its rows; to compute it again sends none."""
    server = lead(slow)
    for times in (1, 2):
        asked = table(12, 2).wcode.ask("Say {{ 评论 }}", into="said", **options)
        for _ in range(2):
            said = asked.compute()["said"].dropna()
            assert len(server.seen) == 11 * times
    assert len(said) == 11
    assert len(run.session().store.history()) == 22


def test_identical_rows(lead):
    """A prompt of several partitions is sent once, though it was recorded."""
    server = lead(slow)
    held = pd.DataFrame({"text": [f"say {i % 3}" for i in range(24)]})
    lazy = dd.from_pandas(held, npartitions=4)
    for times in (1, 2):
        lazy.wcode.ask("{{ text }}", fresh=True).compute()
        assert Counter(map(prompt_of, server.seen)) == Counter(
            {f"say {i}": times for i in range(3)}
        )


def test_sorted(lead):
    """An index that is made of the answers computes them twice and pays once."""
    server = lead(slow)
    asked = table(12, 3).wcode.ask("Say {{ n }}", into="said", fresh=True)
    assert len(asked.set_index("n", sort=True).compute()) == 12
    assert len(server.seen) == 12
