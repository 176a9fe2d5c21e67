"""Reading subscribers, lists and campaigns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Q

if TYPE_CHECKING:
    from campaigns.models import Campaign, Subscriber, SubscriberList, Subscription  # noqa: F401  named in strings below


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    """Subscribers."""


class SubscriberListQuerySet(models.QuerySet["SubscriberList"]):
    """Lists."""

    def with_sizes(self) -> Self:
        """Adds ``size``: how many people are subscribed."""
        return self.annotate(size=Count("subscriptions", filter=Q(subscriptions__state="subscribed")))


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Subscriptions."""

    def live(self) -> Self:
        """Those that are sent to."""
        return self.filter(state="subscribed")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns."""

    def due(self, moment: dt.datetime) -> Self:
        """Scheduled campaigns whose time has come."""
        return self.filter(state="scheduled", scheduled_at__lte=moment)
