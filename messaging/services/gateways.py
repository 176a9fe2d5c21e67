"""Gateways as the transport uses them: their webhook URLs, publishing them, stopping and starting them."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
from django.db import transaction
from django.utils import timezone

from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError, encrypt
from broadcast.core.redis import Client, RedisAway, get_redis
from integrations.models import Gateway
from integrations.services.redaction import redacted
from messaging.engine import keys
from messaging.models import Alert, Batch, PhoneNumber
from messaging.services import detours
from messaging.services.alerts import raise_alert, resolve
from messaging.services.batches import pause_batch, pause_obstructed
from messaging.services.drops import take_back
from messaging.services.moves import fill_on_commit
from messaging.services.obstacles import sending_from
from messaging.services.pools import rebalance_of_number, relieve
from messaging.services.registration_checks import unfit
from messaging.states import BatchState

logger = logging.getLogger(__name__)

#: A circuit that is open for longer is told to people, seconds.
DOWN_SECONDS = 60
#: Of publishing the gateways; each that fails is one that somebody else has made meanwhile.
_MOST_ATTEMPTS = 20


def inbound_url(gateway: Gateway) -> str:
    """Where the provider sends inbound messages."""
    return f"{config().webhook_url}/webhooks/{gateway.key}/inbound"


def status_url(gateway: Gateway) -> str:
    """Where the provider sends delivery statuses; a message's id may follow after a slash."""
    return f"{config().webhook_url}/webhooks/{gateway.key}/status"


def publish_gateways() -> None:
    """Tell the webhook process about all gateways, encrypted, through Redis.

    Who has read before somebody else published reads again: what a rotation has published is never put back.

    Raises:
        redis.RedisError: Redis is away; the sweeper publishes again.
    """
    with get_redis().pipeline(transaction=True) as pipe:
        for _ in range(_MOST_ATTEMPTS):
            try:
                # Before the database is read: whatever is published from here on is at least as new as what is read.
                pipe.watch(keys.WEBHOOK_GATEWAYS)
                _publish(pipe)
            except redis.WatchError:
                continue
            return
    logger.warning("The gateways were published by others all the time; the sweeper publishes them again")


def _publish(pipe: Client) -> None:
    published: dict[str, str] = {}
    unreadable: set[str] = set()
    for gateway in Gateway.objects.all():
        try:
            published[gateway.key] = encrypt(_published(gateway))
        except DecryptionError as error:
            unreadable.add(gateway.key)
            logger.error("%s cannot be used: %s", gateway, error)
    known = {key.decode() for key in pipe.hkeys(keys.WEBHOOK_GATEWAYS)}
    pipe.multi()
    # What was published of an unreadable one stays: without it its webhooks would be refused for good, not for now.
    if gone := known - published.keys() - unreadable:
        pipe.hdel(keys.WEBHOOK_GATEWAYS, *gone)
    if published:
        pipe.hset(keys.WEBHOOK_GATEWAYS, mapping=published)
    pipe.execute()


def _published(gateway: Gateway) -> dict[str, Any]:
    return {
        "id": gateway.pk,
        "kind": gateway.kind,
        "credentials": dict(gateway.config.credentials),
        "base_url": gateway.config.base_url,
        "version": gateway.credentials_version,
        "former": [(former.credentials, former.until.timestamp()) for former in gateway.lasting],
    }


def publish_on_commit(gateway_id: int) -> None:
    """Publish once the open transaction is committed; the sweeper does it if Redis is away now.

    Args:
        gateway_id: what has changed; its senders begin anew.
    """

    def publish() -> None:
        try:
            publish_gateways()
            get_redis().incr(keys.settings(gateway_id))
        except RedisAway as error:
            logger.warning("Redis is away; the sweeper will publish the gateways: %s", error)

    transaction.on_commit(publish)


