"""Sender pools."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from broadcast.core.admin import ConsoleAdmin, account_filter, display, list_url, page_link
from messaging.models import Batch, PhoneNumber, SenderPool
from messaging.services.pools import PoolError, set_numbers
from messaging.states import BatchState

#: Batches that still leave from a pool.
_RUNNING = Q(batches__state__in=(BatchState.LAUNCHING, BatchState.SENDING, BatchState.PAUSED))
#: Where a request keeps why its numbers were refused.
_REFUSED = "_pool_refused"


class SenderPoolForm(forms.ModelForm[SenderPool]):
    """A pool and its numbers. What the service refused is said beside the numbers."""

    #: Set by the admin for one request.
    refused = ""

    members = forms.ModelMultipleChoiceField(
        queryset=PhoneNumber.objects.none(),
        label="Numbers",
        help_text="Of this account, all at one gateway. A faster number gets more of the recipients.",
    )

    class Meta:
        model = SenderPool
        fields = ("account", "name")

    class Media:
        js = ("broadcast/account_choices.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = cast("forms.ModelMultipleChoiceField[PhoneNumber]", self.fields["members"])
        members.queryset = PhoneNumber.objects.all()
        field = cast("Any", SenderPool._meta.get_field("numbers"))
        members.widget = AutocompleteSelectMultiple(
            field, admin.site, attrs={"data-of-account": self.instance.account_id or ""}
        )
        members.widget.choices = members.choices
        if self.instance.pk:
            members.initial = list(self.instance.numbers.values_list("pk", flat=True))

    def clean(self) -> dict[str, Any]:
        """Say what the service refused."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refused:
            self.add_error("members", self.refused)
        return cleaned


@admin.register(SenderPool)
class SenderPoolAdmin(ConsoleAdmin[SenderPool]):
    """Pools. Which recipients hear from which number is the services' business."""

    form = SenderPoolForm
    # The model's own order is lost in a query that counts.
    ordering = ("name", "pk")
    list_display = ("name", "display_account", "display_numbers", "display_pace", "display_running")
    list_filter = (("account", AutocompleteSelectFilter),)
    list_select_related = ("account",)
    search_fields = ("name", "account__name", "numbers__number")
    autocomplete_fields = ("account",)
    readonly_fields = ("display_members", "display_pace", "display_running", "created_at", "updated_at")
    description = (
        "A campaign that is sent from a pool leaves from all its numbers at once, each at its own pace. A recipient always "
        "hears from the same number; when numbers join or leave, as few recipients as possible change theirs."
    )
    add_fieldsets = ((None, {"description": description, "fields": ("account", "name", "members")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SenderPool]:
        """With its numbers, their paces, and how many batches leave from it."""
        numbers = PhoneNumber.objects.select_related("gateway").defer("gateway__credentials")
        found = super().get_queryset(request).annotate(running=Count("batches", filter=_RUNNING, distinct=True))
        return found.prefetch_related(Prefetch("numbers", numbers.order_by("number")))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SenderPool], search_term: str
    ) -> tuple[QuerySet[SenderPool], bool]:
        """Forms of campaigns and routes are offered pools of the account that can send."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        names, model = ("pool", "second_pool"), request.GET.get("model_name")
        if request.GET.get("field_name") in names and model in ("campaign", "route"):
            able = PhoneNumber.objects.sendable().values("pk")
            found, distinct = found.filter(numbers__in=able, **account_filter(request)).distinct(), False
        return found, distinct

    def get_fieldsets(self, request: HttpRequest, obj: SenderPool | None = None) -> Any:
        """A form for those who may change it, a record for others."""
        if obj is None:
            return self.add_fieldsets
        members = "members" if self.has_change_permission(request, obj) else "display_members"
        return (
            (None, {"description": self.description, "fields": (("name", "account"), members)}),
            ("Now", {"fields": (("display_pace", "display_running"),)}),
            ("Record", {"fields": (("created_at", "updated_at"),)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: SenderPool | None = None) -> Any:
        """A pool stays in its account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def has_delete_permission(self, request: HttpRequest, obj: SenderPool | None = None) -> bool:
        """Not once something was sent from it: that is a record. A campaign that is not launched yet protects it, too."""
        return super().has_delete_permission(request, obj) and (
            not isinstance(obj, SenderPool) or not obj.batches.exists()
        )

    def get_form(self, request: HttpRequest, obj: SenderPool | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form what the service refused a moment ago."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.refused = getattr(request, _REFUSED, "")
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Save all of it or nothing: numbers that the service refuses take the rest back, and the form says why."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PoolError as error:
            setattr(request, _REFUSED, error.text)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the numbers."""
        super().save_related(request, form, formsets, change)
        set_numbers(pool_id=form.instance.pk, number_ids=[number.pk for number in form.cleaned_data["members"]])

    @display(description="Account", ordering="account__name")
    def display_account(self, pool: SenderPool) -> Any:
        """A link to the account."""
        return page_link(pool.account)

    @display(description="Numbers")
    def display_numbers(self, pool: SenderPool) -> str:
        """How many, and how many of them can send."""
        numbers = list(pool.numbers.all())
        active = sum(number.state == PhoneNumber.State.ACTIVE for number in numbers)
        return str(active) if active == len(numbers) else f"{active} of {len(numbers)} active"

    @display(description="Pace")
    def display_pace(self, pool: SenderPool) -> str:
        """Segments per second of its active numbers together."""
        active = [number for number in pool.numbers.all() if number.state == PhoneNumber.State.ACTIVE]
        return f"{sum(number.segments_per_second for number in active):,} segments/s"

    @display(description="Going out", ordering="running")
    def display_running(self, pool: Any) -> Any:
        """How many batches leave from it now, with a link to them."""
        if not pool.running:
            return "Nothing"
        url = list_url(Batch, pool__id__exact=pool.pk, state__in="launching,sending,paused")
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{pool.running:,}")

    @display(description="Numbers")
    def display_members(self, pool: SenderPool) -> SafeString:
        """Links to its numbers."""
        return format_html_join(", ", "{}", ((page_link(number),) for number in pool.numbers.all()))
