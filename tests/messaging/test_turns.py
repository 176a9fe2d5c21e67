"""Who goes next: single messages, then accounts by turns, their batches, and their numbers."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connections

from integrations.simulator.process import SimulatorProcess
from messaging.engine.lanes import Lane
from messaging.engine.turns import Turns
from messaging.models import Message, PhoneNumber
from messaging.services import singles
from tests.factories import PhoneNumberFactory
from tests.messaging.tools import drain, make_batch, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def shares(lanes: list[Lane], turns: int) -> Counter[str]:
    order = Turns()
    return Counter(order.next(lanes).name for _ in range(turns))


def lane(name: str, account_id: int, token: str = "") -> Lane:
    return Lane(name, token or name, PhoneNumber(account_id=account_id))


def test_two_accounts_get_the_same_whatever_the_number_of_their_batches() -> None:
    lanes = [lane("b1.1", 1), lane("b2.1", 1), lane("b3.1", 1), lane("b4.9", 2)]
    assert shares(lanes, 60) == {"b1.1": 10, "b2.1": 10, "b3.1": 10, "b4.9": 30}


def test_two_batches_get_the_same_whatever_the_number_of_their_numbers() -> None:
    lanes = [lane("b1.1", 1), lane("b1.2", 1), lane("b1.3", 1), lane("b2.1", 1)]
    assert shares(lanes, 60) == {"b1.1": 10, "b1.2": 10, "b1.3": 10, "b2.1": 30}


def test_two_leases_of_one_queue_share_its_turns() -> None:
    lanes = [lane("b1.1", 1, "first"), lane("b1.1", 1, "second"), lane("b2.1", 1)]
    assert shares(lanes, 60) == {"b1.1": 30, "b2.1": 30}


def test_who_comes_later_does_not_catch_up_on_turns_before_its_time() -> None:
    order, first = Turns(), lane("b1.1", 1)
    for _ in range(1000):
        order.next([first])
    late = lane("b2.1", 2)
    assert Counter(order.next([first, late]).name for _ in range(20)) == {"b1.1": 10, "b2.1": 10}


def test_single_messages_go_first() -> None:
    assert shares([lane("b1.1", 1), lane("n1", 1)], 10) == {"n1": 10}


def test_a_small_campaign_is_done_long_before_a_large_one_of_another_account(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    simulator.settings(latency_ms=10)
    other = PhoneNumberFactory.create(gateway=number.gateway, pace_segments=10_000)
    simulator.settings(numbers=[number.number, other.number])
    large = make_batch(number, recipients(4000))
    small = make_batch(other, [f"+1212{2_000_000 + index}" for index in range(300)])
    send_all(number)
    assert states(small) == {"accepted": 300}
    last = small.messages.order_by("-accepted_at").values_list("accepted_at", flat=True).first()
    before = large.messages.filter(accepted_at__lt=last).count()
    # Turn by turn it would be 300; one chunk was taken before the small one was seen, and a window is in flight.
    assert before < 300 + 120 + 3 * 40 + 100
    assert large.messages.filter(state="accepted").count() == 4000


def test_a_single_message_passes_a_campaign_that_is_under_way(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(latency_ms=40)
    batch = make_batch(number, recipients(5000))

    def another_process() -> None:
        run_sender(number)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    thread.start()
    wait_for(lambda: simulator.stats()["messages_taken"] > 500, "the campaign to be under way")
    before = simulator.stats()["messages_taken"]
    single = singles.submit(account=number.account, number=number, recipient="+12125550123", body="Yes, it is.")

    def has_left() -> bool:
        drain()
        return Message.objects.get(pk=single.pk).state == "accepted"

    wait_for(has_left, "the single message to leave")
    left_at = Message.objects.get(pk=single.pk).accepted_at
    thread.join(60)
    assert not thread.is_alive()
    drain()
    passed = batch.messages.filter(accepted_at__lt=left_at).count() - before
    # At 40 in flight and 40 ms a campaign sends 1,000 a second: it passed within a fraction of one.
    assert passed < 600
    assert batch.messages.filter(state="accepted").count() == 5000
