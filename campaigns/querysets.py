"""Reading subscribers, lists and campaigns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NoReturn, Self

from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

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


def count_of(rows: models.QuerySet[Any], of: str) -> Coalesce:
    """How many rows refer to each row of the outer query, as a subquery.

    Args:
        rows: filtered by an ``OuterRef``.
        of: their field that refers to it.
    """
    counted = rows.order_by().values(of).annotate(_count=Count("*")).values("_count")
    return Coalesce(Subquery(counted, output_field=models.IntegerField()), 0)


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    """Subscribers."""


class SubscriberListQuerySet(models.QuerySet["SubscriberList"]):
    """Lists."""

    def with_sizes(self) -> Self:
        """Adds ``size``, how many people are subscribed, ``pending``, how many wait for their YES, and ``gone``, who have left.

        Each is counted for the rows that are read, by the index of its state, and not at all where the rows are only counted.
        """
        subscriptions: Any = self.model._meta.get_field("subscriptions").related_model
        theirs = subscriptions.objects.filter(list=OuterRef("pk"))
        return self.annotate(
            size=count_of(theirs.filter(state="subscribed"), "list"),
            pending=count_of(theirs.filter(state="pending"), "list"),
            gone=count_of(theirs.filter(state="unsubscribed"), "list"),
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
