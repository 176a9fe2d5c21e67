"""The statements that write an import: thousands of rows each, handed over as one JSON value.

Plain SQL, because Django's ``bulk_create`` takes ten times as long for the same rows and, on SQLite, a statement for every
hundred of them. PostgreSQL and SQLite understand the same text but for the function that unfolds a JSON array.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from campaigns.models import ConsentEvent, CustomField, Subscriber, SubscriberList, Subscription
from campaigns.services.consent.ledger import name_of
from campaigns.services.imports.planning import Profile, in_batches

if TYPE_CHECKING:
    from accounts.models import User

#: Rows of one statement.
ROWS_PER_STATEMENT = 5000
#: Text columns of a person, in their order in a row of JSON; custom fields come after them.
_TEXTS = ("number", "first_name", "last_name", "email", "time_zone")


def add_people(account_id: int, people: Iterable[Profile]) -> None:
    """Insert people; who has come in by another way since they were looked up stays as they are."""
    _upsert_people(account_id, people, "DO NOTHING")


def change_people(account_id: int, people: Iterable[Profile]) -> None:
    """Overwrite people's names, e-mail, time zone and custom fields."""
    columns = ("first_name", "last_name", "email", "time_zone", "fields", "updated_at")
    values = ", ".join(f"{column} = excluded.{column}" for column in columns)
    _upsert_people(account_id, people, f"(account_id, number) DO UPDATE SET {values}")


def subscribe(
    list_: SubscriberList, numbers: Iterable[str], *, source: str, wording: str = "", user: User | None = None
) -> None:
    """Put an account's people on a list; who is or was on it stays as they are.

    Each one who joins has it in the consent ledger. On a list with double opt-in they are pending. Nobody is asked by an
    import: staff choose that on the list's page.

    Args:
        list_: the list.
        numbers: E.164, of people whom the account has.
        source: where they came from.
        wording: what they agreed to, in the words they saw.
        user: who imports them.
    """
    # SQLite keeps the order of a CROSS JOIN; any other way round it would unfold the array once for each subscriber.
    people = f"{'JOIN' if connection.vendor == 'postgresql' else 'CROSS JOIN'} {_table(Subscriber)} s"
    state = Subscription.State.PENDING if list_.double_opt_in else Subscription.State.SUBSCRIBED
    same: dict[str, object] = {"list_id": list_.pk, "source": source[:60], "state": state}
    by_number = f"{people} ON s.account_id = %s AND s.number = j.value ->> 0"
    sql, values = _insert(Subscription, {"subscriber_id": "s.id"}, same, by_number)
    event: dict[str, object] = {
        "account_id": list_.account_id,
        "action": ConsentEvent.Action.REQUESTED if list_.double_opt_in else ConsentEvent.Action.GIVEN,
        "how": ConsentEvent.How.IMPORT,
        "list_id": list_.pk,
        "list_name": list_.name,
        "wording": wording,
        "source": source[:200],
        "at": timezone.now(),
        "by_id": user.pk if user else None,
        "by_name": name_of(user),
    }
    by_id = f"{people} ON s.id = CAST(j.value ->> 0 AS bigint)"
    ledger, event_values = _insert(ConsentEvent, {"number": "s.number"}, event, by_id)
    for batch in in_batches(numbers, ROWS_PER_STATEMENT):
        rows = _json([[number] for number in batch])
        # The rows that were written say who joined. Asking before who is not on the list yet took PostgreSQL minutes: its
        # statistics know nothing of people whom the same import has added.
        joined = _execute(f"{sql} ON CONFLICT DO NOTHING RETURNING subscriber_id", [*values, rows, list_.account_id])
        _execute(ledger, [*event_values, _json(joined)])


def add_fields(account_id: int, fields: dict[str, str]) -> None:
    """Make custom fields that the account does not have yet; label by key."""
    known = set(CustomField.objects.filter(account=account_id, key__in=fields).values_list("key", flat=True))
    CustomField.objects.bulk_create(
        [
            CustomField(account_id=account_id, key=key, label=label[:60])
            for key, label in fields.items()
            if key not in known
        ],
        ignore_conflicts=True,
    )


def _upsert_people(account_id: int, people: Iterable[Profile], conflict: str) -> None:
    from_rows = {column: f"j.value ->> {index}" for index, column in enumerate(_TEXTS)}
    sql, values = _insert(Subscriber, {**from_rows, "fields": f"j.value -> {len(_TEXTS)}"}, {"account_id": account_id})
    for batch in in_batches(people, ROWS_PER_STATEMENT):
        rows = _json([[p.number, p.first_name, p.last_name, p.email, p.time_zone, p.fields] for p in batch])
        _execute(f"{sql} ON CONFLICT {conflict}", [*values, rows])


def _insert(
    model: type[Model], from_rows: dict[str, str], same: dict[str, object], join: str = ""
) -> tuple[str, list[Any]]:
    """``INSERT … SELECT`` from a JSON array ``j``, whose parameter comes last, before those of ``join``.

    Args:
        model: its columns that are in neither of the next two get the field's default, or the time.
        from_rows: an expression by column.
        same: one value for all rows by column.
        join: tables joined to the array.

    Returns:
        the statement and the parameters in front of the array.
    """
    expressions: dict[str, str] = {}
    values: list[Any] = []
    for field in model._meta.concrete_fields:
        column = field.column
        if column is None or field.primary_key:
            continue
        expressions[column] = from_rows.get(column, "%s")
        if column not in from_rows:
            is_time = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
            value = timezone.now() if is_time else same.get(column, field.get_default())
            values.append(field.get_db_prep_save(value, connection))
    columns = ", ".join(map(connection.ops.quote_name, expressions))
    unfold = "jsonb_array_elements(%s::jsonb)" if connection.vendor == "postgresql" else "json_each(%s)"
    return (
        f"INSERT INTO {_table(model)} ({columns}) "  # noqa: S608  names of ours
        f"SELECT {', '.join(expressions.values())} FROM {unfold} AS j {join} WHERE true",
        values,
    )


def _execute(sql: str, values: list[Any]) -> list[list[object]]:
    """Carry a statement out; what it returns, a list a row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [list(row) for row in cursor.fetchall()] if cursor.description else []


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _json(rows: list[list[object]]) -> str:
    return orjson.dumps(rows).decode()
