"""Whether a number may send: what carriers want registered, what is, and what they have refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import Account
from messaging.hours import place_key
from messaging.hours.places import parse_key
from messaging.models import (
    CarrierRefusal,
    PhoneNumber,
    RegistrationPolicy,
    TenDlcCampaign,
    TenDlcNumber,
    TollFreeVerification,
)
from messaging.models.registrations import Registration
from messaging.states import RegistrationState

State = RegistrationState

#: So many messages of a number have to be refused as unregistered before nothing more leaves it: one may be a carrier's mistake.
REFUSALS_TO_STOP = 5
_LONG_CODES = (PhoneNumber.Kind.LOCAL, PhoneNumber.Kind.MOBILE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing may leave a number.

    Args:
        number: which.
        text: the reason and what to do, in whole sentences.
    """

    number: PhoneNumber
    text: str


def needs_ten_dlc(number: PhoneNumber) -> bool:
    """Whether carriers want a 10DLC campaign for a number: a 10-digit one of the United States."""
    return number.kind in _LONG_CODES and number.number.startswith("+1") and _is_american(number)


def needs_verification(number: PhoneNumber) -> bool:
    """Whether carriers want a number verified: a toll-free one of North America."""
    return number.kind == PhoneNumber.Kind.TOLL_FREE and number.number.startswith("+1")


def _is_american(number: PhoneNumber) -> bool:
    return parse_key(place_key(number.number)).in_united_states


def may_send(number: PhoneNumber) -> Refusal | None:
    """Why nothing may leave a number because of its registration; None when it may.

    Args:
        number: any; short codes and numbers of other countries need none.
    """
    return next(iter(refusals([number])), None)


def refusals(numbers: Iterable[PhoneNumber]) -> list[Refusal]:
    """Why nothing may leave some of these numbers, in their order.

    Carriers' own refusals count for every account; what is registered here counts for accounts that are checked.

    Args:
        numbers: of one account.
    """
    asked = [number for number in numbers if needs_ten_dlc(number) or needs_verification(number)]
    if not asked:
        return []
    refused = CarrierRefusal.objects.filter(number__in=asked, count__gte=REFUSALS_TO_STOP).select_related("number")
    by_number = {row.number_id: row for row in refused}
    account_id = asked[0].account_id
    required = RegistrationPolicy.objects.filter(account=account_id, mode=RegistrationPolicy.Mode.REQUIRED).exists()
    found = {pk: _carriers_refuse(row) for pk, row in by_number.items()}
    if required:
        found |= _not_registered([number for number in asked if number.pk not in found])
    return [Refusal(number, text) for number in asked if (text := found.get(number.pk))]


def unfit(numbers: Iterable[PhoneNumber]) -> dict[int, str]:
    """Why some numbers may not send, by their ids: their state or their registration. Those that may are left out.

    Args:
        numbers: of one account.
    """
    listed = list(numbers)
    found = {
        number.pk: f"{number} is {number.get_state_display().lower()}."
        for number in listed
        if number.state != PhoneNumber.State.ACTIVE
    }
    active = [number for number in listed if number.pk not in found]
    return found | {refusal.number.pk: refusal.text for refusal in refusals(active)}


def _carriers_refuse(row: CarrierRefusal) -> str:
    return (
        f"Carriers have refused {row.number} as not registered since {_date(row.since)} ({row.code}). Register it at the "
        "provider; then say so on the number's page."
    )


def _not_registered(numbers: list[PhoneNumber]) -> dict[int, str]:
    """What some numbers lack, in words, by their ids; nothing for those that lack nothing."""
    ids = [number.pk for number in numbers]
    rows = TenDlcNumber.objects.filter(number_id__in=ids).select_related("campaign__brand")
    campaigns = {row.number_id: row.campaign for row in rows}
    verifications: dict[int, list[TollFreeVerification]] = {}
    for pk, verification in _verifications(ids):
        verifications.setdefault(pk, []).append(verification)
    found = {}
    for number in numbers:
        if needs_ten_dlc(number):
            text = _ten_dlc_lacks(number, campaigns.get(number.pk))
        else:
            text = _verification_lacks(number, verifications.get(number.pk, []))
        if text:
            found[number.pk] = text
    return found


def _verifications(ids: list[int]) -> list[tuple[int, TollFreeVerification]]:
    links = TollFreeVerification.numbers.through.objects.filter(phonenumber_id__in=ids)
    return [(link.phonenumber_id, link.tollfreeverification) for link in links.select_related("tollfreeverification")]


def _ten_dlc_lacks(number: PhoneNumber, campaign: TenDlcCampaign | None) -> str:
    if campaign is None or campaign.brand.account_id != number.account_id:
        return (
            f"{number} has no 10DLC campaign, so carriers would refuse its messages (30034). Register one at the provider and add "
            "the number to it here, or choose another number."
        )
    for what, row in (("brand", campaign.brand), ("10DLC campaign", campaign)):
        if not row.is_approved:
            return (
                f"{number} may not send yet: its {what} “{row}” {_state(row)}, so carriers would refuse its messages (30034). "
                f"{_advice(row)}"
            )
    return ""


def _verification_lacks(number: PhoneNumber, found: list[TollFreeVerification]) -> str:
    own = [row for row in found if row.account_id == number.account_id]
    if any(row.is_approved for row in own):
        return ""
    if not own:
        return (
            f"{number} is toll-free and not verified, so carriers would block its messages (30032). Have it verified at the "
            "provider and enter the verification here, or choose another number."
        )
    newest = max(own, key=lambda row: row.pk)
    return (
        f"{number} may not send yet: its toll-free verification {_state(newest)}, so carriers would block its messages "
        f"(30032). {_advice(newest)}"
    )


def is_required(account: Account) -> bool:
    """Whether an account's numbers have to be registered here before they send."""
    return RegistrationPolicy.objects.filter(account=account, mode=RegistrationPolicy.Mode.REQUIRED).exists()


def registration_of(number: PhoneNumber) -> Registration | None:
    """What a number sends under: its 10DLC campaign, or the toll-free verification that counts; None without any."""
    if needs_ten_dlc(number):
        row = TenDlcNumber.objects.filter(number=number).select_related("campaign__brand").first()
        return row.campaign if row else None
    rows = TollFreeVerification.objects.filter(numbers=number, account=number.account_id)
    return rows.filter(state=State.APPROVED).first() or rows.order_by("-pk").first()


def _state(row: Registration) -> str:
    """What it is, and since when: "has been in review since 3 November 2026"."""
    state = row.get_state_display().lower()
    return f"has been {state} since {_date(row.state_changed_at)}" if row.state_changed_at else f"is {state}"


def _advice(row: Registration) -> str:
    """What to do; what the provider says comes last, where it may be cut off."""
    if row.state == State.DRAFT:
        return "Submit it at the provider, and enter what it says."
    words = f" The provider says: {row.provider_words.strip()}" if row.provider_words.strip() else ""
    if row.state in (State.SUBMITTED, State.IN_REVIEW):
        return f"Wait until it is approved and enter that here, or choose another number.{words}"
    return f"Put it right at the provider and submit it anew, or choose another number.{words}"


def _date(at: dt.datetime) -> str:
    return f"{at.day} {at:%B %Y}"
