"""Encrypting what is stored anew, after a new key was put in front of BROADCAST_ENCRYPTION_KEYS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.models import F, Model, TextField
from django.db.models.functions import Cast

from broadcast.core.crypto import DecryptionError, is_by_newest_key, reencrypt
from broadcast.core.fields import EncryptedJSONField, Sealed

#: Rows that are read at once.
BATCH = 200


@dataclass(slots=True)
class Tally:
    """What became of the secrets of one field.

    Args:
        name: model and field, for a person.
        done: encrypted anew.
        kept: encrypted with the newest key before, or changed by somebody else meanwhile.
        lost: primary keys of rows that no listed key decrypts.
    """

    name: str
    done: int
    kept: int
    lost: list[int]


def reencrypt_all() -> list[Tally]:
    """Encrypt every stored secret with the newest key, a tally for each encrypted field.

    Each row is a transaction of its own and one that is done is passed over, so it can be interrupted and repeated; what
    no key decrypts is left as it is.
    """
    return [
        _reencrypt_field(model, field)
        for model in sorted(apps.get_models(), key=lambda each: each._meta.label)
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedJSONField)
    ]


def _reencrypt_field(model: type[Model], field: EncryptedJSONField) -> Tally:
    tally = Tally(f"{model._meta.label} {field.verbose_name}", 0, 0, [])
    for pk, token in _tokens(model, field):
        if is_by_newest_key(token):
            tally.kept += 1
            continue
        try:
            anew = reencrypt(token)
        except DecryptionError:
            tally.lost.append(pk)
            continue
        # Somebody may have saved it since it was read: then it is by the newest key already.
        rows = model._default_manager.annotate(_token=Cast(field.name, TextField())).filter(pk=pk, _token=token)
        if rows.update(**{field.name: Sealed(anew)}):
            tally.done += 1
        else:
            tally.kept += 1
    return tally


def _tokens(model: type[Model], field: EncryptedJSONField) -> Iterator[tuple[int, str]]:
    """Primary keys and what is stored, in batches."""
    rows = model._default_manager.exclude(**{field.name: None}).annotate(_token=Cast(F(field.name), TextField()))
    last = 0
    while True:
        batch = list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "_token")[:BATCH])
        if not batch:
            return
        yield from batch
        last = batch[-1][0]
