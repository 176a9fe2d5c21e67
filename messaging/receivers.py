"""What the transport does when rows of the layer below change."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from integrations.models import Gateway
from messaging.services.gateways import publish_on_commit


@receiver((post_save, post_delete), sender=Gateway, dispatch_uid="messaging_publish_gateways")
def publish_gateway(**kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """Tell the webhook process."""
    publish_on_commit()
