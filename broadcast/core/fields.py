"""Model fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from broadcast.core import crypto


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value as the database has it, until somebody needs it."""

    token: str = field(repr=False)


class _Unsealing(DeferredAttribute):
    """Decrypts when the value is read: rows that are only counted or named cost nothing, and open without their key."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if isinstance(value, Sealed):
            value = crypto.decrypt(value.token)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedJSONField(models.TextField[Any, Any]):
    """A JSON value that is encrypted in the database (see ``broadcast.core.crypto``).

    Reading it from a row may raise ``broadcast.core.crypto.DecryptionError``. ``values()`` gives ``Sealed``.
    """

    descriptor_class = _Unsealing

    # What django-stubs takes a value of this field to be.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    description = "JSON, encrypted at rest"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:  # noqa: ARG002  Django's signature
        """What the database returned, to be decrypted when it is read."""
        return None if value is None else Sealed(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Encrypt what goes to the database."""
        if isinstance(value, Sealed):
            return value.token
        return None if value is None else crypto.encrypt(value)

    def to_python(self, value: Any) -> Any:
        """Values are plain Python already."""
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Serialised (dumpdata) values stay encrypted."""
        return crypto.encrypt(self.value_from_object(obj))
