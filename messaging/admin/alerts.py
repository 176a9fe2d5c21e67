"""Alerts: what waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import formats, timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RadioFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from broadcast.core.admin import LargeTableMixin, ReadOnlyAdmin, display
from broadcast.core.confirm import ActionRefused, ConfirmForm, confirmed_action
from messaging.admin.labels import ALERT_LABELS
from messaging.admin.sources import alert_link
from messaging.models import Alert
from messaging.services.alerts import resolve_by_person

if TYPE_CHECKING:
    from accounts.models import User


CLOSED = "This alert was closed before; there is nothing to do."


class OpenFilter(RadioFilter):  # type: ignore[misc]  # unfold has no types
    """Open or dealt with."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002  Django's signature
        """The choices."""
        return [("yes", "Open"), ("no", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002  Django's signature
        """The chosen rows."""
        return queryset.filter(resolved_at__isnull=self.value() == "yes") if self.value() else queryset


def deal_with_context(_admin: Any, _request: HttpRequest, alert: Alert) -> dict[str, Any]:
    """What it says, and whether there is still something to do."""
    if alert.resolved_at:
        return {"question": alert.text, "problems": [CLOSED]}
    return {"question": f"{alert.text} If the cause is still there, it may be raised again."}


@admin.register(Alert)
class AlertAdmin(LargeTableMixin, ReadOnlyAdmin[Alert]):
    """Alerts. They are raised and most are closed by themselves; a person can close one, not write one."""

    list_display = ("display_kind", "display_text", "display_about", "display_state", "created_at")
    list_display_links = ("display_text",)
    list_filter = (OpenFilter, ("kind", ChoicesDropdownFilter), ("gateway", RelatedDropdownFilter))
    search_fields = ("text", "batch__label", "gateway__name")
    # What still waits comes first.
    ordering = (F("resolved_at").desc(nulls_first=True), "-id")
    sortable_by = ()
    actions_detail = ("deal_with",)
    actions_row = ("deal_with",)
    readonly_fields = ("display_about", "display_text", "display_end")
    fieldsets = (
        (None, {"fields": ("display_text", "display_about")}),
        ("Record", {"fields": (("created_at", "emailed_at"), "display_end")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """With what they are about, without texts and credentials."""
        found = super().get_queryset(request).select_related("batch", "gateway")
        return found.defer("batch__template", "gateway__credentials")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Only what is open can be dealt with."""
        is_open = Alert.objects.open().filter(pk=object_id).exists()
        return super().get_actions_detail(request, object_id) if is_open else []  # type: ignore[misc]  # unfold has no types

    @confirmed_action(
        "Dealt with…",
        permission="messaging.change_alert",
        button="It is dealt with",
        context=deal_with_context,
        icon="task_alt",
        variant=ActionVariant.PRIMARY,
    )
    def deal_with(self, request: HttpRequest, alert: Alert, form: ConfirmForm) -> str:  # noqa: ARG002  an action's signature
        """``open`` → ``resolved``."""
        if not resolve_by_person(alert_id=alert.pk, user=cast("User", request.user)):
            raise ActionRefused(CLOSED)
        return "The alert is closed."

    @display(description="What", label=ALERT_LABELS)
    def display_kind(self, alert: Alert) -> tuple[str, str]:
        """The kind as a label."""
        return alert.kind, alert.get_kind_display()

    @display(description="What happened")
    def display_text(self, alert: Alert) -> str:
        """All of it."""
        return alert.text

    @display(description="About")
    def display_about(self, alert: Alert) -> Any:
        """A link to where something can be done about it."""
        return alert_link(alert) if alert.batch or alert.gateway or alert.subject else "-"

    @display(description="Closed")
    def display_end(self, alert: Alert) -> str:
        """When it was closed, and by what or whom."""
        if alert.resolved_at is None:
            return "It is still open"
        return f"{formats.date_format(timezone.localtime(alert.resolved_at), 'DATETIME_FORMAT')}: {alert.resolved_note}"

    @display(description="State", label={"open": "danger", "over": ""})
    def display_state(self, alert: Alert) -> tuple[str, str]:
        """Whether it still needs a person."""
        return ("over", "Over") if alert.resolved_at else ("open", "Open")
