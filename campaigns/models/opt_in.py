"""Double opt-in: what people were asked, in which words, and what they said."""

from __future__ import annotations

from django.db import models

from broadcast.core.models import TimestampedModel
from campaigns.models.lists import Subscriber, SubscriberList
from messaging.models import InboundMessage, Message, PhoneNumber


class OptInRequest(TimestampedModel):
    """A question to one person about one list, with the wording that they read.

    ``waiting`` → ``confirmed`` or ``declined``; ``declined`` → ``waiting`` when the person joins again before they may be asked
    again. Moved by ``campaigns.services.double_opt_in`` only.
    """

    class State(models.TextChoices):
        """See above."""

        WAITING = "waiting", "Waiting for an answer"
        CONFIRMED = "confirmed", "Confirmed"
        DECLINED = "declined", "Declined"

    list = models.ForeignKey(SubscriberList, on_delete=models.CASCADE, related_name="opt_in_requests")
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="opt_in_requests")
    recipient = models.CharField("asked number", max_length=16, help_text="E.164; theirs when they were asked.")
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, related_name="+", null=True)
    wording = models.TextField(help_text="As the person read it.")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField()
    last_asked_at = models.DateTimeField(help_text="The same for all lists that one message of theirs was about.")
    reminded_at = models.DateTimeField(null=True, blank=True)
    reminder_wording = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.ForeignKey(InboundMessage, on_delete=models.SET_NULL, related_name="+", null=True, blank=True)
    answer_text = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "opt-in request"
        indexes = (
            # Whether somebody was asked about a list lately, and what waits for their answer.
            models.Index(fields=("subscriber", "list", "-asked_at"), name="campaigns_opt_in_person"),
            # Reminders look for what waits and nobody was reminded of.
            models.Index(
                fields=("asked_at",),
                condition=models.Q(state="waiting", reminded_at=None),
                name="campaigns_opt_in_unreminded",
            ),
        )

    def __str__(self) -> str:
        return f"{self.subscriber} about {self.list}"
