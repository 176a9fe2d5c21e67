"""What was suppressed or lifted while Redis was away is told once it is back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from broadcast.core.redis import connect, get_redis
from messaging.engine import keys
from messaging.jobs import sweeper
from messaging.models import OptOutReview, PhoneNumber
from messaging.services import suppressions
from messaging.services.reviews import decide_keep, decide_opt_out
from messaging.services.suppressions import lift, suppress
from tests.factories import StaffFactory
from tests.messaging.hooks import receive

PERSON = "+14155552671"

Away = Callable[[], AbstractContextManager[None]]

pytestmark = pytest.mark.django_db(transaction=True)


def marks() -> set[str]:
    return {member.decode() for member in get_redis().zrange(keys.STOPS, 0, -1)}


@pytest.fixture
def redis_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    """A context in which this process cannot reach Redis to tell senders."""
    nobody = connect(f"unix://{tmp_path}/nobody-listens.sock")

    @contextmanager
    def away() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(suppressions, "get_redis", lambda: nobody)
            yield

    return away


def test_who_was_suppressed_meanwhile_gets_their_mark(line: PhoneNumber, redis_away: Away) -> None:
    with redis_away():
        assert suppress(account_id=line.account_id, recipient=PERSON, reason="staff")
    assert marks() == set()
    heard = get_redis().pubsub(ignore_subscribe_messages=True)
    heard.subscribe(keys.STOPPED)
    heard.get_message(timeout=5)
    sweeper.tidy()
    assert marks() == {keys.stop_of_account(line.account_id, PERSON)}
    message = heard.get_message(timeout=5)
    heard.close()
    assert message is not None
    assert message["data"].decode() == keys.stop_of_account(line.account_id, PERSON)


@pytest.mark.parametrize("decide", [decide_opt_out, decide_keep])
def test_a_decision_meanwhile_is_made_whole(line: PhoneNumber, redis_away: Away, decide: Callable[..., object]) -> None:
    receive(line, "stop sending these at night?")
    hold, stop = keys.hold_of_account(line.account_id, PERSON), keys.stop_of_account(line.account_id, PERSON)
    with redis_away():
        decide(review_id=OptOutReview.objects.get().pk, user=StaffFactory.create())
    assert marks() == {hold}
    sweeper.tidy()
    assert marks() == ({hold, stop} if decide is decide_opt_out else set())


def test_what_was_lifted_meanwhile_leaves_the_marks_of_a_later_stop(line: PhoneNumber, redis_away: Away) -> None:
    receive(line, "STOP")
    arrived = keys.stop_of_number(line.number, PERSON)
    get_redis().zadd(keys.STOPS, {arrived: time.time()})
    with redis_away():
        assert lift(account_id=line.account_id, recipient=PERSON, user=StaffFactory.create())
    assert len(marks()) == 2
    get_redis().zadd(keys.STOPS, {arrived: time.time() + 1})
    sweeper.tidy()
    assert marks() == {arrived}


def test_who_is_suppressed_anew_keeps_their_marks(line: PhoneNumber) -> None:
    suppress(account_id=line.account_id, recipient=PERSON, reason="staff")
    lift(account_id=line.account_id, recipient=PERSON, user=StaffFactory.create())
    suppress(account_id=line.account_id, recipient=PERSON, reason="staff")
    # As a clock that is a little behind has it.
    stop = keys.stop_of_account(line.account_id, PERSON)
    get_redis().zadd(keys.STOPS, {stop: time.time() - 60})
    sweeper.tidy()
    assert marks() == {stop}
