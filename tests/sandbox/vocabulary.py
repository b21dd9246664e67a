"""Vocabulary of the sandbox's tokenizer, as its corpus needs it.

After a change of the corpus, ``python -m tests.sandbox.vocabulary`` appends the pieces
that are missing; the ids of all others stay.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from wcode_magics.sandbox import library, tokenizer

PATH = Path(tokenizer.__file__).parent / "corpus" / "vocabulary.txt"


def ranked_pieces(texts: Iterable[str]) -> list[str]:
    """Return the pieces that deserve a token, most frequent first.

    All words, Chinese characters and punctuation in the texts, and frequent runs of
    two to four Chinese characters or of two to four letters inside words.
    """
    whole: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for text in dict.fromkeys(texts):
        for piece in tokenizer.PIECE.findall(text):
            wide = library.CJK.match(piece) is not None
            whole.update(piece if wide else [piece])
            for size in range(2, 5):
                runs = (piece[i : i + size] for i in range(len(piece) - size + 1))
                parts.update(r for r in runs if wide or r.isalpha())
    often = {
        part: count
        for part, count in parts.items()
        if count >= (_OFTEN_WIDE if library.CJK.match(part) else _OFTEN_LATIN)
        and not (_LOOSE & set(part))
    }
    often |= dict.fromkeys(filter(library.CJK.match, library.names()), 1)
    ranked = sorted((Counter(often) | whole).items(), key=lambda item: (-item[1], item))
    return [piece for piece, _ in ranked if len(piece.encode()) > 1]


_OFTEN_WIDE = 4
_OFTEN_LATIN = 12
_LOOSE = frozenset("的了是在和与就都也还把被这那我你他她它")
"""Characters that are words by themselves; runs across them are not pieces."""


def extend() -> None:
    """Append the missing pieces."""
    old = PATH.read_text("utf-8").splitlines()
    known = set(map(json.loads, old))
    pieces = ranked_pieces(tokenizer.texts())
    new = [json.dumps(p, ensure_ascii=False) for p in pieces if p not in known]
    PATH.write_text("".join(f"{line}\n" for line in old + new), "utf-8")


if __name__ == "__main__":
    extend()
