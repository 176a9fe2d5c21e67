"""Phone numbers at Telnyx: search, orders, the messaging profile's webhook, release and the list of those owned.

An order is done in the background, and the address for inbound messages is not the number's but its messaging profile's.
Telnyx's pages: "List available phone numbers", "Create a number order", "Messaging profiles", "Phone number configurations".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from integrations.http.values import Headers, Reply, Request
from integrations.sms.contract import NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import NumberPending, ProviderError
from integrations.sms.number_rules import SOLD, check_query, currency, is_digits, price, refused, wanted_digits
from integrations.sms.providers.telnyx.replies import decoded, fault_of
from integrations.sms.steps import Steps, paged

_PAGE_SIZE = 250
_MAX_RESULTS = 250
#: Statuses of numbers that are listed and not ours, or not any more.
_GONE = frozenset({"purchase-failed", "deleted", "ported-out", "port-failed"})
_READY = frozenset({"active", "port-out-pending", ""})
_CREDENTIALS = "Check the gateway's API key and its rights."
_ORDERED = "Telnyx has the order and has not finished it. Go on with the number in a minute; it is not bought twice."
_PAPERS = (
    "Telnyx has the order and needs an address or documents for numbers of this country. Give them in the Telnyx portal "
    "under Numbers, Orders, then go on with the number."
)


class TelnyxNumbers(SmsAdapter):
    """The part of Telnyx's adapter that is about numbers."""

    _api: str
    _headers: Headers
    _send_headers: Headers
    _profile_id: str
    _key_prefix: str

    def build_search(self, query: NumberQuery) -> Request:
        """A search for numbers that text.

        Raises:
            ValueError: the query makes no sense to Telnyx.
        """
        wanted = {
            "country_code": check_query(query, label=self.label, capabilities=self.capabilities),
            "phone_number_type": query.kind,
            "national_destination_code": query.area_code,
            "locality": query.locality,
            "administrative_area": query.region,
            "limit": str(max(1, min(query.limit, _MAX_RESULTS))),
        }
        fields = {f"filter[{name}]": value for name, value in wanted.items() if value}
        if digits := wanted_digits(query, label=self.label):
            fields["filter[phone_number][contains]"] = digits
        fields["filter[features][]"] = "sms"
        return self._get("available_phone_numbers", fields)

    def parse_search(self, reply: Reply) -> list[ProviderNumber]:
        """Numbers on offer, with their prices.

        Raises:
            ProviderError: Telnyx refused.
        """
        # Where Telnyx has nothing at all in an area, its guide on searches promises a 4xx and names no code.
        if reply.status in (400, 404, 422) and "no numbers" in fault_of(reply).reason.lower():
            return []
        return [_offer(entry) for entry in _entries(reply, "to search numbers")]

    def buying(
        self,
        number: str,
        *,
        inbound_url: str,  # noqa: ARG002  the profile's
        status_url: str,  # noqa: ARG002  each message has its own
        friendly_name: str = "",  # noqa: ARG002  numbers have none
    ) -> Steps[ProviderNumber]:
        """An order of one number for the messaging profile.

        Raises:
            NumberPending: the order is taken and not done.
            ProviderError: Telnyx refused it, or could not do it.
        """
        order = {
            "phone_numbers": [{"phone_number": number}],
            "messaging_profile_id": self._profile(),
            "customer_reference": self._reference(number),
        }
        reply = yield self._change("POST", "number_orders", order)
        placed = _resource(reply, "to buy the number", spends=True)
        if placed.get("status") == "pending" and placed.get("id"):
            reply = yield self._get(f"number_orders/{quote(str(placed['id']), safe='')}")
            # A refusal of this look says nothing of the order.
            placed = _data(reply) or placed
        _check_order(placed)
        order_id = str(placed.get("id") or "")
        try:
            bought = yield from self.finding(number)
        except NumberPending:
            raise
        except ProviderError as error:
            # The order is done: a look that fails for now says nothing against that.
            if not error.retryable:
                raise
            raise NumberPending(_ORDERED, order_id=order_id) from error
        if bought is None:
            raise NumberPending(_ORDERED, order_id=order_id)
        return bought

    def finding(self, number: str) -> Steps[ProviderNumber | None]:
        """A number among those owned, with its profile's address; None when it is neither owned nor ordered.

        Raises:
            NumberPending: it is ordered, and is not ours yet.
            ProviderError: Telnyx refused.
        """
        entry = yield from self._entry(number)
        if entry is None:
            reply = yield self._get("number_orders", {"filter[customer_reference]": self._reference(number)})
            orders = _orders(reply)
            for order in orders:
                if order.get("status") == "pending":
                    _check_order(order)
            # One may have been done since the numbers were listed; or long ago, of a number that was released.
            if any(order.get("status") == "success" for order in orders):
                entry = yield from self._entry(number)
            if entry is None:
                return None
        if str(entry.get("status") or "") not in _READY:
            raise NumberPending(_PAPERS if "requirement" in str(entry["status"]) else _ORDERED)
        reply = yield self._get(f"phone_numbers/{quote(str(entry.get('id') or ''), safe='')}/messaging")
        # A number that has no settings for messages yet is ours all the same; any other refusal says nothing of what it can do.
        settings = {} if _is_absent(reply) else _resource(reply, "to read the number's settings for messages")
        profile_id = settings.get("messaging_profile_id") or entry.get("messaging_profile_id")
        address = (yield from self._address()) if profile_id == self._profile_id else ""
        return _owned(entry, address, features=settings.get("features"))

    def wiring(
        self,
        number: ProviderNumber,
        *,
        inbound_url: str,
        status_url: str,  # noqa: ARG002  each message has its own
    ) -> Steps[ProviderNumber]:
        """The number put into the messaging profile, and the profile's webhook set to ours.

        Raises:
            ProviderError: Telnyx refused.
        """
        path = f"phone_numbers/{quote(number.provider_id, safe='')}/messaging"
        reply = yield self._change("PATCH", path, {"messaging_profile_id": self._profile()})
        settings = _resource(reply, "to give the number its messaging profile")
        if (yield from self._address()) != inbound_url:
            profile = f"messaging_profiles/{quote(self._profile(), safe='')}"
            reply = yield self._change("PATCH", profile, {"webhook_url": inbound_url, "webhook_api_version": "2"})
            _resource(reply, "to set the messaging profile's webhook")
        entry = {"id": number.provider_id, "phone_number": number.number, "country_iso_alpha2": number.country}
        return _owned(entry, inbound_url, features=settings.get("features"))

    def is_wired(self, number: ProviderNumber, *, inbound_url: str, status_url: str) -> bool:  # noqa: ARG002  as above
        """Whether the number is in the messaging profile, and the profile's webhook is ours."""
        return number.inbound_url == inbound_url

    def listing(self) -> Steps[list[ProviderNumber]]:
        """All owned numbers; those in the messaging profile with its address.

        Raises:
            ProviderError: Telnyx refused.
        """
        address = yield from self._address()

        def read(reply: Reply) -> tuple[list[ProviderNumber], str]:
            found, page = self.parse_list(reply)
            profiles = {item["phone_number"]: item.get("messaging_profile_id") for item in _entries(reply, "")}
            ours = {number for number, profile_id in profiles.items() if profile_id == self._profile_id}
            return [replace(item, inbound_url=address) if item.number in ours else item for item in found], page

        numbers: list[ProviderNumber] = yield from paged(lambda page: self.build_list(page=page), read)
        return numbers

    def build_release(self, provider_id: str) -> Request:
        """A release of an owned number."""
        return Request("DELETE", f"{self._api}/phone_numbers/{quote(provider_id, safe='')}", self._headers)

    def parse_release(self, reply: Reply) -> None:
        """Nothing when released, or gone already.

        Raises:
            ProviderError: Telnyx refused.
        """
        gone = reply.status == 404 and fault_of(reply).code == "10005"
        if reply.status not in (200, 202, 204) and not gone:
            raise _refusal(reply, "to release the number")

    def build_list(self, *, page: str = "") -> Request:
        """A page of owned numbers.

        Raises:
            ValueError: the page is not a number, as Telnyx's pages are.
        """
        if page and not is_digits(page):
            raise ValueError("Telnyx's pages are numbered, and this one is not. Start the list again.")
        return self._get("phone_numbers", {"page[number]": page or "1", "page[size]": str(_PAGE_SIZE)})

    def parse_list(self, reply: Reply) -> tuple[list[ProviderNumber], str]:
        """Owned numbers without their profile's address, and the next page's number, empty at the end.

        Raises:
            ProviderError: Telnyx refused.
        """
        numbers = [_owned(entry) for entry in _entries(reply, "to list numbers") if _is_ours(entry)]
        meta = decoded(reply).get("meta")
        place, total = (
            (_count(meta.get(name)) for name in ("page_number", "total_pages")) if isinstance(meta, dict) else (0, 0)
        )
        return numbers, str(place + 1) if 0 < place < total else ""

    def _entry(self, number: str) -> Steps[dict[str, Any] | None]:
        reply = yield self._get("phone_numbers", {"filter[phone_number]": number.removeprefix("+")})
        entries = _entries(reply, "to look for the number")
        return next((item for item in entries if item["phone_number"] == number and _is_ours(item)), None)

    def _address(self) -> Steps[str]:
        reply = yield self._get(f"messaging_profiles/{quote(self._profile(), safe='')}")
        if reply.status == 404:
            raise ProviderError(
                "profile", "Telnyx has no messaging profile with this gateway's ID. Correct it on the gateway's page."
            )
        return str(_resource(reply, "to read the messaging profile").get("webhook_url") or "")

    def _profile(self) -> str:
        if not self._profile_id:
            raise LookupError(
                "The Telnyx gateway has no Messaging profile ID, which bought numbers need to receive messages. Fill it in "
                "on the gateway's page."
            )
        return self._profile_id

    def _reference(self, number: str) -> str:
        return f"{self._key_prefix}{number.removeprefix('+')}"

    def _get(self, path: str, fields: dict[str, str] | None = None) -> Request:
        query = f"?{urlencode(fields)}" if fields else ""
        return Request("GET", f"{self._api}/{path}{query}", self._headers)

    def _change(self, method: str, path: str, values: dict[str, Any]) -> Request:
        return Request(method, f"{self._api}/{path}", self._send_headers, orjson.dumps(values))


