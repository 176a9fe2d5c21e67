"""The states of a message and the one rule by which they change: forward only."""

from __future__ import annotations

from django.db import models


class MessageState(models.TextChoices):
    """Where a message stands; ``RANK`` orders them."""

    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    UNKNOWN = "unknown", "Unknown"
    ACCEPTED = "accepted", "Accepted"
    SENT = "sent", "Sent"
    UNRESOLVED = "unresolved", "Never settled"
    NO_REPORT = "no_report", "No report"
    SUPPRESSED = "suppressed", "Suppressed"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    FAILED = "failed", "Failed"
    UNDELIVERED = "undelivered", "Undelivered"
    DELIVERED = "delivered", "Delivered"


#: A message's state changes only to one of a higher rank. ``UNRESOLVED`` and ``NO_REPORT`` are final unless a late
#: delivery report still tells; the others of rank 50 and more are final for good.
RANK: dict[str, int] = {
    MessageState.QUEUED: 0,
    MessageState.SENDING: 10,
    MessageState.UNKNOWN: 20,
    MessageState.ACCEPTED: 30,
    MessageState.SENT: 35,
    MessageState.UNRESOLVED: 40,
    MessageState.NO_REPORT: 40,
    MessageState.SUPPRESSED: 50,
    MessageState.CANCELLED: 50,
    MessageState.EXPIRED: 50,
    MessageState.FAILED: 50,
    MessageState.UNDELIVERED: 50,
    MessageState.DELIVERED: 50,
}

#: States in which a message needs nothing more.
FINAL_STATES: tuple[str, ...] = tuple(state for state, rank in RANK.items() if rank >= 40)
#: States in which a message still has to leave, or may have left.
OPEN_STATES: tuple[str, ...] = tuple(state for state, rank in RANK.items() if rank < 40)
#: States that say the provider took the message.
TAKEN_STATES: tuple[str, ...] = (
    MessageState.ACCEPTED,
    MessageState.SENT,
    MessageState.NO_REPORT,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
)


class BatchState(models.TextChoices):
    """Where a batch stands (drawn in ``Batch``)."""

    LAUNCHING = "launching", "Launching"
    SENDING = "sending", "Sending"
    PAUSED = "paused", "Paused"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Cancelled"


class RegistrationState(models.TextChoices):
    """Where a registration with the carriers stands (drawn in ``Registration``)."""

    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    SUSPENDED = "suspended", "Suspended"
    WITHDRAWN = "withdrawn", "Withdrawn"


#: The arrows of a registration.
REGISTRATION_MOVES: dict[str, tuple[str, ...]] = {
    RegistrationState.DRAFT: (RegistrationState.SUBMITTED, RegistrationState.WITHDRAWN),
    RegistrationState.SUBMITTED: (
        RegistrationState.IN_REVIEW,
        RegistrationState.APPROVED,
        RegistrationState.REJECTED,
        RegistrationState.WITHDRAWN,
    ),
    RegistrationState.IN_REVIEW: (
        RegistrationState.APPROVED,
        RegistrationState.REJECTED,
        RegistrationState.WITHDRAWN,
    ),
    RegistrationState.APPROVED: (RegistrationState.SUSPENDED, RegistrationState.WITHDRAWN),
    RegistrationState.REJECTED: (RegistrationState.SUBMITTED, RegistrationState.WITHDRAWN),
    RegistrationState.SUSPENDED: (RegistrationState.APPROVED, RegistrationState.WITHDRAWN),
    RegistrationState.WITHDRAWN: (RegistrationState.SUBMITTED,),
}
