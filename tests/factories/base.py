"""What the factories share: types for factory-boy, which has next to none, and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import factory as factory_boy
from django.db.models import Model

T = TypeVar("T", bound=Model)

#: factory-boy's declarations, which have no types.
factory: Any = factory_boy

#: Area codes in which every 555-xxxx is valid for libphonenumber; the first is used until its numbers are spent.
AREA_CODES = (415, 212, 213, 312, 404, 503, 617, 702)

if TYPE_CHECKING:

    class ModelFactory(Generic[T]):
        """Calling a factory saves and returns an object."""

        def __new__(cls, **values: Any) -> T: ...  # type: ignore[misc]  # that is what factory-boy's metaclass does

        @classmethod
        def build(cls, **values: Any) -> T: ...

        @classmethod
        def create(cls, **values: Any) -> T: ...

        @classmethod
        def create_batch(cls, size: int, **values: Any) -> list[T]: ...

else:

    class ModelFactory(factory_boy.django.DjangoModelFactory, Generic[T]):
        """Calling a factory saves and returns an object."""

        class Meta:
            abstract = True


def number_at(n: int) -> str:
    """A valid number of the United States, another one for each ``n`` up to 80,000."""
    return f"+1{AREA_CODES[n // 10_000 % len(AREA_CODES)]}555{n % 10_000:04d}"
