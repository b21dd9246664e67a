"""Replay policy, and the error for a request without a recorded answer."""

import difflib
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

from wcode_magics.errors import ReplayError
from wcode_magics.output.escaping import clipped
from wcode_magics.protocol.messages import SANDBOX, Endpoint
from wcode_magics.protocol.request import Request
from wcode_magics.settings.resolved import Resolved

SHOWN = 80
COMPARED = 400


class Replay(StrEnum):
    """Whether recorded answers are looked up, and whether requests may be sent."""

    OFF = "off"
    READ = "read"
    ONLY = "only"

    @property
    def looks(self) -> bool:
        """Whether a recorded answer replaces a request."""
        return self is not Replay.OFF

    @property
    def sends(self) -> bool:
        """Whether requests without a recorded answer may be sent."""
        return self is not Replay.ONLY


def replay_for(resolved: Resolved, *, seeded: bool) -> Replay:
    """Return the replay mode of one request, from its own options or the settings.

    By default, seeded requests are replayed, as they ask for the same answer each time.
    """
    asked = Replay(resolved["replay"])
    if not asked.sends:
        return asked
    replays = seeded or is_replay_set(resolved)
    return asked if replays and not resolved["fresh"] else Replay.OFF


def is_replay_set(resolved: Resolved) -> bool:
    """Return whether the user has set ``replay`` anywhere."""
    return resolved.layer("replay") != "default"


def whose(resolved: Resolved, endpoint: Endpoint | None) -> str | None:
    """Return the endpoint to match in the store; None matches any.

    ``endpoint`` None is the sandbox.
    """
    if not Replay(resolved["replay"]).sends:
        return None
    return SANDBOX if endpoint is None else endpoint.place


def nearest(request: Request, recorded: Iterable[Request]) -> Request | None:
    """Return the recorded request most similar to this one; None without any."""
    return max(recorded, key=_likeness(request), default=None)


def unrecorded(
    request: Request, recorded: Iterable[Request], path: Path
) -> ReplayError:
    """Return the error for a request that only a record could have answered.

    It names the request, the most similar recorded one and the fields that differ.
    """
    near = nearest(request, recorded)
    prompt, mark = _start(request.prompt), request.hash[:12]
    if near is not None and near.hash == request.hash:
        return ReplayError("store.fewer", path=path, prompt=prompt, hash=mark)
    if near is None:
        return ReplayError("store.empty", path=path, prompt=prompt, hash=mark)
    return ReplayError(
        "store.unrecorded",
        path=path,
        prompt=prompt,
        hash=mark,
        near=_start(near.prompt),
        near_hash=near.hash[:12],
        differs=", ".join(_differences(request, near)) or "base_url",
    )


def _likeness(request: Request) -> Callable[[Request], float]:
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(request.prompt[:COMPARED])

    def likeness(other: Request) -> float:
        matcher.set_seq1(other.prompt[:COMPARED])
        return matcher.quick_ratio() - len(_differences(request, other)) / 100

    return likeness


def _differences(one: Request, other: Request) -> list[str]:
    mine, theirs = one.body, other.body
    names = {**mine, **theirs}
    return [name for name in names if mine.get(name) != theirs.get(name)]


def _start(text: str) -> str:
    return clipped(" ".join(text.split()), SHOWN)
