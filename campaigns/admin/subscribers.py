"""Subscribers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from broadcast.core.admin import (
    ConsoleAdmin,
    ConsoleInline,
    InlineFormSetMixin,
    LargeTableMixin,
    display,
    list_url,
    page_link,
    take_any_spelling,
)
from broadcast.core.confirm import link_action
from broadcast.core.phones import normalise
from campaigns.admin.campaign_forms import OF_ACCOUNT
from campaigns.admin.deleting import without_permission
from campaigns.models import ChainRun, ConsentEvent, CustomField, OptInRequest, Subscriber, SubscriberList, Subscription
from campaigns.services.consent import history
from campaigns.services.consent.in_words import in_words
from campaigns.services.consent.subscriptions import delete_subscribers, save_subscriber, save_subscriptions
from campaigns.services.double_opt_in import refusal
from messaging.admin.sources import EVIDENCE_PERMISSION, evidence_url
from messaging.hours import zone_names
from messaging.models import InboundMessage, Message, Suppression
from messaging.services.threads import text_of

if TYPE_CHECKING:
    from accounts.models import User

#: Before a custom field's key, in the names of inputs.
FIELD = "field__"
#: Messages of each direction that a subscriber's page shows.
HISTORY_LENGTH = 10
#: Lines of the consent ledger that it shows.
CONSENT_LENGTH = 30


class SubscriberForm(forms.ModelForm[Subscriber]):
    """A person, with the number as somebody wrote it."""

    class Meta:
        model = Subscriber
        fields = ("account", "number", "first_name", "last_name", "email", "time_zone", "tags")

    class Media:
        js = ("broadcast/account_choices.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tags" in self.fields:
            widget: Any = self.fields["tags"].widget
            # The admin puts a frame with links around it.
            getattr(widget, "widget", widget).attrs |= {OF_ACCOUNT: self.instance.account_id or ""}
        if "time_zone" in self.fields:
            names = zone_names()
            current = self.instance.time_zone
            choices = [("", "By the number"), *((name, name.replace("_", " ")) for name in names)]
            if current and current not in names:
                choices.insert(1, (current, current))
            self.fields["time_zone"].widget = UnfoldAdminSelect2Widget(choices=choices)
        take_any_spelling(self, help_text="As you have it; it is stored as +14155552671.")

    def clean(self) -> dict[str, Any]:
        """One way of writing a number, one person per number and account, no field that the account does not have."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        account = cleaned.get("account") or (self.instance.account if self.instance.account_id else None)
        if account is None:
            return cleaned
        if cleaned.get("number"):
            parsed = normalise(cleaned["number"], account.default_region)
            if parsed.e164:
                cleaned["number"] = parsed.e164
                twin = (
                    Subscriber.objects.filter(account=account, number=parsed.e164).exclude(pk=self.instance.pk).first()
                )
                if twin:
                    self.add_error("number", f"{account} has a subscriber with {parsed.e164} already: {twin}.")
            else:
                self.add_error("number", parsed.reason)
        foreign = [tag for tag in cleaned.get("tags") or () if tag.account_id != account.pk]
        if foreign:
            self.add_error("tags", f"“{foreign[0]}” is a tag of another account. Choose tags of {account}.")
        # Values of fields that the account no longer has stay as they are.
        own = {name.removeprefix(FIELD): value for name, value in cleaned.items() if name.startswith(FIELD)}
        self.instance.fields = {key: value for key, value in {**self.instance.fields, **own}.items() if value}
        return cleaned


def form_with_custom_fields(subscriber: Subscriber) -> type[SubscriberForm]:
    """The form with an input for each custom field of the person's account."""
    inputs = {
        FIELD + field.key: forms.CharField(
            label=field.label,
            required=False,
            initial=subscriber.fields.get(field.key, ""),
            widget=UnfoldAdminTextInputWidget(),
        )
        for field in CustomField.objects.filter(account_id=subscriber.account_id)
    }
    return type("SubscriberForm", (SubscriberForm,), inputs)


