"""A session's budget."""

from collections.abc import Callable

import pytest

from tests.loopback import Answer, Loopback, completion, event
from wcode_magics.errors import BudgetError, StreamError
from wcode_magics.session.session import Session

pytestmark = pytest.mark.priced


@pytest.fixture
def session(loopback: Callable[..., Loopback]) -> Session:
    """A session whose answers cost ¥0.0000135 each."""
    return Session(base_url=loopback(completion()).url, retries=0)


def test_what_was_spent_is_counted_without_a_limit(session: Session) -> None:
    """Whether or not there is a budget, the session knows what it spent."""
    session.ask("hi")
    session.sweep("hi", {"seed": [1, 2]})
    assert session.budgets.of("CNY").spent == pytest.approx(3 * 13.5e-6)
    assert session.budgets.of("CNY").aside == 0


def test_a_request_that_could_overrun_it_is_not_sent(session: Session) -> None:
    """The worst case is reserved first; a smaller max_tokens may pass."""
    session.ask("hi")
    session.settings.set("budget", 0.001)
    with pytest.raises(BudgetError, match=r"0\.001"):
        session.ask("hi")
    assert len(session.history) == 1
    session.ask("hi", max_tokens=100)
    assert len(session.history) == 2


def test_a_sweep_never_overruns_it(session: Session) -> None:
    """Trials that cannot be paid are errors in the table."""
    session.settings.set("budget", 0.0001)
    swept = session.sweep("hi", {"seed": range(12)}, max_tokens=20)
    assert session.budgets.of("CNY").spent <= 0.0001
    assert 0 < len(swept.replies) < 12
    assert swept.frame()["error"].notna().sum() == 12 - len(swept.replies)


def test_a_cell_has_its_own(session: Session) -> None:
    """--budget on a cell bounds that cell alone."""
    with pytest.raises(BudgetError):
        session.ask("hi", budget=0.001)
    session.ask("hi", budget=0.001, max_tokens=100)


def test_what_broke_off_is_paid_too(loopback: Callable[..., Loopback]) -> None:
    """Without usage, tokens are counted here."""
    broken = Answer([event({"content": "Half"})], kind="text/event-stream")
    session = Session(base_url=loopback(broken).url, retries=0)
    with pytest.raises(StreamError):
        list(session.stream("hi"))
    assert session.budgets.of("CNY").spent > 0


def test_a_refused_request_costs_nothing(loopback: Callable[..., Loopback]) -> None:
    """An error before any answer gives back what was set aside."""
    session = Session(base_url=loopback(Answer([b"{}"], 429)).url, retries=0, budget=1)
    with pytest.raises(Exception, match="Too many"):
        session.ask("hi")
    assert session.budgets.of("CNY").spent == 0
    assert session.budgets.of("CNY").aside == 0


def test_the_sandbox_costs_nothing() -> None:
    """However small the budget, the sandbox answers."""
    with Session(budget=0.000001) as session:
        assert session.ask("hi", max_tokens=2).cost == 0
