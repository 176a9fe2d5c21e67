"""Who sent a webhook: base64 HMAC-SHA256 over ``<body>.<nonce>.<timestamp>``, with the last two and the signature in headers."""

from __future__ import annotations

import hmac
from base64 import b64encode

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError

SIGNATURE = "x-sinch-webhook-signature"
NONCE = f"{SIGNATURE}-nonce"
TIMESTAMP = f"{SIGNATURE}-timestamp"
ALGORITHM = f"{SIGNATURE}-algorithm"
#: A signature may be this much older or newer than now, so that what somebody has overheard is of no use to them later.
TOLERANCE_SECONDS = 300


def check_webhook(webhook: Webhook, *, secret: bytes, now: float) -> None:
    """Check that a webhook is Sinch's, and of now.

    Args:
        webhook: as it arrived.
        secret: key of the HMAC, empty for none.
        now: Unix time.

    Raises:
        SignatureError: it is not, or there is nothing to check it with.
    """
    if not secret:
        raise SignatureError(
            "The gateway has no webhook secret, so nobody's webhooks can be trusted. Enter one on the gateway's page, and have "
            "Sinch sign the service plan's callbacks with it (HMAC)."
        )
    given, nonce, timestamp = (webhook.headers.get(name, "") for name in (SIGNATURE, NONCE, TIMESTAMP))
    if not given or not nonce or not timestamp:
        raise SignatureError(
            "The webhook is not signed. Have Sinch sign the service plan's callbacks (HMAC), and check that no proxy takes "
            f"the headers {SIGNATURE}… away."
        )
    algorithm = webhook.headers.get(ALGORITHM)
    if algorithm is not None and algorithm != "HmacSHA256":
        raise SignatureError("The webhook is signed in a way that is not known here. Have Sinch use HmacSHA256.")
    signed = b".".join((webhook.body, nonce.encode("utf-8", "replace"), timestamp.encode("utf-8", "replace")))
    expected = b64encode(hmac.digest(secret, signed, "sha256"))
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected):
        raise SignatureError("The webhook's signature does not match. Compare the webhook secret with Sinch's.")
    # Only behind the signature: what it says is Sinch's then, and worth telling staff.
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 13:
        raise SignatureError("The webhook's timestamp is not one in seconds. Ask Sinch how it signs callbacks now.")
    behind = now - int(timestamp)
    if abs(behind) > TOLERANCE_SECONDS:
        raise SignatureError(
            f"The webhook was signed {abs(behind):.0f} seconds {'ago' if behind > 0 else 'from now'}; "
            f"{TOLERANCE_SECONDS} are allowed. Check this server's clock; else somebody may be repeating an old webhook.",
            clock_seconds=behind,
        )
