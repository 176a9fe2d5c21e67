"""Findings about numbers as rows: opened once, kept while they are seen, closed by themselves, and told of in one alert."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from django.db.models import QuerySet
from django.utils import timezone

from integrations.models import Gateway
from integrations.sms.contract import ProviderNumber
from messaging.models import Alert, NumberFinding, PhoneNumber
from messaging.services.alerts import raise_alert, resolve

if TYPE_CHECKING:
    from accounts.models import User

Kind = NumberFinding.Kind
State = NumberFinding.State

NOT_SEEN = "It is not so any more."


class Found(Protocol):
    """A difference, as a comparison finds it."""

    @property
    def kind(self) -> str:
        """A value of ``NumberFinding.Kind``."""

    @property
    def number(self) -> str:
        """Which number."""

    @property
    def listed(self) -> ProviderNumber | None:
        """As the provider lists it."""

    @property
    def ours(self) -> PhoneNumber | None:
        """Our row."""


def apply(*, gateway: Gateway, differences: Iterable[Found], left_out: set[str], at: dt.datetime) -> None:
    """Bring a gateway's findings up to date; part of the open transaction. Repeating it changes nothing but when they were seen.

    Args:
        gateway: whose.
        differences: all there are now.
        left_out: numbers about which nothing can be said now; their findings stay as they are.
        at: aware time of the comparison.
    """
    standing = {
        (row.number, row.kind): row
        for row in NumberFinding.objects.filter(gateway=gateway, state__in=NumberFinding.STANDING)
    }
    new: list[NumberFinding] = []
    seen: list[int] = []
    for item in differences:
        facts = facts_of(item.listed) | {"phone_number_id": item.ours.pk if item.ours else None}
        row = standing.pop((item.number, item.kind), None)
        if row is not None and _is_another(row, facts):
            _close(NumberFinding.objects.filter(pk=row.pk), at, "It is wired to other addresses since.")
            row = None
        if row is None:
            made = NumberFinding(gateway=gateway, number=item.number, kind=item.kind, first_seen=at, last_seen=at)
            new.append(_with(made, facts))
            continue
        seen.append(row.pk)
        if any(getattr(row, name) != value for name, value in facts.items()):
            NumberFinding.objects.filter(pk=row.pk).update(**facts)
    NumberFinding.objects.filter(pk__in=seen).update(last_seen=at)
    over = [row.pk for (number, _), row in standing.items() if number not in left_out]
    _close(NumberFinding.objects.filter(pk__in=over), at, NOT_SEEN)
    # Another comparison may have found the same a moment ago.
    NumberFinding.objects.bulk_create(new, ignore_conflicts=True)


def facts_of(listed: ProviderNumber | None) -> dict[str, Any]:
    """What a finding keeps of the provider's side."""
    if listed is None:
        return {}
    return {
        "provider_id": listed.provider_id[:64],
        "friendly_name": listed.friendly_name[:100],
        "country": listed.country[:2],
        "can_send_media": listed.mms,
        "inbound_url": listed.inbound_url[:500],
        "status_url": listed.status_url[:500],
    }


def close(*, finding: NumberFinding, state: str, note: str, user: User | None = None) -> bool:
    """``open`` → another state; False when it was closed before. Its gateway's alert follows.

    Args:
        finding: takes the new values.
        state: a value of ``NumberFinding.State``.
        note: what was done, or why.
        user: who did it, None for the system.
    """
    values = {"state": state, "note": note[:255], "closed_at": timezone.now(), "closed_by": user}
    closed = bool(NumberFinding.objects.filter(pk=finding.pk, state=State.OPEN).update(**values))
    if closed:
        _with(finding, values)
        tell(finding.gateway)
    return closed


def tell(gateway: Gateway) -> None:
    """Raise, change or resolve the one alert about a gateway's open findings."""
    kinds = Counter(NumberFinding.objects.filter(gateway=gateway, state=State.OPEN).values_list("kind", flat=True))
    if not kinds:
        resolve(kind=Alert.Kind.NUMBERS_DIFFER, gateway=gateway, note="All findings are dealt with or gone.")
        return
    words = {
        Kind.UNKNOWN: "{} at the provider and not known here",
        Kind.MISSING: "{} here and not at the provider",
        Kind.WRONG_URLS: "{} wired to addresses that are not ours",
        Kind.STILL_THERE: "{} released here and still billed by the provider",
    }
    parts = [text.format(f"{kinds[kind]:,}") for kind, text in words.items() if kinds[kind]]
    total = kinds.total()
    what = "One number differs" if total == 1 else f"{total:,} numbers differ"
    text = f"{what} from the provider's list: {', '.join(parts)}. Each has a repair under Number findings."
    raise_alert(kind=Alert.Kind.NUMBERS_DIFFER, gateway=gateway, text=text)


def _is_another(row: NumberFinding, facts: dict[str, Any]) -> bool:
    """Whether what was ignored has changed since, so that somebody should look again."""
    if row.state != State.IGNORED or row.kind not in (Kind.WRONG_URLS,):
        return False
    return (row.inbound_url, row.status_url) != (facts["inbound_url"], facts["status_url"])


def _close(rows: QuerySet[NumberFinding], at: dt.datetime, note: str) -> None:
    # Why it was ignored is not overwritten.
    rows.filter(state=State.IGNORED).update(state=State.GONE, closed_at=at)
    rows.filter(state=State.OPEN).update(state=State.GONE, closed_at=at, note=note)


def _with(row: NumberFinding, values: dict[str, Any]) -> NumberFinding:
    for name, value in values.items():
        setattr(row, name, value)
    return row
