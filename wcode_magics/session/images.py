"""Images of a request: their place in its messages, and models that read none."""

from collections.abc import Sequence
from dataclasses import replace

from wcode_magics.errors import UsageError
from wcode_magics.prompts import template
from wcode_magics.protocol import models
from wcode_magics.protocol.images import ImagePart
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request


def showing(
    messages: tuple[Message, ...], images: Sequence[ImagePart]
) -> tuple[Message, ...]:
    """Return the messages with images before the text of the last user message."""
    if not images:
        return messages
    users = [place for place, one in enumerate(messages) if one.role == "user"]
    at = users[-1] if users else len(messages) - 1
    shown = replace(messages[at], images=(*images, *messages[at].images))
    return (*messages[:at], shown, *messages[at + 1 :])


def refuse_blind(request: Request, place: str) -> None:
    """Raise UsageError for images, or a template of some, to a model that reads none.

    A model whose abilities are unknown is asked; its endpoint may refuse.
    """
    has_images = request.images or any(
        template.takes_images(one.content or "") for one in request.messages
    )
    row = models.find(request.model, place) if has_images else None
    if row is None or row.can("image") is not False:
        return
    seeing = [one.id for one in models.at(place) if one.can("image")]
    raise UsageError(
        "image.blind", model=request.model, seeing=", ".join(seeing) or "–"
    )
