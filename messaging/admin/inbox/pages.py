"""What the templates of the inbox are given."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Account, User
from integrations.sms.segments import GSM7_BASIC, GSM7_EXTENSION
from messaging.admin.inbox.panels import Notice, notices_of, panels_of
from messaging.admin.labels import MESSAGE_LABELS
from messaging.admin.media import media_of
from messaging.admin.sources import source_link
from messaging.models import CannedReply, Conversation, PhoneNumber
from messaging.services.conversations import LONGEST_REPLY_CHARACTERS, why_not_sendable
from messaging.services.inbox import LIST_LENGTH, LONGEST_LIST, VIEWS, InboxFilter, list_inbox
from messaging.services.people import names_of
from messaging.services.threads import LONGEST_THREAD, THREAD_LENGTH, ThreadItem, read_thread, version_of

if TYPE_CHECKING:
    from messaging.services.threads import Thread

CHANGE_PERMISSION = "messaging.change_conversation"


#: What a column of ids can hold.
_LARGEST_ID = 2**63 - 1


def _whole(text: str, usual: int, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 19 else usual


def wanted_of(request: HttpRequest) -> InboxFilter:
    """What the address asks for; what it cannot mean is left out."""
    get = request.GET
    account, number = (_whole(get.get(name, ""), 0, _LARGEST_ID) for name in ("account", "number"))
    return InboxFilter(
        view=get.get("view", "") if get.get("view") in VIEWS else "open",
        account_id=account or None,
        number_id=number or None,
        words=get.get("q", "").strip(),
        length=max(_whole(get.get("rows", ""), LIST_LENGTH, LONGEST_LIST), 1),
    )


def query_of(wanted: InboxFilter, **changed: Any) -> str:
    """A filter as the address says it, from ``?`` on; empty for the usual one."""
    said = {
        "view": wanted.view if wanted.view != "open" else "",
        "account": wanted.account_id,
        "number": wanted.number_id,
        "q": wanted.words,
        "rows": wanted.length if wanted.length != LIST_LENGTH else "",
        **changed,
    }
    query = urlencode({name: value for name, value in said.items() if value})
    return f"?{query}" if query else ""


def list_context(request: HttpRequest, wanted: InboxFilter, selected_id: int | None) -> dict[str, Any]:
    """The list of conversations."""
    found = list_inbox(user=cast("User", request.user), wanted=wanted)
    query = query_of(wanted)
    more = query_of(wanted, rows=min(wanted.length + LIST_LENGTH, LONGEST_LIST))
    here = reverse("admin:messaging_conversation_changelist")
    return {
        "rows": [{"conversation": row, "name": found.names[row.pk]} for row in found.rows],
        "query": query,
        "has_more": found.has_more,
        "unread": found.unread,
        "left_out": found.left_out,
        "more_url": f"{page_url(selected_id) if selected_id else here}{more}",
        "list_version": found.version,
        "list_url": reverse("admin:messaging_conversation_list")
        + query_of(wanted, selected=selected_id, version=found.version),
        # A search is not repeated by itself.
        "list_polls": not wanted.words,
        "selected_id": selected_id,
        "wanted": wanted,
    }


def filter_context(request: HttpRequest, wanted: InboxFilter) -> dict[str, Any]:
    """The views and selects above the list."""
    here = reverse("admin:messaging_conversation_changelist")
    numbers = (
        PhoneNumber.objects.filter(account_id=wanted.account_id) if wanted.account_id else PhoneNumber.objects.none()
    )
    return {
        "views": [
            {
                "title": title,
                # A search is for all views; whoever chooses one leaves it.
                "is_it": name == wanted.view and not wanted.words,
                "url": here + query_of(wanted, view=name if name != "open" else "", rows="", q=""),
            }
            for name, title in VIEWS.items()
        ],
        "accounts": Account.objects.for_user(cast("User", request.user)).order_by("name"),
        "numbers": numbers,
        "here": here,
    }


def page_url(conversation_id: int) -> str:
    """The address of a conversation's page."""
    return reverse("admin:messaging_conversation_change", args=[conversation_id])


