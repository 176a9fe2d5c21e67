"""Accounts and their people."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Account, Membership
from accounts.services import add_member, create_account
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_account_is_made_with_its_owner() -> None:
    account = create_account(name="Bakery", owner_email="Mia@Example.com")
    membership = account.memberships.get()
    assert (membership.role, membership.user.email) == (Membership.Role.OWNER, "mia@example.com")
    assert not membership.user.has_usable_password()


def test_known_person_is_not_made_again() -> None:
    user = UserFactory(email="mia@example.com")
    assert add_member(account=AccountFactory(), email="MIA@example.com").user == user


def test_member_changes_role() -> None:
    account, user = AccountFactory(), UserFactory()
    add_member(account=account, email=user.email)
    add_member(account=account, email=user.email, role=Membership.Role.EDITOR)
    assert account.memberships.get().role == Membership.Role.EDITOR


def test_nothing_is_made_when_the_name_is_taken() -> None:
    AccountFactory(name="Bakery")
    with pytest.raises(ValidationError):
        create_account(name="Bakery", owner_email="mia@example.com")
    assert Account.objects.count() == 1
    assert not Membership.objects.exists()
