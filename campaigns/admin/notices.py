"""Mails to staff: what was sent, and what the mail server did not take."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from campaigns.models import StaffNotice
from campaigns.services.calls import CallError, send_again

STATE_LABELS = {"waiting": "info", "sent": "success", "failed": "danger"}


@admin.register(StaffNotice)
class StaffNoticeAdmin(LargeTableMixin, ReadOnlyAdmin[StaffNotice]):
    """Mails, and why one failed."""

    list_display = ("subject", "display_to", "display_account", "display_state", "attempts", "last_error", "created_at")
    list_filter = (("account", AutocompleteSelectFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("account",)
    search_fields = ("subject", "account__name")
    actions_detail = ("send_mail_again",)
    fieldsets = (
        (None, {"fields": (("subject", "display_account"), "display_to", ("state", "attempts"), "last_error")}),
        ("When", {"fields": (("created_at", "next_at"), ("first_at", "sent_at"))}),
        ("What", {"fields": ("display_message", "body")}),
    )
    readonly_fields = ("display_account", "display_to", "display_message")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what failed can be tried again."""
        failed = StaffNotice.objects.filter(pk=object_id, state=StaffNotice.State.FAILED).exists()
        return super().get_actions_detail(request, object_id) if failed else []  # type: ignore[misc]  # unfold has no types

    @confirmed_action(
        "Try again",
        permission="campaigns.change_staffnotice",
        button="Try again",
        question="“{object}” is tried again for up to 24 hours.",
        errors=(CallError,),
        icon="replay",
    )
    def send_mail_again(self, request: HttpRequest, notice: StaffNotice, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Put it back."""
        send_again(notice_id=notice.pk)
        return f"“{notice}” is tried again."

    @display(description="To")
    def display_to(self, notice: StaffNotice) -> str:
        """The addresses."""
        return ", ".join(notice.addresses) or "-"

    @display(description="Account", ordering="account__name")
    def display_account(self, notice: StaffNotice) -> Any:
        """A link to the account."""
        return page_link(notice.account)

    @display(description="State", label=STATE_LABELS, ordering="state")
    def display_state(self, notice: StaffNotice) -> tuple[str, str]:
        """Where it stands."""
        return notice.state, notice.get_state_display()

    @display(description="About")
    def display_message(self, notice: StaffNotice) -> Any:
        """A link to the message that it is about."""
        return page_link(notice.inbound)
