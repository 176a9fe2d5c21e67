"""Clients and staff."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RelatedDropdownFilter,
)
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.answers import help_answer, help_lacks
from accounts.forms import AccountForm
from accounts.models import Account, Membership, User
from accounts.services import add_member
from broadcast.core.admin import ConsoleAdmin, ConsoleInline, Labels, display, list_url, page_link

if TYPE_CHECKING:
    _UserAdminBase = DjangoUserAdmin[User]
else:
    _UserAdminBase = DjangoUserAdmin

ACCOUNT_LABELS: Labels = {
    Account.Status.ACTIVE: "success",
    Account.Status.SUSPENDED: "warning",
    Account.Status.CLOSED: "danger",
}


class AccountMembersInline(ConsoleInline[Membership, Account]):
    """The people of an account."""

    model = Membership
    autocomplete_fields = ("user",)
    verbose_name_plural = "members"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With their users."""
        return super().get_queryset(request).select_related("user", "account")


@admin.register(Account)
class AccountAdmin(ConsoleAdmin[Account]):
    """Accounts."""

    form = AccountForm
    # The model's own order is lost in a query that counts.
    ordering = ("name",)
    list_display = ("name", "display_status", "time_zone", "default_region", "display_members", "created_at")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("name",)
    readonly_fields = ("display_clock", "display_help", "created_at", "updated_at")
    inlines = (AccountMembersInline,)
    fieldsets = (
        (None, {"fields": (("name", "status"), "owner_email")}),
        (
            "Place and time",
            {"fields": (("time_zone", "default_region"), ("quiet_start", "quiet_end"), "display_clock")},
        ),
        ("Limits", {"fields": ("keeps_legal_hours", ("max_per_day", "max_per_week"), "number_allowance")}),
        (
            "Answers",
            {"fields": ("contact", "help_text", "display_help", "opt_out_text", "opt_in_text", "default_reply")},
        ),
        ("Record", {"fields": (("created_at", "updated_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """With the number of members."""
        return super().get_queryset(request).annotate(members=Count("memberships"))

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """The owner is asked for once; the record exists later."""
        sections = super().get_fieldsets(request, obj)
        if obj is None:
            place = (sections[1][0], {"fields": sections[1][1]["fields"][:2]})
            answers = tuple(name for name in sections[3][1]["fields"] if name != "display_help")
            return (sections[0], place, (sections[3][0], {"fields": answers}))
        return ((None, {"fields": (("name", "status"),)}), *sections[1:])

    def save_model(self, request: HttpRequest, obj: Account, form: ModelForm[Account], change: bool) -> None:
        """Save, with the owner, and tell what the answer to HELP lacks."""
        super().save_model(request, obj, form, change)
        if {"name", "contact", "help_text"}.intersection(form.changed_data) and (lacks := help_lacks(obj)):
            messages.warning(request, f"The answer to HELP does not say {', or '.join(lacks)}.")
        email = form.cleaned_data.get("owner_email")
        if email and not change:
            add_member(account=obj, email=email, role=Membership.Role.OWNER)

    @display(description="Status", ordering="status", label=ACCOUNT_LABELS)
    def display_status(self, account: Account) -> tuple[str, str]:
        """The status as a label."""
        return account.status, account.get_status_display()

    @display(description="HELP is answered with")
    def display_help(self, account: Account) -> SafeString:
        """The text that goes out, and what it lacks."""
        answer, lacks = help_answer(account=account), help_lacks(account)
        said = [answer.problem] if answer.problem else []
        said += [f"It does not say {', or '.join(lacks)}."] if lacks else []
        return format_html(
            '<div class="console-bubble">{}</div>{}',
            answer.text,
            format_html_join("", '<p class="console-note console-note-warning">{}</p>', ((text,) for text in said)),
        )

    @display(description="Members", ordering="members")
    def display_members(self, account: Any) -> Any:
        """How many people, with a link to them."""
        url = list_url(Membership, account__id__exact=account.pk)
        return format_html('<a href="{}" class="text-link">{}</a>', url, account.members)

    @display(description="Time there now")
    def display_clock(self, account: Account) -> str:
        """What their clock shows. Whether something may leave is a matter of each recipient's clock."""
        if account.time_zone not in zoneinfo.available_timezones():
            # A form that was refused has the typed value in the object.
            return "-"
        local = timezone.now().astimezone(account.zone)
        return f"{local:%a %d %b, %H:%M} ({account.time_zone})"


class UserMembershipsInline(ConsoleInline[Membership, User]):
    """The accounts of a person."""

    model = Membership
    autocomplete_fields = ("account",)
    verbose_name_plural = "accounts"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """With their accounts."""
        return super().get_queryset(request).select_related("account", "user")


@admin.register(User)
class UserAdmin(_UserAdminBase, ConsoleAdmin[User]):
    """People who log in. Staff and their roles are changed by administrators only."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "display_name", "display_kind", "display_roles", "is_active", "last_login")
    list_filter = (
        ("is_staff", BooleanRadioFilter),
        ("is_active", BooleanRadioFilter),
        ("groups", RelatedDropdownFilter),
    )
    search_fields = ("email", "first_name", "last_name")
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    inlines = (UserMembershipsInline,)
    fieldsets = (
        (None, {"fields": ("email", "password", ("first_name", "last_name"), "is_active")}),
        ("Staff", {"fields": (("is_staff", "is_superuser"), "groups")}),
        ("Record", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With roles."""
        return super().get_queryset(request).prefetch_related("groups")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Roles as a few boxes to tick."""
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups" and field is not None:
            field.label = "Roles"
            field.help_text = "For staff: what they may do in the console."
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Nobody but an administrator makes staff."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, "is_staff", "is_superuser", "groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Staff members are the administrators' to change: a new password would be a way to their rights."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or request.user.is_superuser or not (obj.is_staff or obj.is_superuser))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """As for a change; nobody deletes themselves."""
        allowed = super().has_delete_permission(request, obj)
        if obj is None or not allowed:
            return allowed
        return obj != request.user and (request.user.is_superuser or not (obj.is_staff or obj.is_superuser))

    @display(description="Name", ordering="last_name")
    def display_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name() or "-"

    @display(description="Kind", label={"admin": "danger", "staff": "info", "client": ""})
    def display_kind(self, user: User) -> tuple[str, str]:
        """What they are to us."""
        if user.is_superuser:
            return "admin", "Administrator"
        return ("staff", "Staff") if user.is_staff else ("client", "Client")

    @display(description="Roles")
    def display_roles(self, user: User) -> str:
        """Names of their groups."""
        return ", ".join(group.name for group in user.groups.all()) or "-"


MEMBER_LABELS: Labels = {Membership.Role.OWNER: "primary", Membership.Role.EDITOR: "info", Membership.Role.VIEWER: ""}


@admin.register(Membership)
class MembershipAdmin(ConsoleAdmin[Membership]):
    """Who belongs to which account."""

    list_display = ("display_user", "display_account", "display_role", "created_at")
    list_display_links = ("display_role",)
    list_filter = (("account", AutocompleteSelectFilter), ("role", ChoicesDropdownFilter))
    list_select_related = ("account", "user")
    search_fields = ("user__email", "user__last_name", "account__name")
    autocomplete_fields = ("account", "user")

    @display(description="User", ordering="user__email")
    def display_user(self, membership: Membership) -> Any:
        """A link to the person."""
        return page_link(membership.user, membership.user.email)

    @display(description="Account", ordering="account__name")
    def display_account(self, membership: Membership) -> Any:
        """A link to the account."""
        return page_link(membership.account)

    @display(description="Role", ordering="role", label=MEMBER_LABELS)
    def display_role(self, membership: Membership) -> tuple[str, str]:
        """The role as a label."""
        return membership.role, membership.get_role_display()
