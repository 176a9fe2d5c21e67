"""Compares a provider's list of numbers with ours, once a night and when somebody asks for it.

Nothing is changed but findings: a person repairs (``messaging.services.number_repairs``). A list that was not read to its end
changes nothing at all.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from broadcast.core.crypto import DecryptionError
from broadcast.core.queue import enqueue, enqueue_on_commit
from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from integrations.sms.errors import AdapterError
from messaging.engine.seats import Seat
from messaging.models import Alert, NumberCheck, NumberFinding, PhoneNumber
from messaging.services.alerts import raise_alert, resolve
from messaging.services.findings import apply, tell
from messaging.services.number_urls import is_wired
from messaging.services.provider_numbers import NIGHTLY, NumbersUnavailable, Patience, ProviderNumbers

logger = logging.getLogger(__name__)

Kind = NumberFinding.Kind
State, Step = PhoneNumber.State, PhoneNumber.Step

#: Numbers entered, bought or released so lately are left out: the provider's list may not have them right yet.
SETTLING = dt.timedelta(hours=1)
#: States in which a number of ours should be at the provider, and wired to us; so should one that leaves, until its time has
#: come.
COMPARED = (State.PENDING, State.ACTIVE, State.DISABLED)
#: The first gateway is compared at this time of day in UTC, the others spread over the hours after it.
NIGHT = dt.time(2, 0)
SPREAD_MINUTES = 180
#: One that failed at night is tried again after an hour, until this long after its time.
TRY_AGAIN = dt.timedelta(hours=1)
TRY_UNTIL = dt.timedelta(hours=6)
#: A comparison of which no page has come for so long is over, whatever it says.
LOST = dt.timedelta(minutes=10)
#: Without a comparison for so long, people are told.
UNREAD = dt.timedelta(days=3)
#: Longest that a task may take, seconds: a long list of a slow provider.
TASK_SECONDS = 1800
TASK = "messaging.tasks.reconcile_gateway"


class NotCompared(Exception):
    """A gateway's numbers were not compared; the text says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, as it is now.

    Args:
        kind: a value of ``NumberFinding.Kind``.
        number: which number.
        listed: as the provider lists it, None for one that it does not.
        ours: our row, or the one that was released last.
    """

    kind: str
    number: str
    listed: ProviderNumber | None = None
    ours: PhoneNumber | None = None


def is_comparable(gateway: Gateway) -> bool:
    """Whether a gateway's provider lists numbers, and may be asked."""
    try:
        return gateway.is_enabled and not gateway.stopped_reason and gateway.adapter.capabilities.numbers
    except (AdapterError, LookupError, DecryptionError):
        return False


def due_gateways(*, now: dt.datetime | None = None) -> list[Gateway]:
    """Gateways whose time of the night has come and that were not compared since.

    A gateway that was made since its last time waits for the next one.

    Args:
        now: aware; the present when omitted.
    """
    now = now or timezone.now()
    checks = {check.gateway_id: check for check in NumberCheck.objects.all()}
    found = []
    # One whose credentials cannot be read keeps no other from its turn.
    for gateway in Gateway.objects.filter(is_enabled=True, stopped_reason="").defer("credentials"):
        at = last_time(gateway.pk, now)
        check = checks.get(gateway.pk)
        started = check.started_at if check else None
        fails_again = bool(check and check.failed and now < at + TRY_UNTIL and started and started < now - TRY_AGAIN)
        if gateway.created_at < at and (started is None or started < at or fails_again) and is_comparable(gateway):
            found.append(gateway)
    return found


def last_time(gateway_id: int, now: dt.datetime) -> dt.datetime:
    """When a gateway's turn came last: the same minute each night, another one for each gateway."""
    first = dt.datetime.combine(now.astimezone(dt.UTC).date(), NIGHT, dt.UTC)
    at = first + dt.timedelta(minutes=gateway_id * 37 % SPREAD_MINUTES)
    return at if at <= now else at - dt.timedelta(days=1)


def call_due() -> int:
    """Call the task of each gateway that is due; how many there are."""
    gateways = due_gateways()
    for gateway in gateways:
        enqueue(TASK, gateway.pk, timeout=TASK_SECONDS)
    return len(gateways)


