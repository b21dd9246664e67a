"""Contract test of an endpoint: what it does with each parameter, by its effect."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from wcode_magics import errors as e
from wcode_magics.logprobs.byte_dialects import LOST, of_alphabet
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol import models, parameters, prefixes
from wcode_magics.protocol.messages import SANDBOX, Message
from wcode_magics.protocol.probe import Finding, Probe
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.sending.budget import Budget
from wcode_magics.session import probe_output as output
from wcode_magics.session import probe_sampling as sampling
from wcode_magics.session.dispatch import Dispatch
from wcode_magics.session.probe_sampling import Known
from wcode_magics.session.prober import STORY, THOUGHT, Prober
from wcode_magics.settings import options
from wcode_magics.settings.resolved import Resolved
from wcode_magics.text import say

BUDGET = 0.01
"""Maximum cost of a probe in ¥, unless the user names another."""
REQUESTS = 75
"""Requests that a probe sends at most, about."""
NEAR = 0.05
"""Difference of two log probabilities that count as equal."""
RARE = "Repeat after me: 龘🦒龘🦒"
PREFIX = "one two three"
NEXT = "four"
COUNT = f"Repeat after me: zero {PREFIX} {NEXT} five six"
"""A new answer to it does not begin with :data:`PREFIX`; one that repeats it does."""
MOST_MESSAGE = 120
EMPTY_AT_MOST = 3
"""Empty answers after which an endpoint is not asked for a first token again."""

ORDER = (
    *("max_tokens", "temperature", "seed", "logprobs", "top_logprobs", "top_k"),
    *("top_p", "min_p", "top_a", "frequency_penalty", "presence_penalty"),
    *("repetition_penalty", "verbosity", "stop", "logit_bias", "response_format"),
    *("structured_outputs", "tools", "tool_choice", "parallel_tool_calls"),
)
"""Parameters in the order in which they are measured: later ones build on earlier."""
_CUTOFFS = {"top_k": 1, "top_p": 0.001, "min_p": 1.0}
_PENALTIES = {
    "frequency_penalty": (2.0, -2.0),
    "presence_penalty": (2.0, -2.0),
    "repetition_penalty": (2.0, 0.1),
}

Measure = Callable[[], Awaitable[Finding]]


class Measurement:
    """One probe in progress; ``probe`` is what was found out so far."""

    def __init__(self, prober: Prober, place: str) -> None:
        self._prober = prober
        self._place = place
        self._known = Known()
        self._findings: dict[str, Finding] = {}
        self._facts: dict[str, str] = {}
        self._cut = False
        self.now = ""

    @property
    def probe(self) -> Probe:
        """The findings so far; what was not measured yet is unknown."""
        reason = "unpaid" if self._cut else "unmeasured"
        findings = tuple(
            self._findings.get(name) or Finding(name, "unknown", reason)
            for name in parameters.NAMES
        )
        costs = [cost for cost in self._prober.costs if cost is not None]
        whole = len(costs) == len(self._prober.costs)
        return Probe(
            self._prober.model,
            self._place,
            time.time(),
            findings,
            self._facts,
            self._prober.sent,
            sum(costs) if whole else None,
            models.currency(self._prober.model, self._place),
            self._cut,
        )

    async def whole(self) -> Probe:
        """Measure what the budget allows; raises WcodeError if nothing is answered."""
        try:
            await self._first_request()
            for name in ORDER:
                self.now = name
                self._findings[name] = await self._measured(name, self._measure(name))
                self._known.verdicts[name] = self._findings[name].verdict
                if name == "temperature":
                    with suppress(e.EndpointError):
                        await sampling.variety(self._prober, self._known)
            await self._measure_facts()
        except e.BudgetError:
            if not self._prober.costs:
                raise
            self._cut = True
        return self.probe

    async def _first_request(self) -> None:
        """Ask plainly, with a limit of length unless that is refused."""
        prober = self._prober
        try:
            reply = await prober.ask(STORY, stream=True)
        except e.RejectedError:
            prober.accepted = prober.bounded = False
            reply = await prober.ask(STORY, stream=True)
        prober.room = THOUGHT if reply.reasoning else 0
        self._facts["thinking"] = "yes" if reply.reasoning else "no"
        if not reply.interrupted:
            self._facts["usage"] = "no" if reply.usage is None else "yes"

    async def _measured(self, name: str, measure: Measure) -> Finding:
        try:
            return await measure()
        except (e.AuthenticationError, e.CreditError, e.ModelError):
            raise
        except e.RejectedError as error:
            return Finding(name, "refused", "said", {"text": _endpoint_message(error)})
        except e.EndpointError as error:
            return Finding(
                name, "unknown", "failed", {"text": _endpoint_message(error)}
            )

    def _measure(self, name: str) -> Measure:
        arguments = self._prober, self._known
        if name in _CUTOFFS:
            return partial(sampling.cutoff, *arguments, name, _CUTOFFS[name])
        if name in _PENALTIES:
            return partial(sampling.penalty, *arguments, name, _PENALTIES[name])
        if name in {"response_format", "structured_outputs"}:
            return partial(getattr(output, name), *arguments, self._facts)
        module = sampling if hasattr(sampling, name) else output
        return partial(getattr(module, name), *arguments)

    async def _measure_facts(self) -> None:
        """Find out the facts beside the parameters, as far as they can be."""
        looks = {
            "stage": self._stage,
            "bytes": self._bytes,
            "prefix": self._prefix,
            "context": self._context,
        }
        for name, look in looks.items():
            self.now = name
            with suppress(e.EndpointError):
                found = await look()
                if found is not None:
                    self._facts[name] = found

    async def _stage(self) -> str | None:
        """Compare the first token's best probability at two temperatures."""
        if not (self._known.obeyed("top_logprobs") and self._known.hot):
            return None
        cold, hot = await asyncio.gather(self._best(0.0), self._best(2.0))
        if cold is None or hot is None:
            return None
        return "before" if abs(cold - hot) < NEAR else "after"

    async def _best(self, temperature: float) -> float | None:
        """Return the best log probability of a first token; None if all are empty."""
        for _ in range(EMPTY_AT_MOST):
            reply = await self._prober.ask(
                STORY, length=2, temperature=temperature, logprobs=True, top_logprobs=2
            )
            if reply.tokens:
                return max((one.logprob for one in reply.tokens[0].top), default=0.0)
        return None

    async def _bytes(self) -> str | None:
        if not self._known.obeyed("logprobs"):
            return None
        fixed = self._known.fixed or {}
        reply = await self._prober.ask(RARE, logprobs=True, **fixed)
        return _dialect(reply)

    async def _prefix(self) -> str | None:
        """Try each dialect until one continues a beginning, or repeats it and does.

        None where the provider continues at another base URL.
        """
        if self._prober.resolved.for_prefixes.place != self._place:
            return None
        fixed = self._known.fixed or {}
        request = Request(self._prober.model, (Message("user", COUNT),))
        for name in prefixes.PREFIXES:
            begun = prefixes.begun(request, PREFIX, name)
            with suppress(e.RejectedError):
                reply = await self._prober.ask(
                    begun.messages, extra=begun.extra, **fixed
                )
                text = reply.text.strip().lower()
                if text.removeprefix(PREFIX).strip().startswith(NEXT):
                    return name
        return "none"

    async def _context(self) -> str | None:
        found = await self._prober.client.contexts.of(self._prober.model)
        return None if found is None else f"{found:,}"


