"""Changing a gateway's credentials: tested before they are stored, and without a gap for webhooks."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from broadcast.core.crypto import DecryptionError
from integrations.models import CredentialChange, Former, Gateway
from integrations.services.checking import CheckResult, ask
from integrations.sms.registry import adapter_class

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

What = CredentialChange.What

#: How long webhooks may be signed with the former credentials, hours.
KEPT_HOURS = (0, 1, 6, 24, 48, 72, 7 * 24)
USUAL_HOURS = 24


class RotationRefused(Exception):
    """Nothing was changed; the text says why and what to do next.

    Args:
        text: for a person.
        result: what the provider said, where it was asked.
    """

    def __init__(self, text: str, result: CheckResult | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.result = result


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was stored.

    Args:
        result: what the provider said before.
        fields: labels of what changed.
        until: webhooks may be signed with the former ones until then; None: not any more.
    """

    result: CheckResult
    fields: tuple[str, ...] = field(default=())
    until: dt.datetime | None = None


def rotate(*, gateway_id: int, entered: Mapping[str, str], version: int, keep_hours: int, by: User | None) -> Rotation:
    """Test new credentials at the provider and store them; the former ones are accepted for webhooks for a while.

    Those of earlier rotations are accepted as long as was said then.

    Args:
        gateway_id: of the gateway.
        entered: new values by field name; an empty one takes an optional field away, and what is not in it stays.
        version: ``credentials_version`` of what the person saw.
        keep_hours: 0 to the longest of ``KEPT_HOURS``, for which webhooks may be signed with the former ones.
        by: who does it.

    Raises:
        RotationRefused: nothing new, or the provider does not take them, or somebody was faster; nothing is stored.
    """
    if not 0 <= keep_hours <= KEPT_HOURS[-1]:
        raise RotationRefused(f"The former ones can be accepted for 0 to {KEPT_HOURS[-1]} hours.")
    gateway = _as_seen(gateway_id, version)
    credentials = {name: value for name, value in {**(gateway.credentials or {}), **entered}.items() if value}
    fields = changed_labels(gateway.kind, gateway.credentials or {}, credentials)
    if not fields:
        raise RotationRefused("Nothing would change: enter at least one value that is not the stored one.")
    result = _tested(gateway, credentials)
    until = timezone.now() + dt.timedelta(hours=keep_hours) if keep_hours else None
    with transaction.atomic():
        gateway = _as_seen(gateway_id, version, lock=True)
        present, lasting = gateway.credentials or {}, _lasting(gateway)
        kept = [Former(present, until), *lasting] if until else _without(lasting, dropped=present, new=credentials)
        _store(gateway, credentials, kept)
        _note(gateway, What.ROTATED, fields, by)
    return Rotation(result, fields, until)


def roll_back(*, gateway_id: int, version: int, by: User | None) -> Rotation:
    """Go back to the former credentials, which are tested first; the newer ones are accepted for webhooks in their place.

    Args:
        gateway_id: of the gateway.
        version: ``credentials_version`` of what the person saw.
        by: who does it.

    Raises:
        RotationRefused: there are none any more, the provider does not take them, or somebody was faster.
    """
    gateway = _as_seen(gateway_id, version)
    former = gateway.former
    if former is None:
        raise RotationRefused(
            "There are no former credentials any more. Enter them once more with “Rotate credentials”."
        )
    result = _tested(gateway, former)
    with transaction.atomic():
        gateway = _as_seen(gateway_id, version, lock=True)
        if gateway.former is None:
            raise RotationRefused("The former credentials' time has just ended. Nothing was changed.")
        (former, until), *older = gateway.lasting
        newer = gateway.credentials or {}
        fields = changed_labels(gateway.kind, newer, former)
        _store(gateway, former, [Former(newer, until), *older])
        _note(gateway, What.ROLLED_BACK, fields, by)
    return Rotation(result, fields, until)


def stop_former(*, gateway_id: int, by: User | None) -> bool:
    """Stop accepting the former credentials for webhooks, and forget them; whether there were any.

    Args:
        gateway_id: of the gateway.
        by: who does it.
    """
    with transaction.atomic():
        gateway = Gateway.objects.select_for_update().get(pk=gateway_id)
        if gateway.former_until is None:
            return False
        _wipe(gateway, [], What.FORMER_STOPPED, by)
    return True


def forget_former() -> int:
    """Wipe former credentials whose time is over; at how many gateways."""
    candidates = Gateway.objects.filter(Q(former_until__lte=timezone.now()) | Q(older_credentials__isnull=False))
    count = sum(_forget_over(gateway_id) for gateway_id in list(candidates.values_list("pk", flat=True)))
    if count:
        logger.info("Former credentials of %s gateways have come to their end and are wiped", count)
    return count


