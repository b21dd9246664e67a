"""Token probabilities of long answers, against the plainest code that could do it."""

import math
import random
import time
from collections.abc import Callable

import pandas as pd

from tests.bench.bars import most
from wcode_magics.logprobs import heatmap
from wcode_magics.logprobs.alignment import compare
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.token import Alternative, TokenLogprob
from wcode_magics.output.escaping import escape

LONG, MEDIUM, SHORT = 8_000, 4_000, heatmap.MAX_TOKENS - 1
TOP = 20
ROUNDS = 5
WORDS = (" the", " model", "概率", " of", "，", " token", "词元", "\n", "  ", "1", "😀")


def main() -> list[tuple[str, ...]]:
    """DataFrame, heat map and comparison of synthetic answers, best of some rounds."""
    return [
        _frame(_answer(LONG, 1)),
        _heatmap(_answer(SHORT, 1)),
        _heatmap(_answer(MEDIUM, 1)),
        _size(_answer(SHORT, 1)),
        _size(_answer(MEDIUM, 1)),
        _saved("3 of 10 unsure", _answer(SHORT, 1, sure=0.7)),
        _saved("all unsure", _answer(SHORT, 1), bound=None),
        _compare("alike", _answer(LONG, 1), _answer(LONG, 1, changed=300)),
        _compare("unrelated", _answer(LONG, 1), _answer(LONG, 2)),
        _lost(_answer(LONG, 1)),
    ]


def _answer(count: int, seed: int, changed: int = 0, sure: float = 0.0) -> Logprobs:
    """An answer of which a share of the tokens is sure, as most are of a real one."""
    draw = random.Random(seed)
    tokens = [_token(draw, sure=draw.random() < sure) for _ in range(count)]
    for place in random.Random(9).sample(range(count), changed):
        tokens[place] = _token(draw)
    return Logprobs(tuple(tokens), "".join(token.token for token in tokens))


def _token(draw: random.Random, *, sure: bool = False) -> TokenLogprob:
    weights = sorted((draw.random() ** 3 + 1e-4 for _ in range(TOP + 3)), reverse=True)
    if sure:
        weights[0] = draw.uniform(10, 1_000) * sum(weights)
    logprobs = [math.log(weight / sum(weights)) for weight in weights[:TOP]]
    sampled = 0 if sure or draw.random() < 0.7 else draw.randrange(TOP)
    word = draw.choice(WORDS)
    words = [word if k == sampled else f" alt{k}" for k in range(TOP)]
    pairs = zip(words, logprobs, strict=True)
    top = tuple(Alternative(word, logprob, word.encode()) for word, logprob in pairs)
    return TokenLogprob(word, logprobs[sampled], word.encode(), top)


def _again(answer: Logprobs) -> Logprobs:
    """The same answer with nothing worked out yet."""
    return Logprobs(answer.tokens, answer.text)


def _best(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _frame(answer: Logprobs) -> tuple[str, ...]:
    def plainest() -> None:
        pd.DataFrame(
            {
                "token": [token.token for token in answer.tokens],
                "probability": [math.exp(token.logprob) for token in answer.tokens],
                "alternatives": [
                    {other.token: math.exp(other.logprob) for other in token.top}
                    for token in answer.tokens
                ],
            }
        )

    spent, floor = _best(lambda: _again(answer).frame()), _best(plainest)
    return (
        f"frame, {LONG:,} tokens x {TOP}, CPU s",
        f"{spent:.3f}",
        f"{floor:.3f} bare DataFrame of three columns",
        f"{spent / floor:.1f}; {most(spent, 0.1, ' s')}",
    )


def _heatmap(answer: Logprobs) -> tuple[str, ...]:
    def plainest() -> str:
        spans = []
        for token in answer.tokens[: heatmap.MAX_TOKENS]:
            shown = "\n".join(
                f"{other.token} {math.exp(other.logprob):.1%}"
                for other in token.top[: heatmap.MAX_ALTERNATIVES]
            )
            title, word = escape(shown), escape(token.token)
            spans.append(f'<span title="{title}">{word}</span>')
            spans.append(f"<tr><td>{word}</td><td>{title}</td></tr>")
        return "".join(spans)

    spent, floor = _best(lambda: heatmap.html(_again(answer))), _best(plainest)
    return (
        f"heat map, {len(answer):,} tokens x {TOP}, CPU s",
        f"{spent:.3f}",
        f"{floor:.3f} bare spans and rows",
        f"{spent / floor:.1f}; {most(spent, 0.1, ' s')}",
    )


def _size(answer: Logprobs) -> tuple[str, ...]:
    size = len(heatmap.html(answer).encode())
    shown = answer.positions[: heatmap.MAX_TOKENS]
    bare = sum(
        len(f"{other.token} 12.3%".encode())
        for position in shown
        for other in position.alternatives[: heatmap.MAX_ALTERNATIVES]
    )
    return (
        f"heat map, {len(answer):,} tokens x {TOP}, MB",
        f"{size / 1e6:.2f}",
        f"{bare / 1e6:.2f} words and numbers of the alternatives, once",
        f"{size / bare:.1f}; {most(size / 1e6, 0.6, ' MB')}",
    )


def _saved(kind: str, answer: Logprobs, bound: int | None = 300) -> tuple[str, ...]:
    """Bytes a token of what a notebook saves, with five alternatives each."""
    page = heatmap.html(answer)
    size, count = len(page.encode()), page.count("<tr>") - 1
    bare = sum(len(token.token.encode()) for token in answer.tokens[:count])
    bar = "" if bound is None else f"; {most(size / count, bound, ' B')}"
    return (
        f"saved heat map, {count:,} tokens, {kind}, bytes a token",
        f"{size / count:.0f}",
        f"{bare / count:.1f} text alone",
        f"{size / bare:.0f}{bar}",
    )


def _compare(kind: str, one: Logprobs, two: Logprobs) -> tuple[str, ...]:
    spent = _best(lambda: compare(_again(one), _again(two)))
    floor = _best(lambda: (_again(one).positions, _again(two).positions))
    return (
        f"compare, 2 x {LONG:,} tokens, {kind}, CPU s",
        f"{spent:.3f}",
        f"{floor:.3f} positions of both",
        f"{spent / floor:.1f}; {most(spent, 0.5, ' s')}",
    )


def _lost(answer: Logprobs) -> tuple[str, ...]:
    """Aligning where every ninth token's bytes are lost, against all known."""
    tokens = tuple(
        token if place % 9 else TokenLogprob("\ufffd", token.logprob)
        for place, token in enumerate(answer.tokens)
    )
    spent = _best(lambda: Logprobs(tokens, answer.text).glyphs)
    floor = _best(lambda: _again(answer).glyphs)
    return (
        f"align, {LONG:,} tokens, every ninth lost, CPU s",
        f"{spent:.3f}",
        f"{floor:.3f} no token lost",
        f"{spent / floor:.1f}; {most(spent / floor, 8)}",
    )
