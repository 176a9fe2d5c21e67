"""Reading subscribers, lists and campaigns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.db import models
from django.db.models import Count, Q

if TYPE_CHECKING:
    from campaigns.models import (  # noqa: F401  named in strings below
        Campaign,
        ConsentEvent,
        OptOutRequest,
        Subscriber,
        SubscriberList,
        Subscription,
    )


class LedgerIsAppendOnly(Exception):
    """Somebody tried to change or delete what the consent ledger holds."""

    def __init__(self) -> None:
        super().__init__("The consent ledger is append-only: nothing in it is changed or deleted. Record a new event.")


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    """Subscribers."""


class SubscriberListQuerySet(models.QuerySet["SubscriberList"]):
    """Lists."""

    def with_sizes(self) -> Self:
        """Adds ``size``, how many people are subscribed, and ``pending``, how many were asked or are to be asked."""
        return self.annotate(
            size=Count("subscriptions", filter=Q(subscriptions__state="subscribed")),
            pending=Count("subscriptions", filter=Q(subscriptions__state="pending")),
        )


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Subscriptions."""

    def live(self) -> Self:
        """Those that are sent to."""
        return self.filter(state="subscribed")

    def pending(self) -> Self:
        """Those that wait for the person's YES; nothing is sent to them but the question."""
        return self.filter(state="pending")


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns."""

    def due(self, moment: dt.datetime) -> Self:
        """Scheduled campaigns whose time has come."""
        return self.filter(state="scheduled", scheduled_at__lte=moment)


class ConsentEventQuerySet(models.QuerySet["ConsentEvent"]):
    """The consent ledger."""

    def of_person(self, account_id: int, number: str) -> Self:
        """A person's events at an account, in the order in which they were recorded."""
        return self.filter(account_id=account_id, number=number).order_by("id")

    def update(self, **_kwargs: Any) -> NoReturn:
        """Never; see ``ConsentEvent.save``."""
        raise LedgerIsAppendOnly

    def delete(self) -> NoReturn:
        """Never; see ``ConsentEvent.delete``."""
        raise LedgerIsAppendOnly


class OptOutRequestQuerySet(models.QuerySet["OptOutRequest"]):
    """Opt-out requests by other ways."""

    def open(self) -> Self:
        """Those that wait for a person."""
        return self.filter(state="open")
