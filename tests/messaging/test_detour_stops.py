"""Detours of what is stopped: gateways by their provider or by hand, batches by a person; and races between all of them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from messaging.engine import keys
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, Detour, Message, PhoneNumber
from messaging.services import batches, detours, gateways, moves, routes
from tests.factories import PhoneNumberFactory, RouteFactory, SenderPoolFactory
from tests.messaging.detour_tools import answers, at, claim, queue, reload, silence
from tests.messaging.detour_tools import first as first
from tests.messaging.detour_tools import second as second
from tests.messaging.test_routes import launch
from tests.messaging.tools import recipients, states

pytestmark = pytest.mark.django_db(transaction=True)


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
