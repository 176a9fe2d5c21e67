"""Lists in the console."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import SubscriberList
from tests.console.test_campaigns import page_of
from tests.factories import CampaignFactory, SubscriberImportFactory, SubscriberListFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def test_list_shows_its_true_size(operator: Client) -> None:
    audience = SubscriberListFactory(people=3)
    SubscriptionFactory(list=audience, state="unsubscribed")
    SubscriberListFactory(people=1)
    page = page_of(operator.get(reverse("admin:campaigns_subscriberlist_change", args=[audience.pk])))
    assert "3 subscribed, 0 pending, 1 unsubscribed" in page


def test_list_is_deleted_with_the_record_of_its_imports(operator: Client) -> None:
    audience = SubscriberImportFactory().list
    operator.post(reverse("admin:campaigns_subscriberlist_delete", args=[audience.pk]), {"post": "yes"})
    assert not SubscriberList.objects.exists()


def test_list_of_a_campaign_stays(operator: Client) -> None:
    audience = CampaignFactory().lists.get()
    url = reverse("admin:campaigns_subscriberlist_delete", args=[audience.pk])
    operator.post(url, {"post": "yes"})
    assert SubscriberList.objects.filter(pk=audience.pk).exists()
