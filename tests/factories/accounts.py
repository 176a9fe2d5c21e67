"""Accounts and people."""

from __future__ import annotations

from django.contrib.auth.models import Group

from accounts.models import Account, Membership, User
from tests.factories.base import ModelFactory, factory

PASSWORD = "correct horse battery"


class AccountFactory(ModelFactory[Account]):
    """An active account in New York without quiet or legal hours, so that no test depends on the time of day."""

    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"Account {n}")
    quiet_start = "00:00"
    quiet_end = "00:00"
    keeps_legal_hours = False


class UserFactory(ModelFactory[User]):
    """A client; the password is ``PASSWORD``."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    first_name = "Pat"
    last_name = factory.Sequence(lambda n: f"Client{n}")
    password = factory.django.Password(PASSWORD)


class StaffFactory(UserFactory):
    """A member of staff without a role; ``role="Operator"`` gives one."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"staff{n}@example.com")
    last_name = factory.Sequence(lambda n: f"Staff{n}")
    is_staff = True

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory-boy has no types
    def role(self: User, create: bool, name: str | None) -> None:
        """Put the user into a group."""
        if create and name:
            self.groups.add(Group.objects.get(name=name))


class MembershipFactory(ModelFactory[Membership]):
    """A viewer's place in an account."""

    class Meta:
        model = Membership

    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)
