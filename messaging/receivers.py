"""What the transport does when rows of the layer below change."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import Account
from integrations.models import Gateway
from messaging.models import Batch, PhoneNumber
from messaging.services.batches import pause_obstructed
from messaging.services.gateways import number_changed, publish_on_commit
from messaging.services.reviews import settle
from messaging.services.suppressions import OPT_OUTS
from messaging.signals import suppression_added, suppression_lifted


@receiver((post_save, post_delete), sender=Gateway, dispatch_uid="messaging_publish_gateways")
def publish_gateway(*, instance: Gateway, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """Tell the webhook process and the senders."""
    publish_on_commit(instance.pk)


@receiver(post_save, sender=Account, dispatch_uid="messaging_hold_account")
def hold_account(*, instance: Account, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """Nothing more leaves for an account that was suspended or closed."""
    if not instance.is_active:
        transaction.on_commit(lambda: pause_obstructed(Batch.objects.filter(account=instance)))


@receiver(post_save, sender=Gateway, dispatch_uid="messaging_hold_gateway")
def hold_gateway(*, instance: Gateway, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """Nothing more leaves through a gateway that was disabled."""
    if not instance.is_enabled:
        transaction.on_commit(lambda: pause_obstructed(Batch.objects.filter(gateway=instance)))


@receiver(post_save, sender=PhoneNumber, dispatch_uid="messaging_share_out_anew")
def share_out_anew(*, instance: PhoneNumber, created: bool, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """A number's pace and state decide what its sender pools leave to it."""
    if not created:
        transaction.on_commit(lambda: number_changed(instance.pk))


@receiver(suppression_added, dispatch_uid="messaging_settle_review_opted_out")
def settle_opted_out(*, account_id: int, recipient: str, reason: str, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """A clear opt-out decides what an unclear one left open."""
    if reason in OPT_OUTS:
        settle(account_id=account_id, recipient=recipient, opted_out=True)


@receiver(suppression_lifted, dispatch_uid="messaging_settle_review_kept")
def settle_kept(*, account_id: int, recipient: str, **kwargs: Any) -> None:  # noqa: ARG001  a receiver's signature
    """So does a START, and staff who lift the block."""
    settle(account_id=account_id, recipient=recipient, opted_out=False)
