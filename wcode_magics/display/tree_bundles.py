"""Tree of possible answers as nested HTML that opens and closes without scripts."""

from wcode_magics.display.text_table import pad
from wcode_magics.logprobs.number_format import percent
from wcode_magics.logprobs.visible_text import visible
from wcode_magics.output.escaping import FADED, FAINT, clipped, escape, faint
from wcode_magics.output.mimebundle import Bundle
from wcode_magics.output.mimebundle import bundle as bundle_of
from wcode_magics.output.terminal import width
from wcode_magics.session.tree import Node, Tree
from wcode_magics.text import say

MOST_NODES = 2_000
MOST_TOKEN = 200
OPEN_SHARE = 0.1
"""Probability from which a node is shown unfolded."""
SMALL = 0.001
"""Probability below which leaves are summed up."""
BAR = 8.0
"""Width in em of a bar of probability 1."""
_MONO = "font-family:ui-monospace,monospace;white-space:pre-wrap"
_BAR = (
    "display:inline-block;height:.6em;background:#e66101;margin-right:.4em;"
    "vertical-align:baseline"
)
_INSIDE = "margin-left:1.1em;border-left:1px solid rgba(128,128,128,.35)"


def bundle(tree: Tree) -> Bundle:
    """Return the tree as nested HTML, with its leaves as text."""
    left = [MOST_NODES]
    inner = _inside(tree.root, left)
    lines = "".join(faint(n) for n in [*_notes(tree), say("tree.legend")])
    return bundle_of(f"<div>{lines}{inner}</div>", plain(tree))


def plain(tree: Tree) -> str:
    """Return the likeliest leaves with their probabilities, as lines."""
    rows = [
        (
            percent(node.probability),
            visible(clipped(node.text, MOST_TOKEN)),
            _state(node),
        )
        for node in tree.leaves
        if node.probability >= SMALL
    ]
    widths = [max((width(row[k]) for row in rows), default=0) for k in range(2)]
    lines = [
        f"{pad(share, widths[0])}  {pad(text, widths[1])}  {state}".rstrip()
        for share, text, state in rows
    ]
    return "\n".join([*_notes(tree), *lines])


def _notes(tree: Tree) -> list[str]:
    whole = sum(node.state in {"ended", "deep"} for node in tree.leaves)
    rest = max(0.0, 1.0 - tree.covered - tree.unlisted)
    parts = [say("tree.summary", covered=percent(tree.covered), leaves=whole)]
    for key, share in (("rest", rest), ("unlisted", tree.unlisted)):
        if share:
            parts.append(say(f"tree.summary_{key}", share=percent(share)))
    parts += [say("tree.summary_requests", requests=tree.requests), str(tree.costs)]
    summary = [" · ".join(parts)]
    return [*summary, *([str(tree.reason)] if tree.reason is not None else [])]


def _node_html(node: Node, left: list[int]) -> str:
    left[0] -= 1
    if left[0] < 0:
        return ""
    head = _head(node)
    if not node.children:
        return f'<div style="padding-left:1.1em">{head}</div>'
    unfolded = " open" if node.probability >= OPEN_SHARE else ""
    return (
        f'<details{unfolded}><summary style="cursor:pointer">{head}</summary>'
        f'<div style="{_INSIDE}">{_inside(node, left)}</div></details>'
    )


def _inside(node: Node, left: list[int]) -> str:
    """Return the children of a node, the small ones summed up."""
    ordered = sorted(node.children, key=lambda child: -child.probability)
    large = [one for one in ordered if one.probability >= SMALL]
    inner = "".join(_node_html(child, left) for child in large)
    small = [one.probability for one in node.children if one.probability < SMALL]
    rest = sum(small) + node.unlisted
    if rest > 0:
        line = escape(say("tree.rest", share=percent(rest)))
        inner += f'<div style="padding-left:1.1em;{FAINT}">{line}</div>'
    return inner


def _head(node: Node) -> str:
    token = escape(visible(clipped(node.token, MOST_TOKEN)) or "∅")
    bar = f'<span style="{_BAR};width:{BAR * node.probability:.2f}em"></span>'
    share = escape(percent(node.share))
    joint = escape(percent(node.probability))
    state = f" · {escape(_state(node))}" if _state(node) else ""
    return (
        f'<span style="{_MONO}">{token}</span> <span style="{FADED}">{share}</span> '
        f'<span style="{FADED}">{bar}{joint}{state}</span>'
    )


def _state(node: Node) -> str:
    return "" if node.children else say(f"tree.{node.state}")
