"""Keywords: words that people write to a number, and what happens then."""

from __future__ import annotations

from django.db import models

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from campaigns.models.calls import CallEndpoint
from campaigns.models.chains import Chain
from campaigns.models.lists import CustomField, SubscriberList
from campaigns.models.tags import Tag
from messaging.models import PhoneNumber


class Keyword(TimestampedModel):
    """Words for one purpose, with a reply and actions.

    Of several that match a message the highest priority counts, then a number's own before the account's, then the
    longest phrase, then the oldest keyword (``campaigns.services.keywords.matching``).
    """

    class Where(models.TextChoices):
        """Where in a message its words must stand."""

        FIRST = "first", "At the beginning"
        WHOLE = "whole", "The whole message"
        ANYWHERE = "anywhere", "Anywhere"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="keywords")
    number = models.ForeignKey(
        PhoneNumber,
        on_delete=models.PROTECT,
        related_name="keywords",
        null=True,
        blank=True,
        help_text="Empty: every number of the account.",
    )
    name = models.CharField(max_length=80)
    words = models.TextField(
        max_length=2000,
        help_text="One word or phrase a line. Capitals, accents and punctuation do not matter.",
    )
    where = models.CharField("must stand", max_length=10, choices=Where, default=Where.FIRST)
    priority = models.SmallIntegerField(default=0, help_text="When several keywords match, the highest counts.")
    active_from = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    active_until = models.DateTimeField(null=True, blank=True, help_text="Empty: for good.")
    is_enabled = models.BooleanField("enabled", default=True)
    reply = models.TextField(
        max_length=1600,
        blank=True,
        help_text='Merge fields in Liquid, for example {{ first_name | default: "there" }}. Empty: no reply.',
    )
    times_matched = models.PositiveIntegerField("matched", default=0, editable=False)
    last_matched_at = models.DateTimeField("last matched", null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-priority", "name")
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="campaigns_keyword_name_once_per_account"),
            models.CheckConstraint(
                condition=models.Q(active_from=None)
                | models.Q(active_until=None)
                | models.Q(active_from__lt=models.F("active_until")),
                name="campaigns_keyword_begins_before_it_ends",
                violation_error_message="It ends before it begins. Choose a later end.",
            ),
        )

    def __str__(self) -> str:
        return self.name


class KeywordAction(models.Model):
    """One thing that a keyword does; they are done in their order.

    ``kind`` names an entry of ``campaigns.services.keywords.registry``, which says which of the other fields it needs.
    """

    keyword = models.ForeignKey(Keyword, on_delete=models.CASCADE, related_name="actions")
    position = models.PositiveSmallIntegerField("order", default=0)
    kind = models.CharField("action", max_length=20)
    list = models.ForeignKey(SubscriberList, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    field = models.ForeignKey(CustomField, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    endpoint = models.ForeignKey(
        CallEndpoint, on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name="webhook"
    )
    chain = models.ForeignKey(
        Chain,
        on_delete=models.PROTECT,
        related_name="keyword_actions",
        null=True,
        blank=True,
        verbose_name="text chain",
    )
    value = models.CharField(
        max_length=500, blank=True, help_text="The field's new text. Empty: the rest of the message after the keyword."
    )
    emails = models.CharField("e-mail to", max_length=500, blank=True, help_text="Addresses separated by commas.")

    class Meta:
        ordering = ("position", "id")
        verbose_name = "action"

    def __str__(self) -> str:
        return self.kind.replace("_", " ").capitalize()
