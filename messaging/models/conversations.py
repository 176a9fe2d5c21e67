"""What is said between people and our numbers, as staff answer it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from broadcast.core.models import TimestampedModel
from messaging.models.numbers import PhoneNumber
from messaging.querysets import CannedReplyQuerySet, ConversationQuerySet

#: Longest beginning of a message that a list shows, in characters.
EXCERPT_CHARACTERS = 120


class Conversation(TimestampedModel):
    """One person and one of our numbers. The messages themselves stay in their own tables.

    ::

        open ◄──► closed

    It is opened by a message that waits for a person, and by a reply of staff's; what was answered by machine is kept in
    it and opens nothing. ``unread_count`` are the messages that wait for a person and that nobody has looked at.
    """

    class State(models.TextChoices):
        """Whether somebody has to attend to it."""

        OPEN = "open", "Open"
        CLOSED = "closed", "Closed"

    class Direction(models.TextChoices):
        """Who wrote."""

        IN = "in", "They"
        OUT = "out", "We"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="conversations", db_index=False)
    number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, related_name="conversations", db_index=False)
    person = models.CharField(max_length=16, help_text="E.164.")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="conversations"
    )
    unread_count = models.PositiveIntegerField("unread", default=0)
    # Kept beside the count because an index can begin with it.
    is_unread = models.BooleanField(default=False, editable=False)
    last_message_at = models.DateTimeField(default=timezone.now)
    last_excerpt = models.CharField(max_length=EXCERPT_CHARACTERS, blank=True)
    last_direction = models.CharField(max_length=3, choices=Direction, default=Direction.IN)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(
        max_length=120,
        blank=True,
        default="",
        help_text="Why the last reply did not arrive; until the next, or closing.",
    )

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ("-is_unread", "-last_message_at", "-id")
        constraints = (
            # The router finds or makes the conversation of an inbound message.
            models.UniqueConstraint(fields=("number", "person"), name="messaging_conversation_once_per_person"),
            models.CheckConstraint(
                condition=Q(is_unread=True, unread_count__gt=0) | Q(is_unread=False, unread_count=0),
                name="messaging_conversation_unread_agrees",
            ),
        )
        indexes = (
            # The inbox of all accounts: open (or closed) ones, unread first, then the newest; also the sidebar's badge.
            models.Index(fields=("state", "-is_unread", "-last_message_at", "-id"), name="messaging_conversation_list"),
            # The same for one account.
            models.Index(
                fields=("account", "state", "-is_unread", "-last_message_at"), name="messaging_conversation_account"
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} at {self.number}"

    @property
    def is_open(self) -> bool:
        """Whether somebody has to attend to it."""
        return self.state == self.State.OPEN


class ConversationNote(models.Model):
    """What staff tell each other about a conversation; never sent."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"note on {self.conversation_id}"


class CannedReply(TimestampedModel):
    """A text that staff answer with often; its merge fields are filled in for the person it goes to."""

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        related_name="canned_replies",
        null=True,
        blank=True,
        help_text="Empty: for all accounts.",
    )
    name = models.CharField(max_length=60, help_text="As staff choose it.")
    text = models.TextField(max_length=1600, help_text='May hold merge fields: {{ first_name | default: "there" }}.')

    objects = CannedReplyQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        verbose_name = "canned reply"
        verbose_name_plural = "canned replies"
        constraints = (
            models.UniqueConstraint(fields=("account", "name"), name="messaging_canned_name_once_per_account"),
            models.UniqueConstraint(
                fields=("name",), condition=Q(account__isnull=True), name="messaging_canned_name_once_for_all"
            ),
        )

    def __str__(self) -> str:
        return self.name
