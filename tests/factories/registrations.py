"""Registrations with the carriers."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from messaging.models import (
    Brand,
    CarrierRefusal,
    PhoneNumber,
    RegistrationPolicy,
    TenDlcCampaign,
    TenDlcNumber,
    TollFreeVerification,
)
from tests.factories.accounts import AccountFactory
from tests.factories.base import ModelFactory, factory
from tests.factories.messaging import PhoneNumberFactory


class RegistrationPolicyFactory(ModelFactory[RegistrationPolicy]):
    """An account whose numbers have to be registered."""

    class Meta:
        model = RegistrationPolicy

    account = factory.SubFactory(AccountFactory)


class BrandFactory(ModelFactory[Brand]):
    """An approved brand with T-Mobile's lowest cap."""

    class Meta:
        model = Brand

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Brand {n} Inc.")
    state = "approved"


class TenDlcCampaignFactory(ModelFactory[TenDlcCampaign]):
    """An approved 10DLC campaign without caps of its own."""

    class Meta:
        model = TenDlcCampaign

    brand = factory.SubFactory(BrandFactory)
    name = factory.Sequence(lambda n: f"Offers {n}")
    state = "approved"


class TenDlcNumberFactory(ModelFactory[TenDlcNumber]):
    """A number under a 10DLC campaign of its own account."""

    class Meta:
        model = TenDlcNumber

    number = factory.SubFactory(PhoneNumberFactory, number="+14155552600", kind="local")
    campaign = factory.SubFactory(TenDlcCampaignFactory, brand__account=factory.SelfAttribute("...number.account"))


class TollFreeVerificationFactory(ModelFactory[TollFreeVerification]):
    """An approved verification; ``numbers=[…]`` says of which numbers."""

    class Meta:
        model = TollFreeVerification
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    business_name = factory.Sequence(lambda n: f"Business {n}")
    state = "approved"

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory-boy has no types
    def numbers(self: TollFreeVerification, create: bool, numbers: Iterable[PhoneNumber] | None) -> None:
        """Give it its numbers."""
        if create and numbers:
            self.numbers.set(numbers)


class CarrierRefusalFactory(ModelFactory[CarrierRefusal]):
    """A number that carriers have refused often enough."""

    class Meta:
        model = CarrierRefusal

    number = factory.SubFactory(PhoneNumberFactory, number="+14155552600", kind="local")
    code = "30034"
    text = "The number is not registered for 10DLC."
    count = 5
    since = factory.LazyFunction(timezone.now)
    last_at = factory.SelfAttribute("since")
