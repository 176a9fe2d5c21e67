"""Canned replies: texts that staff answer with often, filled in for a person."""

from __future__ import annotations

from broadcast.core.merge import TemplateError, render_template
from messaging.models import CannedReply, Conversation
from messaging.services.people import known_of


class CannedRefused(Exception):
    """The text cannot be made; the text of this says why and what to do next."""


def fill_canned(*, canned_id: int, conversation_id: int) -> str:
    """A canned reply's text with the merge fields of the person it goes to.

    Args:
        canned_id: one of the conversation's account, or one for all.
        conversation_id: who it goes to.

    Raises:
        CannedRefused: there is no such text for this account, or its merge fields cannot be filled in.
    """
    conversation = Conversation.objects.filter(pk=conversation_id).first()
    canned = (
        CannedReply.objects.for_account(conversation.account_id).filter(pk=canned_id).first() if conversation else None
    )
    if conversation is None or canned is None:
        raise CannedRefused("This canned reply is not here any more: reload the page and choose another.")
    try:
        return render_template(canned.text, known_of(conversation.account_id, conversation.person))
    except TemplateError as error:
        raise CannedRefused(f"“{canned.name}” cannot be filled in: {error} Mend it under Canned replies.") from None
