"""Detours: what waits at a gateway that does not send leaves through another one, once."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import claims, keys
from messaging.engine.circuit import Circuit
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, Detour, Message, PhoneNumber
from messaging.services import batches, detours, gateways, moves, routes
from messaging.services.detour_notes import notes
from tests.factories import PhoneNumberFactory, RouteFactory, SenderPoolFactory
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients, states

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def first() -> PhoneNumber:
    return PhoneNumberFactory.create(pace_segments=10)


@pytest.fixture
def second(first: PhoneNumber) -> PhoneNumber:
    """The second sender of everything: 300 messages are 30 seconds of its pace."""
    number = PhoneNumberFactory.create(account=first.account, pace_segments=10)
    RouteFactory.create(account=first.account, number=first, second_number=number)
    return number


def silence(gateway: Gateway, seconds: float = 61.0) -> None:
    """A gateway's circuit has been open for so long."""
    circuit = Circuit()
    circuit.opened, circuit.since, circuit.until = 3, time.time() - seconds, time.time() + 20
    circuit.reason = "No connection."
    get_redis().hset(keys.circuit(gateway.pk), mapping=circuit.shared())


def answers(gateway: Gateway) -> None:
    get_redis().delete(keys.circuit(gateway.pk))


def queue(batch: Batch, number: PhoneNumber) -> list[int]:
    name = keys.queue(number.gateway_id, keys.batch_queue(batch.pk, number.pk))
    return [int(value) for value in get_redis().lrange(name, 0, -1)]


def at(batch: Batch, number: PhoneNumber) -> int:
    return Message.objects.filter(batch=batch, number=number).count()


def reload(batch: Batch) -> Batch:
    return Batch.objects.select_related("account").get(pk=batch.pk)


def claim(batch: Batch, number: PhoneNumber, ids: list[int], token: str = "t") -> list[int]:
    found = claims.claim(queue_name=keys.batch_queue(batch.pk, number.pk), ids=ids, token=token)
    return [message.id for message in found.messages]


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


class TestStops:
    """Gateways that are stopped or disabled, and batches that are."""

    def test_wrong_credentials_move_all_of_it_at_once(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(1000))
        gateways.stop_gateway(first.gateway_id, "Authenticate.")
        assert (at(batch, second), reload(batch).state) == (1000, "sending")
        assert Detour.objects.get().cause == "stopped"
        sweeper.sweep()
        assert reload(batch).state == "sending"

    @pytest.mark.usefixtures("second")
    def test_unless_the_route_says_no(self, first: PhoneNumber) -> None:
        first.account.routes.update(when_stopped=False)
        batch = launch(first, recipients(10))
        gateways.stop_gateway(first.gateway_id, "Authenticate.")
        assert (reload(batch).state, reload(batch).pause_code) == ("paused", "gateway")
        assert at(batch, first) == 10

    @pytest.mark.usefixtures("second")
    def test_one_that_was_resent_by_a_person_waits_with_its_batch(self, first: PhoneNumber) -> None:
        batch = launch(first, recipients(10))
        Message.objects.filter(pk=queue(batch, first)[0]).update(state="unresolved")
        batches.resend_unresolved(batch_id=batch.pk)
        gateways.stop_gateway(first.gateway_id, "Authenticate.")
        assert (at(batch, first), reload(batch).state) == (1, "paused")

    @pytest.mark.parametrize(("takes_over", "state"), [(False, "paused"), (True, "sending")])
    def test_a_person_who_disables_it_pauses_unless_the_route_says_otherwise(
        self, first: PhoneNumber, second: PhoneNumber, takes_over: bool, state: str
    ) -> None:
        first.account.routes.update(when_disabled=takes_over)
        batch = launch(first, recipients(10))
        Gateway.objects.filter(pk=first.gateway_id).update(is_enabled=False)
        sweeper.tend_batches()
        assert (reload(batch).state, at(batch, second)) == (state, 10 if takes_over else 0)

    def test_a_countrys_stopped_gateway_pauses_only_who_needs_it(self, first: PhoneNumber) -> None:
        french = PhoneNumberFactory.create(account=first.account)
        RouteFactory.create(account=first.account, country="FR", number=french)
        without, with_french = launch(first, recipients(5)), launch(first, ["+33612345108", *recipients(5)])
        gateways.stop_gateway(french.gateway_id, "Authenticate.")
        assert (reload(without).state, reload(with_french).state) == ("sending", "paused")
        batches.resume_batch(with_french.pk)
        assert reload(with_french).state == "sending"
        assert not Gateway.objects.exclude(stopped_reason="").exists()

    def test_a_paused_batch_moves_nothing_and_a_cancelled_one_ends(
        self, first: PhoneNumber, second: PhoneNumber
    ) -> None:
        batch = launch(first, recipients(400))
        silence(first.gateway)
        detours.take_over(first.gateway_id)
        batches.pause_batch(batch.pk)
        for number in (first, second):
            assert get_redis().sismember(keys.held(number.gateway_id), keys.batch_name(batch.pk))
            assert not queue(batch, number)
        sweeper.sweep()
        assert at(batch, second) == 300
        batches.resume_batch(batch.pk)
        assert (len(queue(batch, first)), len(queue(batch, second))) == (100, 300)
        batches.cancel_batch(batch.pk)
        assert states(batch) == {"cancelled": 400}
        sweeper.sweep()
        assert Detour.objects.get().ended_at is not None
        assert not Alert.objects.open().filter(kind="detour").exists()

    def test_a_pause_that_read_the_batch_before_it_moved_holds_both(
        self, first: PhoneNumber, second: PhoneNumber, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway)
        move = moves.pause

        def moves_in_between(stale: Batch, *args: Any, **options: Any) -> bool:
            detours.take_over(first.gateway_id)
            return move(stale, *args, **options)

        monkeypatch.setattr(batches, "pause", moves_in_between)
        batches.pause_batch(batch.pk)
        assert at(batch, second) == 10
        assert get_redis().sismember(keys.held(second.gateway_id), keys.batch_name(batch.pk))

    def test_a_pause_that_comes_before_a_move_leaves_nothing_to_move(
        self, first: PhoneNumber, second: PhoneNumber, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway)
        number_ids = routes.number_ids

        def pauses_in_between(*args: Any) -> tuple[int, ...]:
            batches.pause_batch(batch.pk)
            return number_ids(*args)

        monkeypatch.setattr(routes, "number_ids", pauses_in_between)
        assert detours.take_over(first.gateway_id) == 0
        assert (at(batch, first), at(batch, second)) == (10, 0)

    def test_a_countrys_pool_relieves_its_own_number(self, first: PhoneNumber) -> None:
        pool = SenderPoolFactory.create(account=first.account)
        RouteFactory.create(account=first.account, country="FR", number=None, pool=pool)
        batch = launch(first, [*recipients(5), *(f"+3361234{index:04d}" for index in range(240))])
        one, other = pool.numbers.order_by("pk")
        gateways.stop_number(one.pk, "Not registered.")
        assert (at(batch, one), at(batch, other), at(batch, first)) == (0, 240, 5)
        assert reload(batch).state == "sending"
        PhoneNumber.objects.filter(pk=other.pk).update(state="disabled")
        sweeper.tend_batches()
        assert (reload(batch).state, reload(batch).pause_code) == ("paused", "number")

    def test_a_second_sender_that_is_disabled_gives_back_to_the_first(
        self, first: PhoneNumber, second: PhoneNumber
    ) -> None:
        batch = launch(first, recipients(10))
        silence(first.gateway)
        detours.take_over(first.gateway_id)
        PhoneNumber.objects.filter(pk=second.pk).update(state="disabled")
        sweeper.tend_batches()
        assert (at(batch, second), reload(batch).state) == (10, "paused")
        answers(first.gateway)
        batches.resume_batch(batch.pk)
        sweeper.tend_batches()
        assert (at(batch, first), reload(batch).state) == (10, "sending")

    def test_a_pool_does_not_take_what_a_route_sent_elsewhere(self) -> None:
        pool = SenderPoolFactory.create()
        french = PhoneNumberFactory.create(account=pool.account)
        RouteFactory.create(account=pool.account, country="FR", number=french)
        number = pool.numbers.order_by("number")[0]
        batch = launch(number, [*recipients(5), "+33612345108"], pool=pool)
        PhoneNumber.objects.filter(pk=french.pk).update(state="disabled")
        sweeper.tend_batches()
        assert at(batch, french) == 1
        assert (reload(batch).state, reload(batch).pause_code) == ("paused", "number")


