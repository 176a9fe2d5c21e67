"""Telnyx's webhook signatures: Ed25519 over the timestamp and the body ("Webhook fundamentals")."""

from __future__ import annotations

import binascii
import time
from base64 import b64decode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from integrations.sms.contract import Webhook
from integrations.sms.errors import AdapterError, SignatureError

#: An older webhook may be one that somebody overheard and sends again.
TOLERANCE_SECONDS = 300
#: Far later than any time there will be; longer numbers take long to convert.
_MOST_DIGITS = 12


def public_key(given: str) -> Ed25519PublicKey:
    """The key that Telnyx's portal shows, 32 bytes in Base64.

    Raises:
        AdapterError: it is not such a key.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(b64decode(given.encode("utf-8", "replace"), validate=True))
    except ValueError:
        raise AdapterError(
            "The Telnyx gateway's public key is not one: it has 44 characters and ends in “=”. Copy it once more from the "
            "Telnyx portal."
        ) from None


def check_signature(webhook: Webhook, key: Ed25519PublicKey) -> None:
    """Check that Telnyx signed the webhook, and just now.

    Args:
        webhook: as it arrived.
        key: the account's public key.

    Raises:
        SignatureError: missing or wrong, or from another time.
    """
    given = webhook.headers.get("telnyx-signature-ed25519", "").strip()
    timestamp = webhook.headers.get("telnyx-timestamp", "").strip()
    if not given or not timestamp:
        raise SignatureError(
            "The webhook lacks the header telnyx-signature-ed25519 or telnyx-timestamp, so it does not come from Telnyx. "
            "Refused."
        )
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _MOST_DIGITS):
        raise SignatureError("The webhook's telnyx-timestamp is not a number of seconds. Refused.")
    try:
        signature = b64decode(given.encode("utf-8", "replace"), validate=True)
        key.verify(signature, timestamp.encode() + b"|" + webhook.body)
    except (binascii.Error, InvalidSignature):
        raise SignatureError(
            "The webhook's signature does not match. If Telnyx did send it, compare the gateway's public key with the "
            "one in the Telnyx portal, and see that no proxy changes the body."
        ) from None
    # Only now: a wrong clock of ours is worth telling of if the webhook is Telnyx's.
    seconds = time.time() - int(timestamp)
    if abs(seconds) > TOLERANCE_SECONDS:
        when = f"{abs(seconds) / 60:.0f} minutes {'old' if seconds > 0 else 'ahead'}"
        raise SignatureError(
            f"The webhook is Telnyx's but {when}; {TOLERANCE_SECONDS // 60} are allowed. Check this machine's clock. If it "
            "is right, somebody sends what they overheard.",
            clock_seconds=seconds,
        )
