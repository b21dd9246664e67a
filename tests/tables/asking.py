"""Frames to ask about, and endpoints that answer."""

import math
from collections.abc import Callable

import pandas as pd

from tests.loopback import Answer, completion

QUIET = {"progress": False}


def prompt_of(seen) -> str:
    """What the row asked."""
    return seen.body["messages"][0]["content"]


def echo(seen) -> Answer:
    """Answers the prompt in capitals; has no list of models."""
    if seen.method == "GET":
        return Answer(status=404)
    return completion(prompt_of(seen).upper())


def prompts(seen) -> list[str]:
    """What rows asked; models are looked up where answers are minutes old."""
    return [prompt_of(one) for one in seen if one.method == "POST"]


def texts(number: int) -> pd.DataFrame:
    """A frame of as many different texts."""
    return pd.DataFrame({"text": [f"row {n}" for n in range(number)]})


def logprob(token: str, *others: tuple[str, float]) -> dict:
    """One reported token, most likely first."""
    top = [{"token": t, "logprob": p, "bytes": [*t.encode()]} for t, p in others]
    return {**top[0], "token": token, "top_logprobs": top}


def weighted(weights: Callable[[str, str], dict[str, float]]) -> Callable:
    """A model that says the likeliest token: of a prompt and the answer so far.

    ``weights`` returns the probabilities of the next token; "" ends the answer.
    """

    def answer(seen) -> Answer:
        said = [message["content"] for message in seen.body["messages"]]
        begun = said[-1] if seen.body.get("continue_final_message") else ""
        tokens, text, ended = [], "", False
        while len(tokens) < seen.body.get("max_tokens", 20) and not ended:
            odds = weights(said[0], begun + text)
            ranked = sorted(odds, key=odds.__getitem__, reverse=True)
            ended = not ranked[0]
            if not ended:
                shown = [(word, math.log(odds[word])) for word in ranked if odds[word]]
                tokens.append(logprob(ranked[0], *shown))
                text += ranked[0]
        finish = "stop" if ended else "length"
        usage = {"prompt_tokens": 10, "completion_tokens": len(tokens)}
        usage["total_tokens"] = sum(usage.values())
        more = {"finish_reason": finish, "usage": usage}
        return completion(text, logprobs={"content": tokens}, **more)

    return answer
