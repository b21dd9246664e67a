"""Tasks: the request for each row of a table, and the values read from its reply."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from wcode_magics.errors import AnswerError, WcodeError
from wcode_magics.output.escaping import clipped
from wcode_magics.prompts import template
from wcode_magics.protocol import models
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request
from wcode_magics.protocol.schema import Field
from wcode_magics.sending.outcome import GOOD, ending_of
from wcode_magics.session.structured import JSON_MODE
from wcode_magics.text import say

DETAILS = (
    Field("prompt_tokens", "int"),
    Field("completion_tokens", "int"),
    Field("cost", "float"),
    Field("logprob", "float"),
    Field("finish_reason", "text"),
)
MOST_NAMED = 200
"""Maximum characters of function names in an error."""
MOST_OF_REFUSAL = 2_000
"""Maximum characters of a refusal in an error."""
_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Task:
    """Task that asks for a text.

    ``base`` is a request whose messages are templates; ``into`` names the column and
    prefixes the columns of its status, error and details.
    """

    base: Request
    into: str
    details: bool = False

    @property
    def templates(self) -> tuple[str, ...]:
        """All templates rendered for each row."""
        templates = filter(template.is_template, self.base.messages)
        return tuple(message.content or "" for message in templates)

    @property
    def columns(self) -> tuple[Field, ...]:
        """Columns of the answers; ``read`` returns their values in this order."""
        return (Field(self.into, "text"), *self._detail_columns)

    def request(self, names: Mapping[str, Any]) -> Request:
        """Return the request for a row whose values are ``names``.

        Raises:
            WcodeError: the template fails on this row, or renders to an empty prompt.
        """
        if self._shows:
            return self.base.with_messages(
                tuple(template.filled(one, names) for one in self.base.messages)
            )
        render = template.render
        return self.base.with_texts(
            [render(text or "", names) if own else text for text, own in self._sources]
        )

    def requester(self, columns: Sequence[Any]) -> Callable[[Any], Request] | None:
        """Return what :meth:`request` is from the values of these columns, in order.

        None if a template has more than text and their names.
        """
        renderers = []
        for text, own in self._sources:
            fixed = not own and template.has_tags(text or "")
            render = None if fixed else template.renderer(text or "", columns)
            if render is None:
                return None
            renderers.append(render)
        with_texts = self.base.with_texts
        return lambda values: with_texts([render(values) for render in renderers])

    @cached_property
    def _sources(self) -> list[tuple[str | None, bool]]:
        """Text of each message, and whether it is a template."""
        messages = self.base.messages
        return [(one.content, template.is_template(one)) for one in messages]

    @cached_property
    def _shows(self) -> bool:
        """Whether a template shows images."""
        return any(map(template.takes_images, self.templates))

    @property
    def decided(self) -> int:
        """Number of leading columns that are the answer itself."""
        return 1

    @property
    def measured(self) -> Sequence[str]:
        """Names of the columns with the probability of an answer."""
        return ()

    def siblings(self, _request: Request) -> list[Request]:
        """Return further requests that each row needs, whatever the reply."""
        return []

    def follow(self, *_replies: Reply) -> list[Request]:
        """Return the requests that a row needs after its replies; [] if complete."""
        return []

    def later(self, _request: Request) -> list[Request]:
        """Return requests to another model that a row's reply may lead to."""
        return []

    def defers(self, _requests: Sequence[Request]) -> bool:
        """Return whether these requests are announced before they are sent."""
        return False

    @property
    def announces(self) -> str | None:
        """Name of the option whose requests are announced before they are sent."""
        return None

    def further(self, _requests: int) -> tuple[str, ...]:
        """Return remarks on what replies to so many requests may lead to."""
        return ()

    def announcement(self, rows: int, requests: int, total: int) -> str:
        """Return the line that announces requests of some rows of all."""
        raise NotImplementedError

    def report(
        self,
        rows: Sequence[tuple[Any, ...]],
        _total: int,
        _costs: Mapping[str, models.Costs],
    ) -> tuple[str, ...]:
        """Return what to say of a run: values of answered rows of all, model costs."""
        names = [one.name for one in self.columns]
        places = [names.index(name) for name in self.measured]
        unknown = sum(all(math.isnan(row[n]) for n in places) for row in rows)
        if not places or not unknown:
            return ()
        return (say("frame.summary_unknown", rows=f"{unknown:,}"),)

    def read(self, *replies: Reply) -> tuple[Any, ...]:
        """Return the values of the columns.

        Raises:
            AnswerError: there are none, or a complete answer in JSON mode is not JSON.
        """
        reply = replies[0]
        refuse_empty(reply)
        in_json = self.base.params.get("response_format") == JSON_MODE
        if in_json and ending_of(reply) in GOOD:
            json_of(reply)
        return (reply.text, *self._details(reply))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the request that the user should see, once per run."""
        return ()

    def ending(self, *replies: Reply) -> str:
        """Return the row status for the replies of a row."""
        return ending_of(replies[0])

    def remark(self, status: str, *replies: Reply) -> WcodeError | None:
        """Return what the column of errors says of a status; None: nothing."""
        if status != "refused":
            return None
        refused = next((reply for reply in replies if reply.refusal), None)
        if refused is None:
            return AnswerError("frame.filtered")
        given = clipped(refused.refusal or "", MOST_OF_REFUSAL)
        return AnswerError("frame.refused", given=given)

    def repair_request(self, _reply: Reply, _error: WcodeError) -> Request | None:
        """Return a repair request after an unreadable answer; None: do not retry."""
        return None

    @property
    def repairs(self) -> bool:
        """Whether unreadable answers are followed by a repair request."""
        return False

    @property
    def _detail_columns(self) -> tuple[Field, ...]:
        if not self.details:
            return ()
        return tuple(replace(f, name=f"{self.into}_{f.name}") for f in DETAILS)

    def _details(self, reply: Reply, paid: Sequence[Reply] = ()) -> tuple[Any, ...]:
        """Return the details of a reply; tokens and ¥ are those of all ``paid``."""
        if not self.details:
            return ()
        every = paid or (reply,)
        used = [one.usage for one in every if one.usage is not None]
        costs = [one.cost for one in every if one.cost is not None]
        whole = len(used) == len(every)
        logprobs = reply.logprobs
        return (
            sum(one.prompt_tokens for one in used) if whole else None,
            sum(one.completion_tokens for one in used) if whole else None,
            math.fsum(costs) if len(costs) == len(every) else None,
            None if logprobs is None else logprobs.mean,
            reply.finish_reason,
        )


def json_of(reply: Reply) -> Any:
    """Return the JSON value of an answer; raises AnswerError if it has none."""
    try:
        return reply.json
    except AnswerError as error:
        if error.key != "text_not_json":
            raise
        raise AnswerError("frame.not_json", **error.facts) from error


def refuse_empty(reply: Reply) -> None:
    """Raise AnswerError if an answer has no text, naming what it has instead."""
    if reply.refusal or reply.text.strip():
        return
    if reply.tool_calls:
        named = ", ".join(dict.fromkeys(call.name for call in reply.tool_calls))
        raise AnswerError("frame.empty_call", names=clipped(named, MOST_NAMED))
    raise AnswerError("frame.empty_thinking" if reply.reasoning else "frame.empty")


def language_of(texts: Sequence[str]) -> str:
    """Return the language of the prompt, for the text we add to it."""
    return "zh" if any(_CHINESE.search(one) for one in texts) else "en"