def ask_for(*, gateway_id: int) -> str:
    """Have a gateway's numbers compared in the background; what to say to who asked.

    Raises:
        NotCompared: its provider lists none, or may not be asked now.
    """
    gateway = Gateway.objects.get(pk=gateway_id)
    if not is_comparable(gateway):
        raise NotCompared(
            f"{gateway} is disabled, stopped, or its provider lists no numbers, so there is nothing to compare."
        )
    with transaction.atomic():
        NumberCheck.objects.update_or_create(gateway=gateway, defaults={"asked_at": timezone.now()})
        enqueue_on_commit(TASK, gateway.pk, timeout=TASK_SECONDS)
    return f"The numbers of {gateway} are being compared with the provider's list; the result appears here."


def is_under_way(check: NumberCheck, *, now: dt.datetime | None = None) -> bool:
    """Whether a comparison was asked for or begun, and is neither over nor lost."""
    now = now or timezone.now()
    begun = max((at for at in (check.asked_at, check.started_at, check.moved_at) if at is not None), default=None)
    return begun is not None and (check.finished_at is None or check.finished_at < begun) and begun > now - LOST


def reconcile(*, gateway_id: int, patience: Patience = NIGHTLY) -> NumberCheck:
    """Compare the numbers of one gateway. No transaction may be open.

    Args:
        gateway_id: whose numbers.
        patience: how long to go on asking.

    Returns:
        What came of it, ``failed`` included.

    Raises:
        NotCompared: the provider lists no numbers, or another process is at it.
        redis.RedisError: Redis is away.
    """
    gateway = Gateway.objects.get(pk=gateway_id)
    if not is_comparable(gateway):
        raise NotCompared(f"{gateway} is disabled, stopped, or its provider lists no numbers.")
    with Seat(f"numbers:{gateway_id}") as seat:
        if not seat.taken:
            raise NotCompared(f"The numbers of {gateway} are being compared already.")
        return _reconcile(gateway, patience, seat.renew)


def _reconcile(gateway: Gateway, patience: Patience, go_on: Callable[[], bool]) -> NumberCheck:
    started = timezone.now()
    check, _ = NumberCheck.objects.get_or_create(gateway=gateway)
    rows = NumberCheck.objects.filter(pk=check.pk)
    rows.update(started_at=started, moved_at=started, answers=0)

    def on_answer(count: int) -> None:
        go_on()
        rows.update(answers=count, moved_at=timezone.now())

    try:
        with ProviderNumbers(gateway, patience=patience, go_on=go_on) as provider:
            listed = provider.everything(on_answer=on_answer)
    except NumbersUnavailable as error:
        text = f"Not compared, and nothing was changed: the provider's list could not be read to its end. {error}"
        logger.warning("The numbers of gateway %s could not be compared: %s", gateway.pk, error)
        rows.update(finished_at=timezone.now(), failed=True, text=text[:500])
        _tell_of_failure(gateway, check.compared_at, str(error))
    else:
        with transaction.atomic():
            # Two that were at it at once write one after the other.
            NumberCheck.objects.select_for_update().get(pk=check.pk)
            differences, left_out = compare(gateway=gateway, listed=listed, started=started)
            apply(gateway=gateway, differences=differences, left_out=left_out, at=started)
            tell(gateway)
            resolve(kind=Alert.Kind.NUMBERS_UNREAD, gateway=gateway, note="They were compared.")
            now = timezone.now()
            text = _summary(gateway, listed, differences)
            rows.update(finished_at=now, compared_at=now, failed=False, listed=len(listed), text=text[:500])
    check.refresh_from_db()
    return check


def _tell_of_failure(gateway: Gateway, compared_at: dt.datetime | None, why: str) -> None:
    """One night without a comparison is nothing; several in a row need somebody."""
    since = compared_at or gateway.created_at
    if timezone.now() - since < UNREAD:
        return
    text = (
        f"The numbers of {gateway} could not be compared with the provider's list since {since:%-d %B}: what is billed or wired "
        f"wrongly there is not noticed. Last: {why}"
    )
    with transaction.atomic():
        raise_alert(kind=Alert.Kind.NUMBERS_UNREAD, gateway=gateway, text=text)


