"""What stands in the result stream: packed results of a group, one entry a group."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import orjson

from integrations.sms.contract import SendResult
from integrations.sms.errors import ErrorKind
from messaging.engine.records import Record
from messaging.states import MessageState


def pack(gateway_id: int, results: Iterable[tuple[SendResult, float]]) -> bytes:
    """Pack results with their times (seconds since 1970)."""
    return orjson.dumps(
        [
            gateway_id,
            [
                (
                    result.message_id,
                    result.state,
                    result.provider_id,
                    result.segments or 0,
                    at,
                    *((e.kind, e.code, e.text, e.opts_out, e.bad_number) if (e := result.error) else ()),
                )
                for result, at in results
            ],
        ]
    )


def unpack(data: bytes) -> list[Record]:
    """Records of a packed group."""
    gateway_id, rows = orjson.loads(data)
    return [_record(gateway_id, row) for row in rows]


def _record(gateway_id: int, row: list[Any]) -> Record:
    message_id, state, provider_id, segments, at = row[:5]
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    if len(row) == 5:
        return Record(message_id, gateway_id, state, moment, provider_id=provider_id, segments=segments)
    kind, code, text, opts_out, bad_number = row[5:]
    return Record(
        message_id,
        gateway_id,
        MessageState.UNKNOWN if kind == ErrorKind.UNKNOWN else MessageState.FAILED,
        moment,
        reason=code,
        reason_text=text,
        provider_id=provider_id,
        opts_out=opts_out,
        bad_number=bad_number,
    )
