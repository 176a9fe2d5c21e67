"""What people on a list with double opt-in are told: the list's own wording, or the usual one."""

from __future__ import annotations

from broadcast.core.merge import render_template
from campaigns.models import Subscriber, SubscriberList
from campaigns.services.contacts import merge_values


def question(list_: SubscriberList, subscriber: Subscriber) -> str:
    """The question, for one person.

    Raises:
        TemplateError: the list's wording cannot be used; the text says why.
    """
    usual = (
        f"{list_.account}: reply YES to get our messages of “{list_}”. Message and data rates may apply. "
        "Reply HELP for help, STOP to stop."
    )
    return _own(list_.opt_in_request, subscriber) or usual


def reminder(list_: SubscriberList, subscriber: Subscriber) -> str:
    """The question for the second time.

    Raises:
        TemplateError: as ``question``.
    """
    return _own(list_.reminder_text, subscriber) or question(list_, subscriber)


def confirmed(list_: SubscriberList, subscriber: Subscriber) -> str:
    """What follows a YES.

    Raises:
        TemplateError: as ``question``.
    """
    usual = f"{list_.account}: thank you, you will get “{list_}”. Reply HELP for help, STOP to stop."
    return _own(list_.opt_in_confirmed, subscriber) or usual


def _own(template: str, subscriber: Subscriber) -> str:
    return render_template(template, merge_values(subscriber)) if template else ""
