"""What campaigns know of a person, beside the conversation with them."""

from __future__ import annotations

from django.http import HttpRequest

from campaigns.admin.chain_talk import chain_notice, chain_panel
from campaigns.models import CustomField, Subscriber, Subscription
from campaigns.services.consent import history, present_state
from campaigns.services.consent.in_words import standing_in_words
from messaging.admin.inbox.panels import Panel, register_notice, register_panel
from messaging.admin.sources import EVIDENCE_PERMISSION, evidence_url, source_link
from messaging.models import Conversation, Message

#: Campaigns that are shown.
CAMPAIGNS_SHOWN = 8


def person_panel(request: HttpRequest, conversation: Conversation) -> Panel | None:
    """Their name and fields."""
    if not request.user.has_perm("campaigns.view_subscriber"):
        return None
    subscriber = Subscriber.objects.filter(account_id=conversation.account_id, number=conversation.person).first()
    labels = dict(CustomField.objects.filter(account_id=conversation.account_id).values_list("key", "label"))
    values = subscriber.fields.items() if subscriber else ()
    fields = [(labels.get(key, key), value) for key, value in values if value]
    return Panel("Person", "campaigns/inbox/person.html", {"subscriber": subscriber, "fields": fields})


def lists_panel(request: HttpRequest, conversation: Conversation) -> Panel | None:
    """The lists they are or were on."""
    if not request.user.has_perm("campaigns.view_subscriberlist"):
        return None
    rows = Subscription.objects.filter(
        subscriber__account_id=conversation.account_id, subscriber__number=conversation.person
    )
    return Panel(
        "Lists", "campaigns/inbox/lists.html", {"subscriptions": rows.select_related("list").order_by("list__name")}
    )


def campaigns_panel(request: HttpRequest, conversation: Conversation) -> Panel | None:
    """The last campaigns that went to them, from whatever number."""
    if not request.user.has_perm("campaigns.view_campaign"):
        return None
    sent = Message.objects.filter(
        account_id=conversation.account_id, recipient=conversation.person, kind=Message.Kind.CAMPAIGN
    )
    rows = [
        {"message": message, "link": source_link(message.batch)}
        for message in sent.select_related("batch").order_by("-id")[:CAMPAIGNS_SHOWN]
    ]
    return Panel("Campaigns", "campaigns/inbox/campaigns.html", {"rows": rows})


def standing_panel(request: HttpRequest, conversation: Conversation) -> Panel | None:
    """How their consent stands, by list, from the ledger."""
    if not request.user.has_perm("campaigns.view_consentevent"):
        return None
    events = history(conversation.account_id, conversation.person)
    names = {event.list_id: event.list_name for event in events if event.list_id is not None}
    url = evidence_url(conversation.account_id, conversation.person)
    return Panel(
        "Consent",
        "campaigns/inbox/standing.html",
        {
            "standing": list(standing_in_words(present_state(events), names)),
            "evidence_url": url if request.user.has_perm(EVIDENCE_PERMISSION) else "",
        },
    )


register_panel(person_panel, place=10)
register_panel(lists_panel, place=20)
register_panel(chain_panel, place=30)
register_panel(standing_panel, place=55)
register_notice(chain_notice)
register_panel(campaigns_panel, place=60)
