"""Detours: what waits at a gateway that is silent leaves through another one, once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from messaging.engine import claims
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, Detour, Message, PhoneNumber
from messaging.services import batches, detours, gateways
from messaging.services.detour_notes import notes
from tests.factories import PhoneNumberFactory, RouteFactory, SenderPoolFactory
from tests.messaging.detour_tools import answers, at, claim, queue, reload, silence
from tests.messaging.detour_tools import first as first
from tests.messaging.detour_tools import second as second
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients

pytestmark = pytest.mark.django_db(transaction=True)


class TestSilence:
    """A circuit that is open."""

    def test_a_minute_of_silence_moves_as_much_as_the_second_sends_soon(
        self, first: PhoneNumber, second: PhoneNumber
    ) -> None:
        batch = launch(first, recipients(1000))
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 300
        assert (at(batch, first), at(batch, second)) == (700, 300)
        assert sorted(queue(batch, second)) == sorted(
            Message.objects.filter(batch=batch, number=second).values_list("pk", flat=True)
        )
        # It has enough; when some have left, as many follow.
        assert detours.take_over(first.gateway_id) == 0
        gone = queue(batch, second)[:120]
        Message.objects.filter(pk__in=gone).update(state="accepted")
        assert detours.take_over(first.gateway_id) == 120
        detour = Detour.objects.get()
        assert (detour.moved, detour.cause, detour.through, detour.number) == (420, "silent", second.gateway, second)
        assert Alert.objects.open().get(kind="detour").batch == batch

    def test_a_short_silence_moves_nothing(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway, 50)
        assert detours.take_over(first.gateway_id) == 0
        sweeper.tend_batches()
        assert at(batch, second) == 0

    @pytest.mark.usefixtures("second")
    def test_the_accounts_own_patience_counts(self, first: PhoneNumber) -> None:
        launch(first, recipients(10))
        first.account.routes.update(patience_seconds=40)
        silence(first.gateway, 50)
        assert detours.take_over(first.gateway_id) == 10

    def test_the_sweeper_does_it_where_no_sender_does(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway)
        sweeper.sweep()
        assert at(batch, second) == 10

    @pytest.mark.usefixtures("second")
    def test_what_may_have_left_stays_for_ever(self, first: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        ids = queue(batch, first)
        claimed = claim(batch, first, ids[:3])
        Message.objects.filter(pk=ids[3]).update(state="unknown")
        Message.objects.filter(pk=ids[4]).update(state="unresolved", claimed_at=timezone.now())
        Message.objects.filter(pk=ids[5]).update(state="accepted")
        assert batches.resend_unresolved(batch_id=batch.pk) == 1
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 4
        stays = set(Message.objects.filter(batch=batch, number=first).values_list("pk", flat=True))
        assert stays == {*claimed, ids[3], ids[4], ids[5]}
        # Not even after it was claimed and given back.
        assert claim(batch, first, [ids[4]], "again") == [ids[4]]
        claims.release(ids=[ids[4]], token="again")
        assert detours.take_over(first.gateway_id) == 0

    @pytest.mark.usefixtures("second")
    def test_what_its_sender_gives_back_moves_too(self, first: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        held = claim(batch, first, queue(batch, first)[:4])
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 6
        claims.release(ids=held, token="t")
        assert detours.take_over(first.gateway_id) == 4

    def test_an_id_in_both_queues_is_claimed_by_one_sender(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        ids = queue(batch, first)
        silence(first.gateway)
        detours.take_over(first.gateway_id)
        assert queue(batch, first) == ids == sorted(queue(batch, second))
        assert claim(batch, first, ids, "a") == []
        assert claim(batch, second, ids, "b") == ids
        assert claim(batch, first, ids, "a") == []

    def test_when_it_answers_again_the_rest_is_its_own(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(1000))
        silence(first.gateway)
        detours.take_over(first.gateway_id)
        answers(first.gateway)
        sweeper.sweep()
        assert (at(batch, first), at(batch, second)) == (700, 300)
        assert len(claim(batch, first, queue(batch, first)[:800])) == 500
        detour = Detour.objects.get()
        assert detour.ended_at is not None
        alert = Alert.objects.get(kind="detour")
        assert "sends again" in alert.resolved_note
        silence(first.gateway)
        Message.objects.filter(batch=batch, number=second).update(state="accepted")
        # Another silence is another detour.
        assert detours.take_over(first.gateway_id) == 200
        assert Detour.objects.count() == 2

    def test_both_silent_everything_waits(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway)
        silence(second.gateway)
        sweeper.sweep()
        assert at(batch, first) == 10
        assert reload(batch).state == "sending"

    def test_it_goes_back_if_the_second_falls_silent_and_the_first_answers(
        self, first: PhoneNumber, second: PhoneNumber
    ) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway)
        detours.take_over(first.gateway_id)
        answers(first.gateway)
        silence(second.gateway)
        assert detours.take_over(second.gateway_id) == 10
        assert at(batch, first) == 10
        assert batch.gateways == [first.gateway_id]
        assert reload(batch).gateways == [first.gateway_id, second.gateway_id]

    def test_a_second_that_may_not_send_takes_nothing(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        PhoneNumber.objects.filter(pk=second.pk).update(state="disabled")
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 0
        assert at(batch, first) == 10

    def test_only_the_canary_moves_while_it_is_under_way(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(40))
        Batch.objects.filter(pk=batch.pk).update(canary_state="sending", canary_step=4)
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 10
        assert all(pk % 4 == 0 for pk in queue(batch, second))

    @pytest.mark.usefixtures("second")
    def test_nobody_asleep_moves(self, first: PhoneNumber) -> None:
        first.account.quiet_start, first.account.quiet_end = dt.time(0, 0), dt.time(23, 59)
        first.account.save()
        batch = launch(first, recipients(10), respects_quiet_hours=True)
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 0
        assert at(batch, first) == 10

    def test_a_pool_takes_over_by_its_groups(self, first: PhoneNumber) -> None:
        pool = SenderPoolFactory.create(account=first.account)
        RouteFactory.create(account=first.account, number=first, second_pool=pool)
        batch = launch(first, recipients(240))
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 240
        assert [at(batch, member) for member in pool.numbers.all()] == [120, 120]

    def test_a_country_has_its_own_second(self, first: PhoneNumber, second: PhoneNumber) -> None:
        french = PhoneNumberFactory.create(account=first.account, gateway=first.gateway)
        french_second = PhoneNumberFactory.create(account=first.account)
        RouteFactory.create(account=first.account, country="FR", number=french, second_number=french_second)
        RouteFactory.create(account=first.account, country="GB", number=first)
        people = [*recipients(5), "+33612345108", "+33612345109", "+447911123107"]
        batch = launch(first, people)
        silence(first.gateway)
        assert detours.take_over(first.gateway_id) == 7
        assert (at(batch, second), at(batch, french_second), at(batch, first)) == (5, 2, 1)

    def test_a_campaign_from_the_second_has_the_first_as_its_stand_in(
        self, first: PhoneNumber, second: PhoneNumber
    ) -> None:
        batch = launch(second, recipients(10))
        silence(second.gateway)
        assert detours.take_over(second.gateway_id) == 10
        assert at(batch, first) == 10


def test_pages_say_where_it_went_and_keep_saying_it(first: PhoneNumber, second: PhoneNumber) -> None:
    batch = launch(first, recipients(1000))
    assert notes(batch, recipients=1000, zone=dt.UTC) == []
    silence(first.gateway)
    detours.take_over(first.gateway_id)
    (note,) = notes(reload(batch), recipients=1000, zone=dt.UTC)
    since = (timezone.now() - dt.timedelta(seconds=61)).strftime("%H:%M")
    assert note.is_open
    assert note.text.startswith(f"{first.gateway} has not answered since {since}")
    assert note.text.endswith(f": 300 of 1,000 recipients leave through {second.gateway} from {second}.")
    answers(first.gateway)
    sweeper.sweep()
    (note,) = notes(reload(batch), recipients=1000, zone=dt.UTC)
    assert not note.is_open
    assert f"did not answer from {since}" in note.text
    assert "300 of 1,000 recipients left through" in note.text


def test_batches_without_a_route_are_as_they_were(first: PhoneNumber) -> None:
    batch = launch(first, recipients(10))
    silence(first.gateway)
    sweeper.sweep()
    assert (at(batch, first), reload(batch).state, Detour.objects.count()) == (10, "sending", 0)
    gateways.stop_gateway(first.gateway_id, "Authenticate.")
    assert (reload(batch).state, reload(batch).pause_code) == ("paused", "gateway")
