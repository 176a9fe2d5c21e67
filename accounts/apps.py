"""The accounts app."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Accounts, users and memberships."""

    name = "accounts"
    verbose_name = "Clients"
