"""Replay: when a record is looked for, and what is said where there is none."""

import pytest

from wcode_magics.errors import ReplayError
from wcode_magics.protocol.messages import Message
from wcode_magics.protocol.request import Request
from wcode_magics.sending.replay import Replay, nearest, replay_for, unrecorded
from wcode_magics.settings.settings import Settings

READ, ONLY, OFF = Replay.READ, Replay.ONLY, Replay.OFF


def request(prompt: str = "hello", **params) -> Request:
    """A request of one message."""
    return Request("m", (Message("user", prompt),), params)


@pytest.mark.parametrize(
    ("environ", "cell", "plain", "seeded"),
    [
        ({}, {}, OFF, READ),
        ({}, {"fresh": True}, OFF, OFF),
        ({}, {"replay": "read"}, READ, READ),
        ({}, {"replay": "only"}, ONLY, ONLY),
        ({}, {"replay": "off"}, OFF, OFF),
        ({"WCODE_REPLAY": "read"}, {}, READ, READ),
        ({"WCODE_REPLAY": "read"}, {"fresh": True}, OFF, OFF),
        ({"WCODE_REPLAY": "read"}, {"replay": "off"}, OFF, OFF),
        ({"WCODE_REPLAY": "off"}, {}, OFF, OFF),
        ({"WCODE_REPLAY": "off"}, {"replay": "read"}, READ, READ),
        ({"WCODE_REPLAY": "only"}, {}, ONLY, ONLY),
        ({"WCODE_REPLAY": "only"}, {"fresh": True}, ONLY, ONLY),
    ],
)
def test_when_a_record_is_wanted(environ, cell, plain, seeded):
    """The cell says, else the settings, else a seed; ``only`` never sends."""
    resolved = Settings(environ=environ).resolve(cell)
    assert replay_for(resolved, seeded=False) is plain
    assert replay_for(resolved, seeded=True) is seeded


def test_unrecorded(tmp_path):
    """The error names the request, the nearest recorded one and what differs."""
    missed = request("Summarise: the cat sits", temperature=0.5)
    recorded = [request("Übersetze: der Hund"), request("Summarise: the cat sat")]
    assert nearest(missed, recorded).prompt == "Summarise: the cat sat"
    error = unrecorded(missed, recorded, tmp_path)
    assert isinstance(error, ReplayError)
    for part in (missed.hash[:12], "the cat sat”", "messages, temperature"):
        assert part in str(error)
    assert "nothing is recorded" in str(unrecorded(missed, [], tmp_path))
    again = unrecorded(recorded[0], recorded, tmp_path)
    assert "not as often" in str(again)


def test_replay_modes():
    """Off sends always, read looks first, only never sends."""
    assert [(mode.looks, mode.sends) for mode in Replay] == [
        (False, True),
        (True, True),
        (True, False),
    ]
