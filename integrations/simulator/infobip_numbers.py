"""Infobip's resources of phone numbers: the search, those owned, and where what they receive is forwarded to."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import unquote

import orjson

from integrations.simulator.carrier import Carrier
from integrations.simulator.forms import parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.number_shop import CURRENCY, MONTHLY, UPFRONT, NumberShop, Sale
from integrations.simulator.numbers import Area, OwnedNumber

NUMBERS_PREFIX = "/numbers/1/numbers"
CONFIGURATIONS_PREFIX = "/resource-management/1/inbound-message-configurations"
_TOLL_FREE = ("800", "833", "844", "855", "866", "877", "888")
_WORDS = {
    400: ("BAD_REQUEST", "Bad request"),
    401: ("UNAUTHORIZED", "Invalid login details"),
    404: ("NOT_FOUND", "Not found"),
    429: ("TOO_MANY_REQUESTS", "Too many requests"),
    500: ("GENERAL_ERROR", "Something went wrong. Please contact support."),
}


class InfobipNumbersApi:
    """Answers requests below the two prefixes.

    Args:
        carrier: owns the numbers.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._shop = NumberShop(carrier)
        #: Reservations under way: how often each is asked for until its number is owned.
        self._reserved: dict[str, int] = {}
        #: Reservations that failed, which stay listed and hold nothing.
        self._failed: set[str] = set()

    def is_send(self, method: str, path: str) -> bool:  # noqa: ARG002  none of them is
        """Whether a request creates messages."""
        return False

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        expected = f"App {self._carrier.settings.infobip_api_key}".encode()
        form = dict(parse_form(request.query))
        if not hmac.compare_digest(request.headers.get(b"authorization", b""), expected):
            _refuse(exchange, 401)
        elif exchange.throttled:
            extra = b"Retry-After: %d\r\n" % self._carrier.settings.retry_after_seconds
            _refuse(exchange, 429, extra=extra)
        elif request.path.startswith(CONFIGURATIONS_PREFIX):
            self._configurations(exchange, form)
        else:
            self._numbers(
                exchange, [unquote(part) for part in request.path[len(NUMBERS_PREFIX) :].split("/")[1:]], form
            )

    def _numbers(self, exchange: Exchange, rest: list[str], form: dict[str, str]) -> None:
        match exchange.request.method, rest:
            case "GET", ["available"]:
                self._search(exchange, form)
            case "GET", []:
                self._list(exchange, form)
            case "POST", []:
                self._buy(exchange, _object(exchange.request.body))
            case "DELETE", [key] if owned := self._find(key):
                self._carrier.numbers.disown([owned.number])
                exchange.reply(204)
            case _:
                _refuse(exchange, 404)

    def _find(self, key: str) -> OwnedNumber | None:
        return self._carrier.numbers.by_id(key.lower())

    def _search(self, exchange: Exchange, form: dict[str, str]) -> None:
        limit, digits, code = int(form.get("limit", "10")), form.get("number", ""), form.get("npa", "")
        exact = self._shop.area_of(f"+{digits}")
        if exact is not None:
            # Somebody who is faster has it already.
            sold = self._shop.sale(f"+{digits}") is Sale.SOLD and not self._is_late(f"+{digits}")
            found = [] if sold or f"+{digits}" in self._reserved else [(f"+{digits}", exact)]
        else:
            country = form.get("country", "US")
            kinds = (
                ("toll_free",)
                if code in _TOLL_FREE
                else ("local", "mobile")
                if country not in ("US", "CA")
                else ("local",)
            )
            found = [
                offer
                for kind in kinds
                for offer in self._shop.offers(
                    country,
                    kind,
                    starts=f"+1{code}" if code else "",
                    contains=digits,
                    region=form.get("state", ""),
                    limit=limit,
                )
            ][:limit]
        entries = [_offer(number, area, self._shop.capabilities(number)) for number, area in found]
        exchange.reply(200, orjson.dumps({"numbers": entries, "numberCount": len(entries)}))

    def _is_late(self, number: str) -> bool:
        """Whether a number that will not be had is still shown: every other one."""
        return int(number[-1]) % 2 == 1 and not self._carrier.numbers.owns(number)

    def _buy(self, exchange: Exchange, values: dict[str, Any]) -> None:
        key, digits = values.get("numberKey"), values.get("number")
        number = f"+{digits}" if digits else bytes.fromhex(str(key)).decode()
        area = self._shop.area_of(number)
        # American numbers are bought by the number, all others by the key.
        if area is None or bool(digits) != (area.country == "US") or (key and digits):
            _refuse(exchange, 400)
            return
        sale = self._shop.sale(number)
        waits = self._carrier.settings.numbers_pending
        # What takes a while fails later, if somebody is faster.
        if sale is Sale.SOLD and not (waits and self._shop.is_sold_meanwhile(number)):
            _refuse(exchange, 400, text="Number is not available")
            return
        if waits:
            self._reserved[number] = waits
            shown = _offer(number, area, self._shop.capabilities(number)) | {"reservationStatus": "PENDING"}
        else:
            shown = self._shown(self._shop.buy(number))
        if sale is Sale.LOST:
            exchange.drop()
        else:
            exchange.reply(200, orjson.dumps(shown))

    def _list(self, exchange: Exchange, form: dict[str, str]) -> None:
        limit, page, digits = int(form.get("limit", "50")), int(form.get("page", "0")), form.get("number", "")
        entries = []
        for number in list(self._reserved):
            self._reserved[number] -= 1
            if self._reserved[number] < 0:
                del self._reserved[number]
                if self._shop.is_sold_meanwhile(number):
                    self._failed.add(number)
                else:
                    self._shop.buy(number)
        owned = self._carrier.numbers.owned
        # As long as somebody else has the number.
        self._failed = {
            number for number in self._failed if number not in owned and self._shop.is_sold_meanwhile(number)
        }
        for status, numbers in (("PENDING", self._reserved), ("RESERVATION_FAILED", self._failed)):
            for number in numbers:
                if area := self._shop.area_of(number):
                    shown = _offer(number, area, self._shop.capabilities(number))
                    entries.append(shown | {"reservationStatus": status})
        entries += [self._shown(owned) for owned in self._carrier.numbers.owned.values()]
        matching = [entry for entry in entries if digits in entry["number"]]
        listed = matching[page * limit : (page + 1) * limit]
        exchange.reply(200, orjson.dumps({"numbers": listed, "numberCount": len(matching)}))

    def _configurations(self, exchange: Exchange, form: dict[str, str]) -> None:
        request = exchange.request
        values = _object(request.body) if request.method == "POST" else form
        owned = self._find(str(values.get("numberKey") or ""))
        if owned is None or values.get("channel") != "SMS":
            _refuse(exchange, 404 if owned is None else 400)
        elif request.method == "GET":
            shown = [_configuration(owned)] if owned.sms_url else []
            exchange.reply(200, orjson.dumps(shown))
        elif request.method != "POST" or values.get("keyword"):
            _refuse(exchange, 400)
        elif self._shop.wiring_fails(owned.number):
            _refuse(exchange, 500)
        else:
            forwarding = values.get("forwarding")
            if not isinstance(forwarding, dict) or forwarding.get("type") != "HTTP_FORWARD":
                _refuse(exchange, 400)
                return
            owned.sms_url = str(forwarding.get("url") or "")
            exchange.reply(200, orjson.dumps(_configuration(owned)))

    def _shown(self, owned: OwnedNumber) -> dict[str, Any]:
        area = self._shop.area_of(owned.number) or Area("+1", 12, "US", "local")
        shown = _offer(owned.number, area, self._shop.capabilities(owned.number))
        permissions = {"canEditNumber": True, "canEditConfiguration": True}
        return shown | {
            "numberKey": owned.id.upper(),
            "keywords": [],
            "additionalSetupRequired": False,
            "editPermissions": permissions,
        }


def _offer(number: str, area: Area, capabilities: list[str]) -> dict[str, Any]:
    return {
        # A key on offer is not that of the number once it is owned.
        "numberKey": number.encode().hex().upper(),
        "number": number.removeprefix("+"),
        "country": area.country,
        "type": "VIRTUAL_LONG_NUMBER",
        "capabilities": capabilities,
        "shared": False,
        "price": {
            "pricePerMonth": float(MONTHLY[area.kind]),
            "setupPrice": float(UPFRONT),
            "initialMonthPrice": 0.5,
            "currency": CURRENCY,
        },
    }


def _configuration(owned: OwnedNumber) -> dict[str, Any]:
    return {
        "configurationKey": owned.id[::-1].upper(),
        "channel": "SMS",
        "keyword": None,
        "forwarding": {"type": "HTTP_FORWARD", "url": owned.sms_url, "format": "MO_JSON_2"},
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return values if isinstance(values, dict) else {}


def _refuse(exchange: Exchange, status: int, *, text: str = "", extra: bytes = b"") -> None:
    code, words = _WORDS[status]
    body = {"requestError": {"serviceException": {"messageId": code, "text": text or words}}}
    exchange.reply(status, orjson.dumps(body), extra=extra)
