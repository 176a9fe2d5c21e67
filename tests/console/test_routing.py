"""Routing in the console: the account's routes, the launch's confirmation, and what a campaign's page keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.services import launch as service
from messaging.models import Batch, Detour, Message, PhoneNumber, Route
from tests.console.conftest import ROLES
from tests.console.test_campaigns import filled, page_of, sending_campaign
from tests.factories import (
    AccountFactory,
    CampaignFactory,
    PhoneNumberFactory,
    RouteFactory,
    SenderPoolFactory,
    SubscriberFactory,
    SubscriberListFactory,
)

pytestmark = pytest.mark.django_db


def url(page: str, route: Route | None = None) -> str:
    return reverse(f"admin:messaging_route_{page}", args=[route.pk] if route else [])


def campaign_url(page: str, campaign: Campaign | None = None) -> str:
    return reverse(f"admin:campaigns_campaign_{page}", args=[campaign.pk] if campaign else [])


def errors_of(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def data(sender: PhoneNumber, **values: Any) -> dict[str, Any]:
    """The form as the browser would send it."""
    return {"account": sender.account_id, "number": sender.pk, "patience_seconds": 60, "when_stopped": "on", **values}


def another(beside: PhoneNumber, **values: Any) -> PhoneNumber:
    return PhoneNumberFactory(account=beside.account, **values)


def campaign_to(*people: str, **values: Any) -> Campaign:
    """A draft to these people."""
    number = PhoneNumberFactory()
    audience = SubscriberListFactory(account=number.account)
    for person in people:
        subscriber = SubscriberFactory(account=number.account, number=person)
        audience.subscriptions.create(subscriber=subscriber)
    return CampaignFactory(number=number, lists=[audience], **values)


class TestRoutes:
    """Their form and list."""

    def test_a_route_is_written_and_changed(self, operator: Client) -> None:
        number = PhoneNumberFactory()
        second = another(number)
        response = operator.post(url("add"), data(number, country="FR", second_number=second.pk))
        assert response.status_code == 302, errors_of(response)
        route = Route.objects.get()
        assert (route.country, route.number, route.second_number, route.when_disabled) == ("FR", number, second, False)
        page = page_of(operator.get(url("changelist")))
        assert "France" in page
        assert "After 60 s of silence, when it refuses everything" in page
        response = operator.post(url("change", route), {"country": "FR", "is_blocked": "on", "patience_seconds": 60})
        assert response.status_code == 302, errors_of(response)
        route.refresh_from_db()
        assert (route.is_blocked, route.sender, route.second) == (True, None, None)

    def test_what_does_not_fit_is_told_at_the_field_and_not_saved(self, operator: Client) -> None:
        number = PhoneNumberFactory()
        near = PhoneNumberFactory(account=number.account, gateway=number.gateway)
        stranger = PhoneNumberFactory()
        for values, field, text in (
            ({"second_number": near.pk}, "second_number", "has to be at another"),
            ({"second_number": stranger.pk}, "second_number", "belongs to"),
            ({"number": ""}, "number", "Choose the number"),
            ({"is_blocked": "on", "country": "FR"}, "number", "leave this empty"),
            ({"country": "ZZ"}, "country", "not one of the available choices"),
        ):
            errors = errors_of(operator.post(url("add"), data(number, **values)))
            assert text in errors[field][0], values
            assert "__all__" not in errors
        assert not Route.objects.exists()

    def test_a_second_route_for_a_country_is_refused_in_words(self, operator: Client) -> None:
        number = PhoneNumberFactory()
        RouteFactory(number=number, country="FR")
        errors = errors_of(operator.post(url("add"), data(number, country="FR")))
        assert errors["country"] == ["The account has a route for France already. Change that one."]
        RouteFactory(number=number)
        errors = errors_of(operator.post(url("add"), data(number)))
        assert "for everywhere else already" in errors["country"][0]

    def test_the_form_offers_the_accounts_own_senders(self, operator: Client) -> None:
        number = PhoneNumberFactory()
        PhoneNumberFactory()
        another(number, state="disabled")
        for field in ("number", "second_number"):
            query = {"app_label": "messaging", "model_name": "route", "field_name": field, "account": number.account_id}
            found = operator.get(reverse("admin:autocomplete"), query).json()["results"]
            assert [item["id"] for item in found] == [str(number.pk)]

    @pytest.mark.parametrize("role", ROLES)
    def test_operators_write_them_and_others_look(self, role: str, as_role: Callable[[str], Client]) -> None:
        number = PhoneNumberFactory()
        status = as_role(role).post(url("add"), data(number)).status_code
        assert status == (302 if role in ("Superuser", "Operator") else 403)
        assert Route.objects.exists() == (status == 302)


class TestCampaigns:
    """What routes do to campaigns."""

    def test_a_campaign_without_a_number_leaves_from_the_preferred_sender(self, operator: Client) -> None:
        campaign = CampaignFactory()
        preferred = another(campaign.number)
        RouteFactory(account=campaign.account, number=preferred)
        response = operator.post(campaign_url("change", campaign), filled(campaign, number=""))
        assert response.status_code == 302, errors_of(response)
        campaign.refresh_from_db()
        assert campaign.number == preferred

    def test_or_from_the_preferred_pool(self, operator: Client) -> None:
        campaign = CampaignFactory()
        pool = SenderPoolFactory(account=campaign.account)
        RouteFactory(account=campaign.account, number=None, pool=pool)
        response = operator.post(campaign_url("change", campaign), filled(campaign, number=""))
        assert response.status_code == 302, errors_of(response)
        campaign.refresh_from_db()
        assert campaign.pool == pool

    def test_without_either_the_number_is_asked_for(self, operator: Client) -> None:
        campaign = CampaignFactory()
        errors = errors_of(operator.post(campaign_url("change", campaign), filled(campaign, number="")))
        assert "number" in errors

    def test_country_rules_can_be_switched_off(self, operator: Client) -> None:
        campaign = campaign_to("+14155550101", "+33612345108")
        RouteFactory(account=campaign.account, country="FR", number=another(campaign.number))
        operator.post(campaign_url("change", campaign), filled(campaign))
        campaign.refresh_from_db()
        assert campaign.follows_country_rules is False
        assert "data-share" not in page_of(operator.get(campaign_url("launch", campaign)))
        operator.post(campaign_url("change", campaign), filled(campaign, follows_country_rules="on"))
        assert 'data-share="France"' in page_of(operator.get(campaign_url("launch", campaign)))

    def test_the_confirmation_tells_who_leaves_from_where(self, operator: Client) -> None:
        campaign = campaign_to("+14155550101", "+14155550102", "+33612345108", "+447911123107")
        french, second = another(campaign.number), another(campaign.number)
        RouteFactory(account=campaign.account, country="FR", number=french)
        RouteFactory(account=campaign.account, country="GB", number=None, is_blocked=True)
        RouteFactory(account=campaign.account, number=campaign.number, second_number=second)
        page = page_of(operator.get(campaign_url("launch", campaign)))
        assert 'data-recipients="3"' in page
        assert f"<strong>1</strong> in France from {french}, through {french.gateway}" in page
        assert f"<strong>2</strong> everywhere else from {campaign.number}, through {campaign.number.gateway}" in page
        assert f"(if that does not send: from {second})" in page
        assert "1 in Britain (UK): a route of the account says that nothing goes there" in page

    def test_a_country_that_cannot_be_sent_to_stands_in_the_way(self, operator: Client) -> None:
        campaign = campaign_to("+14155550101", "+33612345108")
        french = another(campaign.number, state="disabled")
        RouteFactory(account=campaign.account, country="FR", number=french)
        RouteFactory(account=campaign.account, country="DE", number=french)
        page = page_of(operator.get(campaign_url("launch", campaign)))
        assert "1 recipient in France would have no number that may send" in page
        assert "Germany" not in page, "nobody is there"
        with pytest.raises(service.LaunchError, match="France"):
            service.launch(campaign_id=campaign.pk, user=None)

    def test_everybody_in_blocked_countries_is_no_audience(self) -> None:
        campaign = campaign_to("+33612345108")
        RouteFactory(account=campaign.account, country="FR", number=None, is_blocked=True)
        with pytest.raises(service.LaunchError, match="send nothing"):
            service.launch(campaign_id=campaign.pk, user=None)

    def test_a_launch_makes_what_the_confirmation_said(self) -> None:
        campaign = campaign_to("+14155550101", "+33612345108", "+447911123107")
        french = another(campaign.number)
        RouteFactory(account=campaign.account, country="FR", number=french)
        RouteFactory(account=campaign.account, country="GB", number=None, is_blocked=True)
        service.launch(campaign_id=campaign.pk, user=None)
        service.perform_launch(campaign.pk)
        rows = Message.objects.values_list("recipient", "number_id", "state")
        assert set(rows) == {
            ("+14155550101", campaign.number_id, "queued"),
            ("+33612345108", french.pk, "queued"),
            ("+447911123107", campaign.number_id, "suppressed"),
        }


def detoured(**values: Any) -> tuple[Campaign, Detour]:
    """A campaign of which half of what waited has moved to a second gateway."""
    campaign = sending_campaign()
    batch, second = campaign.batch, another(campaign.number, number="+14155552601")
    assert batch is not None
    moved = batch.messages.filter(state="queued").first()
    assert moved is not None
    Message.objects.filter(pk=moved.pk).update(number=second)
    Batch.objects.filter(pk=batch.pk).update(
        sender_ids=[campaign.number_id, second.pk], routed_ids=[second.pk], other_gateway_ids=[second.gateway_id]
    )
    now = timezone.now()
    usual = {"since": now, "started_at": now, "moved_at": now, "moved": 1}
    detour = Detour.objects.create(
        batch=batch,
        gateway=campaign.number.gateway,
        through=second.gateway,
        number=second,
        cause="silent",
        **{**usual, **values},
    )
    return campaign, detour


def test_a_campaigns_page_says_where_it_goes_and_counts_by_gateway(operator: Client) -> None:
    campaign, detour = detoured()
    page = page_of(operator.get(campaign_url("change", campaign)))
    assert f"{detour.gateway} has not answered since" in page
    assert f"1 of 4 recipients leave through {detour.through} from +14155552601." in page
    gateways = page[page.index("Results by gateway") : page.index("Results by number")]
    assert str(detour.gateway) in gateways
    assert str(detour.through) in gateways
    Detour.objects.update(ended_at=timezone.now())
    page = page_of(operator.get(campaign_url("change", campaign)))
    assert f"{detour.gateway} did not answer from" in page
    assert "recipients left through" in page


def test_a_batchs_page_says_it_too(operator: Client) -> None:
    campaign, detour = detoured()
    page = page_of(operator.get(reverse("admin:messaging_batch_change", args=[campaign.batch_id])))
    assert f"1 of 4 recipients leave through {detour.through}" in page


def test_a_page_without_detours_asks_for_none(operator: Client, django_assert_max_num_queries: Any) -> None:
    campaign = sending_campaign()
    with_one, _ = detoured()
    operator.get(campaign_url("progress", campaign))
    with django_assert_max_num_queries(30) as plain:
        operator.get(campaign_url("progress", campaign))
    with django_assert_max_num_queries(30) as other:
        operator.get(campaign_url("progress", with_one))
    assert not [query for query in plain.captured_queries if "detour" in query["sql"]]
    assert len(other) <= len(plain) + 6


def test_an_account_takes_its_routes_with_it() -> None:
    account = AccountFactory()
    RouteFactory(account=account, country="FR", number=None, is_blocked=True)
    account.delete()
    assert not Route.objects.exists()
