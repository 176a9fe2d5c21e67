"""Waits for the last callbacks and answers, so that both sides count the same."""

from __future__ import annotations

import threading
import time
from typing import Any

from broadcast.core.redis import get_redis
from broadcast.demo.carrier import Carrier
from messaging.engine import keys
from messaging.models import InboundMessage, Message
from messaging.states import OPEN_STATES

_LOOK_SECONDS = 0.3
#: Nothing moves when nothing has moved for so many looks.
_LOOKS = 3


def wait_until_quiet(carrier: Carrier, *, timeout_seconds: float) -> dict[str, Any]:
    """What the carrier saw, when neither it nor we have anything left to do.

    Args:
        carrier: the simulator.
        timeout_seconds: after which the latest is returned as it is; what does not fit then is told as broken.
    """
    pause = threading.Event()
    deadline = time.monotonic() + timeout_seconds
    looks = 0
    while looks < _LOOKS and time.monotonic() < deadline:
        looks = looks + 1 if _is_quiet(carrier.stats()) else 0
        pause.wait(_LOOK_SECONDS)
    return carrier.stats(recipients=True)


def _is_quiet(stats: dict[str, Any]) -> bool:
    if stats["scheduled"] or stats["in_flight"] or stats["callbacks"]["pending"] or stats["inbound"]["pending"]:
        return False
    client = get_redis()
    if any(client.xlen(stream) for stream in (keys.RESULTS, keys.STATUSES, keys.INBOUND)):
        return False
    if InboundMessage.objects.filter(state=InboundMessage.State.RECEIVED).exists():
        return False
    return not Message.objects.filter(state__in=OPEN_STATES).exists()
