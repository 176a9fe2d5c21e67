"""unfold's checks of actions, without the database.

unfold looks permissions up in their table, so that no command, ``migrate`` included, would run before there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_permission_codename
from django.core.checks import CheckMessage, Error

if TYPE_CHECKING:
    from django.contrib.admin.checks import ModelAdminChecks as UnfoldModelAdminChecks
else:
    from unfold.checks import UnfoldModelAdminChecks


def known_permissions() -> set[str]:
    """Every permission that ``migrate`` makes, as ``app.codename``."""
    known = set()
    for model in apps.get_models():
        options = model._meta
        names = [get_permission_codename(action, options) for action in options.default_permissions]
        known |= {f"{options.app_label}.{name}" for name in (*names, *(name for name, _ in options.permissions))}
    return known


class ConsoleAdminChecks(UnfoldModelAdminChecks):
    """Checks that each permission an action asks for exists, by the models instead of the table."""

    def _check_unfold_action_permission_methods(self, obj: Any) -> list[CheckMessage]:
        actions = (
            *obj._get_base_actions_list(),
            *obj._get_base_actions_detail(),
            *obj._get_base_actions_row(),
            *obj._get_base_actions_submit_line(),
        )
        known = known_permissions()
        return [
            Error(
                f"The action {action.action_name} of {type(obj).__name__} asks for {permission}, which does not exist.",
                hint="Use app.codename of a model's permission, or a name for which has_<name>_permission is a method.",
                obj=type(obj),
                id="broadcast.E017",
            )
            for action in actions
            for permission in getattr(action.method, "allowed_permissions", ())
            if not (permission in known if "." in permission else hasattr(obj, f"has_{permission}_permission"))
        ]
