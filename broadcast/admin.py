"""Pages of other people's models, in the console's look: background tasks and staff roles."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from accounts.roles import ROLES
from broadcast.core.admin import ConsoleAdmin, ReadOnlyAdmin, display

for model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
admin.site.unregister(Group)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin[Schedule]):
    """What runs by the clock. ``broadcast.schedules`` makes these; changes would be undone at the next start."""

    list_display = ("name", "func", "schedule_type", "minutes", "next_run")
    list_filter = (("schedule_type", ChoicesDropdownFilter),)
    fields = ("name", "func", "schedule_type", "minutes", "repeats", "next_run", "kwargs")


@admin.register(Failure)
class FailureAdmin(ReadOnlyAdmin[Failure]):
    """Tasks that ended with an error. Nothing is lost by one: the sweeper takes its work up again."""

    list_display = ("func", "display_error", "started", "stopped")
    search_fields = ("name", "func")
    fields = ("name", "func", "args", "kwargs", "started", "stopped", "attempt_count", "result")

    @display(description="Error")
    def display_error(self, task: Any) -> str:
        """The last line of the error."""
        lines = str(task.result or "").strip().splitlines()
        return lines[-1][:120] if lines else "-"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ConsoleAdmin[Group]):
    """Staff roles. Those that Broadcast brings are fixed; make another for rights of your own."""

    list_display = ("name", "display_kind", "display_members")
    search_fields = ("name",)
    filter_horizontal = ("permissions",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """With the number of people."""
        return super().get_queryset(request).annotate(members=Count("user"))

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Not those of the table of roles: every migrate sets them."""
        return super().has_change_permission(request, obj) and (obj is None or obj.name not in ROLES)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """As for a change."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.name not in ROLES)

    @display(description="Kind", label={"fixed": "info", "own": ""})
    def display_kind(self, group: Group) -> tuple[str, str]:
        """Whose it is."""
        return ("fixed", "Built in") if group.name in ROLES else ("own", "Own")

    @display(description="People", ordering="members")
    def display_members(self, group: Any) -> int:
        """How many have it."""
        return int(group.members)
