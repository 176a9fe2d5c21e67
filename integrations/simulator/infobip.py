"""Infobip's HTTP API for SMS, version 3: credentials, sends of many messages, and the logs."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import orjson

from integrations.simulator.bulk import BulkIntake
from integrations.simulator.carrier import Carrier
from integrations.simulator.forms import parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.infobip_values import (
    PENDING_ACCEPTED,
    error_body,
    log_json,
    moment,
    refusal_status,
    status_json,
)
from integrations.simulator.numbers import is_recipient
from integrations.simulator.values import BulkVerdict, Parcel

PREFIX = "/sms/3/"
_MESSAGES = f"{PREFIX}messages"
_LOGS = f"{PREFIX}logs"
#: A longer text is refused for its length.
_MAX_TEXT_CHARACTERS = 4000
_MOST_LOGS = 1000
_MISSING_TO, _REJECTED_SOURCE, _REJECTED_DESTINATION, _TOO_LONG = 51, 11, 52, 25


class BadRequest(Exception):
    """The request is refused as a whole; ``violations`` are paths and reasons."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.violations = [(path, reason)]


class _Refused(NamedTuple):
    """A destination that never reaches the carrier."""

    status: int
    destination: str
    given_id: str


@dataclass(slots=True)
class _Delivery:
    """A request's destinations in their order.

    Args:
        places: every one.
        parcels: those that the carrier decides about.
        counted: the reply tells segments.
    """

    places: list[Parcel | _Refused]
    parcels: list[Parcel]
    counted: bool


class _Senders(dict[str, str]):
    """Senders as the carrier's numbers have them, with their plus sign; empty for those that it does not have."""

    def __init__(self, carrier: Carrier) -> None:
        super().__init__()
        self._owns = carrier.numbers.owns

    def __missing__(self, given: str) -> str:
        found = next((number for number in (given, f"+{given}") if self._owns(number)), "")
        self[given] = found
        return found


def _status_of(recipient: str, sender: str) -> int:
    """Why a destination is refused."""
    if recipient == "+":
        return _MISSING_TO
    if not is_recipient(recipient):
        return _REJECTED_DESTINATION
    return _TOO_LONG if sender else _REJECTED_SOURCE


