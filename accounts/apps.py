"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    """Accounts, users and memberships."""

    name = "accounts"
    verbose_name = "Clients"

    def ready(self) -> None:
        """Keep staff roles as the table of roles has them."""
        from accounts.receivers import sync_roles

        post_migrate.connect(sync_roles, dispatch_uid="accounts.sync_roles")
