"""Sinch's HTTP API for SMS: the token, batches with parameters, and delivery reports."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from integrations.simulator.bulk import BulkIntake
from integrations.simulator.carrier import Carrier
from integrations.simulator.forms import parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.memory import Batch
from integrations.simulator.numbers import is_recipient
from integrations.simulator.sinch_values import (
    UNMATCHED_PARAMETER,
    SinchWebhooks,
    batch_json,
    error_body,
    refusal_code,
    report_json,
)
from integrations.simulator.values import BulkVerdict, Parcel

PREFIX = "/xms/v1/"
_MOST_RECIPIENTS, _MOST_CHARACTERS, _MOST_OF_VALUE = 1000, 1600, 160
_MOST_OF_PAGE = 100
_REPORTS = ("none", "summary", "full", "per_recipient")
_is_name = re.compile(r"[A-Za-z0-9_.-]{1,16}").fullmatch
_place = re.compile(r"\$\{([A-Za-z0-9_.-]+)\}")


class BadRequest(Exception):
    """The request is refused as a whole."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class SinchApi:
    """Answers requests below ``/xms/v1/``.

    Args:
        carrier: what stands behind the API.
        intake: takes its messages.
        webhooks: reports on messages that the carrier refuses.
        loop: for replies that are due later.
    """

    def __init__(
        self, carrier: Carrier, intake: BulkIntake, webhooks: SinchWebhooks, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._carrier = carrier
        self._intake = intake
        self._webhooks = webhooks
        self._loop = loop

    @property
    def _batches(self) -> str:
        return f"{PREFIX}{self._carrier.settings.sinch_service_plan_id}/batches"

    def is_send(self, method: str, path: str) -> bool:
        """Whether a request creates messages."""
        return method == "POST" and path == self._batches

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        settings = self._carrier.settings
        below = request.path.removeprefix(self._batches)
        if not settings.takes(request.headers.get(b"authorization", b""), "Bearer", settings.sinch_api_token):
            self._refuse(exchange, "unauthorized", "The token is not valid.")
        elif exchange.throttled:
            self._refuse(exchange, "too_many_requests", "Too many requests.")
        elif not request.path.startswith(self._batches) or (below and not below.startswith("/")):
            self._refuse(exchange, "not_found", "There is no such service plan or resource.")
        elif self.is_send(request.method, request.path):
            self._send(exchange)
        elif request.method != "GET":
            self._refuse(exchange, "method_not_allowed", "Method not allowed.")
        elif below:
            self._look_up(exchange, [unquote(part) for part in below[1:].split("/")])
        else:
            self._list(exchange)

    def _refuse(self, exchange: Exchange, code: str, text: str) -> None:
        status, body = error_body(code, text)
        request = exchange.request
        if self.is_send(request.method, request.path):
            self._carrier.stats_now.outcomes[f"{status}/{code}"] += 1
        extra = b"Retry-After: %d\r\n" % self._carrier.settings.retry_after_seconds if status == 429 else b""
        exchange.reply(status, body, extra=extra)

    # Sending

    def _send(self, exchange: Exchange) -> None:
        try:
            batch, parcels = self._read(exchange.request.body)
        except BadRequest as error:
            self._refuse(exchange, error.code, str(error))
            return
        verdict = self._intake.submit(parcels)
        if verdict.outcomes or not (verdict.error or verdict.failure):
            # Kept also for a reply that never leaves: look-ups and reports know the batch all the same.
            for parcel, outcome in zip(parcels, verdict.outcomes, strict=True):
                taken = outcome if outcome >= 0 else -refusal_code(-outcome)
                batch.recipients[parcel[0][1:]] = taken
            self._carrier.memory.batches[batch.id] = batch
            self._report_refused(batch)
        body = orjson.dumps(batch_json(batch))
        if verdict.delay_seconds > 0:
            self._loop.call_later(verdict.delay_seconds, self._conclude, exchange, verdict, body)
        else:
            self._conclude(exchange, verdict, body)

    def _report_refused(self, batch: Batch) -> None:
        """Sinch takes every batch that is well-formed; who of it is refused stands in the reports."""
        carrier = self._carrier
        for digits, number in batch.recipients.items():
            if number >= 0:
                continue
            carrier.stats_now.outcomes[f"201/{-number}"] += 1
            if batch.url and carrier.settings.callbacks_share > 0:
                report = report_json(carrier.memory, batch, digits)
                webhook = self._webhooks.signed(carrier.settings, batch.url, report)
                carrier.call_back(webhook, carrier.settings.delivery_seconds, repeated=False)

    def _read(self, body: bytes) -> tuple[Batch, list[Parcel]]:
        """A batch, and those of its recipients about whom the carrier decides.

        Raises:
            BadRequest: it is not formed as the API wants it.
        """
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise BadRequest("syntax_invalid_json", "The body is not JSON.") from error
        if not isinstance(values, dict):
            raise BadRequest("syntax_invalid_json", "The body is not an object.")
        sender = self._sender(values.get("from"))
        numbers = self._recipients(values.get("to"))
        text, parameters = _text(values.get("body")), _parameters(values.get("parameters", {}))
        url = self._url(values)
        reference = values.get("client_reference", "")
        if not isinstance(reference, str) or len(reference) > 128:
            raise BadRequest("syntax_constraint_violation", "'client_reference' has at most 128 characters.")
        batch = Batch(secrets.token_hex(13), sender, text, url, reference)
        parcels: list[Parcel] = []
        for digits in numbers:
            batch.recipients[digits] = -UNMATCHED_PARAMETER
            own = _filled(text, parameters, digits)
            if own is not None:
                parcels.append((f"+{digits}", sender, own, url, f"{batch.id}:{reference}"))
        return batch, parcels

    def _sender(self, given: object) -> str:
        number = given.removeprefix("+") if isinstance(given, str) else ""
        for form in (number, f"+{number}"):
            if number and self._carrier.numbers.owns(form):
                return form
        raise BadRequest(
            "syntax_invalid_parameter_format",
            f"The format of parameter 'from' is invalid; value '{given}' is not a number of this service plan.",
        )

    def _recipients(self, given: object) -> list[str]:
        if not isinstance(given, list) or not 1 <= len(given) <= _MOST_RECIPIENTS:
            raise BadRequest("syntax_constraint_violation", f"'to' has 1 to {_MOST_RECIPIENTS} elements.")
        numbers: dict[str, None] = {}
        for place, number in enumerate(given):
            digits = number.removeprefix("+") if isinstance(number, str) else ""
            if not is_recipient(f"+{digits}"):
                raise BadRequest(
                    "syntax_invalid_parameter_format",
                    f"The format of parameter 'to[{place}]' is invalid; value '{number}' is not a valid MSISDN or group ID.",
                )
            # Whoever is there twice gets one message.
            numbers[digits] = None
        return list(numbers)

    def _url(self, values: Mapping[str, Any]) -> str:
        report, url = values.get("delivery_report", "none"), values.get("callback_url", "")
        if report not in _REPORTS:
            raise BadRequest("syntax_constraint_violation", f"'delivery_report' is one of {', '.join(_REPORTS)}.")
        if url and (not isinstance(url, str) or not url.startswith(("http://", "https://")) or len(url) > 2048):
            raise BadRequest("syntax_invalid_parameter_format", "The format of parameter 'callback_url' is invalid.")
        if report == "none":
            return ""
        if not url:
            raise BadRequest("missing_callback_url", "Requesting delivery report without any callback URL.")
        return str(url)

    def _conclude(self, exchange: Exchange, verdict: BulkVerdict, body: bytes) -> None:
        outcomes = self._carrier.stats_now.outcomes
        if verdict.error:
            code = {20500: "internal_error", 20503: "service_unavailable"}.get(verdict.error, "too_many_requests")
            self._refuse(exchange, code, "The request was not processed.")
            return
        if not verdict.failure:
            outcomes["201"] += 1
            exchange.reply(201, body)
            return
        when = "after" if verdict.outcomes else "before"
        outcomes[f"fail_{when}/{verdict.failure}"] += 1
        if verdict.failure == "close":
            exchange.drop()
        elif verdict.failure == "hang":
            self._loop.call_later(self._carrier.settings.hang_seconds, exchange.drop)
        else:
            code = "internal_error" if verdict.failure == "500" else "service_unavailable"
            exchange.reply(*error_body(code, "Something went wrong."))

    # Looking up

    def _look_up(self, exchange: Exchange, parts: list[str]) -> None:
        memory = self._carrier.memory
        batch = memory.batches.get(parts[0])
        if batch is not None and len(parts) == 1:
            exchange.reply(200, orjson.dumps(batch_json(batch)))
            return
        if batch is not None and len(parts) == 3 and parts[1] == "delivery_report":
            digits = parts[2].removeprefix("+")
            if digits in batch.recipients:
                exchange.reply(200, orjson.dumps(report_json(memory, batch, digits)))
                return
        self._refuse(exchange, "not_found", "The batch or the recipient is unknown.")

    def _list(self, exchange: Exchange) -> None:
        wanted = dict(parse_form(exchange.request.query))
        page, size = wanted.get("page", "0"), wanted.get("page_size", "30")
        if not page.isdecimal() or not size.isdecimal() or int(size) > _MOST_OF_PAGE:
            self._refuse(exchange, "syntax_invalid_parameter_format", "The format of parameter 'page_size' is invalid.")
            return
        senders = [number.strip().removeprefix("+") for number in wanted.get("from", "").split(",") if number.strip()]
        found = [
            batch
            for batch in reversed(self._carrier.memory.batches.values())
            if (not senders or batch.sender.removeprefix("+") in senders)
            and wanted.get("client_reference", batch.reference) == batch.reference
        ]
        start = int(page) * int(size)
        listed = [batch_json(batch) for batch in found[start : start + int(size)]]
        body = {"page": int(page), "count": len(found), "page_size": len(listed), "batches": listed}
        exchange.reply(200, orjson.dumps(body))


def _text(given: object) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= _MOST_CHARACTERS:
        raise BadRequest("syntax_constraint_violation", f"'body' has 1 to {_MOST_CHARACTERS} characters.")
    return given


def _parameters(given: object) -> dict[str, dict[str, str]]:
    if not isinstance(given, dict):
        raise BadRequest("syntax_constraint_violation", "'parameters' is an object.")
    for name, values in given.items():
        if not _is_name(name) or not isinstance(values, dict):
            raise BadRequest("syntax_constraint_violation", f"'parameters.{name}' is not valid.")
        for number, value in values.items():
            # Stricter than Sinch's documentation, which says nothing of an empty value.
            if not isinstance(value, str) or not 1 <= len(value.encode("utf-16-le")) // 2 <= _MOST_OF_VALUE:
                raise BadRequest(
                    "syntax_constraint_violation",
                    f"'parameters.{name}.{number}' has 1 to {_MOST_OF_VALUE} characters.",
                )
    return {name: {to.removeprefix("+"): value for to, value in values.items()} for name, values in given.items()}


def _filled(text: str, parameters: Mapping[str, Mapping[str, str]], digits: str) -> str | None:
    """A recipient's own text; None when a parameter has no value for them."""
    if "${" not in text:
        return text
    try:
        return _place.sub(lambda found: _value(parameters[found[1]], digits), text)
    except LookupError:
        return None


def _value(values: Mapping[str, str], digits: str) -> str:
    return values[digits] if digits in values else values["default"]
