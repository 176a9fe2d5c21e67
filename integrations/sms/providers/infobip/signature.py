"""Who sent a webhook: an HMAC over its body, or a user and password, as set in Infobip's security settings.

Infobip lets its customer choose the hash and the header, so the hash is told from the signature's length: SHA-1, SHA-256 or
SHA-512, in hexadecimal digits or Base64, with or without the hash's name and ``=`` in front.
"""

from __future__ import annotations

import hmac
from base64 import b64encode

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError

DEFAULT_HEADER = "X-Signature"

_HEXADECIMAL = {40: "sha1", 64: "sha256", 128: "sha512"}
_BASE64 = {28: "sha1", 44: "sha256", 88: "sha512"}


def check_webhook(webhook: Webhook, *, secret: bytes, header: str, basic: bytes) -> None:
    """Check that a webhook is Infobip's.

    Args:
        webhook: as it arrived.
        secret: key of the HMAC, empty for none.
        header: lower-case name of the header that holds the signature.
        basic: value of ``Authorization``, empty for none.

    Raises:
        SignatureError: it is not, or there is nothing to check it with.
    """
    if not secret and not basic:
        raise SignatureError(
            "The gateway has neither a webhook secret nor a webhook user, so nobody's webhooks can be trusted. Enter one "
            "on the gateway's page, and the same in Infobip's security settings."
        )
    authorization = webhook.headers.get("authorization", "")
    if basic and authorization:
        if hmac.compare_digest(authorization.encode("utf-8", "replace"), basic):
            return
        raise SignatureError("The webhook's user or password is wrong. Compare it with Infobip's security settings.")
    if not secret:
        raise SignatureError("The webhook has no user and password. Set them in Infobip's security settings.")
    given = webhook.headers.get(header, "")
    if not given:
        raise SignatureError(
            f"The webhook has no signature in the header {header}. Compare that name with Infobip's security settings."
        )
    if not _matches(given, webhook.body, secret):
        raise SignatureError("The webhook's signature does not match. Compare the secret with Infobip's settings.")


def _matches(given: str, body: bytes, secret: bytes) -> bool:
    name, separator, rest = given.partition("=")
    signature = rest if separator and name.lower() in _HEXADECIMAL.values() else given
    if algorithm := _HEXADECIMAL.get(len(signature)):
        expected = hmac.digest(secret, body, algorithm).hex()
        signature = signature.lower()
    elif algorithm := _BASE64.get(len(signature)):
        expected = b64encode(hmac.digest(secret, body, algorithm)).decode()
    else:
        return False
    return hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())
