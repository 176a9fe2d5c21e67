"""Deleting people, lists and endpoints: works for who may, says what goes and what stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import CallEndpoint, ConsentEvent, OptInRequest, OutgoingCall, Subscriber, SubscriberList
from campaigns.services.consent import How, Origin
from campaigns.services.double_opt_in import join
from tests.console.test_campaigns import page_of
from tests.factories import CallEndpointFactory, PhoneNumberFactory, SubscriberFactory, SubscriberListFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def things() -> dict[str, Any]:
    """A person who was asked about a list, and an endpoint that was called."""
    line = PhoneNumberFactory.create()
    ada = SubscriberFactory.create(account=line.account, first_name="Ada")
    club = SubscriberListFactory.create(account=line.account, double_opt_in=True)
    join(subscriber=ada, lists=[club], origin=Origin(how=How.API))
    endpoint = CallEndpointFactory.create(account=line.account)
    OutgoingCall.objects.create(endpoint=endpoint, payload={})
    return {"subscriber": ada, "subscriberlist": club, "callendpoint": endpoint}


@pytest.mark.parametrize("role", ["Superuser", "Operator"])
@pytest.mark.parametrize("name", ["subscriber", "subscriberlist", "callendpoint"])
@pytest.mark.parametrize("at_once", [False, True])
def test_goes_with_its_records_and_the_dialog_says_what_stays(
    as_role: Callable[[str], Client], things: dict[str, Any], role: str, name: str, at_once: bool
) -> None:
    target, browser = things[name], as_role(role)
    if at_once:
        url, form = (
            reverse(f"admin:campaigns_{name}_changelist"),
            {"action": "delete_selected", "_selected_action": target.pk},
        )
        asked = browser.post(url, form)
    else:
        url, form = reverse(f"admin:campaigns_{name}_delete", args=[target.pk]), {}
        asked = browser.get(url)
    assert "What stays:" in page_of(asked)
    assert "What goes:" in page_of(asked)

    assert browser.post(url, {**form, "post": "yes"}).status_code == 302

    assert not type(target).objects.filter(pk=target.pk).exists()
    if name == "callendpoint":
        assert not OutgoingCall.objects.exists()
        return
    assert not OptInRequest.objects.exists()
    assert list(ConsentEvent.objects.order_by("id").values_list("action", flat=True)) == ["requested", "withdrawn"]
    left: Any = SubscriberList if name == "subscriber" else Subscriber
    assert left.objects.exists()


@pytest.mark.parametrize("name", ["subscriber", "subscriberlist", "callendpoint"])
def test_who_may_not_delete_it_does_not(as_role: Callable[[str], Client], things: dict[str, Any], name: str) -> None:
    url = reverse(f"admin:campaigns_{name}_delete", args=[things[name].pk])
    assert as_role("Read-only").post(url, {"post": "yes"}).status_code == 403
    assert CallEndpoint.objects.count() == Subscriber.objects.count() == SubscriberList.objects.count() == 1
