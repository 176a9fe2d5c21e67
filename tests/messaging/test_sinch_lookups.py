"""A batch at Sinch whose reply was lost: each of its recipients is settled, by look-ups and reports, and by few requests."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.utils import timezone

from broadcast.core.config import config
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request, TransportFailure
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from messaging.jobs import lookups
from messaging.models import Batch, EarlyReport, Message, PhoneNumber, Suppression
from messaging.services.gateways import publish_gateways
from messaging.states import MessageState
from tests.factories import GatewayFactory, PhoneNumberFactory
from tests.fixtures import is_up, run_webhooks
from tests.messaging.tools import SHORT_CODE, drain, make_batch, recipients, send_all, states, wait_for

SETTINGS = SimulatorSettings()

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sinch(simulator: SimulatorProcess) -> PhoneNumber:
    """A number at Sinch, whose replies are all lost."""
    credentials = {
        "service_plan_id": SETTINGS.sinch_service_plan_id,
        "api_token": SETTINGS.sinch_api_token,
        "webhook_secret": SETTINGS.sinch_webhook_secret,
    }
    gateway = GatewayFactory.create(kind="sinch", base_url=simulator.url, credentials=credentials, concurrency=40)
    publish_gateways()
    simulator.settings(fail_after=1.0, fail_how="status", callbacks_share=0.0)
    return PhoneNumberFactory.create(gateway=gateway, number=SHORT_CODE, kind="short_code", pace_segments=1_000_000)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests of look-ups."""
    requests: list[Request] = []
    real = HttpxDriver.send

    def send(driver: HttpxDriver, request: Request) -> Reply:
        requests.append(request)
        return real(driver, request)

    monkeypatch.setattr(HttpxDriver, "send", send)
    return requests


def look_up(batch: Batch) -> int:
    """One round of look-ups, with the minute over that reports have first; how many messages it settled."""
    age(batch)
    return lookups.settle(renew=lambda: True)


def age(batch: Batch) -> None:
    long_ago = timezone.now() - dt.timedelta(seconds=lookups.GRACE_SECONDS + 1)
    Message.objects.filter(batch=batch, state=MessageState.UNKNOWN).update(changed_at=long_ago)


def test_one_answer_settles_all_that_were_in_the_batch(
    simulator: SimulatorProcess, sinch: PhoneNumber, asked: list[Request]
) -> None:
    batch = make_batch(sinch, recipients(1500))
    send_all(sinch)
    assert states(batch) == {"unknown": 1500}

    assert look_up(batch) == 1500

    assert states(batch) == {"accepted": 1500}
    assert batch.messages.values("provider_id").distinct().count() == 1500
    assert set(batch.messages.values_list("segments", flat=True)) == {1}
    # 1,500 ids lie in two or three blocks.
    assert len(asked) <= 3
    assert simulator.stats()["duplicate_sends"] == 0


def test_reference_with_more_batches_than_one_answer_holds_is_read_on(
    simulator: SimulatorProcess, sinch: PhoneNumber, asked: list[Request]
) -> None:
    # So many lost replies in a row would open the circuit; the rows forget them instead.
    simulator.settings(fail_after=0.0)
    # A dollar and a brace in a text send it alone: each has a batch of its own.
    batch = make_batch(sinch, recipients(250), "${ {{ first_name }}")
    send_all(sinch)
    assert simulator.stats()["requests"] == 250
    batch.messages.update(state=MessageState.UNKNOWN, provider_id="")

    assert look_up(batch) == 250

    assert states(batch) == {"accepted": 250}
    assert len(asked) <= 6


def test_what_sinch_never_had_stays_unknown_and_is_asked_about_by_turns(
    simulator: SimulatorProcess, sinch: PhoneNumber, asked: list[Request]
) -> None:
    simulator.settings(fail_after=0.0, fail_before=1.0)
    lost = make_batch(sinch, recipients(300))
    send_all(sinch)
    simulator.settings(fail_before=0.0, fail_after=1.0)
    taken = make_batch(sinch, recipients(600)[300:])
    send_all(sinch)
    age(lost)

    assert look_up(taken) == 300

    assert (states(lost), states(taken)) == ({"unknown": 300}, {"accepted": 300})
    asked.clear()
    assert lookups.settle(renew=lambda: True) == 0
    # The next round begins with the first again, and asks about all of them at once: for one or two blocks, and the one before.
    assert 1 <= len(asked) <= 3


