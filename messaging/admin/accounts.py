"""Accounts, with what the transport knows of them: their phone numbers, and whether these have to be registered.

The pages themselves belong to ``accounts``, which knows no numbers.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from accounts.admin import AccountAdmin as PlainAccountAdmin
from accounts.models import Account
from broadcast.core.admin import ConsoleStackedInline, InlineFormSetMixin, display, list_url
from broadcast.core.confirm import link_action
from messaging.models import Brand, PhoneNumber, RegistrationPolicy, TenDlcCampaign, TollFreeVerification
from messaging.services.numbers import numbers_in_use
from messaging.services.registration_checks import needs_ten_dlc, needs_verification, refusals
from messaging.services.registrations import set_policy
from messaging.states import RegistrationState

admin.site.unregister(Account)


class PolicyForm(forms.ModelForm[RegistrationPolicy]):
    """Whether an account is checked; a new account is, unless somebody says otherwise."""

    class Meta:
        model = RegistrationPolicy
        fields = ("mode",)

    def has_changed(self) -> bool:
        """A new account's is saved as it stands."""
        return self.instance.pk is None or super().has_changed()


class PolicyFormSet(InlineFormSetMixin, BaseInlineFormSet):  # type: ignore[type-arg]  # Django's own class, mixed into
    """One row for each account, offered where there is none yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # It was there before registrations were kept, and goes on as it did.
            self.initial_extra = [{"mode": RegistrationPolicy.Mode.NOT_CHECKED}]


class PolicyInline(ConsoleStackedInline[RegistrationPolicy, Account]):
    """Whether the account's numbers have to be registered, and how they stand."""

    model = RegistrationPolicy
    form = PolicyForm
    formset = PolicyFormSet
    extra = 1
    max_num = 1
    can_delete = False
    verbose_name = "registration with the carriers"
    verbose_name_plural = "registration with the carriers"
    fields = ("mode", "display_summary")
    readonly_fields = ("display_summary",)

    @display(description="Registered")
    def display_summary(self, policy: RegistrationPolicy) -> Any:
        """What is registered, and how many numbers may send."""
        account = policy.account if policy.account_id else None
        return registration_summary(account) if account is not None and account.pk else "Nothing yet"


def registration_summary(account: Account) -> Any:
    """What an account has registered, with links, and which of its numbers may not send."""
    kinds = (
        (Brand, "brand", {"account": account}, {"account__id__exact": account.pk}),
        (TenDlcCampaign, "10DLC campaign", {"brand__account": account}, {"brand__account__id__exact": account.pk}),
        (TollFreeVerification, "toll-free verification", {"account": account}, {"account__id__exact": account.pk}),
    )
    parts = []
    for model, label, owned, listed in kinds:
        states = list(model._default_manager.filter(**owned).values_list("state", flat=True))
        approved = states.count(RegistrationState.APPROVED)
        text = f"{len(states)} {label}{'' if len(states) == 1 else 's'}" + (f" ({approved} approved)" if states else "")
        parts.append((list_url(model, **listed), text))
    numbers = PhoneNumber.objects.filter(account=account, state=PhoneNumber.State.ACTIVE).order_by("number")
    concerned = [number for number in numbers if needs_ten_dlc(number) or needs_verification(number)]
    stopped = refusals(concerned)
    links = format_html_join(", ", '<a href="{}" class="text-link">{}</a>', parts)
    notes = format_html_join(
        "", '<p class="console-note console-note-warning">{}</p>', ((row.text,) for row in stopped)
    )
    return format_html("{}{}", links, notes)


@admin.register(Account)
class AccountAdmin(PlainAccountAdmin):
    """The same pages, with the account's numbers, a way to another one, and registrations."""

    inlines: ClassVar[Any] = (*PlainAccountAdmin.inlines, PolicyInline)
    actions_detail = ("provision_number",)

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """With what is shown of the numbers."""
        return (*super().get_readonly_fields(request, obj), "display_numbers")

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """With the numbers of an account that is there."""
        sections = super().get_fieldsets(request, obj)
        if obj is None or not request.user.has_perm("messaging.view_phonenumber"):
            return sections
        return (sections[0], ("Numbers", {"fields": ("display_numbers",)}), *sections[1:])

    @link_action("Provision a number", permission="messaging.add_phonenumber", icon="add_shopping_cart")
    def provision_number(self, request: HttpRequest, object_id: str) -> HttpResponse:  # noqa: ARG002  an action's signature
        """To the page that searches and buys, with the account filled in."""
        return HttpResponseRedirect(f"{reverse('admin:messaging_phonenumber_buy')}?account={object_id}")

    @display(description="Phone numbers")
    def display_numbers(self, account: Account) -> Any:
        """How many it has and may have, with a link to them."""
        used, most = numbers_in_use(account=account), account.number_allowance
        limit = "no limit" if most is None else f"of {most} that it may have"
        url = list_url(PhoneNumber, account__id__exact=account.pk)
        return format_html('<a href="{}" class="text-link">{} in use</a>, {}', url, used, limit)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Let the service say what changed."""
        if formset.model is not RegistrationPolicy:
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        for row in (*formset.new_objects, *(found for found, _ in formset.changed_objects)):
            set_policy(account=cast("Account", form.instance), mode=row.mode)
