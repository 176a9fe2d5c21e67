"""The messaging app."""

from __future__ import annotations

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """The transport: numbers, batches, messages."""

    name = "messaging"
    verbose_name = "Messaging"

    def ready(self) -> None:
        """Connect the receivers."""
        from messaging import receivers  # noqa: F401  connects itself
