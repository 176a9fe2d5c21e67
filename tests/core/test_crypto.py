"""Secrets at rest."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from broadcast.core.crypto import DecryptionError, decrypt, encrypt


def key() -> str:
    return Fernet.generate_key().decode()


def test_a_value_comes_back_as_it_was() -> None:
    value = {"account_sid": "AC1", "auth_token": "geheim – ünïcode", "n": 3, "none": None}

    token = encrypt(value)

    assert decrypt(token) == value
    assert "geheim" not in token


def test_the_same_value_never_looks_the_same() -> None:
    assert encrypt("secret") != encrypt("secret")


def test_a_new_key_in_front_still_reads_what_the_old_one_wrote() -> None:
    old, new = key(), key()
    token = encrypt("secret", (old,))

    assert decrypt(token, (new, old)) == "secret"
    rotated = encrypt(decrypt(token, (new, old)), (new, old))
    assert decrypt(rotated, (new,)) == "secret"


def test_without_its_key_a_secret_stays_shut_and_the_error_says_what_to_do() -> None:
    token = encrypt("secret", (key(),))

    with pytest.raises(DecryptionError, match="BROADCAST_ENCRYPTION_KEYS") as caught:
        decrypt(token, (key(),))

    assert "secret'" not in str(caught.value)


def test_a_changed_secret_is_not_believed() -> None:
    token = encrypt("secret")
    changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]

    with pytest.raises(DecryptionError):
        decrypt(changed)
