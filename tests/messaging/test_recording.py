"""The recorder: forward only, as often as it takes."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from typing import Any

import orjson
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broadcast.core.redis import get_redis
from integrations.sms.contract import SendResult
from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryState
from messaging.engine import keys, records, stream
from messaging.engine.records import Record
from messaging.models import Batch, EarlyReport, Message, RejectedWebhook, Suppression
from messaging.states import RANK, MessageState
from tests.factories import BatchFactory, GatewayFactory, MessageFactory
from tests.messaging.tools import drain

pytestmark = pytest.mark.django_db(transaction=True)


def record(message: Message, state: str, **values: Any) -> Record:
    return Record(message.pk, message.number.gateway_id, state, timezone.now(), **values)


def put_result(message: Message, error: SendError | None = None, provider_id: str = "SM1") -> None:
    result = SendResult(message.pk, provider_id, None if error else DeliveryState.ACCEPTED, 1, error)
    data = stream.pack(message.number.gateway_id, [(result, time.time())])
    get_redis().xadd(keys.RESULTS, {keys.FIELD: data})


def put_status(gateway_id: int, status: str, *, message_id: int | None = None, sid: str = "SM1", **extra: str) -> None:
    fields = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "AccountSid": "AC" + "0" * 32, **extra}
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    event = {
        "g": gateway_id,
        "u": "http://webhooks.test/",
        "h": {"content-type": "application/x-www-form-urlencoded"},
        "b": body,
        "m": message_id,
        "t": time.time(),
    }
    get_redis().xadd(keys.STATUSES, {keys.FIELD: orjson.dumps([event])})


@pytest.mark.parametrize("order", list(itertools.permutations(["accepted", "sent", "delivered"])))
def test_reports_in_any_order_end_in_the_same_state(order: tuple[str, ...]) -> None:
    message = MessageFactory.create(state="sending")
    for state in order:
        records.write([record(message, state)])
    message.refresh_from_db()
    assert message.state == "delivered"


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([state for state in RANK if RANK[state] >= 20]), min_size=1, max_size=8))
def test_a_state_never_moves_back(sequence: list[str]) -> None:
    message = MessageFactory.create(state="sending")
    reached = RANK[MessageState.SENDING]
    for state in sequence:
        records.write([record(message, state)])
        message.refresh_from_db()
        assert RANK[message.state] == max(reached, RANK[state])
        reached = RANK[message.state]


def test_repeats_change_nothing() -> None:
    message = MessageFactory.create(state="sending")
    for _ in range(2):
        put_result(message)
        put_status(message.number.gateway_id, "delivered", message_id=message.pk)
    drain()
    message.refresh_from_db()
    first = message.changed_at
    put_status(message.number.gateway_id, "delivered", message_id=message.pk)
    put_status(message.number.gateway_id, "sent", message_id=message.pk)
    drain()
    message.refresh_from_db()
    assert (message.state, message.changed_at) == ("delivered", first)


def test_a_report_before_our_own_record_is_applied() -> None:
    """The URL carries our id, so it needs no record of the provider's."""
    message = MessageFactory.create(state="sending")
    put_status(message.number.gateway_id, "delivered", message_id=message.pk)
    drain()
    put_result(message)
    drain()
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("delivered", "SM1")


def test_a_report_that_only_knows_the_providers_id_is_kept_until_we_know_it() -> None:
    message = MessageFactory.create(state="sending")
    put_status(message.number.gateway_id, "undelivered", sid="SM77", ErrorCode="30003")
    drain()
    message.refresh_from_db()
    assert message.state == "sending"
    assert EarlyReport.objects.count() == 1
    put_result(message, provider_id="SM77")
    drain()
    message.refresh_from_db()
    assert (message.state, message.reason) == ("undelivered", "30003")
    assert not EarlyReport.objects.exists()


@pytest.mark.parametrize(("code", "reason"), [("21610", "provider_opt_out"), ("21211", "bad_number")])
def test_an_opt_out_that_is_told_before_our_own_record_is_honoured(code: str, reason: str) -> None:
    message = MessageFactory.create(state="sending")
    put_status(message.number.gateway_id, "undelivered", sid="SM78", ErrorCode=code)
    drain()
    assert not Suppression.objects.exists()
    put_result(message, provider_id="SM78")
    drain()
    assert Suppression.objects.active().get(recipient=message.recipient).reason == reason


def test_a_report_settles_an_unknown_message() -> None:
    message = MessageFactory.create(state="sending")
    put_result(message, SendError(ErrorKind.UNKNOWN, "no_reply", "No answer."), provider_id="")
    drain()
    message.refresh_from_db()
    assert (message.state, message.reason) == ("unknown", "no_reply")
    put_status(message.number.gateway_id, "delivered", message_id=message.pk, sid="SM5")
    drain()
    message.refresh_from_db()
    assert (message.state, message.reason, message.provider_id) == ("delivered", "", "SM5")


