"""Alerts: one for each cause, resolved when it is gone, told by e-mail once."""

from __future__ import annotations

import smtplib
import threading
import time
from dataclasses import replace

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection

from broadcast.core.config import config
from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging import tasks
from messaging.engine import keys
from messaging.engine.seats import Seat
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, PhoneNumber
from messaging.services import alert_mail, alerts, batches, gateways
from messaging.services.alerts import raise_alert, resolve, resolve_by_person
from messaging.services.gateways import start_gateway, stop_gateway, stop_number
from tests.factories import (
    AlertFactory,
    BatchFactory,
    GatewayFactory,
    MessageFactory,
    PhoneNumberFactory,
    SenderPoolFactory,
    StaffFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

OPS = ("ops@example.com", "boss@example.com")


@pytest.fixture
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people are told."""
    settings = replace(config(), alert_emails=OPS, public_url="https://broadcast.example.com")
    monkeypatch.setattr(alert_mail, "config", lambda: settings)
    monkeypatch.setattr(alerts, "config", lambda: settings)


def open_kinds() -> list[str]:
    return sorted(Alert.objects.open().values_list("kind", flat=True))


def test_the_same_trouble_is_one_alert_with_its_latest_text() -> None:
    batch, gateway = BatchFactory.create(), GatewayFactory.create()
    first = raise_alert(kind="stalled", text="Redis is away.", batch=batch)
    second = raise_alert(kind="stalled", text="No worker runs.", batch=batch)
    assert (second.pk, Alert.objects.get().text) == (first.pk, "No worker runs.")
    for about in ({"batch": BatchFactory.create()}, {"gateway": gateway}):
        raise_alert(kind="stalled", text="Another.", **about)
    assert Alert.objects.open().count() == 3
    assert resolve(kind="stalled", batch=batch) == 1
    assert resolve(kind="stalled", batch=batch) == 0
    assert raise_alert(kind="stalled", text="Again.", batch=batch).pk != first.pk


def test_a_text_that_is_too_long_is_cut() -> None:
    raise_alert(kind="stalled", text="x" * 900, batch=BatchFactory.create())
    assert len(Alert.objects.get().text) == 500


@pytest.mark.parametrize("about", ["batch", "gateway"])
def test_several_who_find_it_at_the_same_moment_raise_one(about: str) -> None:
    cause = {"batch": BatchFactory.create()} if about == "batch" else {"gateway": GatewayFactory.create()}
    barrier, found = threading.Barrier(6), []

    def find() -> None:
        barrier.wait()
        found.append(raise_alert(kind="expired", text="Late.", **cause).pk)
        connection.close()

    threads = [threading.Thread(target=find) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Alert.objects.count(), len(found), len(set(found))) == (1, 6, 1)


def test_who_loses_the_race_finds_the_winners_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither sees the other's row before both have tried to make one."""
    batch = BatchFactory.create()
    create = Alert.objects.create

    def somebody_was_first(**values: object) -> Alert:
        monkeypatch.setattr(Alert.objects, "create", create)
        create(**values)
        return create(**values)

    monkeypatch.setattr(Alert.objects, "create", somebody_was_first)
    alert = raise_alert(kind="stalled", text="Slow.", batch=batch)
    assert Alert.objects.get() == alert


def test_a_person_deals_with_it_once() -> None:
    alert = AlertFactory.create()
    user = StaffFactory.create(first_name="Ada", last_name="L")
    assert resolve_by_person(alert_id=alert.pk, user=user)
    assert not resolve_by_person(alert_id=alert.pk, user=user)
    alert.refresh_from_db()
    assert alert.resolved_note == "Dealt with by Ada L."


@pytest.mark.parametrize("end", ["resume", "cancel", "finish"])
def test_what_a_batch_was_stopped_for_ends_with_it_and_what_people_missed_stays(end: str) -> None:
    batch = BatchFactory.create(state="sending" if end == "finish" else "paused", stall_reason="Slow.")
    for kind in ("rejections", "canary", "number_stopped", "stalled", "expired"):
        AlertFactory.create(kind=kind, batch=batch)
    AlertFactory.create(kind="stalled")
    {"resume": batches.resume_batch, "cancel": batches.cancel_batch, "finish": batches.finish_batch}[end](batch.pk)
    assert open_kinds() == ["expired", "stalled"]
    assert not Alert.objects.open().filter(batch=batch, kind="stalled").exists()
    batch.refresh_from_db()
    assert (batch.stalled_at, batch.stall_reason) == (None, "")


def test_a_pause_ends_a_stall() -> None:
    alert = AlertFactory.create(kind="stalled")
    batches.pause_batch(alert.batch_id or 0)
    assert open_kinds() == []


def test_an_alert_whose_end_was_swallowed_by_a_kill_is_resolved_by_the_sweeper() -> None:
    over, going, paused = (BatchFactory.create(state=state) for state in ("cancelled", "sending", "paused"))
    for batch in (over, going, paused):
        MessageFactory.create(batch=batch)
        AlertFactory.create(kind="rejections", batch=batch)
    AlertFactory.create(kind="gateway_stopped", batch=None, gateway=GatewayFactory.create())
    sweeper.sweep()
    assert list(Alert.objects.open().values_list("batch", flat=True)) == [paused.pk]


def test_a_provider_that_refuses_everything_is_told_of_until_it_is_used_again(line: PhoneNumber) -> None:
    batch = BatchFactory.create(number=line)
    stop_gateway(line.gateway_id, "The token is wrong.")
    stop_gateway(line.gateway_id, "The token is wrong.")
    alert = Alert.objects.get()
    assert (alert.kind, alert.gateway, alert.batch) == ("gateway_stopped", line.gateway, None)
    assert "The token is wrong." in alert.text
    assert Batch.objects.get().pause_code == "gateway"
    batches.resume_batch(batch.pk)
    assert open_kinds() == []
    stop_gateway(line.gateway_id, "Again.")
    start_gateway(line.gateway_id)
    assert open_kinds() == []
    assert Gateway.objects.get(pk=line.gateway_id).stopped_reason == ""


def test_who_is_killed_while_it_stops_a_gateway_has_the_sweeper_pause_the_rest(
    line: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = BatchFactory.create(number=line)
    MessageFactory.create(batch=batch)

    def killed(*_: object, **__: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(gateways, "pause_batch", killed)
        with pytest.raises(SystemExit):
            stop_gateway(line.gateway_id, "The token is wrong.")
    sweeper.sweep()
    batch.refresh_from_db()
    assert (batch.pause_code, batch.pause_reason) == ("gateway", "The token is wrong.")
    assert open_kinds() == ["gateway_stopped"]
    # Somebody says that it is mended.
    batches.resume_batch(batch.pk)
    sweeper.sweep()
    batch.refresh_from_db()
    assert batch.state == "sending"


def test_a_number_that_is_refused_is_told_of_for_each_batch_it_stops(line: PhoneNumber) -> None:
    batch = BatchFactory.create(number=line)
    stop_number(line.pk, "Not registered.")
    alert = Alert.objects.get()
    assert (alert.kind, alert.batch) == ("number_stopped", batch)
    batches.resume_batch(batch.pk)
    assert open_kinds() == []


def test_a_refused_number_of_a_pool_is_told_of_until_it_is_enabled() -> None:
    pool = SenderPoolFactory.create()
    first = pool.numbers.all()[0]
    PhoneNumberFactory.create(gateway=first.gateway, state="disabled")
    stop_number(first.pk, "Not registered.")
    sweeper.tell()
    assert open_kinds() == ["number_stopped"]
    PhoneNumber.objects.filter(pk=first.pk).update(state="active")
    sweeper.tell()
    assert open_kinds() == []


def circuit(gateway: Gateway, seconds: float) -> None:
    now = time.time()
    values = {"since": now - seconds, "until": now + 20, "reason": "No answer.", "failures": 3}
    get_redis().hset(keys.circuit(gateway.pk), mapping=values)


def test_a_gateway_that_cannot_be_reached_for_a_minute_is_told_of_until_it_answers() -> None:
    gateway = GatewayFactory.create()
    circuit(gateway, 30)
    sweeper.tell()
    assert open_kinds() == []
    circuit(gateway, 61)
    sweeper.tell()
    sweeper.tell()
    assert open_kinds() == ["gateway_down"]
    assert "No answer." in Alert.objects.get().text
    get_redis().delete(keys.circuit(gateway.pk))
    sweeper.tell()
    assert open_kinds() == []
    assert Alert.objects.count() == 1


@pytest.mark.usefixtures("_addresses")
def test_several_go_into_one_mail_with_links_and_are_told_once() -> None:
    first, second = AlertFactory.create_batch(2)
    AlertFactory.create(resolved_at=first.created_at)
    tasks.email_alerts()
    tasks.email_alerts()
    (letter,) = mail.outbox
    assert (letter.subject, letter.to) == ("Broadcast: 2 alerts", list(OPS))
    for alert in (first, second):
        assert alert.text in letter.body
        assert str(alert.batch) in letter.body
        assert f"https://broadcast.example.com/admin/messaging/alert/{alert.pk}/change/" in letter.body


@pytest.mark.usefixtures("_addresses")
def test_one_says_in_its_subject_what_it_is_and_a_line_break_cannot_end_it() -> None:
    AlertFactory.create(kind="rejections", batch__label="Spring\nBcc: all@example.com")
    tasks.email_alerts()
    assert mail.outbox[0].subject == "Broadcast: Too many rejections: Spring Bcc: all@example.com"


@pytest.mark.usefixtures("_addresses")
def test_a_mail_server_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = AlertFactory.create(kind="expired")
    for error in (smtplib.SMTPServerDisconnected("gone"), ConnectionRefusedError(111, "refused"), TimeoutError()):
        with monkeypatch.context() as patch:
            patch.setattr(EmailMessage, "send", lambda _, error=error: (_ for _ in ()).throw(error))
            tasks.email_alerts()
        alert.refresh_from_db()
        assert alert.emailed_at is None
    called: list[str] = []
    monkeypatch.setattr(alert_mail, "enqueue", called.append)
    sweeper.tell()
    assert called == ["messaging.tasks.email_alerts"]
    tasks.email_alerts()
    assert len(mail.outbox) == 1
    assert not alert_mail.remind()


@pytest.mark.usefixtures("_addresses")
def test_two_that_write_at_once_write_one_mail() -> None:
    AlertFactory.create()
    with Seat("alert-mail") as seat:
        assert seat.taken
        tasks.email_alerts()
    assert mail.outbox == []
    tasks.email_alerts()
    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("_addresses")
def test_an_alert_calls_for_its_mail_once_it_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(alerts, "enqueue_on_commit", called.append)
    batch = BatchFactory.create()
    raise_alert(kind="stalled", text="Slow.", batch=batch)
    raise_alert(kind="stalled", text="Slow.", batch=batch)
    assert called == ["messaging.tasks.email_alerts"]
    assert mail.outbox == []


def test_without_addresses_nobody_is_written_to() -> None:
    AlertFactory.create()
    assert not alert_mail.remind()
    tasks.email_alerts()
    assert mail.outbox == []
