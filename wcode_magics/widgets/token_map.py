"""Clickable token probabilities, if anywidget is installed.

Content is sent as messages and not in the widget's state, so none of it is saved with
the notebook; the plain heat map below the panel is.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wcode_magics.logprobs import heatmap
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import percent, visible
from wcode_magics.logprobs.position import probability
from wcode_magics.logprobs.token_captions import TokenWords
from wcode_magics.text import say

ALTERNATIVES = 20
TOKENS = 2000

Choose = Callable[[int, int], None]


def token_map(choose: Choose) -> Any:
    """Return a widget with ``show(logprobs or None)``, or None without anywidget.

    ``choose`` is called with the index of a token, from 0, and that of the clicked
    alternative, from 1.
    """
    if find_spec("anywidget") is None:
        return None
    import anywidget

    class TokenMap(anywidget.AnyWidget):
        """Widget that shows one answer's tokens; a click calls ``choose``."""

        _esm = Path(__file__).with_name("tokens.js")

        def __init__(self) -> None:
            super().__init__()
            self._shown: dict[str, Any] = drawn(None)
            self.on_msg(self._told)

        def __repr__(self) -> str:
            return "TokenMap()"

        def show(self, logprobs: Logprobs | None) -> None:
            """Show an answer's tokens, or nothing for None."""
            self._shown = drawn(logprobs)
            self.send(self._shown)

        def _told(self, _widget: Any, content: Any, _buffers: Any) -> None:
            if content.get("ready"):
                self.send(self._shown)
            else:
                choose(int(content["token"]), int(content["alternative"]))

    return TokenMap()


def drawn(logprobs: Logprobs | None) -> dict[str, Any]:
    """Return what the front end draws: pieces of the text and token positions."""
    told = {"label": say("panel.tokens"), "go_on": say("panel.go_on_from")}
    if logprobs is None:
        return {"pieces": [], "places": [], "words": told}
    words = TokenWords(logprobs, ALTERNATIVES)
    pieces = [p for p in logprobs.glyphs if p.first < TOKENS and p.stop > p.first]
    return {
        "words": told,
        "pieces": [
            {
                "text": visible(piece.text, breaks=True) or words.label(piece.first),
                "title": words.title(piece),
                "style": heatmap.step(probability(logprobs.logprob_of(piece))).style,
                "first": piece.first,
                "stop": piece.stop,
            }
            for piece in pieces
        ],
        "places": [
            {
                "index": position.index,
                "head": f"#{position.index} {words.label(position.index)} "
                f"{percent(position.probability)}",
                "alternatives": words.alternatives(position),
                "others": _others(position.others),
            }
            for position in logprobs.positions[:TOKENS]
        ],
    }


def _others(share: float) -> str:
    return f"{say('heatmap.others')} {percent(share)}" if share else ""
