"""What is done with gateways as a whole."""

from __future__ import annotations

from django.db import transaction

from integrations.models import Gateway


def rotate_credentials() -> int:
    """Encrypt every gateway's credentials anew with the first of BROADCAST_ENCRYPTION_KEYS.

    Returns:
        How many gateways there are.

    Raises:
        broadcast.core.crypto.DecryptionError: a key that something was encrypted with is not listed; nothing was changed.
    """
    with transaction.atomic():
        gateways = list(Gateway.objects.select_for_update())
        for gateway in gateways:
            gateway.save(update_fields=("credentials", "updated_at"))
    return len(gateways)
