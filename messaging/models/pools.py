"""Sender pools: several numbers that share an account's campaigns."""

from __future__ import annotations

from django.db import models

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from messaging.models.numbers import PhoneNumber
from messaging.querysets import SenderPoolQuerySet


class SenderPool(TimestampedModel):
    """Numbers of one account at one gateway over which a campaign is spread, in proportion to their pace.

    The same recipient is always written to from the same number: recipients fall into ``BUCKETS`` groups by the last digits of
    their number, and ``buckets`` says which of our numbers each group belongs to. When numbers join or leave, only as many
    groups move as must (``messaging.services.pools``).
    """

    #: Groups of recipients.
    BUCKETS = 240

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="sender_pools")
    name = models.CharField(max_length=60)
    numbers = models.ManyToManyField(PhoneNumber, related_name="pools")
    buckets = models.JSONField(
        default=list,
        editable=False,
        help_text="Ids of numbers, one for each group of recipients; empty without numbers.",
    )

    objects = SenderPoolQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="messaging_pool_name_once_per_account"),
        )

    def __str__(self) -> str:
        return self.name