class SubscriptionFormSet(
    InlineFormSetMixin, BaseInlineFormSet[Subscription, Subscriber, forms.ModelForm[Subscription]]
):
    """A person's lists are their account's."""

    def clean(self) -> None:
        """Refuse another account's list."""
        super().clean()
        for form in self.forms:
            audience = form.cleaned_data.get("list") if hasattr(form, "cleaned_data") else None
            if audience and self.instance.account_id and audience.account_id != self.instance.account_id:
                form.add_error("list", f"“{audience}” is a list of another account.")
            if audience is None or not form.has_changed():
                continue
            self._check_may_join(form, audience)
            if audience.double_opt_in:
                continue
            if form.cleaned_data.get("state") == Subscription.State.PENDING:
                form.add_error("state", f"“{audience}” asks nobody: double opt-in is off. Choose “Subscribed”.")

    def _check_may_join(self, form: forms.ModelForm[Subscription], audience: SubscriberList) -> None:
        """Who has opted out comes back by their own word, not by staff's."""
        gone = form.cleaned_data.get("DELETE") or form.cleaned_data.get("state") == Subscription.State.UNSUBSCRIBED
        if gone or not self.instance.pk:
            return
        why = refusal(account_id=self.instance.account_id, number=self.instance.number)
        if why:
            text = (
                f"They cannot join “{audience}”: {why}. They can text START, or lift it under Suppressions if they may."
            )
            form.add_error("state", text)


class SubscriptionInline(ConsoleInline[Subscription, Subscriber]):
    """The lists somebody is on."""

    model = Subscription
    formset = SubscriptionFormSet
    fields = ("list", "state", "source", "unsubscribed_at")
    readonly_fields = ("source", "unsubscribed_at")
    autocomplete_fields = ("list",)
    verbose_name_plural = "lists"
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        """With what a row's name is made of."""
        return super().get_queryset(request).select_related("list", "subscriber")


