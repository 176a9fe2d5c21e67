"""What follows a migration."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed_apps
from django.apps.registry import Apps

from accounts.roles import ROLES


def sync_roles(sender: AppConfig, using: str, apps: Apps = installed_apps, **_: Any) -> None:
    """Give the roles the permissions that ``accounts.roles`` lists, and no others, of the app that was just migrated.

    Runs after Django has made the app's permissions. Permissions of other apps are left alone: each app has its turn.

    Args:
        sender: the app.
        using: the database's alias.
        apps: models as the database has them now; a first migration may have made a part of them only.
    """
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:
        return
    of_app = permission_model.objects.using(using).filter(content_type__app_label=sender.label)
    for name, wanted in ROLES.items():
        codenames = {permission.partition(".")[2] for permission in wanted if permission.startswith(f"{sender.label}.")}
        group, _made = group_model.objects.using(using).get_or_create(name=name)
        group.permissions.remove(*of_app.exclude(codename__in=codenames))
        group.permissions.add(*of_app.filter(codename__in=codenames))
