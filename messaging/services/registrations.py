"""The steps of a registration with the carriers, as staff take them; what each brings with it.

Registering itself is done at the provider: the APIs for it differ, and none is called from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Account
from messaging.models import (
    Alert,
    Brand,
    CarrierRefusal,
    PhoneNumber,
    RegistrationChange,
    RegistrationPolicy,
    TenDlcCampaign,
    TenDlcNumber,
    TollFreeVerification,
)
from messaging.models.registrations import Registration
from messaging.querysets import PhoneNumberQuerySet
from messaging.services import alerts
from messaging.services.gateways import drop_numbers
from messaging.services.registration_checks import needs_ten_dlc, needs_verification
from messaging.states import REGISTRATION_MOVES, RegistrationState

if TYPE_CHECKING:
    from accounts.models import User

State = RegistrationState

#: The three kinds, by the field of ``RegistrationChange`` that each has.
_FIELDS: dict[type[Registration], str] = {
    Brand: "brand",
    TenDlcCampaign: "campaign",
    TollFreeVerification: "verification",
}
_WITHDRAWS = (State.REJECTED, State.SUSPENDED, State.WITHDRAWN)


class RegistrationError(Exception):
    """Something that was asked of a registration cannot be done; ``text`` says what, why and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def move_registration(
    *, registration: Registration, to: str, user: User | None, words: str = "", provider_id: str = ""
) -> None:
    """One arrow of the drawing in ``Registration``; batches that may not send any more are paused, and somebody is told.

    Args:
        registration: a brand, a 10DLC campaign or a toll-free verification.
        to: the state that the provider shows.
        user: who says so; None for nobody in particular.
        words: what the provider says with it.
        provider_id: the provider's id, where it is known now.

    Raises:
        RegistrationError: no arrow leads there, or somebody else has moved it.
    """
    was = registration.state
    if to not in REGISTRATION_MOVES[was]:
        raise RegistrationError(
            f"“{registration}” is {registration.get_state_display().lower()}, and {State(to).label.lower()} does not follow that. "
            "Look at its page; somebody else may have moved it."
        )
    now = timezone.now()
    values: dict[str, Any] = {"state": to, "state_changed_at": now, "updated_at": now, "provider_words": words.strip()}
    if provider_id:
        values["provider_id"] = provider_id
    manager = type(registration)._default_manager
    with transaction.atomic():
        if not manager.filter(pk=registration.pk, state=was).update(**values):
            raise RegistrationError(
                f"“{registration}” was moved by somebody else a moment ago. Look at its page again."
            )
        RegistrationChange.objects.create(
            **{_FIELDS[type(registration)]: registration}, was=was, became=to, words=words.strip(), user=user, at=now
        )
        for name, value in values.items():
            setattr(registration, name, value)
        _follow(registration)


def _follow(registration: Registration) -> None:
    """What a new state brings with it."""
    subject = subject_of(registration)
    if registration.state in (State.REJECTED, State.SUSPENDED):
        words = f" It says: {registration.provider_words}" if registration.provider_words else ""
        text = (
            f"The {registration._meta.verbose_name} “{registration}” of {account_of(registration)} was "
            f"{registration.get_state_display().lower()} by the provider, so its numbers may not send.{words[:250]} Put it right "
            "there, then submit it anew."
        )
        alerts.raise_alert(kind=Alert.Kind.REGISTRATION, subject=subject, text=text)
    else:
        alerts.resolve(kind=Alert.Kind.REGISTRATION, subject=subject, note="It was moved on.")
    numbers = list(numbers_of(registration).values_list("pk", flat=True))
    if registration.state == State.APPROVED:
        # What carriers refused before it was approved says nothing of what they do now.
        forget_refusals(number_ids=numbers)
    if registration.state in _WITHDRAWS:
        transaction.on_commit(lambda: pause_unregistered(number_ids=numbers))


def pause_unregistered(*, number_ids: list[int]) -> int:
    """Have others send for numbers that may not any more, without waiting for the sweeper; how many batches were paused."""
    return drop_numbers(number_ids)


