"""Who may see which accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models

if TYPE_CHECKING:
    from accounts.models import Account, User  # noqa: F401  named in a string below


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts."""

    def active(self) -> Self:
        """Accounts that may send."""
        return self.filter(status="active")

    def for_user(self, user: User) -> Self:
        """Accounts that a user may see: staff see all, others those they are a member of."""
        if user.is_staff:
            return self
        return self.filter(memberships__user=user).distinct()
