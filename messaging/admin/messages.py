"""Messages, for looking at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.merge import TemplateError
from messaging.admin.labels import MESSAGE_LABELS
from messaging.models import Message


@admin.register(Message)
class MessageAdmin(LargeTableMixin, ReadOnlyAdmin[Message]):
    """Messages: the largest table, so nothing here counts or sorts it as a whole."""

    list_display = (
        "display_recipient",
        "display_state",
        "display_reason",
        "display_batch",
        "display_account",
        "changed_at",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
        ("batch", AutocompleteSelectFilter),
        ("number", AutocompleteSelectFilter),
    )
    list_select_related = ("account", "batch")
    search_fields = ("recipient", "=provider_id")
    number_search_fields = ("recipient",)
    search_help_text = "A number, or a provider's id"
    sortable_by = ()
    readonly_fields = ("display_text",)
    fieldsets = (
        (None, {"fields": (("recipient", "kind"), "display_text")}),
        ("What became of it", {"fields": (("state", "segments"), ("reason", "reason_text"), "provider_id")}),
        ("Belongs to", {"fields": (("account", "batch"), ("number", "in_reply_to"))}),
        ("Record", {"fields": (("created_at", "claimed_at"), ("accepted_at", "changed_at"))}),
        ("Merge fields at launch", {"fields": ("context",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Lists need neither texts nor merge fields."""
        return super().get_queryset(request).defer("batch__template", "context")

    @display(description="Recipient")
    def display_recipient(self, message: Message) -> str:
        """The number."""
        return message.recipient

    @display(description="State", label=MESSAGE_LABELS)
    def display_state(self, message: Message) -> tuple[str, str]:
        """The state as a label."""
        return message.state, message.get_state_display()

    @display(description="Reason")
    def display_reason(self, message: Message) -> str | SafeString:
        """The code, with its explanation as a tip."""
        if not message.reason:
            return "-"
        return format_html('<span title="{}">{}</span>', message.reason_text, message.reason.replace("_", " "))

    @display(description="Batch")
    def display_batch(self, message: Message) -> Any:
        """A link to the batch."""
        return page_link(message.batch)

    @display(description="Account")
    def display_account(self, message: Message) -> Any:
        """A link to the account."""
        return page_link(message.account)

    @display(description="Text")
    def display_text(self, message: Message) -> SafeString:
        """What the recipient reads."""
        try:
            text = message.text
        except TemplateError as error:
            return format_html("It cannot be rendered: {}", error)
        return format_html('<div class="console-bubble">{}</div>', text or "(no text)")
