"""Make the staff roles; their permissions follow after each migrate (accounts.receivers)."""

from django.db import migrations

ROLES = ("Operator", "Support", "Read-only")


def make_roles(apps, schema_editor):
    """Make the groups that are missing."""
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.using(schema_editor.connection.alias).get_or_create(name=name)


def remove_roles(apps, schema_editor):
    """Remove the groups."""
    apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    """Groups."""

    dependencies = [("accounts", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(make_roles, remove_roles)]
