"""What follows a migration."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps

from accounts.roles import ROLES


def sync_roles(sender: AppConfig, using: str, **_: Any) -> None:
    """Give the roles the permissions that ``accounts.roles`` lists, and no others, of the app that was just migrated.

    Runs after Django has made the app's permissions. Permissions of other apps are left alone: each app has its turn.
    """
    if not (apps.is_installed("django.contrib.auth") and sender.models_module):
        return
    group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    of_app = permission_model.objects.using(using).filter(content_type__app_label=sender.label)
    for name, wanted in ROLES.items():
        codenames = {permission.partition(".")[2] for permission in wanted if permission.startswith(f"{sender.label}.")}
        group, _made = group_model.objects.using(using).get_or_create(name=name)
        group.permissions.remove(*of_app.exclude(codename__in=codenames))
        group.permissions.add(*of_app.filter(codename__in=codenames))