def _refusal(reply: Reply, doing: str, *, spends: bool = False) -> ProviderError:
    fault = fault_of(reply)
    return refused(
        reply,
        label="Telnyx",
        doing=doing,
        code=fault.code,
        reason=fault.reason,
        credentials=_CREDENTIALS,
        spends=spends,
    )


def _is_absent(reply: Reply) -> bool:
    """Whether the API says that there is no such resource; some other server's 404 does not."""
    body = decoded(reply)
    return reply.status == 404 and isinstance(body, dict) and bool(body.get("errors"))


def _data(reply: Reply) -> dict[str, Any] | None:
    body = decoded(reply)
    data = body.get("data") if 200 <= reply.status < 300 and isinstance(body, dict) else None
    return data if isinstance(data, dict) else None


def _resource(reply: Reply, doing: str, *, spends: bool = False) -> dict[str, Any]:
    data = _data(reply)
    if data is None:
        raise _refusal(reply, doing, spends=spends)
    return data


def _entries(reply: Reply, doing: str) -> list[dict[str, Any]]:
    body = decoded(reply)
    entries = body.get("data") if reply.status == 200 and isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise _refusal(reply, doing)
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("phone_number"), str)]


def _orders(reply: Reply) -> list[dict[str, Any]]:
    body = decoded(reply)
    orders = body.get("data") if reply.status == 200 and isinstance(body, dict) else None
    if not isinstance(orders, list):
        raise _refusal(reply, "to look for the number's order")
    return [order for order in orders if isinstance(order, dict)]


