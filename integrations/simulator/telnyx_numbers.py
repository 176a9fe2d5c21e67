"""Telnyx's resources of phone numbers: the search, orders that are done in the background, numbers, and messaging profiles."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

from integrations.simulator.carrier import Carrier
from integrations.simulator.forms import parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.number_shop import CURRENCY, MONTHLY, UPFRONT, NumberShop, Sale
from integrations.simulator.numbers import Area, OwnedNumber
from integrations.simulator.telnyx_values import error_body

_RESOURCES = ("available_phone_numbers", "number_orders", "phone_numbers", "messaging_profiles")
_MOST_OF_PAGE = 250


@dataclass(slots=True)
class _Order:
    id: str
    number: str
    profile: str
    reference: str
    #: How often it is asked for until it is done.
    asks_left: int
    status: str = "pending"
    created: float = 0.0


class TelnyxNumbers:
    """Answers requests about numbers, below ``/v2/``.

    Args:
        carrier: owns the numbers.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._shop = NumberShop(carrier)
        self._orders: dict[str, _Order] = {}
        self._webhook_url = ""

    def takes(self, path: str) -> bool:
        """Whether a path below ``/v2/`` is one of these resources."""
        return path.partition("/")[0] in _RESOURCES

    def handle(self, exchange: Exchange, path: str) -> None:
        """Answer one request.

        Args:
            exchange: the request.
            path: without ``/v2/``.
        """
        request = exchange.request
        resource, *rest = [unquote(part) for part in path.split("/")]
        form = dict(parse_form(request.query))
        match request.method, resource, rest:
            case "GET", "available_phone_numbers", []:
                self._search(exchange, form)
            case "POST", "number_orders", []:
                self._order(exchange, _object(request.body))
            case "GET", "number_orders", []:
                wanted = form.get("filter[customer_reference]", "")
                orders = [self._asked(item) for item in self._orders.values() if item.reference == wanted]
                _reply(exchange, [self._order_json(item) for item in orders])
            case "GET", "number_orders", [order_id] if order_id in self._orders:
                _reply(exchange, self._order_json(self._asked(self._orders[order_id])))
            case "GET", "phone_numbers", []:
                self._list(exchange, form)
            case "DELETE", "phone_numbers", [number_id] if owned := self._find(number_id):
                self._carrier.numbers.disown([owned.number])
                _reply(exchange, self._number_json(owned) | {"status": "deleted"})
            case "GET", "phone_numbers", [number_id, "messaging"] if owned := self._find(number_id):
                _reply(exchange, self._messaging_json(owned))
            case "PATCH", "phone_numbers", [number_id, "messaging"] if owned := self._find(number_id):
                self._join(exchange, owned, _object(request.body))
            case "GET" | "PATCH" as method, "messaging_profiles", [profile] if profile == self._profile:
                self._show_profile(exchange, _object(request.body) if method == "PATCH" else {})
            case _:
                _refuse(exchange, "10005")

    @property
    def _profile(self) -> str:
        return self._carrier.settings.telnyx_profile_id

    def _find(self, number_id: str) -> OwnedNumber | None:
        return self._carrier.numbers.by_id(number_id.replace("-", ""))

    def _search(self, exchange: Exchange, form: dict[str, str]) -> None:
        found = self._shop.offers(
            form.get("filter[country_code]", "US"),
            form.get("filter[phone_number_type]", "local"),
            starts=f"+1{code}" if (code := form.get("filter[national_destination_code]", "")) else "",
            contains=form.get("filter[phone_number][contains]", ""),
            locality=form.get("filter[locality]", ""),
            region=form.get("filter[administrative_area]", ""),
            limit=int(form.get("filter[limit]", "100")),
        )
        body = {"data": [_offer(number, area) for number, area in found], "meta": {"total_results": len(found)}}
        exchange.reply(200, orjson.dumps(body))

    def _order(self, exchange: Exchange, values: dict[str, Any]) -> None:
        listed = values.get("phone_numbers")
        number = listed[0].get("phone_number", "") if isinstance(listed, list) and listed else ""
        if not number or values.get("messaging_profile_id") not in (None, self._profile):
            _refuse(exchange, "10015")
            return
        if self._carrier.numbers.owns(number) or self._shop.area_of(number) is None:
            body = {"code": "10027", "title": "Unprocessable entity", "detail": "The number is no longer available."}
            exchange.reply(422, orjson.dumps({"errors": [body]}))
            return
        sale = self._shop.sale(number)
        order = _Order(
            str(uuid.uuid4()),
            number,
            str(values.get("messaging_profile_id") or ""),
            str(values.get("customer_reference") or ""),
            self._carrier.settings.numbers_pending,
            created=time.time(),
        )
        self._orders[order.id] = order
        if sale is Sale.LOST:
            exchange.drop()
        else:
            _reply(exchange, self._order_json(order))

    def _asked(self, order: _Order) -> _Order:
        """An order that somebody looks at: it gets on by that."""
        if order.status != "pending":
            return order
        if order.asks_left > 0:
            order.asks_left -= 1
        elif self._shop.sale(order.number) is Sale.SOLD:
            order.status = "failure"
        else:
            order.status = "success"
            owned = self._shop.buy(order.number, group=order.profile)
            owned.sms_url = self._webhook_url if order.profile else ""
        return order

    def _order_json(self, order: _Order) -> dict[str, Any]:
        part = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, order.id)),
            "record_type": "number_order_phone_number",
            "phone_number": order.number,
            "status": order.status,
            "requirements_met": True,
        }
        created = f"{datetime.fromtimestamp(order.created, UTC):%Y-%m-%dT%H:%M:%S}.000000+00:00"
        return {
            "id": order.id,
            "record_type": "number_order",
            "phone_numbers_count": 1,
            "phone_numbers": [part],
            "messaging_profile_id": order.profile or None,
            "customer_reference": order.reference or None,
            "status": order.status,
            "requirements_met": True,
            "created_at": created,
            "updated_at": created,
        }

    def _list(self, exchange: Exchange, form: dict[str, str]) -> None:
        size = min(int(form.get("page[size]", "20")), _MOST_OF_PAGE)
        page = int(form.get("page[number]", "1"))
        digits = form.get("filter[phone_number]", "")
        matching = [owned for owned in self._carrier.numbers.owned.values() if digits in owned.number]
        shown = matching[(page - 1) * size : page * size]
        meta = {
            "page_number": page,
            "page_size": size,
            "total_pages": -(-len(matching) // size),
            "total_results": len(matching),
        }
        exchange.reply(200, orjson.dumps({"data": [self._number_json(owned) for owned in shown], "meta": meta}))

    def _join(self, exchange: Exchange, owned: OwnedNumber, values: dict[str, Any]) -> None:
        profile = values.get("messaging_profile_id", owned.group)
        if self._shop.wiring_fails(owned.number):
            _refuse(exchange, "10007")
        elif profile not in ("", self._profile):
            _refuse(exchange, "10015")
        else:
            owned.group = profile
            owned.sms_url = self._webhook_url if profile else ""
            _reply(exchange, self._messaging_json(owned))

    def _show_profile(self, exchange: Exchange, values: dict[str, Any]) -> None:
        if "webhook_url" in values:
            self._webhook_url = values["webhook_url"] or ""
            for owned in self._carrier.numbers.owned.values():
                if owned.group == self._profile:
                    owned.sms_url = self._webhook_url
        profile = {
            "id": self._profile,
            "record_type": "messaging_profile",
            "name": "Simulated profile",
            "enabled": True,
            "webhook_url": self._webhook_url or None,
            "webhook_failover_url": None,
            "webhook_api_version": "2",
        }
        _reply(exchange, profile)

    def _number_json(self, owned: OwnedNumber) -> dict[str, Any]:
        area = self._shop.area_of(owned.number)
        return {
            "id": str(uuid.UUID(owned.id)),
            "record_type": "phone_number",
            "phone_number": owned.number,
            "country_iso_alpha2": area.country if area else "US",
            "phone_number_type": owned.kind,
            "status": "active",
            "messaging_profile_id": owned.group or None,
            "tags": [],
        }

    def _messaging_json(self, owned: OwnedNumber) -> dict[str, Any]:
        features = {"domestic_two_way": True, "international_inbound": False, "international_outbound": False}
        has_media = "MMS" in self._shop.capabilities(owned.number)
        return {
            "id": str(uuid.UUID(owned.id)),
            "record_type": "messaging_settings",
            "phone_number": owned.number,
            "messaging_profile_id": owned.group or None,
            "features": {"sms": features, "mms": features if has_media else None},
        }


def _offer(number: str, area: Area) -> dict[str, Any]:
    places = [{"region_type": "country_code", "region_name": area.country}]
    if area.region:
        places.append({"region_type": "state", "region_name": area.region})
    if area.locality:
        places.append({"region_type": "rate_center", "region_name": area.locality.upper()})
    names = ("sms", "voice", "mms") if number.startswith("+1") else ("sms", "voice")
    return {
        "record_type": "available_phone_number",
        "phone_number": number,
        "vanity_format": None,
        "best_effort": False,
        "quickship": True,
        "reservable": True,
        "region_information": places,
        "cost_information": {
            "upfront_cost": f"{UPFRONT}000",
            "monthly_cost": f"{MONTHLY[area.kind]}000",
            "currency": CURRENCY,
        },
        "features": [{"name": name} for name in names],
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return values if isinstance(values, dict) else {}


def _reply(exchange: Exchange, data: Any) -> None:
    exchange.reply(200, orjson.dumps({"data": data}))


def _refuse(exchange: Exchange, code: str) -> None:
    exchange.reply(*error_body(code))