def test_each_recipient_is_settled_alone_although_some_were_refused(
    simulator: SimulatorProcess, sinch: PhoneNumber
) -> None:
    simulator.settings(errors={21610: 0.1, 21612: 0.1, 30006: 0.1}, callbacks_share=1.0, callbacks_lost=0.1)
    batch = make_batch(sinch, recipients(100))
    with run_webhooks(config().webhook_bind):
        wait_for(lambda: is_up(f"{config().webhook_url}/healthz"), "the webhook process to start")
        send_all(sinch)
        wait_for(lambda: simulator.stats()["scheduled"] == 0, "the carrier to be done")
        wait_for(lambda: simulator.stats()["callbacks"]["pending"] == 0, "the delivery reports")
        drain()
    # Reports know a batch and a recipient; which messages these are, nobody knows yet.
    assert states(batch) == {"unknown": 100}
    assert EarlyReport.objects.count() > 50

    assert look_up(batch) == 100

    told = simulator.stats(recipients=True)["by_recipient"]
    taken = {person for person, texts in told.items() if any(texts.values())}
    by_state: dict[str, set[str]] = {}
    for person, state in batch.messages.values_list("recipient", "state"):
        by_state.setdefault(state, set()).add(person)
    assert set(by_state) == {"accepted", "delivered", "undelivered", "failed"}
    assert by_state["failed"].isdisjoint(taken)
    assert by_state["accepted"] | by_state["delivered"] | by_state["undelivered"] == taken
    assert not EarlyReport.objects.exists()
    opted_out = set(batch.messages.filter(reason="257").values_list("recipient", flat=True))
    reasons = Suppression.Reason.PROVIDER_OPT_OUT
    assert set(Suppression.objects.filter(reason=reasons).values_list("recipient", flat=True)) == opted_out != set()


class Refusing:
    """In place of the driver: refuses some requests, and counts them all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *refused: Reply | TransportFailure) -> None:
        self.counts: Counter[str] = Counter()
        self._waiting = list(refused)
        real = HttpxDriver.send

        def send(driver: HttpxDriver, request: Request) -> Reply:
            self.counts["asked"] += 1
            answer = self._waiting.pop(0) if self._waiting else None
            if isinstance(answer, TransportFailure):
                raise answer
            return answer or real(driver, request)

        monkeypatch.setattr(HttpxDriver, "send", send)


NONSENSE = Reply(400, {}, b'{"code": "syntax_invalid_parameter_format", "text": "start_date"}')


def test_refused_look_up_keeps_no_other_message_from_being_looked_up(
    sinch: PhoneNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch(sinch, recipients(1500))
    send_all(sinch)
    refusing = Refusing(monkeypatch, NONSENSE)

    settled = look_up(batch)

    assert 0 < settled < 1500
    assert look_up(batch) == 1500 - settled
    assert refusing.counts["asked"] <= 5


@pytest.mark.parametrize(
    ("answers", "most"),
    [
        ([Reply(429, {}, b"")] * 9, 1),
        ([TransportFailure("no answer", request_left=True)] * 9, 1),
        ([Reply(401, {}, b"")] * 9, 3),
    ],
)
def test_provider_that_refuses_is_left_alone_until_the_next_round(
    sinch: PhoneNumber, monkeypatch: pytest.MonkeyPatch, answers: list[Reply | TransportFailure], most: int
) -> None:
    batch = make_batch(sinch, recipients(2500))
    send_all(sinch)
    refusing = Refusing(monkeypatch, *answers)

    assert look_up(batch) == 0

    assert refusing.counts["asked"] == most
    assert states(batch) == {"unknown": 2500}
