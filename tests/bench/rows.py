"""Rows in numbers, made by the database itself, and tables made empty again between rounds."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns.models import Campaign
from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from messaging.engine import sql
from messaging.models import Batch, PhoneNumber
from tests.dialects import credentials
from tests.factories import (
    AccountFactory,
    BatchFactory,
    CampaignFactory,
    GatewayFactory,
    PhoneNumberFactory,
    SubscriberListFactory,
)

TEMPLATE = 'Hi {{ first_name | default: "there" }}, the sale starts tomorrow at nine. Reply STOP to opt out.'
#: Recipient number 1 is this and one more.
FIRST_NUMBER = 14_152_000_000
#: Far above what one core sends, so that the pace is in nobody's way.
FREE_PACE = 1_000_000
#: Of the audience: places on a second list, and people who must not be sent to.
OVERLAP_OF_TEN = 3
SUPPRESSED_ONE_IN = 50


def recipient(index: int) -> str:
    """The number of the recipient with this index, from 1."""
    return f"+{FIRST_NUMBER + index}"


def make_number(
    simulator: SimulatorSettings, url: str = "http://127.0.0.1:9", *, dialect: str = "twilio"
) -> PhoneNumber:
    """A short code whose pace is in nobody's way, at a gateway of 40 requests.

    Args:
        simulator: whose credentials and short code it uses.
        url: the provider's.
        dialect: the gateway's kind.
    """
    gateway: Gateway = GatewayFactory.create(
        kind=dialect, base_url=url, credentials=credentials(dialect, simulator), concurrency=40
    )
    return PhoneNumberFactory.create(gateway=gateway, number=simulator.numbers[-1], pace_segments=FREE_PACE)


def make_batch(number: PhoneNumber) -> Batch:
    """A batch that is sending, without rows."""
    return BatchFactory.create(number=number, template=TEMPLATE)


def series(count: int) -> str:
    """A FROM item ``g`` with one column ``i``: 1 to ``count``."""
    if sql.is_postgresql():
        return f"generate_series(1, {count}) AS g(i)"
    return f"(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {count}) SELECT i FROM c) AS g"  # noqa: S608


def number_of(index: str) -> str:
    """An expression for ``recipient(index)``."""
    return f"'+' || CAST({FIRST_NUMBER} + {index} AS text)"


def first_name(index: str) -> str:
    """An expression for the merge fields of ``TEMPLATE``, as JSON."""
    build = "jsonb_build_object" if sql.is_postgresql() else "json_object"
    return f"{build}('first_name', {index})"


def fill_messages(batch: Batch, count: int, *, state: str = "queued") -> int:
    """Message rows of a batch, to the recipients 1 to ``count``; the id of the first, the others follow without a gap."""
    now = timezone.now()
    sql.run(
        f"""
        INSERT INTO messaging_message (kind, account_id, batch_id, number_id, recipient, body, context, cohort, state,
          reason, reason_text, provider_id, segments, lease, created_at, changed_at)
        SELECT 'campaign', %s, %s, %s, {number_of("i")}, '', {first_name("'Person ' || CAST(i AS text)")}, 1, %s,
          '', '', '', 0, '', {_now()}, {_now()}
        FROM {series(count)} ORDER BY i
        """,  # noqa: S608  ours
        [batch.account_id, batch.pk, batch.number_id, state, now, now],
    )
    settle()
    return int(value("SELECT min(id) FROM messaging_message WHERE batch_id = %s", [batch.pk]))


def empty_messages() -> None:
    """Remove all messages and suppressions."""
    tables = "messaging_message", "messaging_suppression", "messaging_earlyreport"
    with connection.cursor() as cursor:
        if sql.is_postgresql():
            _let_go(tables)
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        else:
            for table in reversed(tables):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  ours


def _let_go(tables: tuple[str, ...]) -> None:
    """Take away what refers to these tables from others: no row of a bench does, and PostgreSQL would empty those too."""
    references = sql.fetch(
        """
        SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
        WHERE contype = 'f' AND confrelid::regclass::text = ANY(%s) AND NOT conrelid::regclass::text = ANY(%s)
        """,
        [list(tables), list(tables)],
    )
    with connection.cursor() as cursor:
        for table, name in references:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def settle() -> None:
    """Bring the database into the same state before each measurement: statistics made, nothing left to write."""
    with connection.cursor() as cursor:
        if sql.is_postgresql():
            cursor.execute("VACUUM ANALYZE messaging_message")
            # On somebody else's server we may not have the right to.
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone() == (True,):
                cursor.execute("CHECKPOINT")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def make_audience(people: int) -> Campaign:
    """A draft to three lists: every person is on one of them, three in ten on a second."""
    account = AccountFactory.create()
    number = PhoneNumberFactory.create(account=account, pace_segments=FREE_PACE)
    lists = [SubscriberListFactory.create(account=account) for _ in range(3)]
    now = timezone.now()
    sql.run(
        "INSERT INTO campaigns_subscriber (account_id, number, first_name, last_name, email, fields, created_at, updated_at) "  # noqa: S608
        f"SELECT %s, {number_of('i')}, 'Person ' || CAST(i AS text), '', '', '{{}}', {_now()}, {_now()} FROM {series(people)}",
        [account.pk, now, now],
    )
    first = int(value("SELECT min(id) FROM campaigns_subscriber WHERE account_id = %s", [account.pk]))
    for place, condition in ((0, "TRUE"), (1, f"(s.id - {first}) %% 10 < {OVERLAP_OF_TEN}")):
        sql.run(
            f"""
            INSERT INTO campaigns_subscription (list_id, subscriber_id, state, source, ended_by, created_at, updated_at)
            SELECT CASE (s.id - {first} + {place}) %% 3 WHEN 0 THEN %s WHEN 1 THEN %s ELSE %s END, s.id,
              'subscribed', 'bench', '', {_now()}, {_now()}
            FROM campaigns_subscriber s WHERE s.account_id = %s AND {condition}
            """,  # noqa: S608  ours
            [*(item.pk for item in lists), now, now, account.pk],
        )
    if sql.is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE campaigns_subscriber, campaigns_subscription")
    return CampaignFactory.create(number=number, body=TEMPLATE, lists=lists)


def suppress_some(account_id: int, people: int) -> int:
    """Suppress one in fifty of the recipients 1 to ``people``; how many."""
    return sql.run(
        f"""
        INSERT INTO messaging_suppression (account_id, recipient, reason, note, created_at, lifted_note)
        SELECT %s, {number_of("i")}, 'opt_out', '', {_now()}, '' FROM {series(people)} WHERE i %% {SUPPRESSED_ONE_IN} = 0
        """,  # noqa: S608  ours
        [account_id, timezone.now()],
    )


def value(statement: str, params: list[Any]) -> Any:
    """The one value of a SELECT."""
    return sql.fetch(statement, params)[0][0]


def _now() -> str:
    return "%s::timestamptz" if sql.is_postgresql() else "%s"
