"""Encryption of credentials at rest: Fernet, rotated through several keys.

The first key encrypts, every key decrypts, so a new key is added on every machine, then put in front, ``manage.py rotate_keys``
run, and the old key taken away.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from broadcast.core.config import config


class DecryptionError(Exception):
    """A stored secret was encrypted with a key that is no longer listed."""


class KeysUnusable(DecryptionError):
    """BROADCAST_ENCRYPTION_KEYS is missing, or holds something that is not a key."""


_LOST = (
    "A stored secret cannot be decrypted: put the key it was encrypted with back into BROADCAST_ENCRYPTION_KEYS "
    "(behind the new one), or enter the credentials again."
)


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise KeysUnusable(
            "BROADCAST_ENCRYPTION_KEYS is not set, so stored secrets cannot be read. Set it, then restart."
        )
    return MultiFernet([_key(key, position) for position, key in enumerate(keys, start=1)])


def _key(key: str, position: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        # What is not a key may be one with a letter too many: it is not shown.
        raise KeysUnusable(
            f"Key {position} of BROADCAST_ENCRYPTION_KEYS is not a Fernet key (32 bytes in URL-safe Base64). Correct it, then "
            "restart."
        ) from None


def encrypt(value: Any, keys: tuple[str, ...] | None = None) -> str:
    """Encrypt a JSON value.

    Args:
        value: anything orjson can write.
        keys: Fernet keys, newest first; the installation's when omitted.

    Raises:
        KeysUnusable: none, or something that is not a key.
    """
    return _fernet(keys or config().encryption_keys).encrypt(orjson.dumps(value)).decode()


def decrypt(token: str, keys: tuple[str, ...] | None = None) -> Any:
    """The value that ``encrypt`` was given.

    Raises:
        DecryptionError: no listed key fits; the text says what to do.
    """
    try:
        return orjson.loads(_fernet(keys or config().encryption_keys).decrypt(token.encode()))
    except InvalidToken:
        raise DecryptionError(_LOST) from None


def is_by_newest_key(token: str, keys: tuple[str, ...] | None = None) -> bool:
    """Whether a value is encrypted with the first key, so that the others are not needed for it."""
    newest = (keys or config().encryption_keys)[:1]
    try:
        _fernet(newest).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def reencrypt(token: str, keys: tuple[str, ...] | None = None) -> str:
    """The same value, encrypted with the first key.

    Raises:
        DecryptionError: no listed key fits; the text says what to do.
    """
    try:
        return _fernet(keys or config().encryption_keys).rotate(token.encode()).decode()
    except InvalidToken:
        raise DecryptionError(_LOST) from None
