"""What the console's pages share."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display as unfold_display
from unfold.paginator import InfinitePaginator

from broadcast.core.admin_checks import ConsoleAdminChecks

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as UnfoldModelAdmin
    from django.contrib.admin import StackedInline as UnfoldStackedInline
    from django.contrib.admin import TabularInline as UnfoldTabularInline
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.admin import StackedInline as UnfoldStackedInline
    from unfold.admin import TabularInline as UnfoldTabularInline

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)
F = TypeVar("F", bound=Callable[..., Any])

#: A number with its country, as we store it or as people write it.
_WHOLE_NUMBER = re.compile(r"\+[1-9](?:[\s().-]*[0-9]){9,14}")
#: Colours of labels: unfold's names by our states.
Labels = dict[str, str]


def display(**options: Any) -> Callable[[F], F]:
    """unfold's ``display``, with types. A value of a method with ``label={state: colour}`` is a pair (state, text)."""

    def decorator(function: F) -> F:
        decorated: F = unfold_display(**options)(function)
        return decorated

    return decorator


def page_link(target: Model | None, text: str = "") -> str | SafeString:
    """A link to an object's page, ``-`` for none.

    Args:
        target: any object with a page in the console.
        text: the object's name when omitted.
    """
    if target is None:
        return "-"
    url = reverse(f"admin:{target._meta.app_label}_{target._meta.model_name}_change", args=[target.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', url, text or str(target))


def list_url(model: type[Model], **filters: Any) -> str:
    """The address of a model's list with filters set."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + (
        f"?{query}" if query else ""
    )


def account_filter(request: HttpRequest) -> dict[str, int]:
    """The account that an autocomplete's page asks for, as a filter; see ``account_choices.js``."""
    account = request.GET.get("account", "")
    return {"account_id": int(account)} if account.isdecimal() and account.isascii() else {}


class ConsoleAdmin(UnfoldModelAdmin[M]):
    """A model's pages."""

    checks_class = ConsoleAdminChecks
    compressed_fields = True
    warn_unsaved_form = True
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    #: Names of fields that hold numbers: a search for "(415) 555-2671" is then one for its digits.
    number_search_fields: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Search, with numbers taken as people write them."""
        digits = re.sub(r"\D", "", search_term)
        if self.number_search_fields and _WHOLE_NUMBER.fullmatch(search_term.strip()):
            # An index finds it, where a part of a number reads the whole table.
            wanted = [Q((name, f"+{digits}")) for name in self.number_search_fields]
            return queryset.filter(reduce(or_, wanted)), False
        if self.number_search_fields and len(digits) >= 4 and not re.search(r"[^\W\d_]", search_term):
            search_term = digits
        return super().get_search_results(request, queryset, search_term)


class ReadOnlyAdmin(ConsoleAdmin[M]):
    """A model that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  Django's signature
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody."""
        return False


def take_any_spelling(form: forms.BaseForm, *, help_text: str = "") -> None:
    """Let a form's ``number`` be entered as people write numbers; its ``clean`` makes E.164 of it.

    Args:
        form: one without the field stays as it is.
        help_text: stands below the field; what stood there when omitted.
    """
    number = form.fields.get("number")
    if isinstance(number, forms.CharField):
        number.max_length = None
        number.validators = []
        number.widget.attrs.pop("maxlength", None)
        number.help_text = help_text or number.help_text


class InlineFormSetMixin:
    """Takes what unfold's inlines give a formset and Django's formsets refuse."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for name in ("request", "per_page", "count", "count_variant", "provided_queryset"):
            kwargs.pop(name, None)
        super().__init__(*args, **kwargs)


class LargeTableMixin:
    """A list that never counts its rows."""

    paginator = InfinitePaginator
    show_full_result_count = False


class CountsMixin:
    """A list with figures that the database has to count: they are counted for its rows only, not for a form or a choice."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With figures where the list is shown."""
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # of the admin it is mixed into
        opts = self.opts  # type: ignore[attr-defined]  # likewise
        match = request.resolver_match
        is_list = match is not None and match.url_name == f"{opts.app_label}_{opts.model_name}_changelist"
        return self.with_counts(rows) if is_list else rows

    def with_counts(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Add the figures.

        Args:
            rows: what the list shows.
        """
        raise NotImplementedError  # each list has figures of its own


class ConsoleInline(UnfoldTabularInline[M, P]):
    """Rows of another model on a page."""

    extra = 0
    tab = True
    show_change_link = True


class ConsoleStackedInline(UnfoldStackedInline[M, P]):
    """Rows of another model on a page, with more fields than a line holds."""

    extra = 0


class ReadOnlyInline(ConsoleInline[M, P]):
    """Rows that are only looked at."""

    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: P | None = None) -> bool:  # noqa: ARG002  Django's signature
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: P | None = None) -> bool:  # noqa: ARG002  Django passes the parent
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: P | None = None) -> bool:  # noqa: ARG002  Django passes the parent
        """Nobody."""
        return False
