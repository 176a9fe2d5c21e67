"""Model fields."""

from __future__ import annotations

from typing import Any

from django.db import models

from broadcast.core import crypto


class EncryptedJSONField(models.TextField[Any, Any]):
    """A JSON value that is encrypted in the database (see ``broadcast.core.crypto``)."""

    # What django-stubs takes a value of this field to be.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    description = "JSON, encrypted at rest"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:  # noqa: ARG002  Django's signature
        """Decrypt what the database returned."""
        return None if value is None else crypto.decrypt(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Encrypt what goes to the database."""
        return None if value is None else crypto.encrypt(value)

    def to_python(self, value: Any) -> Any:
        """Values are plain Python already."""
        return value

    def value_to_string(self, obj: models.Model) -> str:
        """Serialised (dumpdata) values stay encrypted."""
        return crypto.encrypt(self.value_from_object(obj))
