"""The inbox."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from messaging.admin.labels import INBOUND_LABELS, REJECTED_LABELS
from messaging.admin.media import media_of
from messaging.jobs.replay import NotReplayed, dismiss, replay
from messaging.models import InboundMessage, RejectedWebhook

if TYPE_CHECKING:
    from accounts.models import User

#: Characters of a text that a list shows.
EXCERPT_CHARACTERS = 80


def excerpt(text: str) -> str:
    """The beginning of a text."""
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS].rstrip()}…"


@admin.register(InboundMessage)
class InboundMessageAdmin(LargeTableMixin, ReadOnlyAdmin[InboundMessage]):
    """What people wrote to us."""

    list_display = ("sender", "display_body", "display_state", "display_account", "display_number", "display_received")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
        ("number", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "number")
    ordering = ("-id",)
    search_fields = ("sender", "body")
    number_search_fields = ("sender",)
    search_help_text = "A number, or words of a message"
    readonly_fields = ("display_text", "display_media", "display_answer")
    fieldsets = (
        (None, {"fields": (("sender", "recipient"), "display_text", "display_media")}),
        ("What became of it", {"fields": (("state", "handler"), "decision", "display_answer")}),
        ("Belongs to", {"fields": (("account", "number"), ("gateway", "provider_id"))}),
        ("Record", {"fields": (("received_at", "handled_at"),)}),
    )

    @display(description="Text")
    def display_body(self, message: InboundMessage) -> str:
        """The beginning, and how many files came with it."""
        if not message.media:
            return excerpt(message.body) or "(empty)"
        count = len(message.media)
        files = "1 file" if count == 1 else f"{count} files"
        return render_to_string(
            "messaging/inbox/files.html", {"text": excerpt(message.body) or "(no text)", "files": files}
        )

    @display(description="State", ordering="state", label=INBOUND_LABELS)
    def display_state(self, message: InboundMessage) -> tuple[str, str]:
        """The state as a label."""
        return message.state, message.get_state_display()

    @display(description="Account", ordering="account__name")
    def display_account(self, message: InboundMessage) -> Any:
        """A link to the account."""
        return page_link(message.account)

    @display(description="To", ordering="number__number")
    def display_number(self, message: InboundMessage) -> Any:
        """A link to our number, or its digits where it is not ours."""
        return page_link(message.number) if message.number else message.recipient

    @display(description="Received", ordering="id")
    def display_received(self, message: InboundMessage) -> dt.datetime:
        """When it came. Sorted by id, which has an index and the same order."""
        return message.received_at

    @display(description="Text")
    def display_text(self, message: InboundMessage) -> SafeString:
        """All of it."""
        return format_html('<div class="console-bubble">{}</div>', message.body or "(no text)")

    @display(description="Media")
    def display_media(self, message: InboundMessage) -> str:
        """Links to the files at the provider."""
        return (
            render_to_string("messaging/inbox/media.html", {"media": media_of(message.media)}) if message.media else "-"
        )

    @display(description="Our answer")
    def display_answer(self, message: InboundMessage) -> Any:
        """A link to the reply."""
        reply = getattr(message, "reply", None)
        return page_link(reply, reply.body) if reply else "None"


def _closed(webhook: RejectedWebhook) -> list[str]:
    if webhook.state == RejectedWebhook.State.KEPT:
        return []
    return [f"It is {webhook.get_state_display().lower()} already; there is nothing to do."]


def replay_context(_admin: Any, _request: HttpRequest, webhook: RejectedWebhook) -> dict[str, Any]:
    """What a replay does now, so long after the webhook came."""
    if webhook.kind != "inbound":
        return {
            "question": "The delivery reports in it count from now on. A message that they say failed is shown as failed.",
            "problems": _closed(webhook),
        }
    return {
        "question": (
            f"Its messages take effect now, although they arrived {timesince(webhook.received_at, depth=1)} ago: whoever "
            "wrote them may get an answer now, and an opt-out among them holds from now on."
        ),
        "problems": _closed(webhook),
    }


def dismiss_context(_admin: Any, _request: HttpRequest, webhook: RejectedWebhook) -> dict[str, Any]:
    """What is given up with it."""
    return {
        "question": "What is in it takes no effect, an opt-out neither. It stays in the list, and cannot be replayed any more.",
        "problems": _closed(webhook),
    }


@admin.register(RejectedWebhook)
class RejectedWebhookAdmin(ReadOnlyAdmin[RejectedWebhook]):
    """Signed webhooks that were not understood."""

    list_display = ("display_error", "display_state", "kind", "gateway", "received_at")
    list_filter = (("state", ChoicesDropdownFilter), ("gateway", RelatedDropdownFilter))
    search_fields = ("error", "body")
    actions_detail = ("replay_it", "dismiss_it")
    fieldsets = (
        (None, {"fields": (("gateway", "kind"), "error", "received_at")}),
        ("As it arrived", {"fields": ("body",)}),
        ("What became of it", {"fields": ("state", ("closed_at", "closed_by"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedWebhook]:
        """With the gateway's name, without its credentials."""
        return super().get_queryset(request).select_related("gateway").defer("gateway__credentials", "body", "event")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what waits can be replayed or dismissed."""
        waits = RejectedWebhook.objects.filter(pk=object_id, state=RejectedWebhook.State.KEPT).exists()
        return super().get_actions_detail(request, object_id) if waits else []  # type: ignore[misc]  # unfold has no types

    @confirmed_action(
        "Replay…",
        permission="messaging.change_rejectedwebhook",
        button="Replay it",
        context=replay_context,
        errors=(NotReplayed,),
        icon="replay",
        variant=ActionVariant.PRIMARY,
    )
    def replay_it(self, request: HttpRequest, webhook: RejectedWebhook, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Have it take effect after all."""
        count = replay(webhook_id=webhook.pk, user=cast("User", request.user))
        what = "message" if webhook.kind == "inbound" else "delivery report"
        return f"Replayed: {count} new {what}{'' if count == 1 else 's'}."

    @confirmed_action(
        "Dismiss…",
        permission="messaging.change_rejectedwebhook",
        button="Dismiss it",
        context=dismiss_context,
        errors=(NotReplayed,),
        icon="task_alt",
    )
    def dismiss_it(self, request: HttpRequest, webhook: RejectedWebhook, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Close it."""
        dismiss(webhook_id=webhook.pk, user=cast("User", request.user))
        return "Dismissed: it does not wait for anybody any more."

    @display(description="State", ordering="state", label=REJECTED_LABELS)
    def display_state(self, webhook: RejectedWebhook) -> tuple[str, str]:
        """The state as a label."""
        return webhook.state, webhook.get_state_display()

    @display(description="Error", ordering="error")
    def display_error(self, webhook: RejectedWebhook) -> str:
        """Why it was not understood."""
        return excerpt(webhook.error)
