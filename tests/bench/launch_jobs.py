"""What ``launch`` measures, each in a process of its own."""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from django.utils import timezone

from broadcast.core.redis import get_redis
from campaigns.models import Campaign
from campaigns.services.launch import launch, perform_launch
from messaging.engine import keys, sql
from tests.bench.rows import first_name


def subject(arguments: dict[str, Any]) -> dict[str, Any]:
    """Launch a campaign: what a person waits for (``confirm_seconds``), then the task (``seconds``)."""
    campaign_id = arguments["campaign"]
    begun = time.monotonic()
    launch(campaign_id=campaign_id, user=None)
    confirmed = time.monotonic()
    processor = time.process_time()
    perform_launch(campaign_id)
    done = time.monotonic()
    processor = time.process_time() - processor
    batch = Campaign.objects.select_related("batch").get(pk=campaign_id).batch
    ids = 0
    if batch is not None:
        ids = get_redis().llen(keys.queue(batch.gateway_id, keys.batch_queue(batch.pk, batch.number_id)))
    get_redis().flushdb()
    return {
        "confirm_seconds": confirmed - begun,
        "seconds": done - confirmed,
        "cpu_seconds": processor,
        "ids": ids,
    }


def insert_select(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same rows in one bare statement: nobody suppressed, no lists attributed, no ids in Redis."""
    now = timezone.now()
    condition, lists = sql.id_list(arguments["lists"])
    postgresql = sql.is_postgresql()
    distinct, group = ("DISTINCT ON (s.id)", "") if postgresql else ("", "GROUP BY s.id")
    moment = "%s::timestamptz" if postgresql else "%s"
    with transaction.atomic():
        rows = sql.run(
            f"""
            INSERT INTO messaging_message (kind, account_id, batch_id, number_id, recipient, body, context, cohort, state,
              reason, reason_text, provider_id, segments, lease, created_at, changed_at)
            SELECT {distinct} 'campaign', %s, %s, %s, s.number, '', {first_name("s.first_name")}, 1, 'queued',
              '', '', '', 0, '', {moment}, {moment}
            FROM campaigns_subscription x JOIN campaigns_subscriber s ON s.id = x.subscriber_id
            WHERE x.list_id {condition} AND x.state = 'subscribed' {group}
            """,  # noqa: S608  ours
            [arguments["account"], arguments["batch"], arguments["number"], now, now, lists],
        )
    return {"rows": rows}