def forget_refusals(*, number_ids: Iterable[int]) -> int:
    """Carriers take some numbers' messages again; how many numbers were refused."""
    ids = list(number_ids)
    for pk in ids:
        alerts.resolve(kind=Alert.Kind.REGISTRATION, subject=f"number:{pk}", note="It is registered by now.")
    return CarrierRefusal.objects.filter(number_id__in=ids).delete()[0]


def numbers_of(registration: Registration) -> PhoneNumberQuerySet:
    """The numbers that send because of a registration."""
    numbers = PhoneNumber.objects.all()
    if isinstance(registration, Brand):
        return numbers.filter(ten_dlc__campaign__brand=registration)
    if isinstance(registration, TenDlcCampaign):
        return numbers.filter(ten_dlc__campaign=registration)
    return numbers.filter(toll_free_verifications=registration.pk)


def account_of(registration: Registration) -> Account:
    """Whose it is."""
    if isinstance(registration, TenDlcCampaign):
        return registration.brand.account
    if isinstance(registration, Brand | TollFreeVerification):
        return registration.account
    raise TypeError(f"{type(registration)} is no registration.")


def subject_of(registration: Registration) -> str:
    """How alerts name a registration."""
    return f"{_FIELDS[type(registration)]}:{registration.pk}"


@transaction.atomic
def set_numbers(*, registration: TenDlcCampaign | TollFreeVerification, number_ids: Iterable[int]) -> None:
    """Say which numbers send because of a registration; what leaves from those that do not any more is paused.

    Args:
        registration: a 10DLC campaign or a toll-free verification.
        number_ids: all of them.

    Raises:
        RegistrationError: a number is another account's, of another kind, or in another 10DLC campaign; nothing is changed.
    """
    wanted = list(PhoneNumber.objects.filter(pk__in=list(number_ids)).order_by("number"))
    before = set(numbers_of(registration).values_list("pk", flat=True))
    account = account_of(registration)
    for number in wanted:
        if number.account_id != account.pk:
            raise RegistrationError(f"{number} belongs to another account. Choose numbers of {account}.")
    if isinstance(registration, TenDlcCampaign):
        _set_ten_dlc(registration, wanted)
    else:
        _set_verified(registration, wanted)
    gone = list(before.difference(number.pk for number in wanted))
    if gone:
        transaction.on_commit(lambda: pause_unregistered(number_ids=gone))


def _set_ten_dlc(campaign: TenDlcCampaign, numbers: list[PhoneNumber]) -> None:
    for number in numbers:
        if not needs_ten_dlc(number):
            raise RegistrationError(
                f"{number} is no 10-digit number of the United States, so it needs no 10DLC campaign."
            )
    other = (
        TenDlcNumber.objects.filter(number__in=numbers).exclude(campaign=campaign).select_related("number", "campaign")
    )
    if taken := other.first():
        raise RegistrationError(
            f"{taken.number} is in the 10DLC campaign “{taken.campaign}”. Take it out there first: carriers know one for each."
        )
    campaign.assignments.exclude(number__in=numbers).delete()
    have = set(campaign.assignments.values_list("number_id", flat=True))
    for number in numbers:
        if number.pk not in have:
            try:
                with transaction.atomic():
                    TenDlcNumber.objects.create(number=number, campaign=campaign)
            except IntegrityError as error:
                raise RegistrationError(
                    f"Somebody has given {number} to another 10DLC campaign a moment ago."
                ) from error


def _set_verified(verification: TollFreeVerification, numbers: list[PhoneNumber]) -> None:
    for number in numbers:
        if not needs_verification(number):
            raise RegistrationError(f"{number} is no toll-free number of North America, so it needs no verification.")
    verification.numbers.set(numbers)


def set_policy(*, account: Account, mode: str) -> RegistrationPolicy:
    """Say whether an account's numbers have to be registered here; what may not be sent then is paused.

    Args:
        account: whose.
        mode: a value of ``RegistrationPolicy.Mode``.
    """
    policy, _ = RegistrationPolicy.objects.update_or_create(account=account, defaults={"mode": mode})
    if mode == RegistrationPolicy.Mode.REQUIRED:
        numbers = list(PhoneNumber.objects.filter(account=account).values_list("pk", flat=True))
        transaction.on_commit(lambda: drop_numbers(numbers))
    return policy