class TestRaces:
    """Whoever comes at the same time, and whoever is killed."""

    def test_a_kill_between_the_rows_and_the_queue_is_mended_by_the_sweeper(
        self, first: PhoneNumber, second: PhoneNumber, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = launch(first, recipients(1000))
        silence(first.gateway)
        with monkeypatch.context() as patch:
            patch.setattr(detours, "put_ids", lambda **_: (_ for _ in ()).throw(SystemExit()))
            with pytest.raises(SystemExit):
                detours.take_over(first.gateway_id)
        assert (at(batch, second), queue(batch, second)) == (300, [])
        kept = queue(batch, first)
        sweeper.sweep()
        assert len(queue(batch, second)) == 300
        assert queue(batch, first) == kept, "what is queued at the other gateway is left alone"

    def test_claims_and_moves_at_once_never_share_a_message(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(600))
        ids = queue(batch, first)
        silence(first.gateway)
        taken: dict[str, list[int]] = {"a": [], "b": []}
        start = threading.Barrier(4)

        def claims_of(number: PhoneNumber, token: str) -> None:
            start.wait()
            for _ in range(4):
                for place in range(0, len(ids), 50):
                    taken[token] += claim(batch, number, ids[place : place + 50], token)
            connections.close_all()

        def move() -> None:
            start.wait()
            for _ in range(4):
                detours.take_over(first.gateway_id)
            connections.close_all()

        threads = [
            threading.Thread(target=claims_of, args=(first, "a")),
            threading.Thread(target=claims_of, args=(second, "b")),
            threading.Thread(target=move),
            threading.Thread(target=move),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not set(taken["a"]) & set(taken["b"])
        assert len(taken["a"]) == len(set(taken["a"]))
        for token, number in (("a", first), ("b", second)):
            rows = Message.objects.filter(pk__in=taken[token])
            assert set(rows.values_list("lease", "number_id")) <= {(token, number.pk)}
        assert sum(Detour.objects.values_list("moved", flat=True)) == at(batch, second)
        assert Detour.objects.count() <= 1

    def test_two_that_move_at_once_do_not_move_too_much(self, first: PhoneNumber, second: PhoneNumber) -> None:
        batch = launch(first, recipients(1000))
        silence(first.gateway)
        start = threading.Barrier(3)

        def move() -> None:
            start.wait()
            detours.take_over(first.gateway_id)
            connections.close_all()

        threads = [threading.Thread(target=move) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert at(batch, second) == 300 == len(queue(batch, second))


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
