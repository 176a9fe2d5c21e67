"""Who may have opted out gets no campaigns until somebody has decided, and answers meanwhile."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from broadcast.core.redis import get_redis
from messaging.engine import claims, keys
from messaging.engine.scripts import Scripts
from messaging.models import Message, OptOutReview, PhoneNumber, Suppression
from messaging.services.reviews import decide_keep, decide_opt_out
from messaging.services.singles import submit
from messaging.services.suppressions import lift, suppress
from tests.factories import BatchFactory, MessageFactory, StaffFactory
from tests.messaging.hooks import receive

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def queued(line: PhoneNumber) -> Message:
    """A campaign's message to the person."""
    batch = BatchFactory.create(account=line.account, gateway=line.gateway, number=line, state="sending")
    return MessageFactory.create(batch=batch, number=line, account=line.account, recipient=PERSON, state="queued")


def claim(message: Message) -> str:
    """Claim the message for a lease; the state it has then."""
    name = (
        keys.batch_queue(message.batch_id, message.number_id)
        if message.batch_id
        else keys.single_queue(message.number_id)
    )
    claims.claim(queue_name=name, ids=[message.pk], token="lease")
    message.refresh_from_db()
    return message.state


def test_a_doubt_keeps_a_campaigns_message_and_lets_an_answer_go(line: PhoneNumber) -> None:
    message = queued(line)
    receive(line, "stop sending these at night?")
    assert claim(message) == "suppressed"
    assert message.reason == "review"
    answer = submit(account=line.account, number=line, recipient=PERSON, body="Which ones do you mean?")
    assert answer.state == "queued"
    assert claim(answer) == "sending"


def test_senders_that_hold_messages_hear_of_a_doubt(line: PhoneNumber) -> None:
    receive(line, "stop sending these at night?")
    client = get_redis()
    assert client.zscore(keys.STOPS, keys.hold_of_account(line.account_id, PERSON))
    assert client.zscore(keys.STOPS, keys.stop_of_account(line.account_id, PERSON)) is None
    decide_opt_out(review_id=OptOutReview.objects.get().pk, user=StaffFactory.create())
    assert client.zscore(keys.STOPS, keys.stop_of_account(line.account_id, PERSON))


def test_who_is_kept_is_sent_to_again(line: PhoneNumber) -> None:
    receive(line, "stop sending these at night?")
    decide_keep(review_id=OptOutReview.objects.get().pk, user=StaffFactory.create())
    assert get_redis().zscore(keys.STOPS, keys.hold_of_account(line.account_id, PERSON)) is None
    assert claim(queued(line)) == "sending"


@pytest.mark.parametrize(("is_campaign", "stopped"), [(1, [1]), (0, [])])
def test_the_script_tells_campaigns_from_answers(line: PhoneNumber, is_campaign: int, stopped: list[int]) -> None:
    get_redis().zadd(keys.STOPS, {keys.hold_of_account(line.account_id, PERSON): 1.0})
    arguments = [line.number, line.account_id, f"{PERSON},+14155552672", is_campaign]
    assert Scripts(get_redis()).stopped(keys=[keys.STOPS], args=arguments) == stopped


@pytest.mark.parametrize("words", ["keep", "START"])
def test_a_stop_that_waits_to_be_routed_keeps_its_mark_when_a_doubt_is_lifted(line: PhoneNumber, words: str) -> None:
    receive(line, "stop sending these at night?")
    arrived = keys.stop_of_number(line.number, PERSON)
    get_redis().zadd(keys.STOPS, {arrived: 1.0, keys.stop_of_account(line.account_id, PERSON): 1.0})
    if words == "keep":
        decide_keep(review_id=OptOutReview.objects.get().pk, user=StaffFactory.create())
    else:
        receive(line, words)
    left = [arrived.encode(), keys.stop_of_account(line.account_id, PERSON).encode()]
    assert sorted(get_redis().zrange(keys.STOPS, 0, -1)) == sorted(left)


def test_keeping_takes_the_doubts_mark_alone_where_nothing_suppresses_them_any_more(line: PhoneNumber) -> None:
    receive(line, "stop sending these at night?")
    Suppression.objects.all().delete()
    arrived = keys.stop_of_number(line.number, PERSON)
    get_redis().zadd(keys.STOPS, {arrived: 1.0})
    decide_keep(review_id=OptOutReview.objects.get().pk, user=StaffFactory.create())
    assert get_redis().zrange(keys.STOPS, 0, -1) == [arrived.encode()]


@pytest.mark.parametrize(
    ("reason", "note", "is_left"),
    [
        ("opt_out", "", False),
        ("staff", "", True),
        ("bad_number", "", True),
    ],
)
def test_lifting_takes_a_numbers_mark_only_with_an_opt_out(
    line: PhoneNumber, reason: str, note: str, is_left: bool
) -> None:
    suppress(account_id=line.account_id, recipient=PERSON, reason=reason, note=note)
    arrived = keys.stop_of_number(line.number, PERSON)
    get_redis().zadd(keys.STOPS, {arrived: 1.0})
    assert lift(account_id=line.account_id, recipient=PERSON, user=StaffFactory.create())
    assert get_redis().zrange(keys.STOPS, 0, -1) == ([arrived.encode()] if is_left else [])


def test_an_opt_out_that_is_routed_while_a_doubt_is_lifted_holds(line: PhoneNumber) -> None:
    receive(line, "stop sending these at night?")

    def routed() -> None:
        try:
            suppress(account_id=line.account_id, recipient=PERSON, reason="opt_out", note="STOP")
        finally:
            connection.close()

    stop = threading.Thread(target=routed)
    with transaction.atomic():
        lift(account_id=line.account_id, recipient=PERSON, user=StaffFactory.create())
        stop.start()
        stop.join(timeout=0.5)
        assert stop.is_alive(), "it waits for the other to be over"
    stop.join(timeout=20)
    assert list(Suppression.objects.active().values_list("reason", "note")) == [("opt_out", "STOP")]
