"""The whole way on real parts: lists, launch, sender, carrier, webhook process, recorder, router, counts."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connections

from accounts.models import Account
from broadcast.core.redis import get_redis
from campaigns import tasks as campaign_tasks
from campaigns.models import Campaign, Subscriber, SubscriberList, Subscription
from campaigns.services import launch
from campaigns.services.metrics import campaign_progress, list_results
from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.models import InboundMessage, Message, PhoneNumber, Suppression
from messaging.states import TAKEN_STATES
from tests.factories import CampaignFactory, SubscriberFactory, SubscriberListFactory, SuppressionFactory
from tests.messaging.tools import FAST, drain, recipients, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

BODY = 'Hi {{ first_name | default: "there" }}, we open at 9.'


def people(number: PhoneNumber, count: int, lists: int) -> list[SubscriberList]:
    """So many people, each on the lists whose bit their index has, and on the first if it has none."""
    chosen = SubscriberListFactory.create_batch(lists, account=number.account)
    subscribers = Subscriber.objects.bulk_create(
        SubscriberFactory.build(account=number.account, number=recipient) for recipient in recipients(count)
    )
    Subscription.objects.bulk_create(
        Subscription(list=item, subscriber=subscriber)
        for index, subscriber in enumerate(subscribers)
        for bit, item in enumerate(chosen)
        if index >> bit & 1 or (bit == 0 and index % 2**lists == 0)
    )
    return chosen


def start(number: PhoneNumber, lists: list[SubscriberList]) -> Campaign:
    """Launch a campaign to these lists, as the console and the cluster do."""
    campaign = CampaignFactory.create(number=number, lists=lists, body=BODY)
    launch.launch(campaign_id=campaign.pk, user=None)
    campaign_tasks.launch_campaign(campaign.pk)
    return campaign


def settle() -> None:
    """Record and route what has come."""
    drain()
    while inbound.drain():
        continue


def is_over(campaign: Campaign) -> Callable[[], bool]:
    """Whether it is finished and everything that the carrier calls back has been recorded and routed."""

    def look() -> bool:
        tasks.send(campaign.number.gateway_id)
        settle()
        campaign.refresh_from_db()
        return campaign.state == "finished"

    return look


def is_quiet(simulator: SimulatorProcess) -> Callable[[], bool]:
    """Whether the carrier has nothing left to call and nothing waits in our streams."""

    def look() -> bool:
        stats = simulator.stats()
        quiet = not stats["callbacks"]["pending"] and not stats["inbound"]["pending"] and not stats["scheduled"]
        settle()
        return quiet and not any(get_redis().xlen(stream) for stream in (keys.RESULTS, keys.STATUSES, keys.INBOUND))

    return look


def test_a_campaign_to_overlapping_lists_is_counted_as_the_carrier_counted_it(
    simulator: SimulatorProcess, number: PhoneNumber, webhook_process: subprocess.Popen[bytes]
) -> None:
    simulator.settings(
        errors={21614: 0.04, 30003: 0.06, 30007: 0.04}, callbacks_reversed=0.3, callbacks_repeated=0.3, seed=11
    )
    lists = people(number, 400, 3)
    for recipient in recipients(10):
        SuppressionFactory.create(account=number.account, recipient=recipient, reason="staff")
    campaign = start(number, lists)
    wait_for(is_over(campaign), "the campaign to finish")
    wait_for(is_quiet(simulator), "the carrier to be quiet")

    stats, progress = simulator.stats(recipients=True), campaign_progress(campaign)
    assert (progress.total, progress.suppressed) == (400, 10)
    assert progress.delivered == stats["statuses"]["delivered"]
    assert progress.undelivered + progress.failed == 390 - progress.delivered
    assert progress.sent == stats["messages_taken"] == len(stats["by_recipient"])
    assert stats["duplicate_sends"] == 0
    assert stats["max_in_flight"] <= 40
    assert not set(stats["by_recipient"]) & set(recipients(10))
    # Each list has exactly its own people in the states that they ended in.
    state_of = dict(Message.objects.filter(batch=campaign.batch).values_list("recipient", "state"))
    for result, item in zip(list_results(campaign), lists, strict=True):
        states = Counter(state_of[number] for number in item.subscriptions.values_list("subscriber__number", flat=True))
        assert result.list == item
        assert result.recipients == sum(states.values())
        assert result.delivered == states["delivered"]
        assert result.failed == states["failed"] + states["undelivered"]
        assert result.sent == sum(states[state] for state in TAKEN_STATES)
        assert result.suppressed == states["suppressed"]
    # A number that can never receive a text is not tried again, by whatever campaign.
    failed = set(Message.objects.filter(reason="21614").values_list("recipient", flat=True))
    assert failed
    assert set(Suppression.objects.filter(reason="bad_number").values_list("recipient", flat=True)) >= failed


def test_people_who_answer_are_heard_and_counted_once(
    simulator: SimulatorProcess, number: PhoneNumber, webhook_process: subprocess.Popen[bytes]
) -> None:
    simulator.settings(stop_rate=0.1, help_rate=0.05, chatter_rate=0.1, callbacks_repeated=0.3, seed=5)
    Account.objects.update(default_reply="We are closed.")
    lists = people(number, 300, 2)
    campaign = start(number, lists)
    wait_for(is_over(campaign), "the campaign to finish")
    wait_for(is_quiet(simulator), "people to have answered")
    wait_for(is_over(campaign), "the answers to have left")
    wait_for(is_quiet(simulator), "the carrier to be quiet")

    stats = simulator.stats()
    assert stats["opted_out"] > 10
    assert stats["stop_confirmations"] == stats["opted_out"]
    assert stats["sent_after_stop"] == 0
    assert Suppression.objects.active().filter(reason="opt_out").count() == stats["opted_out"]
    assert campaign_progress(campaign).opted_out == stats["opted_out"]
    assert Subscription.objects.filter(ended_by="opt_out").values("subscriber").distinct().count() == stats["opted_out"]
    # As many as the carrier was answered for, however often it repeated itself; each had one answer at most.
    assert InboundMessage.objects.count() == InboundMessage.objects.values("sender").distinct().count()
    # What may be an opt-out is for staff to answer.
    unclear = InboundMessage.objects.filter(handler="unclear_opt_out").count()
    assert unclear == Suppression.objects.active().filter(reason="review").count() > 0
    assert Message.objects.exclude(in_reply_to=None).count() == InboundMessage.objects.count() - unclear
    for result, item in zip(list_results(campaign), lists, strict=True):
        gone = Subscription.objects.filter(list=item, ended_by="opt_out").count()
        assert result.opted_out == gone


def test_who_stops_while_the_campaign_runs_is_not_sent_to_afterwards(
    simulator: SimulatorProcess, number: PhoneNumber, webhook_process: subprocess.Popen[bytes]
) -> None:
    """Some stop because of the message, and some who have not had it yet; routing lags behind on purpose."""
    simulator.settings(stop_rate=0.1, seed=3)
    PhoneNumber.objects.update(pace_segments=250)
    campaign = start(number, people(number, 700, 2))
    batch_id = Campaign.objects.get(pk=campaign.pk).batch_id
    last = list(Message.objects.filter(batch=batch_id).order_by("-id").values_list("recipient", flat=True)[:40])

    def send() -> None:
        try:
            tasks.send(number.gateway_id)
        finally:
            connections.close_all()

    sender = threading.Thread(target=send)
    sender.start()
    try:
        wait_for(lambda: simulator.stats()["messages_taken"] > 50, "the first to have left")
        # However busy the machine is, the campaign does not overtake those who write.
        simulator.settings(latency_ms=1000)
        for person in last:
            assert simulator.inbound(sender=person, recipient=number.number, body="STOP")["answered"]
        # Nothing of this has been routed: the webhook process's marks alone hold the sender back.
        assert not Suppression.objects.exists()
        assert simulator.stats()["messages_taken"] < 600
    finally:
        simulator.settings(latency_ms=FAST.latency_ms)
        sender.join()
    wait_for(is_over(campaign), "the campaign to finish")
    wait_for(is_quiet(simulator), "people to have answered")
    wait_for(is_over(campaign), "the answers to have left")

    stats = simulator.stats()
    assert stats["sent_after_stop"] == 0
    assert stats["opted_out"] > 40
    # Some of them wrote STOP to the confirmation too, and had no second one.
    assert Suppression.objects.count() == stats["opted_out"]
    assert Message.objects.filter(kind="service").count() == stats["opted_out"]
    kept = Message.objects.filter(batch=batch_id, recipient__in=last)
    assert set(kept.values_list("state", "reason")) == {("suppressed", "opt_out")}
    assert campaign_progress(campaign).suppressed == 40