def _forget_over(gateway_id: int) -> bool:
    with transaction.atomic():
        gateway = Gateway.objects.select_for_update().get(pk=gateway_id)
        if gateway.former_until is None:
            return False
        try:
            kept = gateway.lasting
            is_any_over = len(kept) < len(gateway.all_former)
        except DecryptionError:
            kept, is_any_over = [], gateway.former_until <= timezone.now()
        if is_any_over:
            _wipe(gateway, kept, What.FORMER_ENDED, None)
    return is_any_over


def _wipe(gateway: Gateway, kept: Sequence[Former], what: CredentialChange.What, by: User | None) -> None:
    """Wipe all former credentials but these, and note which fields were in them."""
    try:
        gone = [former.credentials for former in gateway.all_former if former not in kept]
        names = {label for each in gone for label in changed_labels(gateway.kind, each, gateway.credentials or {})}
        fields = tuple(each.label for each in adapter_class(gateway.kind).credential_fields if each.label in names)
    except DecryptionError:
        # What cannot be read is wiped all the same.
        fields = ()
    gateway.save(update_fields=(*gateway.keep_former(kept), "updated_at"))
    _note(gateway, what, fields, by)


def enter(*, gateway: Gateway, before: Mapping[str, str], changed: Sequence[str] | None, by: User | None) -> None:
    """Save what was entered on a gateway's own page, in the open transaction, and note which credentials changed.

    Args:
        gateway: with what was entered.
        before: its credentials before.
        changed: names of the inputs that were changed, of which only those saved in columns count; None for a new gateway.
        by: who did it.
    """
    fields = changed_labels(gateway.kind, before, gateway.credentials or {})
    if changed is None:
        gateway.save()
    else:
        if gateway.former_until and Gateway.objects.get(pk=gateway.pk).origin != gateway.origin:
            # “Back to the former ones” would send them to a host that they were not entered for.
            _wipe(gateway, [], What.FORMER_STOPPED, by)
        columns = {column.name for column in Gateway._meta.concrete_fields}.intersection(changed)
        if fields:
            gateway.credentials_version += 1
            columns |= {"credentials", "credentials_version"}
        if fields or "base_url" in columns:
            gateway.account_since = timezone.now()
            columns.add("account_since")
        gateway.save(update_fields=(*columns, "updated_at"))
    if fields:
        _note(gateway, What.ENTERED if changed is None else What.CORRECTED, fields, by)


def changed_labels(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Labels of the credentials that differ, in the provider's order."""
    fields = adapter_class(kind).credential_fields
    return tuple(each.label for each in fields if (before.get(each.name) or "") != (after.get(each.name) or ""))


def _as_seen(gateway_id: int, version: int, *, lock: bool = False) -> Gateway:
    rows = Gateway.objects.select_for_update() if lock else Gateway.objects
    gateway = rows.get(pk=gateway_id)
    if gateway.credentials_version != version:
        last = gateway.credential_changes.select_related("by").first()
        who = f"{last.by or 'Somebody'} was faster ({last})" if last else "Somebody was faster"
        raise RotationRefused(f"{who}: the credentials are not those you saw any more. Look at them, then begin anew.")
    return gateway


def _tested(gateway: Gateway, credentials: Mapping[str, str]) -> CheckResult:
    result = ask(gateway, credentials)
    if not result.is_taken:
        raise RotationRefused(f"Nothing is stored, the present credentials go on. {result.text}", result)
    return result


def _lasting(gateway: Gateway) -> list[Former]:
    try:
        return gateway.lasting
    except DecryptionError as error:
        logger.warning("Former credentials of %s cannot be read, so they are not accepted any more: %s", gateway, error)
        return []


def _without(lasting: Sequence[Former], *, dropped: Mapping[str, str], new: Mapping[str, str]) -> list[Former]:
    """Former credentials without the values that are dropped at once, in the place of which come the new ones."""
    kept = []
    for former in lasting:
        values = {name: value for name, value in former.credentials.items() if value != dropped.get(name)}
        values = {**{name: new[name] for name in former.credentials.keys() - values.keys() if name in new}, **values}
        if values != new:
            kept.append(former._replace(credentials=values))
    return kept


def _store(gateway: Gateway, credentials: Mapping[str, str], kept: Sequence[Former]) -> None:
    gateway.credentials = dict(credentials)
    former_fields = gateway.keep_former(kept)
    gateway.credentials_version += 1
    # They may be another account's; nobody can tell by an API key.
    gateway.account_since = timezone.now()
    # The provider has just taken them.
    gateway.stopped_reason = ""
    changed = ("credentials", "credentials_version", "account_since", "stopped_reason")
    gateway.save(update_fields=(*changed, *former_fields, "updated_at"))


def _note(gateway: Gateway, what: CredentialChange.What, fields: tuple[str, ...], by: User | None) -> None:
    CredentialChange.objects.create(gateway=gateway, what=what, fields=list(fields), by=by)