def stop_gateway(gateway_id: int, reason: str, *, version: int | None = None) -> bool:
    """The provider refuses everything: pause every batch that leaves through this gateway, with its reason.

    Nobody is marked as failed; once the cause is mended, a person resumes. A batch goes on if a route names a second sender
    that takes all of it that waits.

    Args:
        gateway_id: of the gateway.
        reason: for a person.
        version: of the credentials that were refused, if known.

    Returns:
        whether it is stopped; not if those credentials are not the gateway's any more.
    """
    gateway = Gateway.objects.get(pk=gateway_id)
    reason = without_secrets(gateway, reason)
    text = (
        f"{gateway} refuses everything, so nothing leaves through it and what was sending is paused, unless a route has a second "
        f"sender for it. Mend the cause, then resume. It says: {reason}"
    )
    refused = Gateway.objects.filter(pk=gateway_id)
    if version is not None:
        refused = refused.filter(credentials_version=version)
    with transaction.atomic():
        if not refused.update(stopped_reason=reason[:255]):
            return False
        raise_alert(kind=Alert.Kind.GATEWAY_STOPPED, gateway=gateway, text=text)
    gateway.stopped_reason = reason[:255]
    for batch in Batch.objects.filter(state=BatchState.SENDING).select_related("account"):
        if gateway_id in batch.gateways:
            _move_or_pause(batch, gateway, reason)
    return True


def without_secrets(gateway: Gateway, text: str) -> str:
    """A text without the gateway's secrets: a provider may repeat them in its answer, and what it says is shown to everybody.

    Args:
        gateway: whose credentials, the former ones too.
        text: as the provider or a library says it.
    """
    try:
        secrets = [gateway.credentials or {}, *(former.credentials for former in gateway.all_former)]
    except DecryptionError:
        return text
    for credentials in secrets:
        text = redacted(text, gateway.kind, credentials)
    return text


def _move_or_pause(batch: Batch, gateway: Gateway, reason: str) -> None:
    try:
        detours.tend(batch)
        strands = detours.strands(batch, gateway)
    except RedisAway as error:
        logger.warning("Redis is away; the sweeper looks for a second sender of batch %s: %s", batch.pk, error)
        strands = True
    if strands:
        pause_batch(batch.pk, code=Batch.PauseCode.GATEWAY, reason=reason)


def start_gateway(gateway_id: int) -> None:
    """The cause is mended: sending may be tried again."""
    gateway = Gateway.objects.get(pk=gateway_id)
    with transaction.atomic():
        Gateway.objects.filter(pk=gateway_id).update(stopped_reason="")
        resolve(kind=Alert.Kind.GATEWAY_STOPPED, gateway=gateway, note="The gateway is in use again.")


def stop_number(number_id: int, reason: str) -> None:
    """The provider refuses this sending number.

    One that is part of a sender pool is disabled, and the pool's other numbers take over what is queued at it. A batch that
    has no other number is paused, with the provider's reason.
    """
    number = PhoneNumber.objects.select_related("gateway").get(pk=number_id)
    sending = _sending_from(number)
    # A batch's pool takes over from its own numbers, and not from one that a route brought in.
    is_pooled = number.pools.exists() or any(batch.pool_id and number_id not in batch.routed_ids for batch in sending)
    if is_pooled:
        text = (
            f"The provider refuses {number}, so it is disabled and the other numbers of its pool take over. Mend the cause, "
            f"then enable it again. The provider says: {reason}"
        )
        with transaction.atomic():
            raise_alert(kind=Alert.Kind.NUMBER_STOPPED, gateway=number.gateway, text=text)
            PhoneNumber.objects.filter(pk=number_id, state=PhoneNumber.State.ACTIVE).update(
                state=PhoneNumber.State.DISABLED, updated_at=timezone.now()
            )
        number_changed(number_id)
    for batch in sending:
        if _is_stuck(batch, number, is_disabled=is_pooled):
            text = (
                f"“{batch}” is paused: the provider refuses {number}. Mend the cause, then resume it. It says: {reason}"
            )
            with transaction.atomic():
                if pause_batch(batch.pk, code=Batch.PauseCode.NUMBER, reason=reason):
                    raise_alert(kind=Alert.Kind.NUMBER_STOPPED, batch=batch, text=text)


def number_changed(number_id: int) -> None:
    """A number's state, pace or registration has changed: its pools are shared out anew, and others send what it cannot.

    Repeatable; the sweeper does the same each minute for changes that nobody told of.
    """
    rebalance_of_number(number_id)
    number = PhoneNumber.objects.select_related("gateway").get(pk=number_id)
    if not unfit([number]):
        return
    for batch in _sending_from(number):
        # First: what a country's route can take does not go to the batch's own pool.
        try:
            detours.tend(batch)
        except RedisAway as error:
            logger.warning("Redis is away; the sweeper has others send for number %s: %s", number_id, error)
        take_over(batch)
        take_back(batch, number)


