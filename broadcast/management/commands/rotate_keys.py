"""``manage.py rotate_keys``: encrypt every stored secret again with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from broadcast.core.crypto import KeysUnusable
from broadcast.core.reencrypt import reencrypt_all


class Command(BaseCommand):
    """Put a new key in front of BROADCAST_ENCRYPTION_KEYS, run this, then take the old key away."""

    help = (
        "Encrypt all stored secrets again with the first of BROADCAST_ENCRYPTION_KEYS. Can be interrupted and repeated."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's signature
        """Rotate, and say of each field what was done.

        Raises:
            CommandError: a key is missing or unusable, or some secrets could not be decrypted; the others are done.
        """
        try:
            tallies = reencrypt_all()
        except KeysUnusable as error:
            raise CommandError(f"Nothing was changed. {error}") from None
        for tally in tallies:
            self.stdout.write(f"{tally.name}: {tally.done} encrypted anew, {tally.kept} were by the newest key before")
        if lost := [f"{tally.name} of {', '.join(map(str, tally.lost))}" for tally in tallies if tally.lost]:
            raise CommandError(
                f"These cannot be decrypted and are left as they are: {'; '.join(lost)}. Put the key they were encrypted with "
                "back into BROADCAST_ENCRYPTION_KEYS (behind the new one) and run this again, or enter them anew. Do not take "
                "a key away before."
            )
        self.stdout.write("Every stored secret is by the newest key. Wait a minute, then take the older keys away.")
