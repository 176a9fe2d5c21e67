"""Webhook endpoints take turns: one that is dead or slow keeps nothing from the others, and no worker."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from broadcast.core.outgoing import CallFailed
from campaigns.models import CallEndpoint, OutgoingCall, StaffNotice
from campaigns.services.calls import (
    KEEP_DAYS,
    CallError,
    deliver,
    deliver_due,
    delivering,
    prune_settled,
    queue_notice,
    send_again,
    send_due_notices,
    strain,
    try_again,
)
from tests.factories import CallEndpointFactory, InboundMessageFactory

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


class Receivers:
    """What answers our calls, by address."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, int | None] = {}
        self.tried: list[str] = []
        monkeypatch.setattr(delivering, "resolve", lambda url, **_: url)
        monkeypatch.setattr(delivering, "post", self.post)

    def post(self, url: str, **_: Any) -> int:
        """Answer one call."""
        self.tried.append(url)
        status = self.answers[url]
        if status is None:
            raise CallFailed("No answer.")
        return status

    def add(self, name: str, status: int | None, calls: int) -> CallEndpoint:
        url = f"https://{name}.example.com/"
        endpoint = CallEndpointFactory.create(name=name, url=url)
        self.answers[url] = status
        OutgoingCall.objects.bulk_create(OutgoingCall(endpoint=endpoint, payload={}) for _ in range(calls))
        return endpoint

    def count(self) -> Counter[str]:
        """Tries by name, since the last time."""
        counted = Counter(url.removeprefix("https://").partition(".")[0] for url in self.tried)
        self.tried.clear()
        return counted


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> Receivers:
    """None yet."""
    return Receivers(monkeypatch)


def test_a_dead_endpoint_with_many_calls_starves_nobody(receivers: Receivers) -> None:
    receivers.add("dead", None, 200)
    receivers.add("alive", 200, 5)
    deliver_due()
    assert receivers.count() == {"alive": 5, "dead": 1}


def test_workers_are_not_kept_by_an_endpoint_that_fails(receivers: Receivers) -> None:
    receivers.add("dead", None, 50)
    tried = [deliver(call_id=pk) for pk in OutgoingCall.objects.values_list("pk", flat=True)]
    assert sum(tried) == strain.STRAINED
    assert OutgoingCall.objects.filter(attempts=0, state="waiting").count() == 50 - strain.STRAINED


def test_of_a_strained_endpoint_one_call_at_a_time_is_tried(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = receivers.add("dead", 200, 2)
    CallEndpoint.objects.update(strain=strain.STRAINED)
    first, second = OutgoingCall.objects.order_by("pk").values_list("pk", flat=True)
    meanwhile: list[bool] = []
    post = receivers.post

    def slow(*args: Any, **kwargs: Any) -> int:
        if not meanwhile:
            meanwhile.append(deliver(call_id=second))
        return post(*args, **kwargs)

    monkeypatch.setattr(delivering, "post", slow)
    assert deliver(call_id=first)
    assert meanwhile == [False]
    endpoint.refresh_from_db()
    assert endpoint.strain == 0, "it answered quickly"
    assert deliver(call_id=second)


def test_all_of_its_calls_arrive_once_the_receiver_is_back(receivers: Receivers) -> None:
    with time_machine.travel(NOON, tick=True) as clock:
        receivers.add("dead", None, 20)
        for _ in range(10):
            deliver_due()
            clock.shift(dt.timedelta(minutes=1))
        assert sum(receivers.count().values()) < 10
        receivers.answers["https://dead.example.com/"] = 200
        clock.shift(dt.timedelta(minutes=20))
        deliver_due()
    assert OutgoingCall.objects.filter(state="delivered").count() == 20


def test_one_call_that_is_refused_does_not_hold_up_the_others(receivers: Receivers) -> None:
    endpoint = receivers.add("strict", 400, 10)
    deliver_due()
    assert receivers.count() == {"strict": 10}
    endpoint.refresh_from_db()
    assert endpoint.strain == 0


def test_slow_answers_strain_too(receivers: Receivers) -> None:
    endpoint = receivers.add("slow", 200, 0)
    for _ in range(strain.STRAINED):
        strain.note_try(endpoint_id=endpoint.pk, status=200, seconds=9.0)
    assert strain.take_turn(endpoint_id=endpoint.pk, claim_seconds=60)
    assert not strain.take_turn(endpoint_id=endpoint.pk, claim_seconds=60)


def test_calls_of_a_dead_endpoint_fail_after_a_day_though_never_tried(receivers: Receivers) -> None:
    with time_machine.travel(NOON, tick=True) as clock:
        receivers.add("dead", None, 100)
        for _ in range(26):
            deliver_due()
            clock.shift(dt.timedelta(hours=1))
        deliver_due()
    assert set(OutgoingCall.objects.values_list("state", flat=True)) == {"failed"}
    assert OutgoingCall.objects.filter(attempts=0, last_error__startswith="Not tried for 24 hours").exists()


def test_trying_again_by_hand_does_not_wait_for_the_endpoint(receivers: Receivers) -> None:
    receivers.add("dead", 200, 1)
    CallEndpoint.objects.update(strain=9, free_at=timezone.now() + dt.timedelta(minutes=5))
    OutgoingCall.objects.update(state="failed")
    call = OutgoingCall.objects.get()
    try_again(call_id=call.pk)
    assert deliver(call_id=call.pk)


def test_a_mail_that_fails_for_a_day_is_marked_and_can_be_sent_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with time_machine.travel(NOON, tick=True) as clock:
        notice = queue_notice(
            inbound=InboundMessageFactory.create(), addresses=["a@example.com"], subject="S", body="B"
        )
        for _ in range(40):
            send_due_notices()
            clock.shift(dt.timedelta(hours=1))
        notice.refresh_from_db()
        assert notice.state == "failed"
        assert "refused" in notice.last_error
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        assert send_due_notices() == 0
        send_again(notice_id=notice.pk)
        assert send_due_notices() == 1
        with pytest.raises(CallError, match="was sent"):
            send_again(notice_id=notice.pk)
    assert len(mail.outbox) == 1


def test_what_was_settled_long_ago_is_deleted_and_what_waits_stays(receivers: Receivers) -> None:
    endpoint = receivers.add("any", 200, 0)
    account = endpoint.account
    inbound = InboundMessageFactory.create()
    for state in ("waiting", "delivered", "failed"):
        OutgoingCall.objects.create(endpoint=endpoint, payload={}, state=state)
    for state in ("waiting", "sent", "failed"):
        StaffNotice.objects.create(account=account, inbound=inbound, subject=state, body="", state=state)
    old = timezone.now() - dt.timedelta(days=KEEP_DAYS, hours=1)
    for model in (OutgoingCall, StaffNotice):
        model._default_manager.update(updated_at=old)
    fresh = OutgoingCall.objects.create(endpoint=endpoint, payload={}, state="failed")
    assert prune_settled() == 4
    assert set(OutgoingCall.objects.values_list("state", flat=True)) == {"waiting", "failed"}
    assert OutgoingCall.objects.get(state="failed") == fresh
    assert StaffNotice.objects.get().state == "waiting"
