"""Tree of possible answers, grown by prefix from the likeliest node.

Each node is a beginning of an answer; its children are the tokens that may follow, as
the alternatives of a one-token continuation at temperature 0. The probability of a
node is the product along its path. The likeliest open nodes are expanded first, until
complete ones have the requested mass. The probabilities of complete, open and unlisted
nodes sum to 1.

Beginnings that end inside a character cannot be sent and stay open. Where the model
ends rather than say another token, most endpoints report no alternatives: the node then
counts as ended with all its probability.
"""

import heapq
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

from wcode_magics.errors import BudgetError, Stopped, UsageError, WcodeError
from wcode_magics.logprobs.byte_dialects import decode, spelt
from wcode_magics.logprobs.token import TokenLogprob
from wcode_magics.protocol.models import Costs
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.runtime.imports import data_frame, shown_by
from wcode_magics.sending.budget import Budget
from wcode_magics.sending.prefill import starts_anew
from wcode_magics.sending.request_run import Prepared, Watch, awaited
from wcode_magics.session.branch import continuation, prefix_of
from wcode_magics.session.planner import Planner
from wcode_magics.session.sweep import Point
from wcode_magics.settings.options import checked_options

if TYPE_CHECKING:
    import pandas as pd

DEPTH, MASS = 6, 0.9
CONCURRENCY = 4
"""Nodes expanded concurrently."""
MOST_REQUESTS = 500
ALTERNATIVES = 20
_NODE_PARAMS: Mapping[str, Any] = {
    "max_tokens": 1,
    "temperature": 0,
    "logprobs": True,
    "top_logprobs": ALTERNATIVES,
}
_DROPPED = ("response_format", "structured_outputs", "tools", "tool_choice", "stop")
"""Parameters that would constrain each single token on its own."""
_REFUSED = "prefix_refused"
"""Error of an endpoint that takes no beginning, so that no tree can grow."""
_END = re.compile(r"<[|｜/].*>|<(?:eos|end_of_turn)>|")
"""Text of a token that ends the answer."""

State = Literal["open", "ended", "deep", "part"]