def compare(
    *, gateway: Gateway, listed: dict[str, ProviderNumber], started: dt.datetime
) -> tuple[list[Difference], set[str]]:
    """What differs.

    Args:
        gateway: where.
        listed: the provider's whole list.
        started: when reading it began, aware; what has changed here since is left out.

    Returns:
        The differences, and the numbers about which nothing can be said yet.
    """
    ours: dict[str, PhoneNumber] = {}
    left_out: set[str] = set()
    settled = started - SETTLING
    for row in PhoneNumber.objects.filter(gateway=gateway).select_related("account").order_by("pk"):
        known = ours.get(row.number)
        if known is None or known.state == State.RELEASED:
            ours[row.number] = row
        is_fresh = row.released_since is not None and row.released_since > settled
        if row.created_at > settled or row.updated_at > started or is_fresh:
            left_out.add(row.number)
    repaired = NumberFinding.objects.filter(gateway=gateway, closed_at__gt=started).exclude(closed_by=None)
    left_out |= set(repaired.values_list("number", flat=True))
    is_elsewhere = _held_elsewhere(gateway, listed)
    found = [_of_listed(gateway, number, ours.get(number.number), started) for number in listed.values()]
    differences = [
        item
        for item in found
        if item is not None
        and item.number not in left_out
        and not (item.kind in (Kind.UNKNOWN, Kind.STILL_THERE) and item.number in is_elsewhere)
    ]
    differences += [
        Difference(Kind.MISSING, row.number, ours=row)
        for row in ours.values()
        if _should_be_listed(row, started) and row.number not in listed and row.number not in left_out
    ]
    return differences, left_out


def _is_compared(row: PhoneNumber, now: dt.datetime) -> bool:
    """Whether a number should be at the provider and wired to us: one that leaves receives to the last."""
    stays = row.state == State.LEAVING and row.release_at is not None and row.release_at > now
    return row.state in COMPARED or stays


def _should_be_listed(row: PhoneNumber, now: dt.datetime) -> bool:
    """Whether a number would be missed. Nobody has said of a wanted or awaited one that the provider has it."""
    is_expected = row.state != State.PENDING or row.step not in (Step.WANTED, Step.AWAITED)
    # A list of numbers does not have short codes: they are had by contract.
    return _is_compared(row, now) and is_expected and row.kind != PhoneNumber.Kind.SHORT_CODE


def _of_listed(
    gateway: Gateway, listed: ProviderNumber, ours: PhoneNumber | None, now: dt.datetime
) -> Difference | None:
    if ours is None:
        return Difference(Kind.UNKNOWN, listed.number, listed)
    if ours.state == State.RELEASED:
        return Difference(Kind.STILL_THERE, listed.number, listed, ours)
    if _is_compared(ours, now) and not is_wired(gateway, listed):
        return Difference(Kind.WRONG_URLS, listed.number, listed, ours)
    return None


def _held_elsewhere(gateway: Gateway, listed: dict[str, ProviderNumber]) -> set[str]:
    """Listed numbers that we have at other gateways, which may share one account at the provider.

    By the number too: a row has no id of the provider's before it was seen there.
    """
    rows = PhoneNumber.objects.held_elsewhere(gateway_id=gateway.pk, numbers=listed)
    others = PhoneNumber.objects.held().filter(gateway__kind=gateway.kind).exclude(gateway=gateway)
    ids = set(others.exclude(provider_id="").values_list("provider_id", flat=True))
    by_id = {number for number, item in listed.items() if item.provider_id in ids}
    return by_id | set(rows.values_list("number", flat=True))


def _summary(gateway: Gateway, listed: dict[str, ProviderNumber], differences: list[Difference]) -> str:
    count = f"{len(listed):,} number{'' if len(listed) == 1 else 's'}"
    missing = [item for item in differences if item.kind == Kind.MISSING]
    now = timezone.now()
    ours = sum(_should_be_listed(row, now) for row in PhoneNumber.objects.held().filter(gateway=gateway))
    if len(missing) > 1 and len(missing) == ours:
        return (
            f"The provider lists {count}, and none of our {len(missing):,}. Before anything is repaired, see that the "
            "gateway's credentials are those of the right account there."
        )
    if not differences:
        return f"The provider lists {count}; all is as it should be here."
    return f"The provider lists {count}; {len(differences):,} differ{'s' if len(differences) == 1 else ''} from ours."
