"""Lists and custom fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from broadcast.core.admin import ConsoleAdmin, CountsMixin, account_filter, display, list_url, page_link
from campaigns.admin.deleting import without_permission
from campaigns.admin.imports import SubscriberImportMixin
from campaigns.admin.opt_in import OPT_IN_FIELDS, AskPendingMixin, SubscriberListForm
from campaigns.models import CustomField, OptInRequest, Subscriber, SubscriberImport, SubscriberList
from campaigns.services.consent.list_deletion import delete_lists

if TYPE_CHECKING:
    from accounts.models import User
    from campaigns.querysets import SubscriberListQuerySet


@admin.register(SubscriberList)
class SubscriberListAdmin(CountsMixin, AskPendingMixin, SubscriberImportMixin, ConsoleAdmin[SubscriberList]):
    """Lists."""

    form = SubscriberListForm
    list_display = (
        "name",
        "display_account",
        "display_size",
        "display_pending",
        "display_unsubscribed",
        "description",
        "updated_at",
    )
    list_filter = (("account", AutocompleteSelectFilter),)
    list_select_related = ("account",)
    search_fields = ("name", "description", "account__name")
    autocomplete_fields = ("account", "opt_in_number")
    actions_detail = (*SubscriberImportMixin.actions_detail, "ask_pending", "stop_asking")
    readonly_fields = ("display_people", "display_imports", "display_asking", "created_at", "updated_at")
    delete_confirmation_template = "campaigns/delete.html"
    delete_selected_confirmation_template = "campaigns/delete_selected.html"
    add_fieldsets = (
        (None, {"fields": ("account", "name", "description")}),
        ("Double opt-in", {"fields": OPT_IN_FIELDS}),
    )
    fieldsets = (
        (None, {"fields": (("name", "account"), "description")}),
        ("People", {"fields": (("display_people", "display_imports"), "display_asking")}),
        ("Double opt-in", {"fields": OPT_IN_FIELDS}),
        ("Record", {"fields": (("created_at", "updated_at"),)}),
    )

    def with_counts(self, rows: QuerySet[SubscriberList]) -> QuerySet[SubscriberList]:
        """With sizes."""
        return cast("SubscriberListQuerySet", rows).with_sizes()

    def get_readonly_fields(self, request: HttpRequest, obj: SubscriberList | None = None) -> Any:
        """A list stays in its account: the people on it are that account's."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SubscriberList], search_term: str
    ) -> tuple[QuerySet[SubscriberList], bool]:
        """A campaign's form is offered lists of its account."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        return found.filter(**account_filter(request)), distinct

    def delete_model(self, request: HttpRequest, obj: SubscriberList) -> None:
        """With a record of who was on it."""
        delete_lists(lists=[obj], user=cast("User", request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SubscriberList]) -> None:
        """Many at once, likewise."""
        delete_lists(lists=queryset, user=cast("User", request.user))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The records of a list's imports and questions go with the list, though nobody deletes one by itself."""
        return without_permission(super().get_deleted_objects(objs, request), SubscriberImport, OptInRequest)

    @display(description="Account", ordering="account__name")
    def display_account(self, audience: SubscriberList) -> Any:
        """A link to the account."""
        return page_link(audience.account)

    @display(description="Subscribed", ordering="size")
    def display_size(self, audience: Any) -> SafeString:
        """How many people, with a link to them."""
        url = list_url(Subscriber, lists__id__exact=audience.pk)
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{audience.size:,}")

    @display(description="Pending", ordering="pending")
    def display_pending(self, audience: Any) -> SafeString:
        """How many wait for their YES, with a link to what they were asked."""
        url = list_url(OptInRequest, list__id__exact=audience.pk, state__exact="waiting")
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{audience.pending:,}")

    @display(description="Unsubscribed", ordering="gone")
    def display_unsubscribed(self, audience: Any) -> str:
        """How many have left."""
        return f"{audience.gone:,}"

    @display(description="On this list")
    def display_people(self, audience: SubscriberList) -> SafeString:
        """All counts, with a link."""
        url = list_url(Subscriber, lists__id__exact=audience.pk)
        sizes: Any = SubscriberList.objects.with_sizes().get(pk=audience.pk)
        return format_html(
            '<a href="{}" class="text-link">{} subscribed, {} pending, {} unsubscribed</a>',
            url,
            f"{sizes.size:,}",
            f"{sizes.pending:,}",
            f"{sizes.gone:,}",
        )

    @display(description="Imports")
    def display_imports(self, audience: SubscriberList) -> SafeString:
        """A link to the list's imports."""
        url = list_url(SubscriberImport, list__id__exact=audience.pk)
        return format_html('<a href="{}" class="text-link">{}</a>', url, audience.imports.count())


@admin.register(CustomField)
class CustomFieldAdmin(ConsoleAdmin[CustomField]):
    """Fields of subscribers beside name and e-mail."""

    list_display = ("key", "label", "display_account", "created_at")
    list_filter = (("account", AutocompleteSelectFilter),)
    list_select_related = ("account",)
    search_fields = ("key", "label", "account__name")
    autocomplete_fields = ("account",)

    def get_readonly_fields(self, request: HttpRequest, obj: CustomField | None = None) -> Any:
        """Texts and people's values refer to the key."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (*fields, "account", "key")

    @display(description="Account", ordering="account__name")
    def display_account(self, field: CustomField) -> Any:
        """A link to the account."""
        return page_link(field.account)