def test_a_gateway_cannot_report_on_another_gateways_message() -> None:
    message = MessageFactory.create(state="accepted")
    stranger = GatewayFactory.create()
    put_status(stranger.pk, "delivered", message_id=message.pk)
    drain()
    message.refresh_from_db()
    assert message.state == "accepted"


def test_an_opt_out_at_the_provider_holds_here_too() -> None:
    message = MessageFactory.create(state="accepted")
    put_status(message.number.gateway_id, "undelivered", message_id=message.pk, ErrorCode="21610")
    drain()
    suppression = Suppression.objects.get()
    assert (suppression.recipient, suppression.reason) == (message.recipient, "provider_opt_out")
    assert suppression.message == message


def test_what_is_not_understood_is_kept_for_staff() -> None:
    message = MessageFactory.create(state="accepted")
    put_status(message.number.gateway_id, "teleported", message_id=message.pk)
    put_status(message.number.gateway_id, "delivered", message_id=message.pk)
    drain()
    message.refresh_from_db()
    assert message.state == "delivered"
    assert "teleported" in RejectedWebhook.objects.get().body


def test_what_a_provider_says_at_length_does_not_stop_the_recorder() -> None:
    message = MessageFactory.create(state="sending")
    records.write(
        [record(message, "undelivered", reason="9" * 99, reason_text="x" * 999, provider_id="S" * 99, segments=99_999)]
    )
    message.refresh_from_db()
    assert (message.state, len(message.reason), len(message.provider_id)) == ("undelivered", 32, 64)


def test_a_batch_is_finished_only_when_every_message_is_final() -> None:
    batch = BatchFactory.create()
    messages = MessageFactory.create_batch(3, batch=batch, number=batch.number, state="accepted")
    for message in messages[:2]:
        put_status(batch.gateway_id, "delivered", message_id=message.pk)
    drain()
    assert Batch.objects.get(pk=batch.pk).state == "sending"
    put_status(batch.gateway_id, "failed", message_id=messages[2].pk, ErrorCode="30003")
    drain()
    batch.refresh_from_db()
    assert (batch.state, batch.finished_at is not None) == ("finished", True)


def test_nothing_is_deleted_from_the_stream_before_the_database_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    message = MessageFactory.create(state="sending")
    put_result(message)

    def away(*_: object) -> set[int]:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(records, "write", away)
        with pytest.raises(OperationalError):
            drain()
    assert get_redis().xlen(keys.RESULTS) == 1
    drain()
    message.refresh_from_db()
    assert message.state == "accepted"
    assert get_redis().xlen(keys.RESULTS) == 0


def test_reports_of_a_stopped_gateway_are_waited_for() -> None:
    message = MessageFactory.create(state="accepted")
    gateway = message.number.gateway
    gateway.stopped_reason = "Authenticate"
    gateway.save()
    later = timezone.now() + dt.timedelta(hours=2)
    assert records.settle_overdue(before=later, now=later) == set()
    message.refresh_from_db()
    assert message.state == "accepted"


def test_what_nobody_reports_on_is_closed_in_the_end() -> None:
    accepted = MessageFactory.create(state="accepted")
    unknown = MessageFactory.create(state="unknown", batch=accepted.batch, number=accepted.number)
    later = timezone.now() + dt.timedelta(hours=2)
    assert records.settle_overdue(before=timezone.now() - dt.timedelta(hours=1), now=later) == set()
    assert records.settle_overdue(before=later, now=later) == {accepted.batch_id}
    accepted.refresh_from_db()
    unknown.refresh_from_db()
    assert (accepted.state, unknown.state) == ("no_report", "unresolved")
    # A late report still tells.
    records.write([record(accepted, "delivered"), record(unknown, "delivered")])
    assert set(Message.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize("carries_our_id", [True, False])
@pytest.mark.parametrize("sid", ["SM" + "9" * 100, "SM%00"])
def test_an_id_that_the_database_cannot_hold_stops_nobody(sid: str, carries_our_id: bool) -> None:
    odd, fine = MessageFactory.create(state="sending"), MessageFactory.create(state="sending")
    message_id = odd.pk if carries_our_id else None
    put_status(odd.number.gateway_id, "undelivered", message_id=message_id, sid=sid, ErrorCode="3%00")
    put_status(fine.number.gateway_id, "delivered", message_id=fine.pk, sid="SM5")
    drain()
    fine.refresh_from_db()
    assert fine.state == "delivered"
    assert not get_redis().xlen(keys.STATUSES)
