"""The campaigns app."""

from __future__ import annotations

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """Who is sent what: subscribers, lists and campaigns."""

    name = "campaigns"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        """Connect the receivers."""
        from campaigns import receivers  # noqa: F401  connects itself
