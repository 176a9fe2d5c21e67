"""What ``record`` measures, each in a process of its own."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode

import orjson
from django.db import connection, transaction

from broadcast.core.redis import get_redis
from integrations.sms.contract import SendResult
from integrations.sms.events import DeliveryState
from messaging.engine import keys, limits, sql, stream
from messaging.engine.records import ROWS_PER_STATEMENT, Record
from messaging.jobs.recorder import Recorder

#: Webhooks of one stream entry; under load the webhook process puts about as many together.
WEBHOOKS_PER_ENTRY = 40
#: Values of an accepted row (id, state, provider's id, segments, time) or of a delivered one (id, state, time).
Rows: TypeAlias = list[tuple[Any, ...]]
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class CountingRecorder(Recorder):
    """The recorder, knowing how much it has recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.last_at = 0.0

    def apply(self, rows: list[Record]) -> None:
        """Write records, and count them."""
        super().apply(rows)
        if rows:
            self.seen += len(rows)
            self.last_at = time.time()


def recorder(arguments: dict[str, Any]) -> dict[str, Any]:
    """Drain all results, then all statuses; the time of each, without that of putting them into the stream."""
    first, count, gateway_id = arguments["first"], arguments["count"], arguments["gateway"]
    ids = range(first, first + count)
    job = CountingRecorder()
    results = _timed(lambda: _put_results(gateway_id, ids), lambda: _drain(job, count))
    statuses = _timed(lambda: _put_statuses(gateway_id, ids), lambda: _drain(job, 2 * count))
    return {"results_s": results[0], "statuses_s": statuses[0], "recording_cpu_s": results[1] + statuses[1]}


def _timed(prepare: Callable[[], None], measured: Callable[[], None]) -> tuple[float, float]:
    prepare()
    begun, processor = time.monotonic(), time.process_time()
    measured()
    return time.monotonic() - begun, time.process_time() - processor


def _drain(job: CountingRecorder, until: int) -> None:
    job.run(seconds=800, go_on=lambda: job.seen < until)


def _grouped(ids: range, size: int) -> Iterator[list[int]]:
    iterator = iter(ids)
    while group := list(islice(iterator, size)):
        yield group


def _put_results(gateway_id: int, ids: range) -> None:
    pipe = get_redis().pipeline(transaction=False)
    for group in _grouped(ids, limits.GROUP):
        results = ((SendResult(i, provider_id(i), DeliveryState.ACCEPTED, 1), time.time()) for i in group)
        pipe.xadd(keys.RESULTS, {keys.FIELD: stream.pack(gateway_id, results)})
        if len(pipe.command_stack) >= 100:
            pipe.execute()
    pipe.execute()


def _put_statuses(gateway_id: int, ids: range) -> None:
    pipe = get_redis().pipeline(transaction=False)
    for group in _grouped(ids, WEBHOOKS_PER_ENTRY):
        events = [
            {"g": gateway_id, "u": f"http://127.0.0.1/{i}", "h": _FORM, "b": status_form(i), "m": i, "t": time.time()}
            for i in group
        ]
        pipe.xadd(keys.STATUSES, {keys.FIELD: orjson.dumps(events)})
        if len(pipe.command_stack) >= 100:
            pipe.execute()
    pipe.execute()


def provider_id(message_id: int) -> str:
    """The provider's id of a message."""
    return f"SM{message_id:032x}"


def status_form(message_id: int) -> str:
    """A delivery status with the fields that the provider sends."""
    sid = provider_id(message_id)
    return urlencode(
        {
            "MessageSid": sid,
            "SmsSid": sid,
            "MessageStatus": "delivered",
            "SmsStatus": "delivered",
            "To": "+14155552671",
            "From": "24365",
            "AccountSid": "AC" + "0" * 31 + "1",
            "ApiVersion": "2010-04-01",
            "RawDlrDoneDate": "2506151200",
        }
    )


def bare_update(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same rows changed as often by the barest statements, a thousand rows each; the values are at hand already."""
    first, count = arguments["first"], arguments["count"]
    ids = list(range(first, first + count))
    moment = dt.datetime.now(dt.UTC)
    chunks = [ids[start : start + ROWS_PER_STATEMENT] for start in range(0, count, ROWS_PER_STATEMENT)]
    accepted: list[Rows] = [[(i, "accepted", provider_id(i), 1, moment) for i in chunk] for chunk in chunks]
    delivered: list[Rows] = [[(i, "delivered", moment) for i in chunk] for chunk in chunks]
    change = _update_postgresql if sql.is_postgresql() else _update_sqlite
    begun = time.monotonic()
    for rows in accepted:
        change(rows)
    between = time.monotonic()
    for rows in delivered:
        change(rows)
    return {"results_s": between - begun, "statuses_s": time.monotonic() - between}


def _update_postgresql(rows: Rows) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    if len(columns) == 5:
        statement = """
            UPDATE messaging_message SET state = v.state, provider_id = v.provider_id, segments = v.segments,
              accepted_at = v.at, changed_at = v.at
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::timestamptz[])
              AS v(id, state, provider_id, segments, at) WHERE messaging_message.id = v.id
            """
    else:
        statement = """
            UPDATE messaging_message SET state = v.state, changed_at = v.at
            FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS v(id, state, at) WHERE messaging_message.id = v.id
            """
    with connection.cursor() as cursor:
        cursor.execute(statement, columns)


def _update_sqlite(rows: Rows) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    values: Rows
    if len(rows[0]) == 5:
        statement = (
            "UPDATE messaging_message SET state = %s, provider_id = %s, segments = %s, accepted_at = %s, changed_at = %s "
            "WHERE id = %s"
        )
        values = [(state, sid, segments, adapt(at), adapt(at), i) for i, state, sid, segments, at in rows]
    else:
        statement = "UPDATE messaging_message SET state = %s, changed_at = %s WHERE id = %s"
        values = [(state, adapt(at), i) for i, state, at in rows]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(statement, values)
