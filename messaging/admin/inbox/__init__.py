"""Conversations with people: list, thread and what is known of the person on one page."""

from messaging.admin.inbox.canned import CannedReplyAdmin
from messaging.admin.inbox.conversations import ConversationAdmin

__all__ = ["CannedReplyAdmin", "ConversationAdmin"]
