"""What is told to others: webhook calls and mails to staff, each at least once."""

from __future__ import annotations

from campaigns.services.calls.delivering import CallError, deliver, deliver_due, queue_call, try_again
from campaigns.services.calls.endpoints import new_secret
from campaigns.services.calls.notices import queue_notice, send_again, send_due_notices
from campaigns.services.calls.pruning import KEEP_DAYS, prune_settled

__all__ = [
    "KEEP_DAYS",
    "CallError",
    "deliver",
    "deliver_due",
    "new_secret",
    "prune_settled",
    "queue_call",
    "queue_notice",
    "send_again",
    "send_due_notices",
    "try_again",
]
