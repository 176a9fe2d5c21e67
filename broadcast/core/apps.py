"""The admin, with our staff site as its default site."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Stands in settings where ``django.contrib.admin`` would."""

    default_site = "broadcast.core.sites.StaffSite"
