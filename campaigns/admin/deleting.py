"""Deleting what has records that nobody deletes by themselves."""

from __future__ import annotations

from typing import Any

from django.db.models import Model


def without_permission(found: Any, *models: type[Model]) -> Any:
    """What ``get_deleted_objects`` found, with records that go along and need no permission of their own.

    Args:
        found: its answer.
        models: those of the records.
    """
    shown, counts, missing, protected = found
    return shown, counts, set(missing) - {model._meta.verbose_name for model in models}, protected
