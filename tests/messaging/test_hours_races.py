"""Hours and caps hold whoever is killed, stands still or is at work at the same time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import signal
import threading
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import claims, keys, sender
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, Message, PhoneNumber
from messaging.services import batches, canaries, stalls
from tests.factories import PhoneNumberFactory
from tests.messaging.test_deferral import MORNING, claim_all, launch, make_hours_batch, queued_people
from tests.messaging.test_expiry import reload
from tests.messaging.test_sweeping import expire_everything, start_sender_process
from tests.messaging.tools import make_batch, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

#: Zones an hour apart all year.
AWAKE, ASLEEP = "Africa/Algiers", "Africa/Abidjan"


def people_of(area: str, count: int) -> dict[str, str]:
    """Numbers of an area code, each different, without a zone of their own."""
    return {f"+1{area}{5_550_000 + index}": "" for index in range(count)}


def test_two_campaigns_at_the_same_moment_write_to_each_person_once(line: PhoneNumber) -> None:
    """Given a cap of one a day, when two senders claim the same people of two campaigns, then each gets one of them."""
    type(line.account).objects.update(max_per_day=1)
    line.account.refresh_from_db()
    other = PhoneNumberFactory.create(account=line.account, gateway=line.gateway)
    people = recipients(300)
    made = [make_batch(line, people), make_batch(other, people)]
    together = threading.Barrier(2)
    problems: list[BaseException] = []

    def claim_in_chunks(batch: Batch, token: str) -> None:
        try:
            ids = list(Message.objects.filter(batch=batch).order_by("id").values_list("pk", flat=True))
            for start in range(0, len(ids), 30):
                together.wait(30)
                name = keys.batch_queue(batch.pk, batch.number_id)
                claims.claim(queue_name=name, ids=ids[start : start + 30], token=token)
        except BaseException as error:
            problems.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim_in_chunks, args=(batch, f"t{place}")) for place, batch in enumerate(made)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not problems
    left = list(Message.objects.filter(state="sending").values_list("recipient", flat=True))
    assert sorted(left) == people
    assert Message.objects.filter(state="suppressed", reason="frequency_cap", lease="").count() == len(people)


def test_who_was_claimed_and_given_back_has_not_had_a_message(line: PhoneNumber) -> None:
    type(line.account).objects.update(max_per_day=1)
    first, second = (make_batch(line, recipients(3)) for _ in range(2))
    claims.release(ids=[message.id for message in claim_all(first).messages], token="t")

    assert len(claim_all(second).messages) == 3


def test_a_place_that_closed_and_opened_while_nobody_swept_is_queued_anew(line: PhoneNumber) -> None:
    """Ids of a closed place fall out of the queue at a claim; those of another place keep the queue from being empty."""
    with time_machine.travel(MORNING.replace(hour=20), tick=False):
        batch = launch(line, {"+12125550101": "", "+14155550103": ""}, expire_minutes=0)
    new_york = Message.objects.get(recipient="+12125550101")
    name = keys.queue(batch.gateway_id, keys.batch_queue(batch.pk, batch.number_id))
    get_redis().lrem(name, 0, str(new_york.pk))

    with time_machine.travel(MORNING + dt.timedelta(days=1, hours=3), tick=False):
        assert queued_people(batch) == {"+14155550103"}
        sweeper.tend_batches()
        assert queued_people(batch) == {"+12125550101", "+14155550103"}


def test_nobody_is_told_of_a_stall_when_hours_have_just_come(line: PhoneNumber) -> None:
    """The first have left two hours ago; the others are queued by a sweep at their opening, and have not moved yet."""
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, {"+12125550101": "", "+14155550103": ""})
        Message.objects.filter(recipient="+12125550101").update(state="delivered")
    for seconds, stalled in ((-30, False), (0, False), (59, False), (150, True)):
        with time_machine.travel(MORNING.replace(hour=11) + dt.timedelta(seconds=seconds), tick=False):
            sweeper.tend_batches()
            assert bool(stalls.current(reload(batch))) is stalled, seconds
    assert not Alert.objects.exists()


@pytest.mark.parametrize(("awake", "goes_on"), [(120, True), (15, False)])
def test_a_canary_does_not_wait_for_hours_when_enough_have_it(line: PhoneNumber, awake: int, goes_on: bool) -> None:
    """With ten of the first few in New York everybody else follows; with fewer, it waits for Los Angeles."""
    people = people_of("212", awake) | people_of("415", 160 - awake)
    with time_machine.travel(MORNING, tick=False):
        batch = launch(line, people, canary_percent=20, canary_wait_minutes=5)
        first = Message.objects.filter(batch=batch).canary(batch.canary_step)
        assert "all whose hours have come" in canaries.report(batch).text
        first.filter(recipient__startswith="+1212").update(state="delivered", changed_at=timezone.now())
        sweeper.tend_batches()
    with time_machine.travel(MORNING + dt.timedelta(minutes=6), tick=False):
        sweeper.tend_batches()
        assert (reload(batch).canary_state == "passed") is goes_on
        waiting = {person for person in queued_people(batch) if person.startswith("+1415")}
        assert waiting == set()
    with time_machine.travel(MORNING.replace(hour=11), tick=False):
        sweeper.tend_batches()
        asleep = Message.objects.filter(batch=batch, recipient__startswith="+1415")
        expected = asleep if goes_on else asleep.canary(batch.canary_step)
        assert queued_people(batch) >= set(expected.values_list("recipient", flat=True)) > set()


def test_nothing_leaves_from_a_lane_whose_hours_have_ended(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a sender that stood still: it has slots again before it has looked at its lanes."""
    batch = make_batch(number, recipients(50))
    real = claims.claim

    def ended(**options: Any) -> claims.Claim:
        return dataclasses.replace(real(**options), until=timezone.now() - dt.timedelta(seconds=1))

    async def never(*_: object) -> None:
        return

    monkeypatch.setattr(claims, "claim", ended)
    monkeypatch.setattr(sender, "drop_queues", never)

    run_sender(number, run_seconds=1.5)

    assert simulator.stats()["messages_taken"] == 0
    assert states(batch) == {"queued": 50}


