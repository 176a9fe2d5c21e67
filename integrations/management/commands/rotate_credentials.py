"""``manage.py rotate_credentials``: encrypt every stored secret again with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from broadcast.core.crypto import DecryptionError
from integrations.models import Gateway


class Command(BaseCommand):
    """Put a new key in front of BROADCAST_ENCRYPTION_KEYS, run this, then take the old key away."""

    help = "Encrypt the credentials of all gateways again with the first of BROADCAST_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's signature
        """Rotate, all or nothing.

        Raises:
            CommandError: a secret was encrypted with a key that is not listed; nothing is changed.
        """
        try:
            with transaction.atomic():
                gateways = list(Gateway.objects.select_for_update())
                for gateway in gateways:
                    gateway.save(update_fields=("credentials", "updated_at"))
        except DecryptionError as error:
            raise CommandError(f"Nothing was changed. {error}") from None
        self.stdout.write(f"Encrypted the credentials of {len(gateways)} gateways with the newest key.")
