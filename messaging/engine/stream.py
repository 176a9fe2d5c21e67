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


def pack_results(results: Iterable[SendResult], at: float) -> bytes:
    """Pack results, without line ends; to be joined with others.

    Args:
        results: what became of messages.
        at: when, in seconds since 1970.
    """
    return orjson.dumps([_plain(result, at) for result in results])[1:-1]


def _plain(result: SendResult, at: float) -> tuple[Any, ...]:
    error = result.error
    if error is None:
        return result.message_id, result.state, result.provider_id, result.segments or 0, at
    return (
        result.message_id,
        result.state,
        result.provider_id,
        result.segments or 0,
        at,
        error.kind,
        error.code,
        error.text,
        error.opts_out,
        error.bad_number,
    )


def join(gateway_id: int, packed: Iterable[bytes]) -> bytes:
    """A packed group of packed results."""
    return b"[%d,[%b]]" % (gateway_id, b",".join(packed))


def pack(gateway_id: int, results: Iterable[tuple[SendResult, float]]) -> bytes:
    """Pack results with their times (seconds since 1970)."""
    return join(gateway_id, (pack_results([result], at) for result, at in results))


def unpack(data: bytes) -> list[Record]:
    """Records of a packed group."""
    gateway_id, rows = orjson.loads(data)
    return [_record(gateway_id, row) for row in rows]


def unpack_results(gateway_id: int, packed: bytes) -> list[Record]:
    """The records of packed results.

    Raises:
        ValueError: they are not whole.
    """
    return [_record(gateway_id, row) for row in orjson.loads(b"[%b]" % packed)]


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