class InfobipApi:
    """Answers requests below ``/sms/3/``.

    Args:
        carrier: what stands behind the API.
        intake: takes its messages.
        loop: for replies that are due later.
    """

    def __init__(self, carrier: Carrier, intake: BulkIntake, loop: asyncio.AbstractEventLoop) -> None:
        self._carrier = carrier
        self._intake = intake
        self._loop = loop

    def is_send(self, method: str, path: str) -> bool:
        """Whether a request creates messages."""
        return method == "POST" and path == _MESSAGES

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        settings = self._carrier.settings
        if not settings.takes(request.headers.get(b"authorization", b""), "App", settings.infobip_api_key):
            self._refuse(exchange, "E401")
        elif exchange.throttled:
            self._refuse(exchange, "E429")
        elif request.path not in (_MESSAGES, _LOGS):
            self._refuse(exchange, "E404")
        elif self.is_send(request.method, request.path):
            self._send(exchange)
        elif request.method == "GET" and request.path == _LOGS:
            self._logs(exchange)
        else:
            self._refuse(exchange, "E405")

    def _refuse(self, exchange: Exchange, code: str, violations: list[tuple[str, str]] | None = None) -> None:
        status, body = error_body(code, violations or ())
        request = exchange.request
        if self.is_send(request.method, request.path):
            self._carrier.stats_now.outcomes[f"{status}/{code}"] += 1
        extra = b"Retry-After: %d\r\n" % self._carrier.settings.retry_after_seconds if status == 429 else b""
        exchange.reply(status, body, extra=extra)

    # Sending

    def _send(self, exchange: Exchange) -> None:
        try:
            delivery = self._read(exchange.request.body)
        except BadRequest as error:
            self._refuse(exchange, "E400", error.violations)
            return
        verdict = self._intake.submit(delivery.parcels)
        # Written also for a reply that never leaves: the logs know who was refused all the same.
        looked_at = bool(verdict.outcomes) or not (verdict.error or verdict.failure)
        body = self._reply(delivery, verdict.outcomes) if looked_at else b""
        if verdict.delay_seconds > 0:
            self._loop.call_later(verdict.delay_seconds, self._conclude, exchange, verdict, body)
        else:
            self._conclude(exchange, verdict, body)

    def _read(self, body: bytes) -> _Delivery:
        """A request's destinations.

        Raises:
            BadRequest: it is not formed as the API wants it.
        """
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadRequest("", "not JSON") from error
        listed = values.get("messages") if isinstance(values, dict) else None
        if not isinstance(listed, list) or not listed:
            raise BadRequest("messages", "must not be empty")
        places: list[Parcel | _Refused] = []
        add, senders, refused = places.append, _Senders(self._carrier), False
        for place, message in enumerate(listed):
            try:
                text, given, url = message["content"]["text"], message.get("sender", ""), ""
                if "webhooks" in message:
                    url = message["webhooks"]["delivery"]["url"]
                for destination in message["destinations"]:
                    to, given_id = destination.get("to", ""), destination.get("messageId", "")
                    recipient = to if to[:1] == "+" else "+" + to
                    sender = senders[given]
                    if sender and is_recipient(recipient) and len(text) <= _MAX_TEXT_CHARACTERS:
                        add((recipient, sender, text, url, given_id))
                    else:
                        refused = True
                        add(_Refused(_status_of(recipient, sender), recipient[1:], given_id))
            except (LookupError, TypeError, AttributeError) as error:
                raise BadRequest(f"messages[{place}]", "must have content.text and destinations") from error
            if url and not url.startswith(("http://", "https://")):
                raise BadRequest(f"messages[{place}].webhooks.delivery.url", "must be a valid URL")
        if not places:
            raise BadRequest("messages.destinations", "must not be empty")
        parcels = [place for place in places if not isinstance(place, _Refused)] if refused else places
        options = values.get("options")
        counted = isinstance(options, dict) and options.get("includeSmsCountInResponse") is True
        return _Delivery(places, cast(list[Parcel], parcels), counted)

    def _reply(self, delivery: _Delivery, outcomes: list[int]) -> bytes:
        messages, refused = self._carrier.memory.messages, self._refused_entry
        pending = status_json(PENDING_ACCEPTED)
        # What nearly every message has is made once.
        details = [{"messageCount": count} for count in range(10)]
        decided = iter(outcomes)
        entries: list[dict[str, Any]] = []
        for place in delivery.places:
            if isinstance(place, _Refused):
                entries.append(refused(place))
                continue
            number = next(decided)
            recipient, _, _, _, given_id = place
            if number < 0:
                entries.append(refused(_Refused(refusal_status(-number), recipient[1:], given_id)))
                continue
            entry: dict[str, Any] = {
                "messageId": given_id or self._carrier.memory.id_of(number),
                "status": pending,
                "destination": recipient[1:],
            }
            if delivery.counted:
                count = messages[number].segments
                entry["details"] = details[count] if count < 10 else {"messageCount": count}
            entries.append(entry)
        return orjson.dumps({"bulkId": str(self._carrier.stats_now.sends), "messages": entries})

    def _refused_entry(self, place: _Refused) -> dict[str, Any]:
        self._carrier.stats_now.outcomes[f"200/{place.status}"] += 1
        self._carrier.memory.refused[place.given_id] = (place.status, place.destination)
        return {
            "messageId": place.given_id or secrets.token_hex(16),
            "status": status_json(place.status),
            "destination": place.destination,
        }

    def _conclude(self, exchange: Exchange, verdict: BulkVerdict, body: bytes) -> None:
        outcomes = self._carrier.stats_now.outcomes
        if verdict.error:
            self._refuse(exchange, {20500: "E500", 20503: "E503"}.get(verdict.error, "E429"))
            return
        if not verdict.failure:
            outcomes["200"] += 1
            exchange.reply(200, body)
            return
        when = "after" if verdict.outcomes else "before"
        outcomes[f"fail_{when}/{verdict.failure}"] += 1
        if verdict.failure == "close":
            exchange.drop()
        elif verdict.failure == "hang":
            self._loop.call_later(self._carrier.settings.hang_seconds, exchange.drop)
        else:
            exchange.reply(*error_body(f"E{verdict.failure}"))

    # Logs

    def _logs(self, exchange: Exchange) -> None:
        form = parse_form(exchange.request.query)
        wanted = [item for name, value in form if name == "messageId" for item in value.split(",") if item]
        limits = [value for name, value in form if name == "limit"]
        if limits and not limits[-1].isdecimal():
            self._refuse(exchange, "E400", [("limit", "must be a number")])
            return
        most = min(int(limits[-1]), _MOST_LOGS) if limits else 50
        exchange.reply(200, orjson.dumps({"results": self._found(wanted)[:most]}))

    def _found(self, wanted: list[str]) -> list[dict[str, Any]]:
        memory = self._carrier.memory
        found: list[dict[str, Any]] = []
        for message_id in wanted:
            number = memory.find_given(message_id)
            if number is None:
                number = memory.find(message_id)
            if number is not None:
                found.append(log_json(message_id, memory.messages[number]))
            elif message_id in memory.refused:
                status, destination = memory.refused[message_id]
                at = moment(0)
                found.append(
                    {
                        "destination": destination,
                        "messageId": message_id,
                        "sentAt": at,
                        "doneAt": at,
                        "messageCount": 1,
                        "status": status_json(status),
                    }
                )
        return found