def test_a_sender_gives_back_what_it_holds_when_hours_end(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.settings(latency_ms=100)
    batch = make_batch(number, recipients(900))
    ends = timezone.now() + dt.timedelta(seconds=1.2)
    real = claims.claim

    def until_then(**options: Any) -> claims.Claim:
        if timezone.now() >= ends:
            return claims.Claim([])
        return dataclasses.replace(real(**options), until=ends)

    monkeypatch.setattr(claims, "claim", until_then)

    run_sender(number, run_seconds=6)

    left = Message.objects.filter(batch=batch).exclude(state="queued").count()
    assert 0 < simulator.stats()["messages_taken"] < 900
    assert (
        Message.objects.filter(batch=batch, state="queued", lease="").count()
        == 900 - simulator.stats()["messages_taken"]
    )
    assert left == simulator.stats()["messages_taken"]


def test_a_killed_sender_loses_nobody_who_waits_and_writes_to_nobody_early(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    """Kill -9 while half are asleep: they leave when their hours have come, once, with all the others."""
    simulator.settings(latency_ms=50)
    now = timezone.now()
    type(number.account).objects.update(
        quiet_start=(now - dt.timedelta(minutes=30)).time(), quiet_end=(now + dt.timedelta(minutes=20)).time()
    )
    number.refresh_from_db()
    people = {person: ASLEEP if index % 2 else AWAKE for index, person in enumerate(recipients(400))}
    batch = make_hours_batch(number, people, source="test:kill")
    batches.start_batch(batch.pk)
    process = start_sender_process(number)
    wait_for(lambda: simulator.stats()["messages_taken"] > 60, "the campaign to be under way")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_for(lambda: simulator.stats()["in_flight"] == 0, "the provider to be done")
    expire_everything(number)
    sweeper.sweep()
    send_all(number)
    assert states(batch).get("queued") == 200, "half of them are asleep"
    assert reload(batch).state == "sending"
    opens_at = timezone.now()
    type(number.account).objects.update(quiet_end=(now - dt.timedelta(minutes=10)).time())
    sweeper.sweep()
    send_all(number)

    counts = states(batch)
    assert counts.get("unknown", 0) <= 40
    assert counts == {"accepted": 400 - counts.get("unknown", 0)} | (
        {"unknown": counts["unknown"]} if "unknown" in counts else {}
    )
    assert simulator.stats()["duplicate_sends"] == 0
    asleep = [person for person, zone in people.items() if zone == ASLEEP]
    assert not Message.objects.filter(recipient__in=asleep, claimed_at__lt=opens_at).exists()
