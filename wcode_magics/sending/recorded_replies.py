"""Recorded replies of a run, without those of a model that has been replaced since."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from wcode_magics.errors import WcodeError, print_error
from wcode_magics.protocol.reply import Reply
from wcode_magics.protocol.request import Request


class RecordedReplies:
    """Lookup of recorded replies; a notice about replaced models is shown once.

    Args:
        recall: looks up recorded replies; maps request hash to reply.
        find: returns the recorded reply to a request made during the run, or None.
        changed: returns a notice if a recorded reply is of a model that has been
            replaced since; the request is then sent.
        doubts: returns False where ``changed`` would return None, as far as is known.
    """

    def __init__(
        self,
        recall: Callable[[Sequence[Request]], Mapping[str, Reply]],
        *,
        find: Callable[[Request], Awaitable[Reply | None]] | None = None,
        changed: Callable[[Reply], Awaitable[WcodeError | None]] | None = None,
        doubts: Callable[[Reply], bool] = lambda _reply: True,
    ) -> None:
        self.recall = recall
        self._find, self._changed, self._doubts = find, changed, doubts
        self._notices: set[str] = set()

    async def find(self, request: Request) -> Reply | None:
        """Return the recorded reply to a request made during the run, or None."""
        found = None if self._find is None else await self._find(request)
        return None if found is None or await self.is_outdated(found) else found

    async def is_outdated(self, recorded: Reply) -> bool:
        """Return whether a reply is of a model that has been replaced since."""
        notice = None if self._changed is None else await self._changed(recorded)
        if notice is not None and str(notice) not in self._notices:
            self._notices.add(str(notice))
            print_error(notice)
        return notice is not None

    def may_be_outdated(self, recorded: Reply) -> bool:
        """Return whether :meth:`is_outdated` must be awaited to know."""
        return self._changed is not None and self._doubts(recorded)