def _dialect(reply: Reply) -> str | None:
    """Return how the bytes of split characters are reported; None without tokens."""
    tokens = [
        token for token in reply.tokens if token.token.strip(" \n") or token.bytes
    ]
    if not tokens:
        return None
    if all(token.bytes for token in tokens):
        return "bytes"
    texts = [token.token for token in tokens]
    if any("\\x" in text for text in texts):
        return "escaped"
    if any(LOST in text for text in texts):
        return "lost"
    if any(not text for text in texts):
        return "empty"
    spelt = all(of_alphabet(text) is not None for text in texts)
    return "alphabet" if spelt and "".join(texts) not in reply.text else "text"


def _endpoint_message(error: e.WcodeError) -> str:
    message = " ".join(str(error.facts.get("message") or error).split())
    return clipped(message, MOST_MESSAGE)


def measuring(session: Dispatch, resolved: Resolved) -> Measurement:
    """Prepare the probe of the endpoint in force, with a separate budget.

    The budget is :data:`BUDGET` unless the call names one; without a known price it
    ends the probe once the endpoint charged more.
    """
    session.inform(resolved)
    client, model = session.client(resolved), resolved.model
    place, budget = client.endpoint.place, None
    own = resolved.is_own("budget")
    most = resolved["budget"] if own else BUDGET
    if not client.endpoint.sandbox:
        known = own or models.price_of(model, place) is not None
        under = session.budget_for(model, resolved)
        budget = Budget(most if known else math.inf, under)
    limits = session.pool.limits(client.endpoint, resolved, budget)
    keep = partial(session.pool.keep, resolved=resolved)
    prober = Prober(client, resolved, limits, model, keep, most=most)
    return Measurement(prober, place)


def announcement(session: Dispatch, values: Mapping[str, Any]) -> str:
    """Return how many requests a probe sends and what it costs at most, as a line."""
    resolved = session.settings.resolve(options.checked_options(values))
    session.inform(resolved)
    price = models.price_of(resolved.model, resolved.place)
    own = resolved.is_own("budget")
    free = session.answering(resolved) == SANDBOX
    most = models.money(0) if free else "–"
    if not free and (price is not None or own):
        currency = models.currency(resolved.model, resolved.place)
        limit = resolved["budget"] if own else BUDGET
        most = models.money(limit, currency, plain=True)
    return say("probe.outlook", requests=REQUESTS, most=most)
