"""Answer as tokens that open their alternatives, if anywidget is installed.

Content is sent as messages and not in the widget's state, so none of it is saved with
the notebook; the plain copy below the panel is.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wcode_magics.logprobs import heatmap
from wcode_magics.logprobs.graphemes import Glyph
from wcode_magics.logprobs.logprobs import Logprobs
from wcode_magics.logprobs.number_format import percent
from wcode_magics.logprobs.position import Position, probability
from wcode_magics.logprobs.token_captions import MAX_TEXT, NO_TEXT, TokenWords
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import clipped
from wcode_magics.text import say
from wcode_magics.widgets.label import FULL

ALTERNATIVES = 20
TOKENS = 2000

Choose = Callable[[int, int], None]


def token_map(choose: Choose) -> Any:
    """Return a widget with ``show(logprobs or None, around)``, or None.

    It needs anywidget. ``choose`` is called with the index of a token, from 0, and that
    of the chosen alternative, from 1; ``around`` is HTML before and after the tokens.
    """
    if find_spec("anywidget") is None:
        return None
    import anywidget

    class TokenMap(anywidget.AnyWidget):
        """Widget that shows one answer's tokens; «go on from here» calls ``choose``."""

        _esm = Path(__file__).with_name("tokens.js")

        def __init__(self) -> None:
            super().__init__(_dom_classes=("wcode-map",), layout=FULL)
            self._shown: dict[str, Any] = drawn(None)
            self.on_msg(self._on_message)

        def __repr__(self) -> str:
            return "TokenMap()"

        def show(
            self, logprobs: Logprobs | None, around: tuple[str, str] = ("", "")
        ) -> None:
            """Show an answer's tokens, or nothing for None."""
            self._shown = drawn(logprobs, around)
            self.send(self._shown)

        def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
            if content.get("ready"):
                self.send(self._shown)
            else:
                choose(int(content["token"]), int(content["alternative"]))

    return TokenMap()


def drawn(
    logprobs: Logprobs | None, around: tuple[str, str] = ("", "")
) -> dict[str, Any]:
    """Return what the front end draws: pieces and tokens, with shares from 0 to 1."""
    keys = ("tokens", "go_on_from", "alternatives", "close_tokens")
    texts = {key: say(f"panel.{key}") for key in keys}
    shown = {"pieces": [], "places": [], "words": texts, "around": around}
    shown |= {"rest": "", "more": ""}
    if logprobs is None:
        return shown
    words = TokenWords(logprobs, ALTERNATIVES)
    pieces = [p for p in logprobs.glyphs if p.first < TOKENS]
    places = [*map(logprobs.position_at, range(min(len(logprobs), TOKENS)))]
    left = len(logprobs) - len(places)
    rest = "".join(p.text for p in logprobs.glyphs if p.first >= TOKENS)
    return shown | {
        "pieces": [_piece(words, piece) for piece in pieces],
        "places": [
            {
                "index": position.index,
                "head": f"#{position.index} {words.label(position.index)}",
                "share": percent(position.probability),
                "rows": [*_rows(logprobs, position)],
                "note": "" if position.alternatives else say("panel.no_alternatives"),
            }
            for position in places
        ],
        "rest": visible(clipped(rest, heatmap.MAX_REST), breaks=True),
        "more": say("panel.more_tokens", count=f"{left:,}") if left > 0 else "",
    }


def _piece(words: TokenWords, piece: Glyph) -> dict[str, Any]:
    """Return a piece of the text; one without a token is marked."""
    shade = heatmap.step(probability(words.logprobs.logprob_of(piece)))
    text = heatmap.shown(piece, shade)
    shown = {"text": text, "first": piece.first, "stop": piece.stop}
    if piece.unreported:
        return shown | {"title": say("heatmap.unreported"), "style": ""}
    return shown | {
        "text": text or words.label(piece.first),
        "title": words.title(piece),
        "style": shade.style,
    }


def _rows(logprobs: Logprobs, position: Position) -> Iterator[dict[str, Any]]:
    """Yield the alternatives, most likely first, and the rest of the probability.

    Without alternatives, the sampled token is the only one; the rest never
    contradicts its probability.
    """
    if not position.alternatives:
        own = position.probability
        text = position.text or NO_TEXT
        yield _bar(text, own, chosen=True)
        yield _bar(say("heatmap.others"), 1.0 - own)
        return
    likely = zip(position.alternatives, position.shares, strict=True)
    for index, (other, share) in enumerate([*likely][:ALTERNATIVES]):
        own = index == position.sampled
        row = _bar(logprobs.readable(other), share, chosen=own)
        yield row if own else row | {"choice": index + 1}
    shown = sum(position.shares[:ALTERNATIVES])
    if shown < 1.0:
        yield _bar(say("heatmap.others"), 1.0 - shown)


def _bar(text: str, share: float, *, chosen: bool = False) -> dict[str, Any]:
    shown = visible(clipped(text, MAX_TEXT)) or NO_TEXT
    return {
        "text": shown,
        "share": share,
        "percent": percent(share),
        "chosen": chosen,
        "choice": 0,
    }
