"""What spans accounts and people."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import Account, Membership, User


@transaction.atomic
def add_member(*, account: Account, email: str, role: str = Membership.Role.VIEWER) -> Membership:
    """Give a person a place in an account.

    Args:
        account: where.
        email: theirs. Unknown: a client is made who cannot log in until staff set a password.
        role: a value of ``Membership.Role``; a member's role is changed to it.
    """
    user = User.objects.filter(email__iexact=email).first() or User.objects.create_user(email)
    membership, _made = Membership.objects.update_or_create(account=account, user=user, defaults={"role": role})
    return membership


@transaction.atomic
def create_account(*, name: str, owner_email: str = "", **fields: Any) -> Account:
    """Make an account, with its first owner if an address is given.

    Args:
        name: as people know the sender.
        owner_email: see ``add_member``.
        fields: other fields of ``Account``.

    Raises:
        django.core.exceptions.ValidationError: a field is not valid, or the name is taken.
    """
    account = Account(name=name, **fields)
    account.full_clean()
    account.save()
    if owner_email:
        add_member(account=account, email=owner_email, role=Membership.Role.OWNER)
    return account