def name_of(conversation: Conversation) -> str:
    """The person's name; empty when nobody knows it."""
    pair = (conversation.account_id, conversation.person)
    return names_of({pair}).get(pair, "")


def thread_length(request: HttpRequest) -> int:
    """How many messages of each direction the address asks for."""
    return max(_whole(request.GET.get("messages", ""), THREAD_LENGTH, LONGEST_THREAD), 1)


def shown_version(request: HttpRequest, conversation: Conversation) -> str:
    """A mark that changes when anything changes that the thread's part of the page shows."""
    version = version_of(conversation, length=thread_length(request))
    return _with_notices(version, notices_of(request, conversation))


def _with_notices(version: str, notices: list[Notice]) -> str:
    return "-".join((version, *(notice.version for notice in notices)))


def thread_context(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The bubbles, by days of the account's zone."""
    length = thread_length(request)
    thread = read_thread(conversation, length=length)
    zone = conversation.account.zone
    notices, wanted = notices_of(request, conversation), wanted_of(request)
    poll = query_of(wanted, version=_with_notices(thread.version, notices), messages=length)
    earlier = min(length * 4, LONGEST_THREAD)
    return {
        "conversation": conversation,
        "zone": zone,
        "days": _days(thread, zone),
        "thread": thread,
        "thread_url": f"{reverse('admin:messaging_conversation_thread', args=[conversation.pk])}{poll}",
        "earlier_url": "" if thread.is_all or length >= LONGEST_THREAD else query_of(wanted, messages=earlier),
        "read_url": reverse("admin:messaging_conversation_read", args=[conversation.pk]),
        "notices": notices,
        "may_change": request.user.has_perm(CHANGE_PERMISSION),
        "obstacle": why_not_sendable(conversation),
    }


def _days(thread: Thread, zone: dt.tzinfo) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = []
    for item in thread.items:
        day = item.at.astimezone(zone).date()
        if not days or days[-1]["day"] != day:
            days.append({"day": day, "bubbles": []})
        days[-1]["bubbles"].append(_bubble(item))
    return days


def _bubble(item: ThreadItem) -> dict[str, Any]:
    message = item.message
    return {
        "item": item,
        "media": media_of(item.inbound.media) if item.inbound else [],
        "source": source_link(message.batch) if message and message.batch else "",
        "label": MESSAGE_LABELS.get(message.state, "") if message else "",
    }


def composer_context(
    request: HttpRequest, conversation: Conversation, *, seen: str, text: str = "", refusal: str = "", said: str = ""
) -> dict[str, Any]:
    """The box in which a reply is written.

    Args:
        request: who writes.
        conversation: to whom.
        seen: mark of the newest messages that are shown above it.
        text: what stands in it.
        refusal: why it was not sent.
        said: what was done.
    """
    length = thread_length(request)
    return {
        "conversation": conversation,
        "seen": seen,
        "key": uuid.uuid4(),
        "text": text,
        "refusal": refusal,
        "said": said,
        "may_change": request.user.has_perm(CHANGE_PERMISSION),
        "obstacle": why_not_sendable(conversation),
        "canned": CannedReply.objects.for_account(conversation.account_id),
        "gsm7_basic": GSM7_BASIC,
        "gsm7_extension": GSM7_EXTENSION,
        "longest": LONGEST_REPLY_CHARACTERS,
        # With as much of the thread as is shown: what is answered with it is no shorter.
        "write_query": query_of(wanted_of(request), messages=length if length != THREAD_LENGTH else ""),
    }


def head_context(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The thread's head and what stands beside it."""
    return {
        "name": name_of(conversation),
        "panels": panels_of(request, conversation),
        "staff": User.objects.filter(is_staff=True, is_active=True).order_by("first_name", "last_name", "email"),
    }
