"""Bodies of responses that are no answer, such as a web page: kept, but not shown."""

from wcode_magics.protocol.messages import Delta
from wcode_magics.protocol.reply import Reply

_BODY = "body"
"""Mark, among the unread parts, of a reply whose text is such a body."""


def body_delta(body: str) -> Delta:
    """Return a delta that keeps a body which could not be read as an answer."""
    return Delta(text=body, unread=(_BODY,))


def is_answer(reply: Reply) -> bool:
    """Return whether a reply's text is an answer, and not a body that is none."""
    return _BODY not in reply.unread
