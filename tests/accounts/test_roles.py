"""Staff roles come from one table."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.migrations.state import ProjectState

from accounts.receivers import sync_roles
from accounts.roles import OPERATOR, READ_ONLY, ROLES, SUPPORT

pytestmark = pytest.mark.django_db


def permissions_of(name: str) -> set[str]:
    rows = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in rows}


@pytest.mark.parametrize("name", ROLES)
def test_role_has_exactly_what_the_table_says(name: str) -> None:
    assert permissions_of(name) == ROLES[name]


def test_every_listed_permission_exists() -> None:
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    there_are = {f"{app}.{codename}" for app, codename in rows}
    assert set().union(*ROLES.values()) <= there_are


def test_migration_and_table_name_the_same_roles() -> None:
    migration = importlib.import_module("accounts.migrations.0002_roles")
    assert set(migration.ROLES) == set(ROLES)


def test_only_operators_launch_and_nobody_changes_gateways() -> None:
    assert "campaigns.launch_campaign" in ROLES[OPERATOR]
    assert "campaigns.launch_campaign" not in ROLES[SUPPORT] | ROLES[READ_ONLY]
    for role in ROLES.values():
        assert not role & {"integrations.add_gateway", "integrations.change_gateway", "integrations.delete_gateway"}


def test_read_only_staff_only_view() -> None:
    assert all(permission.partition(".")[2].startswith("view_") for permission in ROLES[READ_ONLY])


def test_migrating_again_restores_the_table_and_leaves_own_roles_alone() -> None:
    operator = Group.objects.get(name=OPERATOR)
    operator.permissions.clear()
    extra = Permission.objects.get(codename="change_gateway")
    operator.permissions.add(extra)
    own = Group.objects.create(name="Night shift")
    own.permissions.add(extra)
    call_command("migrate", verbosity=0)
    assert permissions_of(OPERATOR) == ROLES[OPERATOR]
    assert permissions_of("Night shift") == {"integrations.change_gateway"}


def test_nothing_is_done_before_the_tables_are_there() -> None:
    Group.objects.all().delete()
    sync_roles(sender=apps.get_app_config("campaigns"), using="default", apps=ProjectState().apps)
    assert not Group.objects.exists()
