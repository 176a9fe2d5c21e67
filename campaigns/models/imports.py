"""The record of an import."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from broadcast.core.models import TimestampedModel
from campaigns.models.lists import SubscriberList


def no_rows() -> list[dict[str, object]]:
    """An empty list of refused rows."""
    return []


class SubscriberImport(TimestampedModel):
    """What a file did to a list, with the rows that were refused."""

    list = models.ForeignKey(SubscriberList, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=200)
    encoding = models.CharField(max_length=40, blank=True)
    delimiter = models.CharField(max_length=4, blank=True)
    rows_read = models.PositiveIntegerField(default=0)
    rows_new = models.PositiveIntegerField(default=0, help_text="People the account did not know.")
    rows_updated = models.PositiveIntegerField(default=0, help_text="Known people, added to the list or changed.")
    rows_unchanged = models.PositiveIntegerField(default=0, help_text="On the list already, nothing new.")
    rows_opted_out = models.PositiveIntegerField(default=0, help_text="Opted out: kept out.")
    rows_duplicate = models.PositiveIntegerField(default=0, help_text="The same number again in the same file.")
    rows_invalid = models.PositiveIntegerField(default=0)
    rejected = models.JSONField(
        default=no_rows, blank=True, help_text="Refused rows: {row, reason, values}, downloadable as a file."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("-id",)
        verbose_name = "import"

    def __str__(self) -> str:
        return f"{self.file_name} into {self.list}"
