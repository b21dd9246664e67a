"""The page that sends, without a front end."""

import pytest

from tests.loopback import Answer, streamed
from wcode_magics import Session
from wcode_magics.widgets.ask import AskPage
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.state import PanelState

SENT = [
    ({"seed": 1}, 1),
    ({"seed": 1, "fresh": True}, 2),
    ({"replay": "read"}, 1),
    ({}, 2),
]


@pytest.mark.parametrize(("values", "sent"), SENT)
def test_an_unchanged_draft_replays_as_a_cell_does(loopback, values, sent):
    """With a seed or by wish the same answer at no cost, which is not counted."""

    def answer(_seen: object) -> Answer:
        return streamed(f"Answer {len(server.seen)}")

    server = loopback(answer)
    with Session(base_url=server.url) as session:
        page = AskPage(PanelState(session, None, Draft("hi", values)))
        for _ in "ab":
            page.send()
            assert page._worker.wait(10)
        page.close()
    assert len(server.seen) == sent
    assert session.last.text == f"Answer {sent}"
    assert (session.last.source == "replayed") == (sent == 1)
    answers = "1 answer" if sent == 1 else "2 answers"
    assert f"{answers} · {15 * sent} tokens" in page.status.widget.value.replace(
        "\xa0", " "
    )
