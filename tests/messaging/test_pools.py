"""Sender pools: proportional, steady, and no number's end stops a campaign that has others."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from django.db import connection
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging.engine import keys
from messaging.engine.launch import rebuild_queue
from messaging.engine.recipients import RecipientQuery
from messaging.jobs import sweeper
from messaging.models import Alert, Batch, Message, PhoneNumber, SenderPool
from messaging.services import batches, gateways, pools
from messaging.services.gateways import stop_number
from messaging.services.numbers import ProvisioningError, release_number
from messaging.services.pools import PoolError, set_numbers, share_out
from tests.factories import AccountFactory, GatewayFactory, PhoneNumberFactory
from tests.messaging.test_expiry import reload
from tests.messaging.tools import drain, recipients, run_sender, states

_paces = st.dictionaries(st.integers(1, 9), st.integers(1, 200), min_size=1, max_size=5)


@hypothesis_settings(deadline=None)
@given(_paces, _paces, st.sampled_from([7, 24, SenderPool.BUCKETS]))
@example({1: 1}, {1: 2, 2: 3, 3: 9}, 7)  # who has too many, and whose exact share is a whole number
def test_shares_are_exact_to_one_group_and_as_few_move_as_must(
    before: dict[int, int], after: dict[int, int], size: int
) -> None:
    old = share_out([], before, size)
    new = share_out(old, after, size)
    assert len(old) == len(new) == size
    shares, total = Counter(new), sum(after.values())
    assert set(new) <= set(after)
    for number, pace in after.items():
        assert abs(shares[number] - size * pace / total) < 1
    # No other choice of who gets the odd groups keeps more where they are.
    least = {number: size * pace // total for number, pace in after.items()}
    odd = [number for number, pace in after.items() if size * pace % total]
    had = Counter(old)
    kept = max(
        sum(min(had[number], least[number] + (number in chosen)) for number in after)
        for chosen in combinations(odd, size - sum(least.values()))
    )
    assert sum(first == second for first, second in zip(old, new, strict=True)) == kept
    assert share_out(new, after, size) == new


def test_a_pool_without_numbers_has_no_groups() -> None:
    assert share_out([1] * 240, {}) == []


def _lines(count: int, **values: object) -> list[PhoneNumber]:
    account, gateway = AccountFactory.create(), GatewayFactory.create()
    return PhoneNumberFactory.create_batch(count, **{"account": account, "gateway": gateway, **values})


def make_pool(lines: list[PhoneNumber]) -> SenderPool:
    pool = SenderPool.objects.create(account=lines[0].account, name="Pool")
    return set_numbers(pool_id=pool.pk, number_ids=[line.pk for line in lines])


def _null() -> str:
    return "NULL::jsonb" if connection.vendor == "postgresql" else "NULL"


def launch(pool: SenderPool, people: int = 240) -> Batch:
    """A batch that leaves from a pool, sending."""
    values = " UNION ALL ".join(
        f"SELECT %s AS recipient, 1 AS cohort, {_null()} AS context, '' AS zone" for _ in range(people)
    )
    number = pools.first_active(pool)
    assert number is not None
    batch = batches.create_batch(
        account=pool.account,
        number=number,
        label="Sale",
        template="Hello",
        source=f"test:{Batch.objects.count()}",
        recipients=RecipientQuery(values, recipients(people)),
        respects_quiet_hours=False,
        pool=pool,
    )
    batches.start_batch(batch.pk)
    return reload(batch)


def queued_at(batch: Batch, number: PhoneNumber) -> int:
    return int(get_redis().llen(keys.queue(batch.gateway_id, keys.batch_queue(batch.pk, number.pk))))


def senders_of(batch: Batch) -> dict[str, int]:
    return dict(Message.objects.filter(batch=batch).values_list("recipient", "number_id"))


@pytest.mark.django_db(transaction=True)
class TestNumbers:
    """Who may be in a pool."""

    def test_shares_follow_the_pace(self) -> None:
        slow, fast = _lines(2)
        PhoneNumber.objects.filter(pk=slow.pk).update(pace_segments=1)
        PhoneNumber.objects.filter(pk=fast.pk).update(pace_segments=3)
        assert Counter(make_pool([slow, fast]).buckets) == {slow.pk: 60, fast.pk: 180}

    def test_a_new_pace_shares_out_anew_at_once(self) -> None:
        first, second = _lines(2)
        pool = make_pool([first, second])
        first.pace_segments = 300
        first.save()
        pool.refresh_from_db()
        assert Counter(pool.buckets) == {first.pk: 180, second.pk: 60}

    def test_the_sweeper_finds_changes_that_nobody_told_of(self) -> None:
        first, second = _lines(2)
        pool = make_pool([first, second])
        PhoneNumber.objects.filter(pk=first.pk).update(state="disabled")
        sweeper.sweep()
        pool.refresh_from_db()
        assert set(pool.buckets) == {second.pk}

    def test_what_does_not_fit_is_refused_by_name(self) -> None:
        lines = _lines(2)
        pool = make_pool(lines)
        strange = PhoneNumberFactory.create(gateway=lines[0].gateway)
        elsewhere = PhoneNumberFactory.create(account=pool.account)
        gone = PhoneNumberFactory.create(account=pool.account, gateway=lines[0].gateway, state="released")
        for ids, why in (
            ([], "at least one"),
            ([lines[0].pk, strange.pk], "belongs to"),
            ([lines[0].pk, elsewhere.pk], "share one gateway"),
            ([gone.pk], "was released"),
            ([lines[0].pk, 999_999], "does not exist"),
        ):
            with pytest.raises(PoolError, match=why):
                set_numbers(pool_id=pool.pk, number_ids=ids)
        assert set(pool.numbers.all()) == set(lines)

    def test_a_pool_does_not_change_its_gateway_under_a_campaign(self) -> None:
        pool = make_pool(_lines(2))
        batch = launch(pool, 10)
        elsewhere = PhoneNumberFactory.create(account=pool.account)
        with pytest.raises(PoolError, match="Wait for its end"):
            set_numbers(pool_id=pool.pk, number_ids=[elsewhere.pk])
        batches.cancel_batch(batch.pk)
        set_numbers(pool_id=pool.pk, number_ids=[elsewhere.pk])

    def test_a_number_that_is_released_leaves_its_pools(self) -> None:
        first, second = _lines(2)
        pool = make_pool([first, second])
        batch = launch(pool, 10)
        with pytest.raises(ProvisioningError, match="Cancel what is sent"):
            release_number(number=second, after_days=0)
        batches.cancel_batch(batch.pk)
        release_number(number=second, after_days=0)
        pool.refresh_from_db()
        assert list(pool.numbers.all()) == [first]
        assert set(pool.buckets) == {first.pk}


@pytest.mark.django_db(transaction=True)
class TestCampaigns:
    """What leaves from a pool."""

    def test_it_is_spread_and_the_same_person_hears_from_the_same_number(self) -> None:
        pool = make_pool(_lines(3))
        first, second = launch(pool), launch(pool)
        assert set(Counter(senders_of(first).values()).values()) == {80}
        assert senders_of(first) == senders_of(second)
        assert first.sender_ids == sorted(line.pk for line in pool.numbers.all())
        assert sum(queued_at(first, line) for line in pool.numbers.all()) == 240

    def test_others_take_over_from_a_number_that_the_provider_refuses(self) -> None:
        lines = _lines(3)
        pool = make_pool(lines)
        batch = launch(pool)
        before = senders_of(batch)
        stop_number(lines[0].pk, "Not registered.")
        after = senders_of(batch)
        assert lines[0].pk not in after.values()
        assert {person: after[person] for person in after if before[person] != lines[0].pk} == {
            person: number for person, number in before.items() if number != lines[0].pk
        }
        assert reload(batch).state == "sending"
        assert [queued_at(batch, line) for line in lines] == [0, 120, 120]
        lines[0].refresh_from_db()
        assert lines[0].state == "disabled"
        alert = Alert.objects.open().get()
        assert (alert.kind, alert.batch, alert.gateway) == ("number_stopped", None, lines[0].gateway)
        stop_number(lines[0].pk, "Not registered.")
        assert Alert.objects.count() == 1

    def test_only_the_last_number_pauses_it_and_a_resume_goes_on_from_whatever_is_active(self) -> None:
        lines = _lines(2)
        pool = make_pool(lines)
        batch = launch(pool)
        for line in lines:
            stop_number(line.pk, "Not registered.")
        assert (reload(batch).state, reload(batch).pause_code) == ("paused", "number")
        PhoneNumber.objects.filter(pk=lines[0].pk).update(state="active")
        batches.resume_batch(batch.pk)
        assert reload(batch).state == "sending"
        assert set(senders_of(batch).values()) == {lines[0].pk}
        assert queued_at(batch, lines[0]) == 240
        assert not Alert.objects.open().filter(batch=batch).exists()

    def test_a_number_alone_is_paused_for_as_before(self) -> None:
        (line,) = _lines(1)
        pool = make_pool([line])
        pool.delete()
        batch = launch_single(line)
        stop_number(line.pk, "Not registered.")
        assert (reload(batch).state, reload(batch).pause_code) == ("paused", "number")
        line.refresh_from_db()
        assert line.state == "active"

    def test_a_number_that_joins_takes_nothing_from_what_is_under_way(self) -> None:
        lines = _lines(3)
        pool = make_pool(lines[:2])
        batch = launch(pool)
        before = senders_of(batch)
        set_numbers(pool_id=pool.pk, number_ids=[line.pk for line in lines])
        sweeper.tend_batches()
        assert senders_of(batch) == before

    def test_a_number_that_moves_to_another_pool_still_sends_what_is_queued_there(self) -> None:
        lines = _lines(3)
        pool = make_pool(lines[:2])
        batch = launch(pool)
        before = senders_of(batch)
        set_numbers(pool_id=pool.pk, number_ids=[lines[0].pk])
        other = SenderPool.objects.create(account=pool.account, name="Other")
        set_numbers(pool_id=other.pk, number_ids=[lines[1].pk, lines[2].pk])
        sweeper.tend_batches()
        assert senders_of(batch) == before
        # When it is refused there, what it still has of the first pool's goes to the first pool's numbers.
        stop_number(lines[1].pk, "Not registered.")
        assert set(senders_of(batch).values()) == {lines[0].pk}
        assert queued_at(batch, lines[0]) == 240

    def test_a_number_that_joined_after_the_launch_takes_over_too(self) -> None:
        lines = _lines(3)
        pool = make_pool(lines[:2])
        batch = launch(pool)
        set_numbers(pool_id=pool.pk, number_ids=[lines[0].pk, lines[2].pk])
        stop_number(lines[0].pk, "Not registered.")
        assert Counter(senders_of(batch).values()) == {lines[1].pk: 120, lines[2].pk: 120}
        assert [queued_at(batch, line) for line in lines] == [0, 120, 120]
        assert reload(batch).sender_ids == sorted(line.pk for line in lines)

    def test_the_sweeper_finishes_what_a_kill_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = _lines(2)
        batch = launch(make_pool(lines))

        def killed(_: Batch) -> None:
            raise SystemExit

        with monkeypatch.context() as patch:
            patch.setattr(gateways, "take_over", killed)
            with pytest.raises(SystemExit):
                stop_number(lines[0].pk, "Not registered.")
        assert lines[0].pk in senders_of(batch).values()
        sweeper.sweep()
        assert set(senders_of(batch).values()) == {lines[1].pk}
        assert queued_at(batch, lines[1]) == 240

    def test_what_a_sender_gives_back_later_is_taken_over_too(self) -> None:
        lines = _lines(2)
        batch = launch(make_pool(lines))
        held = Message.objects.filter(batch=batch, number=lines[0])[:5]
        ids = [message.pk for message in held]
        Message.objects.filter(pk__in=ids).update(state="sending", lease="x")
        stop_number(lines[0].pk, "Not registered.")
        assert set(Message.objects.filter(pk__in=ids).values_list("number_id", flat=True)) == {lines[0].pk}
        Message.objects.filter(pk__in=ids).update(state="queued", lease="")
        sweeper.tend_batches()
        assert set(senders_of(batch).values()) == {lines[1].pk}
        assert queued_at(batch, lines[1]) == 240

    def test_a_pool_sends_through_the_provider(self, simulator: SimulatorProcess, number: PhoneNumber) -> None:
        second = PhoneNumberFactory.create(
            account=number.account, gateway=number.gateway, number="+14155552600", pace_segments=100_000
        )
        batch = launch(make_pool([number, second]), 100)
        rebuild_queue(batch)
        run_sender(number)
        drain()
        assert states(batch) == {"accepted": 100}
        assert simulator.stats()["duplicate_sends"] == 0


def launch_single(line: PhoneNumber) -> Batch:
    batch = batches.create_batch(
        account=line.account,
        number=line,
        label="Sale",
        template="Hello",
        source="test:single",
        recipients=RecipientQuery(
            f"SELECT %s AS recipient, 1 AS cohort, {_null()} AS context, '' AS zone", recipients(1)
        ),
        respects_quiet_hours=False,
    )
    batches.start_batch(batch.pk)
    return reload(batch)
