"""Double opt-in: a list's settings, asking who is pending, and the record of what people were asked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display, page_link
from broadcast.core.confirm import ConfirmForm, confirmed_action
from campaigns.admin.campaign_forms import OF_ACCOUNT
from campaigns.models import OptInRequest, SubscriberList
from campaigns.services.composing import check_body
from campaigns.services.double_opt_in import ANSWER_DAYS, CannotAsk, choose_to_ask, obstacle, stop_asking

#: Settings of double opt-in, as a list's page groups them.
OPT_IN_FIELDS = (
    ("double_opt_in", "opt_in_number"),
    "opt_in_request",
    "opt_in_confirmed",
    "reminder_hours",
    "reminder_text",
)
_TEXTS = ("opt_in_request", "opt_in_confirmed", "reminder_text")
STATE_LABELS = {"waiting": "info", "confirmed": "success", "declined": "warning"}


class SubscriberListForm(forms.ModelForm[SubscriberList]):
    """A list with its wordings."""

    class Meta:
        model = SubscriberList
        fields = (
            *("account", "name", "description", "double_opt_in", "opt_in_number"),
            *("reminder_hours", *_TEXTS),
        )
        widgets = {name: UnfoldAdminTextareaWidget(attrs={"rows": 3}) for name in _TEXTS}

    class Media:
        js = ("broadcast/account_choices.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "opt_in_number" in self.fields:
            widget: Any = self.fields["opt_in_number"].widget
            # The admin puts a frame with links around it.
            getattr(widget, "widget", widget).attrs |= {OF_ACCOUNT: self.instance.account_id or ""}

    def clean(self) -> dict[str, Any]:
        """Wordings that can be made, a number of the account."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account = cleaned.get("account") or (self.instance.account if self.instance.account_id else None)
        if account is None:
            return cleaned
        number = cleaned.get("opt_in_number")
        if number and number.account_id != account.pk:
            self.add_error("opt_in_number", f"{number} belongs to another account. Choose a number of {account}.")
        for name in _TEXTS:
            for problem in check_body(account, cleaned.get(name) or ""):
                self.add_error(name, str(problem))
        return cleaned


def _what_asking_means(_admin: Any, _request: HttpRequest, list_: SubscriberList) -> dict[str, Any]:
    problem = obstacle(list_)
    return {"problems": [problem] if problem else []}


class AskPendingMixin:
    """The buttons that ask who is pending, and stop it."""

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Asking only where a list asks, stopping only while it does."""
        offered = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold has no types
        here = SubscriberList.objects.filter(pk=object_id)
        may = {
            "ask_pending": here.filter(double_opt_in=True).exists(),
            "stop_asking": here.exclude(ask_joined_until=None).exists(),
        }
        return [action for action in offered if may.get(action.path, True)]

    @confirmed_action(
        "Ask pending people",
        permission="campaigns.change_subscriberlist",
        button="Ask them",
        question=f"Everybody who is pending on “{{object}}” gets the question once. Who was asked in the last {ANSWER_DAYS} days, "
        "or has opted out, is not asked. Nothing leaves in the account's quiet hours.",
        context=_what_asking_means,
        errors=(CannotAsk,),
        icon="contact_support",
    )
    def ask_pending(self, request: HttpRequest, list_: SubscriberList, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Ask in the background."""
        count = choose_to_ask(list_=list_)
        return f"{count:,} people of “{list_}” are asked in the background."

    @confirmed_action(
        "Stop asking",
        permission="campaigns.change_subscriberlist",
        button="Stop asking",
        question="Nobody else of “{object}” is asked. Who was asked already can still answer; the others stay pending.",
        errors=(CannotAsk,),
        icon="front_hand",
    )
    def stop_asking(self, request: HttpRequest, list_: SubscriberList, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """Ask no more."""
        stop_asking(list_=list_)
        return f"Nobody else of “{list_}” is asked."

    @display(description="Asking pending people")
    def display_asking(self, list_: SubscriberList) -> str:
        """How it stands, and what is in its way."""
        if list_.ask_joined_until is None:
            return f"Over. {list_.ask_problem}" if list_.ask_problem else "-"
        if list_.ask_problem:
            return f"Stands still: {list_.ask_problem}"
        return "Goes on in the background; each person is asked at a decent hour where they are."


@admin.register(OptInRequest)
class OptInRequestAdmin(LargeTableMixin, ReadOnlyAdmin[OptInRequest]):
    """Who was asked, in which words, and what they said."""

    list_display = (
        "display_person",
        "display_list",
        "display_state",
        "asked_at",
        "reminded_at",
        "answered_at",
        "answer_text",
    )
    # The first column leads to the person, and a link in a link is none.
    list_display_links = ("display_state",)
    list_filter = (("list", AutocompleteSelectFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("subscriber", "list")
    search_fields = ("subscriber__number", "subscriber__last_name")
    number_search_fields = ("subscriber__number",)
    fieldsets = (
        (None, {"fields": (("display_person", "display_list"), ("state", "number"))}),
        ("Question", {"fields": ("wording", ("asked_at", "display_message"), "reminder_wording", "reminded_at")}),
        ("Answer", {"fields": (("answer_text", "answered_at"), "display_answer")}),
    )
    readonly_fields = ("display_person", "display_list", "display_message", "display_answer")

    @display(description="Person")
    def display_person(self, request: OptInRequest) -> Any:
        """A link to the person."""
        return page_link(request.subscriber, f"{request.subscriber} ({request.subscriber.number})")

    @display(description="List")
    def display_list(self, request: OptInRequest) -> Any:
        """A link to the list."""
        return page_link(request.list)

    @display(description="State", label=STATE_LABELS)
    def display_state(self, request: OptInRequest) -> tuple[str, str]:
        """Where it stands."""
        return request.state, request.get_state_display()

    @display(description="Message")
    def display_message(self, request: OptInRequest) -> Any:
        """A link to what was sent."""
        return page_link(request.message)

    @display(description="Their message")
    def display_answer(self, request: OptInRequest) -> Any:
        """A link to what they wrote."""
        return page_link(request.answer)
