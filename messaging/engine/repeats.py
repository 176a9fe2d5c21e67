"""Repeats: a request without an answer leaves once more where the provider promises that its message is sent once all the same.

The first one may never have arrived, so this may be the moment at which the message really leaves: all that is asked of
a message beforehand is asked anew. What may not leave any more stays unknown, because the first request may have arrived.

A sender repeats at once (``may_repeat``); what is unknown after that, or after a kill, the sweeper repeats minutes later
(``messaging.jobs.repeating``, with ``claim_repeat``).
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django.utils import timezone

from broadcast.core.redis import RedisAway, get_redis
from messaging.engine import keys, sql
from messaging.engine.claims import Claim, ClaimedMessage, singles_from
from messaging.engine.lanes import Lane, Staged, make_lane
from messaging.engine.places import look
from messaging.engine.scripts import Scripts
from messaging.engine.stager import stop_arguments, stopped_places
from messaging.engine.window import Window
from messaging.models import Message
from messaging.states import BatchState, MessageState

#: Why a message is unknown that nobody has answered for: its request had no reply, or its sender was killed. What a provider
#: did answer is not among them: it remembers the keys of what succeeded and of nothing else.
UNANSWERED = ("no_reply", "interrupted")
#: A message is repeated this long after it was first sent at most; providers keep keys for 24 hours.
YOUNG_HOURS = 12


async def may_repeat(window: Window, items: list[Staged], index: int) -> bool:
    """Whether a request may leave once more now; nothing may be awaited between this and the request.

    Args:
        window: the sender's.
        items: the request's messages, which are not marked as having come back.
        index: of the worker, from 0.
    """
    lanes: dict[Lane, list[Staged]] = {}
    for item in items:
        lanes.setdefault(item.lane, []).append(item)
    try:
        held = await window.redis.smembers(keys.held(window.gateway_id))
        for some in lanes.values():
            if stopped_places(some, await window.scripts.stopped(keys=[keys.STOPS], args=stop_arguments(some))):
                return False
    except RedisAway as error:
        window.redis_away(error)
        return False
    # A run that ends waits for what is in flight, and whoever stops the programs waits for one request at most.
    if window.draining.is_set() or not window.may_start(index):
        return False
    now = time.time()
    if any(lane.owner.encode() in held or lane.expires_at <= now for lane in lanes):
        return False
    return all(item.lane.journal is None or item.lane.journal.leave(item.sms.id) for item in items)


def claim_repeat(message: Message) -> bool:
    """Whether an unknown message may leave once more now; if so, it counts as repeated. One of two callers gets it.

    What is asked is what a claim asks (``messaging.engine.claims``), but for the frequency caps, in which the message counts
    already. The row stays unknown whatever comes of it.

    Args:
        message: with its number and batch, as it was read; ``repeats`` is counted up.
    """
    now = timezone.now()
    batch = message.batch
    if batch is None:
        may_leave = "batch_id IS NULL AND created_at > %s"
        params: list[Any] = [singles_from(now)]
    else:
        may_leave = (
            "batch_id = %s AND EXISTS (SELECT 1 FROM messaging_batch b WHERE b.id = messaging_message.batch_id "
            "AND b.state = %s AND (b.expires_at IS NULL OR b.expires_at > %s))"
        )
        params = [batch.pk, BatchState.SENDING, now]
        view = look(batch, now)
        if view is not None and message.place not in view.open:
            return False
    reasons, reason_list = sql.text_list(UNANSWERED)
    rows = sql.fetch(
        f"""
        UPDATE messaging_message SET repeats = repeats + 1
        WHERE id = %s AND state = %s AND provider_id = '' AND reason {reasons} AND repeats = %s AND claimed_at > %s
          AND {may_leave}
          AND EXISTS (SELECT 1 FROM accounts_account a WHERE a.id = account_id AND a.status = 'active')
          AND EXISTS (SELECT 1 FROM messaging_phonenumber p JOIN integrations_gateway g ON g.id = p.gateway_id
            WHERE p.id = number_id AND p.state = 'active' AND g.is_enabled AND g.stopped_reason = '')
          AND (kind = 'service' OR NOT EXISTS (
            SELECT 1 FROM messaging_suppression x WHERE x.account_id = messaging_message.account_id
              AND x.recipient = messaging_message.recipient AND x.lifted_at IS NULL
              AND (kind = 'campaign' OR x.reason <> 'review')))
        RETURNING id
        """,  # noqa: S608  the conditions are ours
        [
            *(message.pk, MessageState.UNKNOWN, reason_list, message.repeats),
            now - dt.timedelta(hours=YOUNG_HOURS),
            *params,
        ],
    )
    message.repeats += len(rows)
    return bool(rows)


def stage_again(message: Message, *, status_url: str) -> Staged | None:
    """An unknown message as it was staged the first time; None when its text cannot be made any more.

    Args:
        message: with its number and batch.
        status_url: where the provider reports, without the message's id at its end.
    """
    claimed = ClaimedMessage(
        message.pk, message.recipient, message.body, message.context or {}, message.kind == Message.Kind.SERVICE
    )
    batch_id = message.batch_id
    name = keys.single_queue(message.number_id)
    if batch_id is not None:
        name = keys.batch_queue(batch_id, message.number_id)
    claim = Claim([claimed], message.number, message.batch)
    lane, _ = make_lane(name=name, token="", claim=claim, status_url=status_url)
    return lane.waiting[0] if lane.waiting else None


def is_kept_back(item: Staged, gateway_id: int) -> bool:
    """Whether Redis knows of a pause or an opt-out that the database may not know of yet.

    Raises:
        redis.RedisError: Redis is away.
    """
    client = get_redis()
    if client.sismember(keys.held(gateway_id), item.lane.owner):
        return True
    reply = Scripts(client).stopped(keys=[keys.STOPS], args=stop_arguments([item]))
    return bool(stopped_places([item], reply))
