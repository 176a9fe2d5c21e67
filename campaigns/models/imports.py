"""The record of an import."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from broadcast.core.models import TimestampedModel
from campaigns.models.lists import SubscriberList


def no_rows() -> list[dict[str, object]]:
    """An empty list of refused rows."""
    return []


def no_columns() -> list[dict[str, str]]:
    """An empty list of columns."""
    return []


class SubscriberImport(TimestampedModel):
    """What a file did to a list, with the rows that were refused.

    The six counts of outcomes add up to ``rows_read``.
    """

    #: Refused rows that are kept; the counts are true beyond it.
    MAX_REJECTED = 10_000

    list = models.ForeignKey(SubscriberList, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=200)
    encoding = models.CharField(max_length=40, blank=True)
    delimiter = models.CharField(max_length=4, blank=True)
    columns = models.JSONField(
        default=no_columns,
        blank=True,
        help_text="The file's columns in order: {header, field}; field is empty if unused.",
    )
    upload = models.CharField(
        max_length=32, blank=True, editable=False, help_text="Name of the upload that was confirmed in the console."
    )
    consent_wording = models.TextField(
        "consent statement",
        blank=True,
        help_text="What these people agreed to, in the words they saw; kept in each one's consent ledger.",
    )
    rows_read = models.PositiveIntegerField(default=0)
    rows_new = models.PositiveIntegerField(default=0, help_text="People the account did not know.")
    rows_updated = models.PositiveIntegerField(default=0, help_text="Known people, added to the list or changed.")
    rows_unchanged = models.PositiveIntegerField(default=0, help_text="On the list already, nothing new.")
    rows_opted_out = models.PositiveIntegerField(default=0, help_text="Opted out: kept out.")
    rows_duplicate = models.PositiveIntegerField(default=0, help_text="The same number again in the same file.")
    rows_invalid = models.PositiveIntegerField(default=0)
    rejected = models.JSONField(
        default=no_rows, blank=True, help_text="Rows that were refused or kept out: {row, reason, values}."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("-id",)
        verbose_name = "import"
        constraints = (
            # A preview that is confirmed twice is imported once.
            models.UniqueConstraint(
                fields=("upload",), condition=~models.Q(upload=""), name="campaigns_import_once_per_upload"
            ),
        )

    def __str__(self) -> str:
        return f"{self.file_name} into {self.list}"
