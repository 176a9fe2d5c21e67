"""Keywords and tags."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, ChoicesDropdownFilter

from broadcast.core.admin import (
    ConsoleAdmin,
    ConsoleStackedInline,
    CountsMixin,
    account_filter,
    display,
    list_url,
    page_link,
)
from campaigns.admin.keyword_forms import ACTION_FIELDS, KeywordActionForm, KeywordActionFormSet, KeywordForm
from campaigns.models import Chain, Keyword, KeywordAction, Subscriber, Tag
from campaigns.querysets import count_of
from campaigns.services.keywords import standard_word_warnings

#: Characters of a keyword's words that the list shows.
WORDS_SHOWN = 60


class KeywordActionInline(ConsoleStackedInline[KeywordAction, Keyword]):
    """What a keyword does, in order; rows are dragged."""

    model = KeywordAction
    form = KeywordActionForm
    formset = cast("Any", KeywordActionFormSet)
    fields = ("position", "kind", *ACTION_FIELDS)
    ordering_field = "position"
    hide_ordering_field = True
    tab = False
    show_change_link = False
    verbose_name_plural = "actions"


@admin.register(Keyword)
class KeywordAdmin(ConsoleAdmin[Keyword]):
    """What people may write, and what happens then."""

    form = KeywordForm
    list_display = (
        "name",
        "display_words",
        "display_account",
        "display_number",
        "priority",
        "display_state",
        "times_matched",
        "last_matched_at",
    )
    list_filter = (
        ("account", AutocompleteSelectFilter),
        ("is_enabled", BooleanRadioFilter),
        ("where", ChoicesDropdownFilter),
    )
    list_select_related = ("account", "number")
    search_fields = ("name", "words", "account__name")
    autocomplete_fields = ("account", "number")
    readonly_fields = ("times_matched", "last_matched_at", "created_at", "updated_at")
    add_fieldsets: Any = (
        (None, {"fields": (("name", "account"), ("number", "where"), "words", "reply")}),
        ("When", {"fields": (("is_enabled", "priority"), "active_from", "active_until")}),
    )
    fieldsets = cast(
        "Any",
        (
            *add_fieldsets,
            (
                "Record",
                {
                    "classes": ("collapse",),
                    "fields": (("times_matched", "last_matched_at"), ("created_at", "updated_at")),
                },
            ),
        ),
    )

    def get_inlines(self, request: HttpRequest, obj: Keyword | None) -> Any:  # noqa: ARG002  Django's signature
        """Actions name things of the account, so there must be one first."""
        return (KeywordActionInline,) if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Keyword | None = None) -> Any:
        """A keyword stays in its account."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def save_model(self, request: HttpRequest, obj: Keyword, form: Any, change: bool) -> None:
        """Say which of its words something else takes."""
        super().save_model(request, obj, form, change)
        for warning in standard_word_warnings(obj.words):
            messages.warning(request, warning)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Say which of its chains is not started."""
        super().save_related(request, form, formsets, change)
        for action in form.instance.actions.exclude(chain=None).select_related("chain"):
            if action.chain.state != Chain.State.ACTIVE:
                state = action.chain.get_state_display().lower()
                messages.warning(request, f"“{action.chain}” is {state}: nothing starts it until it is activated.")

    def response_add(self, request: HttpRequest, obj: Keyword, post_url_continue: str | None = None) -> HttpResponse:
        """On to its actions."""
        if not {"_addanother", "_popup"} & set(request.POST):
            posted = request.POST.copy()
            posted["_continue"] = "1"
            request.POST = cast("Any", posted)
        return super().response_add(request, obj, post_url_continue)

    @display(description="Words")
    def display_words(self, keyword: Keyword) -> str:
        """On one line."""
        text = ", ".join(line.strip() for line in keyword.words.splitlines() if line.strip())
        return text if len(text) <= WORDS_SHOWN else f"{text[: WORDS_SHOWN - 1]}…"

    @display(description="Account", ordering="account__name")
    def display_account(self, keyword: Keyword) -> Any:
        """A link to the account."""
        return page_link(keyword.account)

    @display(description="Number", ordering="number__number")
    def display_number(self, keyword: Keyword) -> Any:
        """The number, or that it is on all."""
        return page_link(keyword.number) if keyword.number else "Every number"

    @display(description="State", label={"on": "success", "off": "", "later": "info", "over": "warning"})
    def display_state(self, keyword: Keyword) -> tuple[str, str]:
        """Whether it answers now."""
        now = timezone.now()
        if not keyword.is_enabled:
            return "off", "Disabled"
        if keyword.active_from and keyword.active_from > now:
            local = keyword.active_from.astimezone(keyword.account.zone)
            return "later", f"From {local:%-d %b %Y, %H:%M} ({keyword.account.time_zone})"
        if keyword.active_until and keyword.active_until <= now:
            return "over", "Over"
        return "on", "Active"


@admin.register(Tag)
class TagAdmin(CountsMixin, ConsoleAdmin[Tag]):
    """Marks on people."""

    list_display = ("name", "display_account", "display_people", "created_at")
    list_filter = (("account", AutocompleteSelectFilter),)
    list_select_related = ("account",)
    search_fields = ("name", "account__name")
    autocomplete_fields = ("account",)
    fields = ("name", "account")

    def with_counts(self, rows: QuerySet[Tag]) -> QuerySet[Tag]:
        """With how many have it."""
        theirs = Subscriber.tags.through.objects.filter(tag=OuterRef("pk"))
        return rows.annotate(people=count_of(theirs, "tag"))

    def get_readonly_fields(self, request: HttpRequest, obj: Tag | None = None) -> Any:
        """The people who have it are its account's."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "account")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tag], search_term: str
    ) -> tuple[QuerySet[Tag], bool]:
        """A subscriber's form is offered tags of its account."""
        found, distinct = super().get_search_results(request, queryset, search_term)
        return found.filter(**account_filter(request)), distinct

    @display(description="Account", ordering="account__name")
    def display_account(self, tag: Tag) -> Any:
        """A link to the account."""
        return page_link(tag.account)

    @display(description="People", ordering="people")
    def display_people(self, tag: Any) -> SafeString:
        """How many, with a link to them."""
        url = list_url(Subscriber, tags__id__exact=tag.pk)
        return format_html('<a href="{}" class="text-link">{}</a>', url, f"{tag.people:,}")