def drop_numbers(number_ids: Sequence[int]) -> int:
    """Numbers may not send any more: others take over, and what nobody can is paused; how many batches were paused.

    The sweeper does the same each minute for changes that nobody told of.

    Args:
        number_ids: of ours; those that may send after all change nothing.
    """
    for number_id in number_ids:
        number_changed(number_id)
    return pause_obstructed(sending_from(number_ids))


def take_over(batch: Batch) -> int:
    """Queue what a batch's pool takes over from numbers that cannot send any more; how many messages that are."""
    if batch.pool_id is None:
        return 0
    with transaction.atomic():
        moved = relieve(batch)
        if moved:
            batch.refresh_from_db(fields=("sender_ids",))
            fill_on_commit(batch)
            logger.warning("Batch %s: %s messages are taken over by other numbers of its pool", batch.pk, moved)
    return moved


def _sending_from(number: PhoneNumber) -> list[Batch]:
    sending = Batch.objects.filter(state=BatchState.SENDING).select_related("account", "pool")
    return [batch for batch in sending if number.pk in batch.senders]


def _is_stuck(batch: Batch, number: PhoneNumber, *, is_disabled: bool) -> bool:
    """Whether a batch still has messages that could leave from this number only."""
    if number.pk in batch.routed_ids and is_disabled:
        batch.refresh_from_db(fields=("sender_ids", "routed_ids", "other_gateway_ids"))
        return detours.stuck_number(batch) == number
    if batch.pool_id is None and number.pk not in batch.routed_ids:
        return True
    return detours.waits_at(batch, [number.pk])


def watch_circuits() -> None:
    """Tell people of gateways that cannot be reached for a minute, and when they can be again.

    Raises:
        redis.RedisError: Redis is away; the next round does it.
    """
    client = get_redis()
    for gateway in Gateway.objects.all():
        state = client.hgetall(keys.circuit(gateway.pk)) if gateway.is_enabled else {}
        if not state:
            resolve(kind=Alert.Kind.GATEWAY_DOWN, gateway=gateway, note="It answers again, or is not used any more.")
        elif time.time() - float(state[b"since"]) >= DOWN_SECONDS:
            since = dt.datetime.fromtimestamp(float(state[b"since"]), dt.UTC)
            text = (
                f"{gateway} has not answered since {since:%-d %B, %H:%M} UTC. What has not left waits, unless a route has "
                "a second sender for it; it is tried again by itself. "
                f"Look at the provider's status page and at our network. Last: {state[b'reason'].decode()}"
            )
            raise_alert(kind=Alert.Kind.GATEWAY_DOWN, gateway=gateway, text=text)


def wrong_urls() -> list[tuple[Gateway, str]]:
    """Gateways whose provider lately signed another address than ours, with that address.

    Raises:
        redis.RedisError: Redis is away.
    """
    gateways = list(Gateway.objects.order_by("name"))
    found = get_redis().mget([keys.wrong_url(gateway.pk) for gateway in gateways]) if gateways else []
    return [(gateway, url.decode()) for gateway, url in zip(gateways, found, strict=True) if url is not None]


@dataclass(frozen=True, slots=True)
class WebhookMarks:
    """When a gateway's webhooks last came; None: not within the last three months.

    Args:
        valid_at: a valid one, within ten seconds.
        former_at: one that was signed with the former credentials, since the present ones are there.
        refused_at: one that was refused.
        why: it was.
    """

    valid_at: dt.datetime | None = None
    former_at: dt.datetime | None = None
    refused_at: dt.datetime | None = None
    why: str = ""


def webhook_marks(gateway: Gateway) -> WebhookMarks | None:
    """When a gateway's webhooks last came; None while Redis is away and nobody can know."""
    try:
        kept = get_redis().hgetall(keys.webhook_marks(gateway.pk))
    except RedisAway:
        return None

    def at(name: bytes) -> dt.datetime | None:
        return dt.datetime.fromtimestamp(float(kept[name]), dt.UTC) if name in kept else None

    is_of_now = int(kept.get(b"former_version", 0)) == gateway.credentials_version
    return WebhookMarks(
        at(b"valid"), at(b"former") if is_of_now else None, at(b"refused"), kept.get(b"why", b"").decode()
    )
