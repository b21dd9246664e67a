"""Demand for shared limits, the share of each borrower, and the division of permits.

Permits are divided evenly among those that need them; those that nobody needs are
lent in advance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from wcode_magics.errors import BudgetError

LATER_S = 0.2
"""Seconds by which a pause must be longer to be worth a message."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a borrower uses, and could use if it were lent more.

    ``wants``: requests that could be in flight. Since the run began on the borrower:
    ``sent`` requests under caps and their ``tokens``, ``spent`` ¥, of which ``unsure``
    are not confirmed. ``each``: tokens a request takes; ``aside``: ¥ reserved for
    requests in flight; ``short``: ¥ that a request waits for; ``excess``: factor
    learnt by its budget; ``alone``: it must be the only one with a request in flight;
    ``paused``: seconds for which nobody may send.
    """

    flying: int = 0
    wants: int = 0
    sent: int = 0
    tokens: float = 0.0
    each: float = 0.0
    paused: float = 0.0
    alone: bool = False
    spent: float = 0.0
    unsure: float = 0.0
    aside: float = 0.0
    short: float = 0.0
    excess: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a borrower may use: requests in flight, requests sent and ¥ in all.

    ``alone``: nobody else has a request in flight; ``error`` is raised for requests
    that the money does not suffice for.
    """

    permits: float = 0
    sends: float = math.inf
    money: float = math.inf
    excess: float | None = None
    paused: float = 0.0
    alone: bool = True
    error: BudgetError | None = None


def fair(total: int, wants: Sequence[int], first: int = 0) -> list[int]:
    """Divide ``total``: nobody has more than wanted, and the smallest part is largest.

    What cannot be divided evenly goes to the last, counted from ``first`` on.
    """
    count, left = len(wants), total
    parts = [0] * count
    order = sorted(range(count), key=lambda n: (wants[n], (n - first) % count))
    for place, one in enumerate(order):
        parts[one] = min(wants[one], left // (count - place))
        left -= parts[one]
    return parts


def permits(
    most: int, demands: Sequence[Demand], held: Sequence[int], first: int = 0
) -> list[int]:
    """Return the permits of each borrower; ``held`` are those not yet returned.

    A borrower may hold more than its new share until it has confirmed it; only what
    is free is lent to others.
    """
    wants = [min(one.wants, most) for one in demands]
    lone = next((n for n, one in enumerate(demands) if one.alone), None)
    if lone is None:
        targets = fair(most, wants, first)
        room = [most if want else 0 for want in wants]
        spare = fair(most - sum(targets), room, first)
        targets = [one + more for one, more in zip(targets, spare, strict=True)]
    else:
        targets = [int(n == lone) for n in range(len(demands))]
    free = max(0, most - sum(held))
    shares = []
    for target, has in zip(targets, held, strict=True):
        grown = min(max(0, target - has), free)
        free -= grown
        shares.append(min(target, has + grown))
    return shares
