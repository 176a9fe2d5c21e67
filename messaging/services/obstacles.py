"""Obstacles: why nothing of a batch may leave now, and which batches a number is in the way of."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from integrations.models import Gateway
from messaging.engine.legs import RESENT
from messaging.models import Batch, Message, PhoneNumber
from messaging.querysets import BatchQuerySet
from messaging.services import detours, pools
from messaging.services.registration_checks import Refusal, refusals
from messaging.states import BatchState, MessageState

PauseCode = Batch.PauseCode


def obstacle(batch: Batch) -> tuple[str, str] | None:
    """Why nothing of a batch may leave now, as a pause code and a reason; None when it may."""
    account = batch.account
    if not account.is_active:
        return PauseCode.ACCOUNT, f"{account} is {account.get_status_display().lower()}."
    if (why := sender_obstacle(batch)) is not None:
        return why
    others = Gateway.objects.filter(pk__in=batch.other_gateway_ids).defer("credentials")
    for gateway in (batch.gateway, *(others if batch.other_gateway_ids else ())):
        reason = gateway.stopped_reason if gateway.is_enabled else f"The gateway {gateway} is disabled."
        if reason and detours.strands(batch, gateway):
            return PauseCode.GATEWAY, reason
    return None


def sender_obstacle(batch: Batch) -> tuple[str, str] | None:
    """Why numbers of a batch keep it from sending, as a pause code and a reason; None when none does.

    Args:
        batch: with its number and pool.
    """
    own = set(batch.senders) - set(batch.routed_ids)
    # With numbers that routes brought in, one at which nothing waits is in nobody's way.
    if (why := _number_obstacle(batch, own)) and (not batch.routed_ids or detours.waits_at(batch, own)):
        return PauseCode.NUMBER, why
    if (stuck := detours.stuck_number(batch)) is not None:
        return PauseCode.NUMBER, _inactive(stuck)
    if refused := refusals_of(batch):
        return PauseCode.REGISTRATION, refused[0].text
    return None


def _number_obstacle(batch: Batch, own: set[int]) -> str:
    """Why a batch's own number or pool may not send; empty when it may."""
    if batch.pool is not None:
        senders = PhoneNumber.objects.filter(Q(pk__in=own) | Q(pools=batch.pool))
        if not senders.filter(state=PhoneNumber.State.ACTIVE).exists():
            return f"No number of the pool “{batch.pool}” is active. Enable one, then resume."
        resent = Message.objects.filter(batch=batch, state=MessageState.QUEUED, reason=RESENT)
        unfit = PhoneNumber.objects.filter(pk__in=own).exclude(state=PhoneNumber.State.ACTIVE)
        stuck = next((number for number in unfit if resent.filter(number=number).exists()), None)
        if stuck is None:
            return ""
        return (
            f"{stuck} is {stuck.get_state_display().lower()}, and some messages may have left from it once, so no other number "
            "sends them. Enable it, then resume."
        )
    return "" if batch.number.state == PhoneNumber.State.ACTIVE else _inactive(batch.number)


def _inactive(number: PhoneNumber) -> str:
    return f"{number} is {number.get_state_display().lower()}. Make the number active, then resume."


def refusals_of(batch: Batch) -> list[Refusal]:
    """Why carriers would refuse what can leave from certain numbers of a batch only; empty when there is no such number.

    A number whose messages others take over is in nobody's way: those of its pool, or of a route that has it.

    Args:
        batch: with its account and pool.
    """
    concerned = Q(pk__in=batch.senders)
    if batch.pool is not None:
        concerned |= Q(pools=batch.pool)
    found = refusals(PhoneNumber.objects.filter(concerned, state=PhoneNumber.State.ACTIVE).distinct())
    return [refusal for refusal in found if _is_in_the_way(batch, refusal.number)]


def _is_in_the_way(batch: Batch, number: PhoneNumber) -> bool:
    """Whether nobody can take over from a number that carriers refuse."""
    waiting = Message.objects.filter(batch=batch, number=number, state=MessageState.QUEUED)
    if number.pk not in batch.routed_ids and batch.pool is not None:
        fit = pools.members(batch.pool)
        if any(member.gateway_id == batch.gateway_id for member in fit):
            # What may have left from it once stays with it (``pools.relieve``).
            return waiting.filter(reason=RESENT).exists()
    if not waiting.exists():
        # With numbers that routes brought in, one at which nothing waits is in nobody's way. Nor is one whose messages senders
        # hold, if others can take them when they come back.
        return not batch.routed_ids and not detours.can_relieve(batch, number)
    return detours.is_stuck(batch, number)


def sending_from(number_ids: Iterable[int]) -> BatchQuerySet:
    """The batches that are sending, and leave from one of some numbers or from a pool that has one.

    Args:
        number_ids: of our numbers, those included that a route may have brought in.
    """
    wanted = set(number_ids)
    sending = Batch.objects.filter(state=BatchState.SENDING)
    # What numbers a batch leaves from is a list in a column, which SQLite and PostgreSQL search in different ways.
    ids = [batch.pk for batch in sending.only("number_id", "sender_ids") if wanted.intersection(batch.senders)]
    return sending.filter(Q(pk__in=ids) | Q(pool__numbers__in=wanted)).distinct()
