"""Sinch's Numbers API: available and active numbers of a project, which are tied to a service plan in the background."""

from __future__ import annotations

import base64
import hmac
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

from integrations.simulator.carrier import Carrier
from integrations.simulator.forms import parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.number_shop import CURRENCY, MONTHLY, UPFRONT, NumberShop, Sale
from integrations.simulator.numbers import Area, OwnedNumber

PREFIX = "/v1/projects/"
_KINDS = {"LOCAL": "local", "TOLL_FREE": "toll_free", "MOBILE": "mobile"}
#: A released number lasts to the end of what is paid for: that long, seconds.
_PAID_SECONDS = 30 * 24 * 3600
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}


class SinchNumbersApi:
    """Answers requests below ``/v1/projects/``.

    Args:
        carrier: owns the numbers.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._shop = NumberShop(carrier)
        #: Numbers that are released and last to the end of what is paid for: until when, unix seconds.
        self._leaving: dict[str, tuple[OwnedNumber, float]] = {}

    def is_send(self, method: str, path: str) -> bool:  # noqa: ARG002  none of them is
        """Whether a request creates messages."""
        return False

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        request, settings = exchange.request, self._carrier.settings
        pair = base64.b64encode(f"{settings.sinch_key_id}:{settings.sinch_key_secret}".encode())
        project, *rest = [unquote(part) for part in request.path[len(PREFIX) :].split("/")]
        if not hmac.compare_digest(request.headers.get(b"authorization", b""), b"Basic " + pair):
            _refuse(exchange, 401, "The access key is not valid.")
        elif exchange.throttled:
            _refuse(exchange, 429, "Too many requests.", extra=b"Retry-After: %d\r\n" % settings.retry_after_seconds)
        elif project != settings.sinch_project_id:
            _refuse(exchange, 404, "There is no such project.")
        else:
            self._route(exchange, rest)

    def _route(self, exchange: Exchange, rest: list[str]) -> None:
        request = exchange.request
        form = dict(parse_form(request.query))
        match request.method, rest:
            case "GET", ["availableNumbers"]:
                self._search(exchange, form)
            case "POST", ["availableNumbers", action] if action.endswith(":rent"):
                self._rent(exchange, action.removesuffix(":rent"))
            case "GET", ["activeNumbers"]:
                self._list(exchange, form)
            case "GET", ["activeNumbers", number] if owned := self._carrier.numbers.owned.get(number):
                owned.group_ready_in = max(0, owned.group_ready_in - 1)
                exchange.reply(200, orjson.dumps(self._shown(owned)))
            case "GET", ["activeNumbers", number] if left := self._left().get(number):
                exchange.reply(200, orjson.dumps(left))
            case "PATCH", ["activeNumbers", number] if owned := self._carrier.numbers.owned.get(number):
                self._change(exchange, owned)
            case "POST", ["activeNumbers", action] if action.endswith(":release"):
                self._release(exchange, action.removesuffix(":release"))
            case _:
                _refuse(exchange, 404, "The number or resource was not found.")

    def _search(self, exchange: Exchange, form: dict[str, str]) -> None:
        kind = _KINDS.get(form.get("type", ""))
        pattern, how = form.get("numberPattern.pattern", ""), form.get("numberPattern.searchPattern", "")
        if kind is None or "regionCode" not in form or (pattern and how not in ("START", "CONTAINS", "END")):
            _refuse(exchange, 400, "A required field is missing or invalid.")
            return
        found = self._shop.offers(
            form["regionCode"],
            kind,
            starts=pattern if how == "START" else "",
            contains=pattern if how == "CONTAINS" else "",
            limit=int(form.get("size", "10")),
        )
        entries = [_offer(number, area, self._shop.capabilities(number)) for number, area in found]
        # What is empty is left out.
        exchange.reply(200, orjson.dumps({"availableNumbers": entries} if entries else {}))

    def _rent(self, exchange: Exchange, number: str) -> None:
        sale = self._shop.sale(number)
        if sale is Sale.SOLD:
            _refuse(exchange, 404, "The requested number is not available.")
            return
        configuration = _object(exchange.request.body).get("smsConfiguration")
        plan = str(configuration.get("servicePlanId") or "") if isinstance(configuration, dict) else ""
        if plan != self._carrier.settings.sinch_service_plan_id:
            _refuse(exchange, 400, "The service plan does not exist.")
            return
        owned = self._shop.buy(number, group=plan)
        owned.group_ready_in = self._carrier.settings.numbers_pending
        if sale is Sale.LOST:
            exchange.drop()
        else:
            exchange.reply(200, orjson.dumps(self._shown(owned)))

    def _change(self, exchange: Exchange, owned: OwnedNumber) -> None:
        values = _object(exchange.request.body)
        configuration = values.get("smsConfiguration")
        if isinstance(configuration, dict):
            if self._shop.wiring_fails(owned.number):
                _refuse(exchange, 500, "Internal error.")
                return
            owned.group = str(configuration.get("servicePlanId") or "")
        owned.friendly_name = str(values.get("displayName") or owned.friendly_name)
        exchange.reply(200, orjson.dumps(self._shown(owned)))

    def _release(self, exchange: Exchange, number: str) -> None:
        owned = self._carrier.numbers.owned.get(number)
        if owned is not None:
            self._carrier.numbers.disown([number])
            self._leaving[number] = (owned, time.time() + _PAID_SECONDS)
        left = self._left().get(number)
        if left is None:
            _refuse(exchange, 404, "The number was not found.")
        else:
            exchange.reply(200, orjson.dumps(left))

    def _left(self) -> dict[str, dict[str, Any]]:
        """Released numbers that still last, as they are shown. One that is owned again is none of them."""
        owned, now = self._carrier.numbers.owned, time.time()
        self._leaving = {
            number: left for number, left in self._leaving.items() if number not in owned and left[1] > now
        }
        return {
            number: self._shown(left) | {"expireAt": f"{datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}"}
            for number, (left, until) in self._leaving.items()
        }

    def _list(self, exchange: Exchange, form: dict[str, str]) -> None:
        size, start = int(form.get("pageSize", "100")), int(form.get("pageToken") or "0")
        entries = [*map(self._shown, self._carrier.numbers.owned.values()), *self._left().values()]
        body: dict[str, Any] = {"totalSize": len(entries)}
        if shown := entries[start : start + size]:
            body["activeNumbers"] = shown
        if start + size < len(entries):
            body["nextPageToken"] = str(start + size)
        exchange.reply(200, orjson.dumps(body))

    def _shown(self, owned: OwnedNumber) -> dict[str, Any]:
        area = self._shop.area_of(owned.number) or Area("+1", 12, "US", "local")
        waits = owned.group and owned.group_ready_in > 0
        scheduled = {"servicePlanId": owned.group, "status": "WAITING", "errorCodes": []} if waits else None
        return {
            "phoneNumber": owned.number,
            "projectId": self._carrier.settings.sinch_project_id,
            "displayName": owned.friendly_name,
            "regionCode": area.country,
            "type": owned.kind.upper(),
            "capability": self._shop.capabilities(owned.number),
            "money": {"currencyCode": CURRENCY, "amount": MONTHLY[area.kind]},
            "paymentIntervalMonths": 1,
            "smsConfiguration": {
                "servicePlanId": "" if waits else owned.group,
                "campaignId": "",
                "scheduledProvisioning": scheduled,
            },
        }


def _offer(number: str, area: Area, capabilities: list[str]) -> dict[str, Any]:
    return {
        "phoneNumber": number,
        "regionCode": area.country,
        "type": area.kind.upper(),
        "capability": capabilities,
        "setupPrice": {"currencyCode": CURRENCY, "amount": UPFRONT},
        "monthlyPrice": {"currencyCode": CURRENCY, "amount": MONTHLY[area.kind]},
        "paymentIntervalMonths": 1,
        "supportingDocumentationRequired": False,
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return values if isinstance(values, dict) else {}


def _refuse(exchange: Exchange, status: int, text: str, *, extra: bytes = b"") -> None:
    error = {"code": status, "message": text, "status": _STATUSES[status], "details": []}
    exchange.reply(status, orjson.dumps({"error": error}), extra=extra)
