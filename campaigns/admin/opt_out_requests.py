"""Opt-outs that were asked for by e-mail, telephone, letter or in person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from broadcast.core.admin import ConsoleAdmin, Labels, display, page_link, take_any_spelling
from broadcast.core.confirm import ConfirmForm, confirmed_action
from broadcast.core.phones import normalise
from campaigns.admin.campaign_forms import LocalDateTimeField
from campaigns.models import OptOutRequest
from campaigns.services.consent.clock import BUSINESS_DAYS
from campaigns.services.consent.requests import (
    RequestRefused,
    clock_of,
    close_request,
    enter_request,
    honour_request,
)

if TYPE_CHECKING:
    from accounts.models import User

PERMISSION = "campaigns.change_optoutrequest"
#: Business days from which on the clock is shown as a warning.
SOON_DAYS = 3

REQUEST_LABELS: Labels = {
    OptOutRequest.State.OPEN: "warning",
    OptOutRequest.State.HONOURED: "success",
    OptOutRequest.State.CLOSED: "",
}


class RequestForm(forms.ModelForm[OptOutRequest]):
    """What somebody asked for, as staff heard or read it."""

    received = LocalDateTimeField(
        label="Received",
        widget=UnfoldAdminSplitDateTimeWidget(),
        required=False,
        help_text=f"By the account's own clock; empty: just now. It has to be honoured within {BUSINESS_DAYS} business days.",
    )

    class Meta:
        model = OptOutRequest
        fields = ("account", "who", "channel", "number", "words")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        take_any_spelling(
            self, help_text="As you have it: they are opted out at once. Leave it empty if you do not know it yet."
        )

    def clean(self) -> dict[str, Any]:
        """One way of writing a number; a time that has come."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account, number, received = (cleaned.get(name) for name in ("account", "number", "received"))
        if account and number:
            parsed = normalise(number, account.default_region)
            if parsed.e164:
                cleaned["number"] = parsed.e164
            else:
                self.add_error("number", parsed.reason)
        if account and "received" not in self.errors:
            cleaned["received"] = received.replace(tzinfo=account.zone) if received else timezone.now()
            if cleaned["received"] > timezone.now():
                self.add_error("received", f"That is in the future in {account.time_zone}.")
        return cleaned


class NumberForm(ConfirmForm):
    """The number that was found."""

    number = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(),
        help_text="As you have it. They are opted out at once.",
    )


class CloseForm(ConfirmForm):
    """Why it cannot be honoured."""

    reason = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="For whoever asks later, for example: asked twice for a number, no answer.",
    )


def settled_context(_admin: Any, _request: HttpRequest, request: OptOutRequest) -> dict[str, Any]:
    """Whether there is still something to do."""
    if request.state == OptOutRequest.State.OPEN:
        return {}
    return {"problems": [f"It was {request.get_state_display().lower()} before; there is nothing to do."]}


@admin.register(OptOutRequest)
class OptOutRequestAdmin(ConsoleAdmin[OptOutRequest]):
    """Requests are entered, then honoured or closed; never changed or deleted: they are a record of what people asked for."""

    form = RequestForm
    list_display = (
        "who",
        "display_number",
        "display_clock",
        "display_state",
        "channel",
        "display_account",
        "received_at",
    )
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("account", AutocompleteSelectFilter),
    )
    list_select_related = ("account",)
    search_fields = ("who", "number", "words")
    number_search_fields = ("number",)
    autocomplete_fields = ("account",)
    # What waits, the most urgent on top; then what was settled, the newest first.
    ordering = (F("settled_at").desc(nulls_first=True), "received_at", "id")
    sortable_by = ()
    actions_detail = ("honour", "close")
    readonly_fields = ("display_account", "display_clock", "display_number")
    add_fieldsets = ((None, {"fields": ("account", ("who", "number"), "channel", "received", "words")}),)
    fieldsets = (
        (None, {"fields": (("state", "display_clock"), ("who", "display_number"), "words")}),
        ("Received", {"fields": (("channel", "received_at"), "display_account")}),
        ("Record", {"fields": (("entered_by", "entered_at"), ("settled_by", "settled_at"), "closed_reason")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: OptOutRequest | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody; see ``honour`` and ``close``."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OptOutRequest | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody."""
        return False

    def save_model(self, request: HttpRequest, obj: OptOutRequest, form: Any, change: bool) -> None:  # noqa: ARG002  Django's signature
        """Enter it; with a number it is honoured at once."""
        stored = enter_request(
            account=obj.account,
            who=obj.who,
            channel=obj.channel,
            received_at=form.cleaned_data["received"],
            words=obj.words,
            number=obj.number,
            user=cast("User", request.user),
        )
        obj.pk = stored.pk
        obj.refresh_from_db()
        if obj.state == OptOutRequest.State.HONOURED:
            messages.info(request, f"{obj.number} is opted out of everything of {obj.account}.")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what is open can be settled."""
        is_open = OptOutRequest.objects.open().filter(pk=object_id).exists()
        return super().get_actions_detail(request, object_id) if is_open else []  # type: ignore[misc]  # unfold has no types

    @confirmed_action(
        "Number found…",
        permission=PERMISSION,
        button="Opt them out",
        question="{object}. Whose number is it? It gets no more messages of this account.",
        form_class=NumberForm,
        context=settled_context,
        errors=(RequestRefused,),
        icon="person_search",
    )
    def honour(self, request: HttpRequest, target: OptOutRequest, form: ConfirmForm) -> str:
        """Opt the number out."""
        done = honour_request(request_id=target.pk, number=form.cleaned_data["number"], user=cast("User", request.user))
        return f"{done.number} is opted out of everything of {done.account}."

    @confirmed_action(
        "Cannot be honoured…",
        permission=PERMISSION,
        button="Close without opting out",
        question="{object}. Close the request only if there is no way to find out whose number it is.",
        form_class=CloseForm,
        context=settled_context,
        errors=(RequestRefused,),
        icon="close",
    )
    def close(self, request: HttpRequest, target: OptOutRequest, form: ConfirmForm) -> str:
        """Close it with a reason."""
        close_request(request_id=target.pk, reason=form.cleaned_data["reason"], user=cast("User", request.user))
        return f"{target}: closed."

    @display(description="Number")
    def display_number(self, request: OptOutRequest) -> str:
        """The number, or that it is not known."""
        return request.number or "not known yet"

    @display(description="State", label=REQUEST_LABELS)
    def display_state(self, request: OptOutRequest) -> tuple[str, str]:
        """The state as a label."""
        return request.state, request.get_state_display()

    @display(description="Legal clock")
    def display_clock(self, request: OptOutRequest) -> Any:
        """The due date, and what is left or over; of a settled one, whether it was in time."""
        clock = clock_of(request)
        due = f"{clock.due:%a} {clock.due.day} {clock.due:%b %Y}"
        if request.state != OptOutRequest.State.OPEN:
            rest, colour = ("in time" if not clock.is_over else f"{clock}"), ""
        else:
            rest = str(clock)
            colour = "danger" if clock.is_over else "warning" if clock.days_left <= SOON_DAYS else ""
        dot = format_html('<span class="console-dot console-dot-{}"></span> ', colour) if colour else ""
        return format_html('<span>{}{} <span class="console-muted">{}</span></span>', dot, due, rest)

    @display(description="Account")
    def display_account(self, request: OptOutRequest) -> Any:
        """A link to the account."""
        return page_link(request.account)