def _check_order(order: dict[str, Any]) -> None:
    """Nothing when an order is done.

    Raises:
        NumberPending: it is under way.
        ProviderError: it failed.
    """
    status = order.get("status")
    if status == "failure":
        raise ProviderError("sold", f"Telnyx could not do the order. {SOLD}", undone=True)
    if status == "pending":
        waits_for_papers = order.get("requirements_met") is False
        raise NumberPending(_PAPERS if waits_for_papers else _ORDERED, order_id=str(order.get("id") or ""))


def _is_ours(entry: dict[str, Any]) -> bool:
    return str(entry.get("status") or "") not in _GONE


def _count(value: Any) -> int:
    return value if type(value) is int else 0


def _owned(entry: dict[str, Any], address: str = "", *, features: Any = None) -> ProviderNumber:
    known = features if isinstance(features, dict) else {"sms": True}
    return ProviderNumber(
        number=str(entry["phone_number"]),
        provider_id=str(entry.get("id") or ""),
        country=str(entry.get("country_iso_alpha2") or ""),
        sms=bool(known.get("sms")),
        mms=bool(known.get("mms")),
        voice=True,
        inbound_url=address,
    )


def _offer(entry: dict[str, Any]) -> ProviderNumber:
    places: dict[str, str] = {}
    for part in _dicts(entry.get("region_information")):
        places.setdefault(str(part.get("region_type") or ""), str(part.get("region_name") or ""))
    features = {str(part.get("name") or "").lower() for part in _dicts(entry.get("features"))}
    cost = entry.get("cost_information")
    cost = cost if isinstance(cost, dict) else {}
    return ProviderNumber(
        number=entry["phone_number"],
        country=places.get("country_code", ""),
        locality=places.get("location") or places.get("rate_center", "").title(),
        region=places.get("state", ""),
        sms="sms" in features,
        mms="mms" in features,
        voice="voice" in features,
        monthly_price=price(cost.get("monthly_cost")),
        upfront_price=price(cost.get("upfront_cost")),
        currency=currency(cost.get("currency")),
    )


def _dicts(listed: Any) -> list[dict[str, Any]]:
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
