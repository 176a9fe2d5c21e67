"""The actions that keywords have from the start: lists, tags, fields, mails to staff, webhook calls."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from broadcast.core.config import config
from campaigns.models import KeywordAction, Subscription
from campaigns.services.calls import queue_call, queue_notice
from campaigns.services.consent import How, Origin
from campaigns.services.contacts import merge_values, set_value
from campaigns.services.double_opt_in import join, leave
from campaigns.services.keywords.registry import ActionContext, ActionFailed, ActionKind, register_kind


def addresses_of(text: str) -> list[str]:
    """The e-mail addresses in a text, parted by commas, semicolons or blanks; each once."""
    return list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))


def _origin(context: ActionContext) -> Origin:
    message = context.inbound.message
    source = f"keyword {context.keyword.name}"
    return Origin(how=How.KEYWORD, source=source, wording=message.body, inbound_id=message.pk, at=message.received_at)


def _join(context: ActionContext, action: KeywordAction) -> str:
    if action.list is None:
        raise ActionFailed("the list to join is gone")
    subscriber = context.ensure_subscriber()
    try:
        joined = join(
            subscriber=subscriber,
            lists=[action.list],
            origin=_origin(context),
            number=context.inbound.number,
            now=context.now,
            muted=context.inbound.muted,
        )
    except ValueError:
        # A row that no form of ours makes must not keep the message from being handled.
        raise ActionFailed(f"“{action.list}” is another account's list: choose another one in the keyword") from None
    return ", ".join(map(str, joined))


def _leave(context: ActionContext, action: KeywordAction) -> str:
    if action.list is None:
        raise ActionFailed("the list to leave is gone")
    person = context.subscriber
    if person is None:
        return f"was not on “{action.list}”"
    by = Subscription.EndedBy.KEYWORD
    if leave(subscriber=person, list_=action.list, ended_by=by, origin=_origin(context)):
        return f"left “{action.list}”"
    return f"was not on “{action.list}”"


def _add_tag(context: ActionContext, action: KeywordAction) -> str:
    if action.tag is None:
        raise ActionFailed("the tag to add is gone")
    context.ensure_subscriber().tags.add(action.tag)
    return f"tagged “{action.tag}”"


def _remove_tag(context: ActionContext, action: KeywordAction) -> str:
    if action.tag is None:
        raise ActionFailed("the tag to remove is gone")
    if context.subscriber is not None:
        context.subscriber.tags.remove(action.tag)
    return f"tag “{action.tag}” removed"


def _set_field(context: ActionContext, action: KeywordAction) -> str:
    if action.field is None:
        raise ActionFailed("the field to set is gone")
    value = action.value or context.rest
    if not value:
        return f"“{action.field}” not set: nothing follows the keyword"
    set_value(subscriber=context.ensure_subscriber(), field=action.field.key, value=value)
    return f"“{action.field}” set"


def _notify(context: ActionContext, action: KeywordAction) -> str:
    message, addresses = context.inbound.message, addresses_of(action.emails)
    if not addresses:
        raise ActionFailed("nobody to write to: the action has no e-mail address")
    who = str(context.subscriber or message.sender)
    person = f"{who} ({message.sender})" if who != message.sender else who
    queue_notice(
        inbound=message,
        addresses=addresses,
        subject=f"{context.inbound.account}: {context.keyword} from {who}",
        body=f"{person} wrote to {context.inbound.number}:\n\n{message.body}\n\n"
        f"Keyword: {context.keyword}\n{config().public_url}\n",
    )
    return f"e-mail to {len(addresses)}"


def _check_emails(action: KeywordAction) -> dict[str, str]:
    for address in addresses_of(action.emails):
        try:
            validate_email(address)
        except ValidationError:
            return {"emails": f"“{address}” is not an e-mail address."}
    return {}


def payload_of(context: ActionContext) -> dict[str, Any]:
    """What a webhook is told of a message; the receiver's view of it is documented in ``docs/keywords.md``."""
    message, person = context.inbound.message, context.subscriber
    return {
        "event": "keyword",
        "keyword": context.keyword.name,
        "matched": context.matched,
        "rest": context.rest,
        "text": message.body,
        "from": message.sender,
        "to": context.inbound.number.number,
        "account": context.inbound.account.name,
        "message": message.pk,
        "received_at": message.received_at.isoformat(),
        "person": None if person is None else merge_values(person),
    }


def _call(context: ActionContext, action: KeywordAction) -> str:
    if action.endpoint is None:
        raise ActionFailed("the webhook to call is gone")
    if not action.endpoint.is_enabled:
        raise ActionFailed(f"“{action.endpoint}” is not called: it is disabled")
    queue_call(endpoint=action.endpoint, payload=payload_of(context))
    return f"calls “{action.endpoint}”"


def register_own_kinds() -> None:
    """Make the kinds known; once, when the app is ready."""
    for kind in (
        ActionKind("join", "Join a list", _join, needs=("list",)),
        ActionKind("leave", "Leave a list", _leave, needs=("list",)),
        ActionKind("add_tag", "Add a tag", _add_tag, needs=("tag",)),
        ActionKind("remove_tag", "Remove a tag", _remove_tag, needs=("tag",)),
        ActionKind("set_field", "Set a field", _set_field, needs=("field",), uses=("value",)),
        ActionKind("notify", "E-mail to staff", _notify, needs=("emails",), check=_check_emails),
        ActionKind("call", "Call a webhook", _call, needs=("endpoint",)),
    ):
        register_kind(kind)
