"""Frames to ask about, and endpoints that answer."""

import pandas as pd

from tests.loopback import Answer, completion

QUIET = {"progress": False}


def prompt_of(seen) -> str:
    """What the row asked."""
    return seen.body["messages"][0]["content"]


def echo(seen) -> Answer:
    """Answers the prompt in capitals."""
    return completion(prompt_of(seen).upper())


def texts(number: int) -> pd.DataFrame:
    """A frame of as many different texts."""
    return pd.DataFrame({"text": [f"row {n}" for n in range(number)]})


def logprob(token: str, *others: tuple[str, float]) -> dict:
    """One reported token, most likely first."""
    top = [{"token": t, "logprob": p, "bytes": [*t.encode()]} for t, p in others]
    return {**top[0], "token": token, "top_logprobs": top}
