"""Slots: a gateway's request slots, shared by leases over all processes and machines (see ``lua/renew.lua``)."""

from __future__ import annotations

from typing import Any

from broadcast.core.redis import get_redis
from messaging.engine import keys, limits
from messaging.engine.scripts import Scripts


def slot_keys(gateway_id: int) -> list[str]:
    """Keys of the renewing script."""
    return [
        keys.slots(gateway_id),
        keys.slot_expiry(gateway_id),
        keys.leases(gateway_id),
        keys.slots_wanted(gateway_id),
    ]


def leave_slots(pipe: Any, gateway_id: int, holder: str) -> Any:
    """Adds to a pipeline that a holder gives back what it has."""
    return (
        pipe.hdel(keys.slots(gateway_id), holder)
        .hdel(keys.slots_wanted(gateway_id), holder)
        .zrem(keys.slot_expiry(gateway_id), holder)
    )


def take_slot(*, gateway_id: int, limit: int, holder: str) -> bool:
    """Take one slot for a request outside the engine; False when all are in use.

    Args:
        gateway_id: whose slot.
        limit: the gateway's concurrency.
        holder: any name of the caller's own; ``give_slot`` ends it, or its expiry.
    """
    granted, _ = Scripts(get_redis()).renew(
        keys=slot_keys(gateway_id),
        args=[holder, limit, 1, 0, limits.slot_milliseconds(), limits.LEASE_MILLISECONDS],
    )
    return int(granted) >= 1


def give_slot(*, gateway_id: int, holder: str) -> None:
    """Give a slot back."""
    leave_slots(get_redis().pipeline(transaction=False), gateway_id, holder).execute()
