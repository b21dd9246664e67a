"""Tables to ask about lazily, and an endpoint that takes its time."""

import time
from dataclasses import replace

import dask.dataframe as dd
import pandas as pd

from tests.loopback import Answer, Loopback, completion
from tests.tables.asking import prompt_of

WAIT_S = 0.05


def slow(seen) -> Answer:
    """Answers the prompt in capitals after a while."""
    return replace(completion(prompt_of(seen).upper()), delay=WAIT_S)


def table(rows: int, partitions: int = 4) -> dd.DataFrame:
    """Rows that differ, on an index with duplicates, out of order."""
    index = pd.Index([(i * 7) % (rows // 2 + 1) for i in range(rows)], name="key")
    held = {"评论": [f"text {i}" for i in range(rows)], "n": range(rows)}
    made = pd.DataFrame(held, index=index)
    made.iloc[3 % rows, 0] = None
    return dd.from_pandas(made, npartitions=partitions, sort=False)


def settled(server: Loopback) -> int:
    """How many a server has seen when a second long no more came."""
    seen, since = -1, 0.0
    while seen != len(server.seen) or time.monotonic() - since < 1.0:
        if seen != len(server.seen):
            seen, since = len(server.seen), time.monotonic()
        time.sleep(0.01)
    return seen
