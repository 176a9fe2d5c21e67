"""Encryption of credentials at rest: Fernet, rotated through several keys.

The first key encrypts, every key decrypts, so a new key is put in front, ``manage.py rotate_credentials`` run, and the old
key taken away.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from broadcast.core.config import config


class DecryptionError(Exception):
    """A stored secret was encrypted with a key that is no longer listed."""


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(value: Any, keys: tuple[str, ...] | None = None) -> str:
    """Encrypt a JSON value.

    Args:
        value: anything orjson can write.
        keys: Fernet keys, newest first; the installation's when omitted.
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
        raise DecryptionError(
            "A stored secret cannot be decrypted: put the key it was encrypted with back into BROADCAST_ENCRYPTION_KEYS "
            "(behind the new one), or enter the credentials again."
        ) from None
