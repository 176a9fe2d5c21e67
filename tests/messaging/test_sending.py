"""The sender against a real simulator, over real HTTP, with a real Valkey."""

from __future__ import annotations

import threading

import pytest
import redis
from django.db import connections

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.engine import claims, flusher, keys
from messaging.engine.pacing import pace_arguments
from messaging.engine.scripts import Scripts
from messaging.models import Batch, Message, PhoneNumber, Suppression
from messaging.services import batches
from messaging.services.suppressions import suppress
from messaging.states import MessageState
from tests.messaging.tools import drain, make_batch, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_recipient_is_sent_to_once(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(2500))
    send_all(number)
    assert states(batch) == {"accepted": 2500}
    stats = simulator.stats()
    assert stats["messages_taken"] == 2500
    assert stats["duplicate_sends"] == 0
    message = Message.objects.filter(batch=batch).earliest("id")
    assert message.provider_id.startswith("SM")
    assert message.segments == 1
    assert not get_redis().exists(keys.leases(number.gateway_id), keys.slots(number.gateway_id))


def test_the_slots_are_kept_full_and_never_exceeded(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(latency_ms=20)
    make_batch(number, recipients(600))
    run_sender(number)
    assert simulator.stats()["max_in_flight"] == 40


def test_two_senders_share_the_slots(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(latency_ms=20)
    batch = make_batch(number, recipients(3000))
    shares: list[int] = []

    def another_process() -> None:
        shares.append(run_sender(number).sent)
        connections.close_all()

    threads = [threading.Thread(target=another_process) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drain()
    stats = simulator.stats()
    assert stats["max_in_flight"] <= 40
    assert stats["duplicate_sends"] == 0
    assert states(batch) == {"accepted": 3000}
    assert sum(shares) == 3000


def test_the_same_ids_twice_in_redis_are_sent_once(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    # More than a chunk, so that the second ids come under another lease.
    batch = make_batch(number, recipients(1500))
    queue = keys.queue(number.gateway_id, keys.batch_queue(batch.pk, batch.number_id))
    client = get_redis()
    client.rpush(queue, *client.lrange(queue, 0, -1))
    send_all(number)
    assert simulator.stats()["duplicate_sends"] == 0
    assert states(batch) == {"accepted": 1500}


def test_a_row_is_in_one_claim_at_most(number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(10))
    ids = list(Message.objects.filter(batch=batch).order_by("id").values_list("id", flat=True))
    name = keys.batch_queue(batch.pk, batch.number_id)
    first = claims.claim(queue_name=name, ids=ids[:6], token="one")
    second = claims.claim(queue_name=name, ids=ids, token="two")
    assert len(first.messages) == 6
    assert [message.id for message in second.messages] == ids[6:]


def test_a_refusal_is_final_and_tells_the_reason(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(errors={21614: 1.0})
    people = recipients(5)
    batch = make_batch(number, people)
    send_all(number)
    assert states(batch) == {"failed": 5}
    message = Message.objects.filter(batch=batch).earliest("id")
    assert message.reason == "21614"
    assert message.reason_text
    # The number can never receive a text, so it is not tried again by any campaign.
    assert set(Suppression.objects.active().values_list("recipient", "reason")) == {(p, "bad_number") for p in people}
    assert Batch.objects.get(pk=batch.pk).state == "finished"


def test_throttled_messages_are_sent_again_once_each(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(throttle_above=5, latency_ms=20, retry_after_seconds=0)
    batch = make_batch(number, recipients(60))
    send_all(number)
    stats = simulator.stats()
    assert stats["outcomes"].get("429 20429") or any("429" in outcome for outcome in stats["outcomes"])
    assert stats["duplicate_sends"] == 0
    assert states(batch) == {"accepted": 60}


def test_an_ambiguous_answer_is_never_sent_again(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(fail_after=1.0, fail_how="mixed", hang_seconds=0.5)
    # Fewer than open the circuit.
    batch = make_batch(number, recipients(9))
    send_all(number)
    assert states(batch) == {"unknown": 9}
    send_all(number)
    stats = simulator.stats()
    assert stats["messages_taken"] == 9
    assert stats["duplicate_sends"] == 0
    assert Batch.objects.get(pk=batch.pk).state == "sending"


def test_a_gateway_that_is_down_loses_nothing(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(50))
    gateway = number.gateway
    url, gateway.base_url = gateway.base_url, "http://127.0.0.1:9"
    gateway.save()
    sender = run_sender(number, run_seconds=1.0)
    assert sender.work_left
    assert states(batch) == {"queued": 50}
    gateway.base_url = url
    gateway.save()
    get_redis().delete(keys.backoff(gateway.pk))
    send_all(number)
    assert states(batch) == {"accepted": 50}


def test_wrong_credentials_pause_the_campaign_and_fail_nobody(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    gateway = number.gateway
    right = dict(gateway.credentials)
    gateway.credentials = {**right, "auth_token": "wrong"}
    gateway.save()
    batch = make_batch(number, recipients(200))
    send_all(number)
    batch.refresh_from_db()
    gateway.refresh_from_db()
    assert states(batch) == {"queued": 200}
    assert (batch.state, batch.pause_code) == ("paused", "gateway")
    assert "Authent" in batch.pause_reason
    assert gateway.stopped_reason
    gateway.credentials = right
    gateway.save()
    batches.resume_batch(batch.pk)
    send_all(number)
    assert states(batch) == {"accepted": 200}


def test_who_opted_out_after_the_launch_is_left_out(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    people = recipients(20)
    batch = make_batch(number, people)
    suppress(account_id=number.account_id, recipient=people[3], reason=Suppression.Reason.OPT_OUT)
    send_all(number)
    assert states(batch) == {"accepted": 19, "suppressed": 1}
    assert people[3] not in simulator.stats(recipients=True)["by_recipient"]


def test_an_opt_out_reaches_messages_that_are_claimed_already(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    people = recipients(200)
    batch = make_batch(number, people)
    # What the webhook process writes when a STOP arrives, before anything has been routed.
    get_redis().zadd(keys.STOPS, {keys.stop_of_number(number.number, people[150]): 1})
    send_all(number)
    assert states(batch) == {"accepted": 199, "suppressed": 1}
    assert Message.objects.get(batch=batch, recipient=people[150]).reason == "opt_out"
    assert not get_redis().keys(f"{keys.prefix(number.gateway_id)}lease:*")


def test_a_paused_batch_stops_within_a_moment_and_resumes_from_its_rows(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    simulator.settings(latency_ms=20)
    batch = make_batch(number, recipients(3000))

    def another_process() -> None:
        run_sender(number)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    thread.start()
    wait_for(lambda: simulator.stats()["messages_taken"] > 200, "the campaign to be under way")
    assert batches.pause_batch(batch.pk, reason="Lunch.")
    thread.join(60)
    assert not thread.is_alive()
    drain()
    counts = states(batch)
    assert set(counts) == {"queued", "accepted"}
    assert counts["accepted"] == simulator.stats()["messages_taken"] < 3000
    assert batches.resume_batch(batch.pk)
    send_all(number)
    assert states(batch) == {"accepted": 3000}
    assert simulator.stats()["duplicate_sends"] == 0


def test_a_cancelled_batch_accounts_for_everybody(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(latency_ms=20)
    batch = make_batch(number, recipients(2000))

    def another_process() -> None:
        run_sender(number)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    thread.start()
    wait_for(lambda: simulator.stats()["messages_taken"] > 100, "the campaign to be under way")
    assert batches.cancel_batch(batch.pk)
    thread.join(60)
    drain()
    counts = states(batch)
    assert set(counts) == {"accepted", "cancelled"}
    assert sum(counts.values()) == 2000
    assert counts["accepted"] == simulator.stats()["messages_taken"]


def test_a_suspended_account_sends_nothing(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(5))
    number.account.status = "suspended"
    number.account.save()
    send_all(number)
    assert states(batch) == {"queued": 5}
    assert simulator.stats()["messages_taken"] == 0


def test_suspending_an_account_pauses_its_batches_at_once(number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(3))
    number.account.status = "suspended"
    number.account.save()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_code) == ("paused", "account")
    assert "is suspended" in batch.pause_reason


def test_disabling_a_gateway_pauses_its_batches_at_once(number: PhoneNumber) -> None:
    batch = make_batch(number, recipients(3))
    number.gateway.is_enabled = False
    number.gateway.save()
    batch.refresh_from_db()
    assert (batch.state, batch.pause_code) == ("paused", "gateway")
    assert "is disabled" in batch.pause_reason


def test_a_text_that_is_empty_for_somebody_fails_for_them_alone(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    batch = make_batch(number, recipients(3), template="{% if first_name != 'P1' %}Hello{% endif %}")
    send_all(number)
    assert states(batch) == {"accepted": 2, "failed": 1}
    assert Message.objects.get(batch=batch, state="failed").reason == "empty_text"


def test_the_pace_is_never_exceeded_in_any_second(number: PhoneNumber) -> None:
    """Ask the script as fast as possible: what it grants in a second is at most the pace."""
    client = get_redis()
    pace = Scripts(client).pace
    client.script_load(pace.script)
    client.zadd("leases", {"lease": 10**15})
    ids, segments = ",".join(map(str, range(40))), ",".join("1" * 40)
    call = (pace.sha, 3, keys.pace(number.gateway_id, number.pk), "leases", "attempted", "lease")
    granted: list[tuple[float, int]] = []
    start = now = 0.0
    while now - start <= 1.5:
        # In one transaction, so that the time is the one at which the script ran.
        (seconds, micro), (count, _) = (
            client.pipeline(transaction=True).time().evalsha(*call, *pace_arguments(100), ids, segments).execute()
        )
        now = seconds + micro / 1e6
        start = start or now
        if count:
            granted.append((now, int(count)))
    for moment, _ in granted:
        assert sum(count for at, count in granted if moment <= at < moment + 1) <= 100
    assert len(granted) > 10


def test_the_run_ends_when_its_time_is_up_and_gives_back_the_rest(
    simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(3000))
    sender = run_sender(number, run_seconds=0.5)
    assert sender.work_left
    drain()
    counts = states(batch)
    assert set(counts) == {"queued", "accepted"}
    assert (
        get_redis().llen(keys.queue(number.gateway_id, keys.batch_queue(batch.pk, batch.number_id))) == counts["queued"]
    )
    simulator.settings(latency_ms=1)
    send_all(number)
    assert states(batch) == {"accepted": 3000}
    assert simulator.stats()["duplicate_sends"] == 0


def test_only_one_sender_sits_at_a_gateway(number: PhoneNumber, simulator: SimulatorProcess) -> None:
    batch = make_batch(number, recipients(5))
    get_redis().set(keys.seat(f"sender:{number.gateway_id}"), "somebody")
    tasks.send(number.gateway_id)
    assert states(batch) == {"queued": 5}


def test_results_go_to_the_database_when_redis_stays_away(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flusher, "WAIT_SECONDS", 0.01)

    async def away(_: object) -> None:
        raise redis.ConnectionError("cut")

    monkeypatch.setattr(flusher.Flusher, "_flush", away)
    batch = make_batch(number, recipients(30))
    run_sender(number)
    assert states(batch).get(MessageState.ACCEPTED, 0) == simulator.stats()["messages_taken"] > 0


def test_a_running_sender_begins_anew_with_changed_settings(simulator: SimulatorProcess, number: PhoneNumber) -> None:
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(4000))
    gateway = number.gateway

    def another_process() -> None:
        send_all(number)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    thread.start()
    wait_for(lambda: simulator.stats()["messages_taken"] > 200, "the campaign to be under way")
    gateway.credentials = {**gateway.credentials, "auth_token": "wrong"}
    gateway.save()
    thread.join(60)
    assert not thread.is_alive()
    # The run with the old ones ended; the next, which its end called, found the new ones refused.
    send_all(number)
    gateway.refresh_from_db()
    assert gateway.stopped_reason
    assert simulator.stats()["messages_taken"] < 4000
    assert states(batch).keys() <= {"queued", "accepted"}
