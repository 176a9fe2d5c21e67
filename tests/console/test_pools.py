"""Sender pools in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from messaging.models import PhoneNumber, SenderPool
from tests.console.test_campaigns import page_of
from tests.factories import (
    AccountFactory,
    BatchFactory,
    CampaignFactory,
    GatewayFactory,
    PhoneNumberFactory,
    SenderPoolFactory,
)

pytestmark = pytest.mark.django_db


def url(page: str, pool: SenderPool | None = None) -> str:
    return reverse(f"admin:messaging_senderpool_{page}", args=[pool.pk] if pool else [])


def errors_of(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def members(pool: SenderPool) -> set[PhoneNumber]:
    return set(pool.numbers.all())


def test_new_pool_shares_recipients_out_over_its_numbers(operator: Client) -> None:
    account, gateway = AccountFactory(), GatewayFactory()
    fast = PhoneNumberFactory(account=account, gateway=gateway, pace_segments=30)
    slow = PhoneNumberFactory(account=account, gateway=gateway, pace_segments=10)
    response = operator.post(url("add"), {"account": account.pk, "name": "Club", "members": [fast.pk, slow.pk]})
    assert response.status_code == 302, errors_of(response)
    pool = SenderPool.objects.get()
    assert members(pool) == {fast, slow}
    assert (pool.buckets.count(fast.pk), pool.buckets.count(slow.pk)) == (180, 60)


def test_numbers_at_two_gateways_are_refused_beside_the_field_and_nothing_is_saved(operator: Client) -> None:
    account = AccountFactory()
    numbers = PhoneNumberFactory.create_batch(2, account=account)
    data: dict[str, Any] = {"account": account.pk, "name": "Club", "members": [number.pk for number in numbers]}
    (error,) = errors_of(operator.post(url("add"), data))["members"]
    assert "share one gateway" in error
    assert not SenderPool.objects.exists()


def test_refused_change_leaves_the_pool_as_it_was(operator: Client) -> None:
    pool = SenderPoolFactory(name="Club")
    before = members(pool)
    stranger = PhoneNumberFactory()
    response = operator.post(url("change", pool), {"name": "Renamed", "members": [stranger.pk]})
    (error,) = errors_of(response)["members"]
    assert f"belongs to {stranger.account}" in error
    pool.refresh_from_db()
    assert (pool.name, members(pool)) == ("Club", before)


def test_number_joins_and_another_leaves(operator: Client) -> None:
    pool = SenderPoolFactory()
    stays, leaves = pool.numbers.order_by("pk")
    joins = PhoneNumberFactory(account=pool.account, gateway=stays.gateway)
    response = operator.post(url("change", pool), {"name": pool.name, "members": [stays.pk, joins.pk]})
    assert response.status_code == 302, errors_of(response)
    pool.refresh_from_db()
    assert members(pool) == {stays, joins}
    assert leaves.pk not in pool.buckets


def test_pool_without_numbers_is_refused(operator: Client) -> None:
    pool = SenderPoolFactory()
    assert "members" in errors_of(operator.post(url("change", pool), {"name": pool.name, "members": []}))


def test_form_offers_the_accounts_own_numbers_that_are_not_released(operator: Client) -> None:
    pool = SenderPoolFactory()
    PhoneNumberFactory()
    PhoneNumberFactory(account=pool.account, state="released")
    resting = PhoneNumberFactory(account=pool.account, state="disabled")
    where: dict[str, Any] = {
        "app_label": "messaging",
        "model_name": "senderpool",
        "field_name": "numbers",
        "account": pool.account_id,
    }
    offered = {row["id"] for row in operator.get("/admin/autocomplete/", where).json()["results"]}
    assert offered == {str(number.pk) for number in [*pool.numbers.all(), resting]}


def test_list_tells_pace_and_what_goes_out(operator: Client) -> None:
    account, gateway = AccountFactory(), GatewayFactory()
    numbers = PhoneNumberFactory.create_batch(2, account=account, gateway=gateway, pace_segments=600)
    PhoneNumberFactory(account=account, gateway=gateway)
    resting = PhoneNumberFactory(account=account, gateway=gateway, state="disabled")
    pool = SenderPoolFactory(account=account, numbers=[*numbers, resting])
    BatchFactory(number=numbers[0], pool=pool)
    BatchFactory(number=numbers[0], pool=pool, state="finished")
    page = page_of(operator.get(url("changelist")))
    assert "1,200 segments/s" in page
    assert "2 of 3 active" in page
    link = f"/admin/messaging/batch/?pool__id__exact={pool.pk}&amp;state__in=launching,sending,paused"
    assert link in page
    assert len(operator.get(link.replace("&amp;", "&")).context["cl"].result_list) == 1


def test_pool_that_a_campaign_uses_is_not_deleted(operator: Client) -> None:
    sent = SenderPoolFactory()
    BatchFactory(number=sent.numbers.first(), pool=sent, state="finished")
    assert operator.post(url("delete", sent), {"post": "yes"}).status_code == 403
    planned = SenderPoolFactory()
    campaign = CampaignFactory(number=planned.numbers.first(), pool=planned)
    assert campaign.name in page_of(operator.post(url("delete", planned), {"post": "yes"}))
    free = SenderPoolFactory()
    assert operator.post(url("delete", free), {"post": "yes"}).status_code == 302
    assert set(SenderPool.objects.all()) == {sent, planned}


@pytest.mark.parametrize("role", ["Support", "Read-only"])
def test_only_operators_change_pools(as_role: Callable[[str], Client], role: str) -> None:
    pool = SenderPoolFactory()
    client = as_role(role)
    page = page_of(client.get(url("change", pool)))
    assert all(number.number in page for number in pool.numbers.all())
    assert client.post(url("change", pool), {"name": "Mine", "members": []}).status_code == 403
    assert client.post(url("delete", pool), {"post": "yes"}).status_code == 403


def test_number_says_which_pools_it_is_in(operator: Client) -> None:
    pool = SenderPoolFactory(name="Club")
    number = PhoneNumber.objects.filter(pools=pool)[0]
    page = page_of(operator.get(reverse("admin:messaging_phonenumber_change", args=[number.pk])))
    assert url("change", pool) in page


def test_disabled_number_gives_its_recipients_to_the_others(operator: Client) -> None:
    pool = SenderPoolFactory()
    gone, stays = pool.numbers.order_by("pk")
    operator.post(reverse("admin:messaging_phonenumber_disable", args=[gone.pk]))
    pool.refresh_from_db()
    assert set(pool.buckets) == {stays.pk}
    operator.post(reverse("admin:messaging_phonenumber_enable", args=[gone.pk]))
    pool.refresh_from_db()
    assert set(pool.buckets) == {gone.pk, stays.pk}


def test_disabling_the_last_number_of_a_pool_pauses_what_it_sends(operator: Client) -> None:
    pool = SenderPoolFactory()
    first, second = pool.numbers.order_by("pk")
    batch = BatchFactory(number=first, pool=pool, sender_ids=[first.pk, second.pk])
    operator.post(reverse("admin:messaging_phonenumber_disable", args=[first.pk]))
    batch.refresh_from_db()
    assert batch.state == "sending", "the other number goes on"
    operator.post(reverse("admin:messaging_phonenumber_disable", args=[second.pk]))
    batch.refresh_from_db()
    assert (batch.state, batch.pause_code) == ("paused", "number")


def test_number_of_a_pool_that_sends_is_not_released(operator: Client) -> None:
    pool = SenderPoolFactory()
    first, second = pool.numbers.order_by("pk")
    BatchFactory(number=first, pool=pool, sender_ids=[first.pk, second.pk])
    address = reverse("admin:messaging_phonenumber_release", args=[second.pk])
    page = page_of(operator.post(address, {"after_days": 7}, follow=True))
    assert "is needed for" in page
    second.refresh_from_db()
    assert second.state == "active"


def test_another_pace_shares_recipients_out_anew(operator: Client) -> None:
    pool = SenderPoolFactory()
    first, second = pool.numbers.order_by("pk")
    data = {"number": first.number, "kind": first.kind, "account": first.account_id, "gateway": first.gateway_id}
    response = operator.post(
        reverse("admin:messaging_phonenumber_change", args=[first.pk]), {**data, "pace_segments": 300}
    )
    assert response.status_code == 302, errors_of(response)
    pool.refresh_from_db()
    assert pool.buckets.count(first.pk) == 3 * pool.buckets.count(second.pk)
