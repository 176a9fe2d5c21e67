"""The messaging app."""

from __future__ import annotations

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """The transport: numbers, batches, messages."""

    name = "messaging"
    verbose_name = "Messaging"

    def ready(self) -> None:
        """Connect the receivers, and have checks of credentials take their turn among what is sent."""
        from integrations.services import checking
        from messaging import receivers  # noqa: F401  connects itself
        from messaging.services.slotted import SlottedDriver

        checking.carry_by(SlottedDriver)