@dataclass
class Node:
    """A beginning of an answer.

    ``token`` is its last token, ``share`` that token's probability after the beginning
    above, ``probability`` that of the whole. ``state`` of a leaf: ``ended``: a whole
    answer; ``deep``: as deep as asked for; ``open``: not expanded; ``part``: ends
    inside a character. ``unlisted`` is the probability of children not listed.
    """

    data: bytes
    token: str = ""
    share: float = 1.0
    probability: float = 1.0
    tokens: tuple[TokenLogprob, ...] = ()
    state: State = "open"
    unlisted: float = 0.0
    children: list["Node"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Text of the beginning."""
        return self.data.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Tree:
    """Nodes below ``root``, of so many ``requests``, sent at ``costs`` or replayed.

    ``reason`` is the error that ended its growth early, or None.
    """

    root: Node
    requests: int
    costs: Costs
    reason: WcodeError | None = None

    _repr_mimebundle_ = shown_by("wcode_magics.display.tree_bundles.bundle")

    def __repr__(self) -> str:
        return f"<Tree: leaves {len(self.leaves)}, covered {self.covered:.4g}>"

    @property
    def leaves(self) -> list[Node]:
        """Nodes without children, the likeliest first."""
        return sorted(_leaves(self.root), key=lambda node: -node.probability)

    @property
    def covered(self) -> float:
        """Probability of the leaves that are ended, or as deep as asked for."""
        whole = (n for n in _leaves(self.root) if n.state in {"ended", "deep"})
        return math.fsum(node.probability for node in whole)

    @property
    def unlisted(self) -> float:
        """Probability of tokens that the endpoint did not list."""
        return math.fsum(node.unlisted for node in _nodes(self.root))

    def frame(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per leaf, the likeliest first.

        Columns: text; probability; logprob (natural); tokens (their number); state.
        """
        rows = self.leaves
        return data_frame(
            {
                "text": [node.text for node in rows],
                "probability": [node.probability for node in rows],
                "logprob": [_log(node.probability) for node in rows],
                "tokens": [len(node.tokens) for node in rows],
                "state": [node.state for node in rows],
            }
        )


def grow(
    session: Planner,
    reply: Reply,
    *,
    depth: int = DEPTH,
    mass: float = MASS,
    budget: float | None = None,
    watch: Watch | None = None,
) -> Tree:
    """Return the tree of the answers that were possible in place of ``reply``.

    Args:
        session: sends the requests; recorded ones are replayed.
        reply: its request is asked again, token by token.
        depth: maximum number of tokens of a beginning.
        mass: probability of complete leaves at which to stop, up to 1.
        budget: limit of the growth, in the currency of the model.
        watch: as in :meth:`Session.ask`.

    Raises:
        UsageError: ``depth`` or ``mass`` is invalid, the endpoint reports no token
            probabilities, or does not continue a given beginning.
        WcodeError: the first request failed, or a beginning was refused.
        Stopped: the user stopped; ``value`` is the tree so far.
    """
    if type(depth) is not int or depth < 1:
        raise UsageError("tree.depth", given=repr(depth))
    if not isinstance(mass, Real) or isinstance(mass, bool) or not 0 < mass <= 1:
        raise UsageError("tree.mass", given=repr(mass))
    checked_options({"budget": budget})
    return _Growth(session, reply, depth, budget).run(mass, watch)


class _Growth:
    def __init__(
        self, session: Planner, reply: Reply, depth: int, budget: float | None
    ) -> None:
        self._session, self._reply, self._depth = session, reply, depth
        options = {"replay": session.settings.resolve({})["replay"] or "read"}
        resolved = session.settings.resolve(checked_options(options))
        model = reply.request.model
        self._dialect = session.dialect(resolved, model)
        if self._dialect == "none":
            raise UsageError("tree.ignored")
        self._resolved = resolved.for_prefixes
        under = session.budget_for(model, self._resolved)
        self._budget = Budget(math.inf if budget is None else budget, under)
        request = reply.request
        dropped = {n: v for n, v in request.params.items() if n not in _DROPPED}
        self._request = replace(request, params={**dropped, **_NODE_PARAMS})
        self._head = prefix_of(reply) or ""
        self._known: dict[bytes, Reply] = {}
        self._requests, self._costs = 0, Costs()

    def run(self, mass: float, watch: Watch | None) -> Tree:
        root = Node(b"")
        heap = [(-1.0, 0, root)]
        covered, number, reason = 0.0, 0, None
        while heap and covered < mass and self._requests < MOST_REQUESTS:
            nodes = [heapq.heappop(heap)[2] for _ in range(min(CONCURRENCY, len(heap)))]
            try:
                reason = self._fetch(nodes, watch)
            except KeyboardInterrupt:
                grown = Tree(root, self._requests, self._costs)
                raise Stopped(value=grown, kept=False) from None
            if reason is not None and (root in nodes or reason.key == _REFUSED):
                raise reason
            self._refuse_ignored(nodes)
            for node in nodes:
                covered += self._expand(node)
                for child in node.children:
                    if child.state == "open":
                        number += 1
                        heapq.heappush(heap, (-child.probability, number, child))
                    elif child.state != "part":
                        covered += child.probability
            if reason is not None:
                break
        return Tree(root, self._requests, self._costs, reason)

    def _fetch(self, nodes: list[Node], watch: Watch | None) -> WcodeError | None:
        """Get the replies for some nodes; return the first error."""
        left = {n.data: n for n in nodes if n.data not in self._known}
        points: list[Point] = [{"prefix": node.text} for node in left.values()]
        ready = [
            Prepared(self._node_request(node), self._resolved, budget=self._budget)
            for node in left.values()
        ]
        swept = awaited(self._session.group(points, ready), watch)
        self._requests += len(ready)
        for node, trial in zip(left.values(), swept.trials, strict=True):
            if trial.error is None and trial.reply is not None:
                self._known[node.data] = trial.reply
                if trial.reply.source != "replayed":
                    self._costs.add(trial.reply.cost, trial.reply.currency)
        errors = [trial.error for trial in swept.trials if trial.error is not None]
        broke = (error for error in errors if not isinstance(error, BudgetError))
        return next(broke, next(iter(errors), None))

    def _node_request(self, node: Node) -> Request:
        text = self._head + node.text
        if not text:
            return self._request
        begun = replace(self._reply, request=self._request, text=text)
        return continuation(begun, {}, self._dialect)

    def _expand(self, node: Node) -> float:
        """Add the children of a node; return its probability if it ended."""
        reply = self._known.get(node.data)
        if reply is None:
            return 0.0
        if not reply.tokens:
            if not node.data:
                raise UsageError("tree.no_logprobs")
            node.state = "ended"
            return node.probability
        logprobs = reply.logprobs
        assert logprobs is not None
        position = logprobs.positions[-1]
        pairs = zip(position.alternatives, position.shares, strict=True)
        for other, share in pairs:
            raw = spelt(other, alphabet=logprobs.alphabet)
            data = node.data + (raw or b"")
            taken = TokenLogprob(other.token, other.logprob, other.bytes)
            ended = raw is not None and _END.fullmatch(other.token) is not None
            child = Node(
                node.data if ended else data,
                logprobs.readable(other),
                share,
                node.probability * share,
                (*node.tokens, taken),
            )
            child.state = self._state(child, ended=ended, lost=raw is None)
            node.children.append(child)
        node.unlisted = node.probability * position.others
        return 0.0

    def _state(self, node: Node, *, ended: bool, lost: bool) -> State:
        if ended:
            return "ended"
        if lost or decode(node.data) is None:
            return "part"
        return "deep" if len(node.tokens) >= self._depth else "open"

    def _refuse_ignored(self, nodes: Sequence[Node]) -> None:
        """Raise UsageError if the endpoint began new answers."""
        first = self._known.get(b"")
        known = [n for n in nodes if n.data and n.data in self._known]
        replies = ((len(node.tokens), self._known[node.data]) for node in known)
        if first is not None and not self._head and starts_anew(first, replies):
            raise UsageError("tree.ignored")


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _leaves(node: Node) -> Iterator[Node]:
    return (one for one in _nodes(node) if not one.children)


def _log(share: float) -> float:
    return math.log(share) if share else -math.inf
