"""Frequency caps: how many campaign messages a person may get from an account in a day and in a week of its calendar."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from accounts.models import Account
from messaging.engine import sql
from messaging.engine.recipients import RecipientQuery

#: Why a claim leaves somebody out.
REASON = "frequency_cap"
#: Messages in these states have left or are about to.
_COUNTED = "('sending', 'unknown', 'unresolved', 'accepted', 'sent', 'no_report', 'delivered', 'undelivered')"
#: Namespace of the advisory locks, with the account's id.
_LOCK = 4_207


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit.

    Args:
        most: messages.
        since: from when they are counted.
        per: ``day`` or ``week``.
    """

    most: int
    since: dt.datetime
    per: str


def caps_of(account: Account, now: dt.datetime) -> list[Cap]:
    """An account's limits: calendar days, and weeks that begin on Monday, in its zone; empty without any."""
    today = now.astimezone(account.zone).date()
    monday = today - dt.timedelta(days=today.weekday())
    limits = ((account.max_per_day, today, "day"), (account.max_per_week, monday, "week"))
    return [
        Cap(most, dt.datetime.combine(day, dt.time(), tzinfo=account.zone), per) for most, day, per in limits if most
    ]


def reached(caps: list[Cap], account: str, recipient: str) -> tuple[str, list[Any]]:
    """SQL that is true for a person who has had enough, and its parameters; false without limits.

    Args:
        caps: the limits.
        account: SQL of the account's id.
        recipient: SQL of the person's number.
    """
    if not caps:
        return "(1 = 0)", []
    # One person's messages: the index on account and recipient answers it.
    one = (
        "(SELECT count(*) FROM messaging_message c WHERE "  # noqa: S608  ours
        f"c.account_id = {account} AND c.recipient = {recipient} AND c.kind = 'campaign' AND c.claimed_at >= %s "
        f"AND c.state IN {_COUNTED}) >= %s"
    )
    return f"({' OR '.join(one for _ in caps)})", [value for cap in caps for value in (cap.since, cap.most)]


def count_reached(*, account: Account, recipients: RecipientQuery, now: dt.datetime) -> int:
    """How many of those who would be sent to have had enough; nothing is written.

    Args:
        account: whose limits and suppressions hold.
        recipients: who would get it.
        now: an aware time.
    """
    caps = caps_of(account, now)
    if not caps:
        return 0
    enough, params = reached(caps, "%s", "r.recipient")
    # The account's id stands before each limit's own parameters.
    values = [value for start in range(0, len(params), 2) for value in (account.pk, *params[start : start + 2])]
    rows = sql.fetch(
        f"""
        SELECT count(*) FROM ({recipients.sql}) r
        LEFT JOIN messaging_suppression x
          ON x.account_id = %s AND x.recipient = r.recipient AND x.lifted_at IS NULL
        WHERE x.id IS NULL AND {enough}
        """,  # noqa: S608  compiled from querysets
        [*recipients.params, account.pk, *values],
    )
    return int(rows[0][0])


def take_turns(account_id: int) -> None:
    """Let one claim of an account run at a time until the open transaction ends: two would not see each other's messages.

    SQLite has one writer anyway.
    """
    if sql.is_postgresql():
        sql.fetch("SELECT 1 FROM (SELECT pg_advisory_xact_lock(%s, %s)) AS held", [_LOCK, account_id])


def text_of(caps: list[Cap]) -> str:
    """Why somebody is left out, for a person."""
    return f"They have had as many campaign messages as the account allows: {limits_text(caps)}."


def limits_text(caps: list[Cap]) -> str:
    """The limits, for a person: "1 a day or 3 a week"; empty without any."""
    return " or ".join(f"{cap.most} a {cap.per}" for cap in caps)
