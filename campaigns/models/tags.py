"""Tags: short marks that an account puts on its people."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from accounts.models import Account
from broadcast.core.models import TimestampedModel


class Tag(TimestampedModel):
    """A mark such as “vip”; ``Subscriber.tags`` says who has it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ("name",)
        constraints = (
            # "VIP" and "vip" would be two tags that nobody can tell apart.
            models.UniqueConstraint("account", Lower("name"), name="campaigns_tag_once_per_account"),
        )

    def __str__(self) -> str:
        return self.name
