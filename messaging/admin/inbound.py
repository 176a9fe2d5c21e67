"""The inbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RelatedDropdownFilter

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
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
        """Links to the files at the provider."""
        return (
            render_to_string("messaging/inbox/media.html", {"media": media_of(message.media)}) if message.media else "-"
        )

    @display(description="Our answer")
    def display_answer(self, message: InboundMessage) -> Any:
        """A link to the reply."""
        reply = getattr(message, "reply", None)
        return page_link(reply, reply.body) if reply else "None"


@admin.register(RejectedWebhook)
class RejectedWebhookAdmin(ReadOnlyAdmin[RejectedWebhook]):
    """Signed webhooks that were not understood."""

    list_display = ("display_error", "display_state", "kind", "gateway", "received_at")
    list_filter = (("state", ChoicesDropdownFilter), ("gateway", RelatedDropdownFilter))
    search_fields = ("error", "body")
    actions = ("replay_chosen", "dismiss_chosen")
    fieldsets = (
        (None, {"fields": (("gateway", "kind"), "error", "received_at")}),
        ("As it arrived", {"fields": ("body",)}),
        ("What became of it", {"fields": ("state", ("closed_at", "closed_by"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RejectedWebhook]:
        """With the gateway's name, without its credentials."""
        return super().get_queryset(request).select_related("gateway").defer("gateway__credentials", "body", "event")

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Who may replay and dismiss."""
        return request.user.has_perm("messaging.change_rejectedwebhook")

    @admin.action(description="Replay: try to read it again", permissions=["close"])
    def replay_chosen(self, request: HttpRequest, queryset: QuerySet[RejectedWebhook]) -> None:
        """Have the chosen ones take effect after all."""
        self._each(request, queryset, replay, "Replayed.")

    @admin.action(description="Dismiss: nobody needs to look at it", permissions=["close"])
    def dismiss_chosen(self, request: HttpRequest, queryset: QuerySet[RejectedWebhook]) -> None:
        """Close the chosen ones."""
        self._each(request, queryset, dismiss, "Dismissed.")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[RejectedWebhook],
        act: Callable[..., int | None],
        done: str,
    ) -> None:
        count = 0
        for webhook in queryset.order_by("pk"):
            try:
                act(webhook_id=webhook.pk, user=cast("User", request.user))
            except NotReplayed as error:
                messages.error(request, str(error))
            else:
                count += 1
                self.log_change(request, webhook, done)
        if count:
            messages.success(request, f"{count}: {done}")

    @display(description="State", ordering="state", label=REJECTED_LABELS)
    def display_state(self, webhook: RejectedWebhook) -> tuple[str, str]:
        """The state as a label."""
        return webhook.state, webhook.get_state_display()

    @display(description="Error", ordering="error")
    def display_error(self, webhook: RejectedWebhook) -> str:
        """Why it was not understood."""
        return excerpt(webhook.error)
