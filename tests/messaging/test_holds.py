"""Who may have opted out gets no campaigns until somebody has decided, and answers meanwhile."""

from __future__ import annotations

import pytest

from broadcast.core.redis import get_redis
from messaging.engine import claims, keys
from messaging.engine.scripts import Scripts
from messaging.models import Message, OptOutReview, PhoneNumber
from messaging.services.reviews import decide_keep, decide_opt_out
from messaging.services.singles import submit
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
