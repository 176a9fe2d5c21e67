"""Repairs of findings about numbers. Each looks at the provider first: a finding may be outdated, and then it is closed instead.

Requests to the provider come before or between transactions, never in one. Every repair can be repeated. A web request asks for
them (``messaging.services.asked_repairs``) and a background task calls them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from accounts.models import Account
from integrations.sms.contract import ProviderNumber
from messaging.models import Batch, NumberFinding, PhoneNumber
from messaging.querysets import BatchQuerySet
from messaging.services.batches import pause_obstructed
from messaging.services.findings import close, facts_of, tell
from messaging.services.gateways import number_changed
from messaging.services.number_urls import is_wired
from messaging.services.numbers import ProvisioningError, resume_number, take_listed_number, write_off_number
from messaging.services.numbers.rows import claimed
from messaging.services.provider_numbers import NumbersUnavailable, ProviderNumbers

if TYPE_CHECKING:
    from accounts.models import User

Kind = NumberFinding.Kind
State = NumberFinding.State


class NotRepaired(Exception):
    """Nothing was repaired; the text says why and what to do next."""


class Outdated(NotRepaired):
    """It is not so any more: the finding is closed, and nothing else was changed."""


def give(
    *, finding_id: int, account_id: int, user: User | None, kind: str = PhoneNumber.Kind.LOCAL, label: str = ""
) -> PhoneNumber:
    """Give a number that the provider has, and we do not, to an account, and wire it to us.

    A failure half-way leaves the number ``pending`` in the account and the finding open; the same repair goes on.

    Args:
        finding_id: of the kind ``unknown`` or ``still_there``.
        account_id: who gets it.
        user: who does it; None for somebody who is deleted by now.
        kind: a value of ``PhoneNumber.Kind``.
        label: for people.

    Raises:
        Outdated: the provider does not list it any more, or it has been entered meanwhile, at whatever gateway.
        NotRepaired: the provider refused or did not answer, another account has the number, or the allowance is used up.
    """
    finding = _open(finding_id, Kind.UNKNOWN, Kind.STILL_THERE)
    account = Account.objects.get(pk=account_id)
    if not account.is_active:
        raise NotRepaired(f"{account} is {account.get_status_display().lower()}. Choose an active account.")
    with _provider(finding) as provider:
        listed = _look(finding, provider)
    if listed is None:
        raise _gone(finding, user)
    _refuse_if_elsewhere(finding, user)
    known = _live(finding)
    if known is not None and known.account_id != account.pk:
        raise NotRepaired(f"{finding.number} belongs to {known.account} here by now. Nothing was changed.")
    if known is not None and known.state != PhoneNumber.State.PENDING:
        raise _outdated(finding, f"{finding.number} was entered here meanwhile.", user)
    try:
        row = (
            resume_number(number=known)
            if known is not None
            else take_listed_number(account=account, gateway=finding.gateway, listed=listed, kind=kind, label=label)
        )
    except ProvisioningError as error:
        entered = _live(finding)
        if entered is None or entered.account_id != account.pk or entered.state != PhoneNumber.State.PENDING:
            raise NotRepaired(f"{error.text} Nothing was changed.") from error
        raise NotRepaired(
            f"{finding.number} belongs to {account} now and is pending: it could not be wired to us. {error.text} "
            "Do the same again to go on."
        ) from error
    close(finding=finding, state=State.REPAIRED, note=f"Given to {account} and wired.", user=user)
    return row


def wire(*, finding_id: int, user: User | None) -> PhoneNumber:
    """Have the messages of a number of ours come to us.

    Args:
        finding_id: of the kind ``wrong_urls``.
        user: who does it; None for somebody who is deleted by now.

    Raises:
        Outdated: it is wired to us by now, or is not there or not ours any more.
        NotRepaired: the provider refused or did not answer.
    """
    finding = _open(finding_id, Kind.WRONG_URLS)
    ours = _live(finding)
    if ours is None:
        raise _gone(finding, user)
    with _claimed(ours), _provider(finding) as provider:
        # Whoever had the claim before may have mended it.
        _open(finding_id, Kind.WRONG_URLS)
        listed = _look(finding, provider)
        if listed is None:
            raise _gone(finding, user)
        if is_wired(finding.gateway, listed):
            raise _outdated(finding, f"{finding.number} is wired to us by now.", user)
        if (listed.inbound_url, listed.status_url) != (finding.inbound_url, finding.status_url):
            NumberFinding.objects.filter(pk=finding.pk).update(**facts_of(listed))
            raise NotRepaired(
                f"{finding.number} is wired to other addresses by now than those you were shown. Look at them, and do it "
                "again if it still is what you want."
            )
        try:
            done = provider.wire(listed)
        except NumbersUnavailable as error:
            raise NotRepaired(f"{finding.number} could not be wired to us. {error}") from error
        if not is_wired(finding.gateway, done):
            raise NotRepaired(
                f"The provider took the change, and still shows other addresses for {finding.number}. Look at the number in "
                "the provider's console: something there may set them."
            )
        if listed.provider_id:
            PhoneNumber.objects.filter(pk=ours.pk, provider_id="").update(provider_id=listed.provider_id)
        close(finding=finding, state=State.REPAIRED, note="Wired to us.", user=user)
    return ours


def write_off(*, finding_id: int, user: User | None) -> int:
    """Mark a number that the provider does not have any more as released; what sends from it alone is paused.

    Args:
        finding_id: of the kind ``missing``.
        user: who does it; None for somebody who is deleted by now.

    Returns:
        How many campaigns and other batches were paused.

    Raises:
        Outdated: the provider has it again, or it was released here meanwhile.
        NotRepaired: the provider could not be asked.
    """
    finding = _open(finding_id, Kind.MISSING)
    with _provider(finding) as provider:
        listed = _look(finding, provider)
    if listed is not None:
        raise _outdated(finding, f"The provider lists {finding.number} again.", user)
    ours = _live(finding)
    if ours is None:
        raise _outdated(finding, f"{finding.number} was released here meanwhile.", user)
    try:
        with transaction.atomic():
            batches = Batch.objects.filter(pk__in=list(batches_from(ours).values_list("pk", flat=True)))
            write_off_number(number=ours)
            close(finding=finding, state=State.REPAIRED, note="Marked as released.", user=user)
    except ProvisioningError as error:
        raise NotRepaired(error.text) from error
    number_changed(ours.pk)
    return pause_obstructed(batches)


def release_again(*, finding_id: int, user: User | None) -> None:
    """Give a number back that was released here and that the provider still has.

    Args:
        finding_id: of the kind ``still_there``.
        user: who does it; None for somebody who is deleted by now.

    Raises:
        Outdated: the provider does not list it any more, or it is in use here again, at whatever gateway.
        NotRepaired: the provider refused or did not answer.
    """
    finding = _open(finding_id, Kind.STILL_THERE)
    rows = PhoneNumber.objects.filter(gateway=finding.gateway, number=finding.number)
    released = rows.filter(state=PhoneNumber.State.RELEASED).order_by("-pk").first()
    if released is None:
        raise _outdated(finding, f"{finding.number} is not released here any more.", user)
    with _claimed(released), _provider(finding) as provider:
        # Whoever had the claim before may have released it, and somebody may have bought it since.
        _open(finding_id, Kind.STILL_THERE)
        listed = _look(finding, provider)
        if listed is None:
            raise _gone(finding, user)
        known = _live(finding)
        if known is not None:
            raise _outdated(finding, f"{finding.number} is in use here again, by {known.account}.", user)
        _refuse_if_elsewhere(finding, user)
        try:
            provider.release(listed.provider_id)
        except NumbersUnavailable as error:
            raise NotRepaired(f"{finding.number} could not be released. {error}") from error
        close(finding=finding, state=State.REPAIRED, note="Released again.", user=user)


def ignore(*, finding_id: int, reason: str, user: User | None) -> None:
    """Leave a difference as it is; it is not told of again while it stays the same.

    Raises:
        NotRepaired: it is not open any more, or there is no reason.
    """
    finding = _open(finding_id, *Kind)
    if not reason.strip():
        raise NotRepaired("Say why it is left as it is: whoever looks next year will want to know.")
    if not close(finding=finding, state=State.IGNORED, note=reason.strip(), user=user):
        raise NotRepaired(_closed_text(finding))


def look_again(*, finding_id: int, user: User | None) -> None:
    """``ignored`` → ``open``.

    Raises:
        NotRepaired: it is not ignored any more.
    """
    with transaction.atomic():
        row = NumberFinding.objects.filter(pk=finding_id, state=State.IGNORED)
        if not row.update(state=State.OPEN, note=f"Opened again by {user}."[:255], closed_at=None, closed_by=None):
            raise NotRepaired("It is not ignored any more; there is nothing to do.")
        tell(NumberFinding.objects.select_related("gateway").get(pk=finding_id).gateway)


def batches_from(number: PhoneNumber) -> BatchQuerySet:
    """Batches that leave from a number, alone or among those of a pool."""
    return Batch.objects.filter(Q(number=number) | Q(pool__in=number.pools.values("pk")))


def _open(finding_id: int, *kinds: str) -> NumberFinding:
    finding = NumberFinding.objects.select_related("gateway").get(pk=finding_id)
    if finding.state != State.OPEN:
        raise NotRepaired(_closed_text(finding))
    if finding.kind not in kinds:
        raise NotRepaired(f"{finding} has another repair.")
    return finding


def _closed_text(finding: NumberFinding) -> str:
    state = NumberFinding.objects.filter(pk=finding.pk).values_list("state", flat=True).first() or finding.state
    return f"This finding is {State(state).label.lower()} by now; nothing was changed."


def _provider(finding: NumberFinding) -> ProviderNumbers:
    return ProviderNumbers(finding.gateway)


def _look(finding: NumberFinding, provider: ProviderNumbers) -> ProviderNumber | None:
    """The number as the provider lists it at this moment."""
    try:
        return provider.find(finding.number)
    except NumbersUnavailable as error:
        raise NotRepaired(f"The provider could not be asked, so nothing was changed. {error}") from error


@contextmanager
def _claimed(number: PhoneNumber) -> Iterator[None]:
    """Nobody else deals with a number meanwhile.

    Raises:
        NotRepaired: somebody does already, or its state has changed.
    """
    with ExitStack() as held:
        try:
            held.enter_context(claimed(number, (number.state,)))
        except ProvisioningError as error:
            raise NotRepaired(error.text) from error
        yield


def _live(finding: NumberFinding) -> PhoneNumber | None:
    rows = PhoneNumber.objects.filter(gateway=finding.gateway, number=finding.number).select_related("account")
    return rows.exclude(state=PhoneNumber.State.RELEASED).first()


def _refuse_if_elsewhere(finding: NumberFinding, user: User | None) -> None:
    """Leave alone what is somebody's at another gateway: two gateways may share one account at the provider.

    Raises:
        Outdated: somebody has it there.
    """
    other = PhoneNumber.objects.held_elsewhere(gateway_id=finding.gateway_id, numbers=[finding.number]).first()
    if other is not None:
        raise _outdated(finding, f"{finding.number} belongs to {other.account} at the gateway {other.gateway}.", user)


def _gone(finding: NumberFinding, user: User | None) -> Outdated:
    return _outdated(finding, f"The provider does not list {finding.number} any more, or it is not ours now.", user)


def _outdated(finding: NumberFinding, why: str, user: User | None) -> Outdated:
    """Close a finding that is not so any more; what to raise."""
    close(finding=finding, state=State.GONE, note=why, user=user)
    return Outdated(f"{why} The finding was outdated and is closed; nothing else was changed.")