@admin.register(Subscriber)
class SubscriberAdmin(LargeTableMixin, ConsoleAdmin[Subscriber]):
    """The people accounts write to."""

    form = SubscriberForm
    list_display = ("number", "display_name", "email", "display_account", "display_lists", "display_tags", "created_at")
    list_filter = (
        ("account", AutocompleteSelectFilter),
        ("lists", AutocompleteSelectFilter),
        ("tags", AutocompleteSelectFilter),
    )
    list_select_related = ("account",)
    search_fields = ("number", "first_name", "last_name", "email")
    number_search_fields = ("number",)
    search_help_text = "A number, a name or an e-mail address"
    autocomplete_fields = ("account", "tags")
    sortable_by = ("number", "created_at")
    inlines = (SubscriptionInline,)
    delete_confirmation_template = "campaigns/delete.html"
    delete_selected_confirmation_template = "campaigns/delete_selected.html"
    readonly_fields = ("created_at", "updated_at")
    actions_detail = ("evidence",)
    change_form_outer_before_template = "campaigns/subscriber_head.html"
    change_form_outer_after_template = "campaigns/subscriber_history.html"
    add_fieldsets = ((None, {"fields": ("account", "number", ("first_name", "last_name"), ("email", "time_zone"))}),)
    fieldsets = (
        (None, {"fields": (("number", "account"), ("first_name", "last_name"), ("email", "time_zone"), "tags")}),
        ("Record", {"fields": (("created_at", "updated_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        """With lists."""
        return super().get_queryset(request).prefetch_related("subscriptions__list", "tags")

    def get_form(self, request: HttpRequest, obj: Subscriber | None = None, change: bool = False, **kwargs: Any) -> Any:
        """With the account's custom fields, once there is an account."""
        if obj is not None:
            kwargs["form"] = form_with_custom_fields(obj)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Subscriber | None = None) -> Any:
        """With the account's custom fields; as a text for those who may only look."""
        sections = super().get_fieldsets(request, obj)
        if obj is None:
            return sections
        if not self.has_change_permission(request, obj):
            return (sections[0], ("Custom fields", {"fields": ("fields",)}), *sections[1:])
        inputs = [
            FIELD + key for key in CustomField.objects.filter(account_id=obj.account_id).values_list("key", flat=True)
        ]
        return (sections[0], ("Custom fields", {"fields": inputs}), *sections[1:]) if inputs else sections

    def get_readonly_fields(self, request: HttpRequest, obj: Subscriber | None = None) -> Any:
        """A person stays in their account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: ARG002  Django's signature
        """Who joins or leaves a list by hand has it in the consent ledger."""
        changed = formset.save(commit=False)
        for joined in save_subscriptions(
            changed=changed, removed=formset.deleted_objects, user=cast("User", request.user)
        ):
            messages.info(request, f"{form.instance} {joined}.")

    def save_model(self, request: HttpRequest, obj: Subscriber, form: Any, change: bool) -> None:  # noqa: ARG002  Django's signature
        """A new number is a change of consent."""
        for joined in save_subscriber(subscriber=obj, user=cast("User", request.user)):
            messages.info(request, f"{obj} {joined}.")

    def delete_model(self, request: HttpRequest, obj: Subscriber) -> None:
        """With a record of the lists they were on."""
        delete_subscribers(subscribers=[obj], user=cast("User", request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Subscriber]) -> None:
        """Many at once, likewise."""
        delete_subscribers(subscribers=queryset, user=cast("User", request.user))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What they were asked goes with them, though nobody deletes it by itself."""
        return without_permission(super().get_deleted_objects(objs, request), OptInRequest)

    @link_action("Export evidence", permission=EVIDENCE_PERMISSION, icon="verified_user")
    def evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """To all that is on record of the person."""
        subscriber = self.get_object(request, object_id)
        if subscriber is None:
            raise Http404("There is no such subscriber.")
        return HttpResponseRedirect(evidence_url(subscriber.account_id, subscriber.number))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, and what was written both ways."""
        subscriber = self.get_object(request, object_id)
        history = self._history(request, subscriber) if subscriber else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **history})

    def _history(self, request: HttpRequest, subscriber: Subscriber) -> dict[str, Any]:
        """What the page shows beside the form; only what the user may see elsewhere too."""
        person = {"account_id": subscriber.account_id, "recipient": subscriber.number}
        sent = Message.objects.none()
        received = InboundMessage.objects.none()
        if request.user.has_perm("messaging.view_message"):
            sent = Message.objects.filter(**person).select_related("batch", "author").order_by("-id")[:HISTORY_LENGTH]
        if request.user.has_perm("messaging.view_inboundmessage"):
            received = InboundMessage.objects.filter(
                account_id=subscriber.account_id, sender=subscriber.number
            ).order_by("-id")[:HISTORY_LENGTH]
        runs = ChainRun.objects.none()
        if request.user.has_perm("campaigns.view_chainrun"):
            runs = ChainRun.objects.filter(account_id=subscriber.account_id, person=subscriber.number)
            runs = runs.select_related("chain", "number").defer("plan").order_by("-id")[:HISTORY_LENGTH]
        events = (
            history(subscriber.account_id, subscriber.number)
            if request.user.has_perm("campaigns.view_consentevent")
            else []
        )
        # A whole number, which an index finds; a plus sign in an address is a blank.
        whole = f"%2B{subscriber.number.lstrip('+')}"
        return {
            "suppression": Suppression.objects.active().filter(**person).first(),
            "consent": in_words(events)[:CONSENT_LENGTH],
            "consent_url": list_url(ConsentEvent, account__id__exact=subscriber.account_id, q=whole),
            "chain_runs": runs,
            "chain_runs_url": list_url(ChainRun, account__id__exact=subscriber.account_id, q=whole),
            "sent": [{"message": message, "text": text_of(message)} for message in sent],
            "received": received,
            "sent_url": list_url(Message, account__id__exact=subscriber.account_id, q=whole),
            "received_url": list_url(InboundMessage, account__id__exact=subscriber.account_id, q=whole),
        }

    @display(description="Name")
    def display_name(self, subscriber: Subscriber) -> str:
        """First and last name."""
        return subscriber.full_name or "-"

    @display(description="Account")
    def display_account(self, subscriber: Subscriber) -> Any:
        """A link to the account."""
        return page_link(subscriber.account)

    @display(description="Tags")
    def display_tags(self, subscriber: Subscriber) -> str:
        """Their names."""
        return ", ".join(tag.name for tag in subscriber.tags.all()) or "-"

    @display(description="Lists")
    def display_lists(self, subscriber: Subscriber) -> str:
        """Names of the lists they are subscribed to."""
        live = [s.list.name for s in subscriber.subscriptions.all() if s.state == Subscription.State.SUBSCRIBED]
        return ", ".join(sorted(live)) or "-"
