"""The inbox."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RelatedDropdownFilter

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
from messaging.admin.labels import INBOUND_LABELS
from messaging.models import InboundMessage, RejectedWebhook

#: Characters of a text that a list shows.
EXCERPT_CHARACTERS = 80


def excerpt(text: str) -> str:
    """The beginning of a text."""
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS].rstrip()}…"


@admin.register(InboundMessage)
class InboundMessageAdmin(LargeTableMixin, ReadOnlyAdmin[InboundMessage]):
    """What people wrote to us."""

    list_display = ("sender", "display_body", "display_state", "display_account", "display_number", "received_at")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
        ("number", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "number")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundMessage]:
        """Newest first, in the order of their ids."""
        return super().get_queryset(request).order_by("-id")

    @display(description="Text")
    def display_body(self, message: InboundMessage) -> str:
        """The beginning."""
        return excerpt(message.body) or ("(media only)" if message.media else "(empty)")

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

    @display(description="Text")
    def display_text(self, message: InboundMessage) -> SafeString:
        """All of it."""
        return format_html('<div class="console-bubble">{}</div>', message.body or "(no text)")

    @display(description="Media")
    def display_media(self, message: InboundMessage) -> str:
        """Addresses at the provider, as text: they are not ours to open by a click."""
        return "\n".join(f"{kind}: {url}" for url, kind in message.media) or "-"

    @display(description="Our answer")
    def display_answer(self, message: InboundMessage) -> Any:
        """A link to the reply."""
        reply = getattr(message, "reply", None)
        return page_link(reply, reply.body) if reply else "None"


@admin.register(RejectedWebhook)
class RejectedWebhookAdmin(ReadOnlyAdmin[RejectedWebhook]):
    """Signed webhooks that were not understood."""

    list_display = ("display_error", "kind", "gateway", "received_at")
    list_filter = (("gateway", RelatedDropdownFilter),)
    search_fields = ("error", "body")
    fieldsets = (
        (None, {"fields": (("gateway", "kind"), "error", "received_at")}),
        ("As it arrived", {"fields": ("body",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedWebhook]:
        """With the gateway's name, without its credentials."""
        return super().get_queryset(request).select_related("gateway").defer("gateway__credentials", "body")

    @display(description="Error", ordering="error")
    def display_error(self, webhook: RejectedWebhook) -> str:
        """Why it was not understood."""
        return excerpt(webhook.error)
