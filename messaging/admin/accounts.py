"""Accounts, with what the transport knows of them: their phone numbers.

The pages themselves belong to ``accounts``, which knows no numbers.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin import AccountAdmin as PlainAccountAdmin
from accounts.models import Account
from broadcast.core.admin import display, list_url
from broadcast.core.confirm import link_action
from messaging.models import PhoneNumber
from messaging.services.numbers import numbers_in_use

admin.site.unregister(Account)


@admin.register(Account)
class AccountAdmin(PlainAccountAdmin):
    """The same pages, with the account's numbers and a way to another one."""

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
