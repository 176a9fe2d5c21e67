"""Phone numbers at Infobip: search, purchase, the forwarding of what they receive, release and the list of those owned.

Infobip's pages: "Numbers" (Purchase numbers API) and "Manage resources" (inbound configuration). Its configurations below
``/numbers/2`` do the same and are deprecated. Most of these requests are limited to one or two a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from integrations.http.values import Headers, Reply, Request
from integrations.sms.contract import NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import NumberPending, ProviderError
from integrations.sms.number_rules import SOLD, check_query, currency, is_digits, price, refused, wanted_digits
from integrations.sms.providers.infobip.replies import code_and_reason, decoded
from integrations.sms.steps import Steps

_CONFIGURATIONS = "resource-management/1/inbound-message-configurations"
#: Infobip's default; what it does with a larger one is not documented, and a page cut short would look like the last.
_PAGE_SIZE = 50
_MOST_PAGES = 1000
_MAX_RESULTS = 100
#: Countries whose area codes the search knows.
_NORTH_AMERICA = frozenset({"US", "CA"})
_TOLL_FREE = ("800", "833", "844", "855", "866", "877", "888")
#: The format of what is forwarded; the adapter's webhooks read it.
_FORMAT = "MO_JSON_2"
_CREDENTIALS = "Check the gateway's API key: it needs the right to manage numbers (numbers:manage)."
#: ``reservationStatus`` of a purchase that is not done; every other one is a failure.
_UNDER_WAY = "PENDING"
_RESERVED = (
    "Infobip has the order and has not finished it. Go on with the number in a few minutes; it is not bought twice."
)


class InfobipNumbers(SmsAdapter):
    """The part of Infobip's adapter that is about numbers."""

    _base_url: str
    _headers: Headers
    _send_headers: Headers

    def build_search(self, query: NumberQuery) -> Request:
        """A search for numbers that text. Toll-free ones differ from others by their area code alone.

        Raises:
            ValueError: the query makes no sense to Infobip.
        """
        country = check_query(query, label=self.label, capabilities=self.capabilities)
        if (query.area_code or query.region) and country not in _NORTH_AMERICA:
            raise ValueError(
                "Infobip knows area codes and regions of the US and Canada only. Give digits that the number should hold "
                "instead."
            )
        if query.kind == "toll_free" and query.area_code not in _TOLL_FREE:
            known = ", ".join(_TOLL_FREE)
            raise ValueError(f"Infobip finds toll-free numbers by their area code. Give one of {known}.")
        wanted = {
            "capabilities": "SMS",
            "country": country,
            "npa": query.area_code,
            "state": query.region,
            "number": wanted_digits(query, label=self.label),
            "limit": str(max(1, min(query.limit, _MAX_RESULTS))),
        }
        return self._get("numbers/1/numbers/available", {name: value for name, value in wanted.items() if value})

    def parse_search(self, reply: Reply) -> list[ProviderNumber]:
        """Numbers on offer, with their prices; short codes and those that customers share are left out.

        Raises:
            ProviderError: Infobip refused.
        """
        # "Not found" is how the search may say that there are none.
        if reply.status == 404 and _is_infobips(reply):
            return []
        entries = _entries(reply, "to search numbers")
        return [
            _number(entry, bought=False)
            for entry in entries
            if entry.get("type") in (None, "VIRTUAL_LONG_NUMBER") and entry.get("shared") is not True
        ]

    def buying(
        self,
        number: str,
        *,
        inbound_url: str,  # noqa: ARG002  a request of its own sets it
        status_url: str,  # noqa: ARG002  each message has its own
        friendly_name: str = "",  # noqa: ARG002  numbers have none
    ) -> Steps[ProviderNumber]:
        """The purchase of one number. What it receives is not forwarded yet: that is ``wiring``.

        Raises:
            NumberPending: it is reserved, and is not ours yet.
            ProviderError: Infobip refused, or the number is sold.
        """
        digits = number.removeprefix("+")
        reply = yield self._get("numbers/1/numbers/available", {"number": digits})
        found = [] if reply.status == 404 and _is_infobips(reply) else _entries(reply, "to buy the number")
        offer = next((entry for entry in found if _digits(entry) == digits), None)
        if offer is None:
            raise ProviderError("sold", f"Infobip does not offer {number} any more. {SOLD}")
        # American numbers are bought by the number, all others by the key; never by both.
        key = offer.get("numberKey")
        order = {"number": digits} if offer.get("country") == "US" or not key else {"numberKey": str(key)}
        reply = yield self._change("numbers/1/numbers", order)
        if reply.status not in (200, 201):
            raise _refusal(reply, "to buy the number", spends=True)
        bought = decoded(reply)
        # A purchase may be answered with 201 and nothing else.
        if not isinstance(bought, dict) or _digits(bought) != digits or not bought.get("numberKey"):
            bought = yield from self._entry(number)
            if bought is None:
                raise NumberPending(_RESERVED)
        _check_reservation(bought)
        return _number(bought, bought=True)

    def finding(self, number: str) -> Steps[ProviderNumber | None]:
        """A number among those owned, with the address that it forwards to; None when it is not, also after a failed purchase.

        Raises:
            NumberPending: it is reserved, and is not ours yet.
            ProviderError: Infobip refused.
        """
        entry = yield from self._entry(number)
        # A reservation that failed stays listed for a while; it holds nothing, so the number may be bought anew or given up.
        if entry is None or _reservation(entry) not in ("", _UNDER_WAY):
            return None
        _check_reservation(entry)
        reply = yield self._get(_CONFIGURATIONS, {"numberKey": str(entry.get("numberKey") or ""), "channel": "SMS"})
        return _number(entry, bought=True, address=_address(reply))

    def wiring(
        self,
        number: ProviderNumber,
        *,
        inbound_url: str,
        status_url: str,  # noqa: ARG002  each message has its own
    ) -> Steps[ProviderNumber]:
        """What the number receives, whatever its first word, forwarded to us.

        Raises:
            ProviderError: Infobip refused.
        """
        forwarding = {"type": "HTTP_FORWARD", "url": inbound_url, "format": _FORMAT}
        # Without a keyword it is for all messages; an earlier one of the kind is changed, not doubled.
        wanted = {"channel": "SMS", "numberKey": number.provider_id, "forwarding": forwarding}
        reply = yield self._change(_CONFIGURATIONS, wanted)
        body = decoded(reply)
        if reply.status not in (200, 201) or not isinstance(body, dict):
            raise _refusal(reply, "to forward the number's messages")
        return ProviderNumber(
            number=number.number,
            provider_id=number.provider_id,
            country=number.country,
            sms=number.sms,
            mms=number.mms,
            voice=number.voice,
            inbound_url=inbound_url,
        )

    def is_wired(self, number: ProviderNumber, *, inbound_url: str, status_url: str) -> bool:  # noqa: ARG002  as above
        """Whether what the number receives is forwarded to us."""
        return number.inbound_url == inbound_url

    def build_release(self, provider_id: str) -> Request:
        """A release of an owned number."""
        return Request("DELETE", f"{self._base_url}/numbers/1/numbers/{quote(provider_id, safe='')}", self._headers)

    def parse_release(self, reply: Reply) -> None:
        """Nothing when released, or gone already.

        Raises:
            ProviderError: Infobip refused.
        """
        if reply.status not in (200, 204) and not (reply.status == 404 and _is_infobips(reply)):
            raise _refusal(reply, "to release the number")

    def build_list(self, *, page: str = "") -> Request:
        """A page of owned numbers.

        Raises:
            ValueError: the page is not a number, as Infobip's pages are.
        """
        if page and not is_digits(page):
            raise ValueError("Infobip's pages are numbered, and this one is not. Start the list again.")
        return self._get("numbers/1/numbers", {"limit": str(_PAGE_SIZE), "page": page or "0"})

    def parse_list(self, reply: Reply) -> tuple[list[ProviderNumber], str]:
        """Owned numbers; the next page is the caller's to count, see ``listing``, and is empty here.

        Raises:
            ProviderError: Infobip refused.
        """
        return [_number(entry, bought=True) for entry in _owned(_entries(reply, "to list numbers"))], ""

    def listing(self) -> Steps[list[ProviderNumber]]:
        """All owned numbers, without their addresses.

        Raises:
            ProviderError: Infobip refused.
        """
        entries: dict[str, dict[str, Any]] = {}
        for page in range(_MOST_PAGES):
            reply = yield self.build_list(page=str(page))
            found = {_digits(entry): entry for entry in _entries(reply, "to list numbers")}
            # A page that tells nothing new is the last one, however full it is.
            if not found.keys() - entries.keys():
                break
            entries |= found
            if len(found) < _PAGE_SIZE:
                break
        return [_number(entry, bought=True) for entry in _owned(entries.values())]

    def _entry(self, number: str) -> Steps[dict[str, Any] | None]:
        digits = number.removeprefix("+")
        reply = yield self._get("numbers/1/numbers", {"number": digits})
        if reply.status == 404 and _is_infobips(reply):
            return None
        entries = [entry for entry in _entries(reply, "to look for the number") if _digits(entry) == digits]
        # Beside a number that is ours, or is about to be, an earlier attempt that failed says nothing.
        ranks = {"": 0, _UNDER_WAY: 1}
        return min(entries, key=lambda entry: ranks.get(_reservation(entry), 2), default=None)

    def _get(self, path: str, fields: dict[str, str]) -> Request:
        return Request("GET", f"{self._base_url}/{path}?{urlencode(fields)}", self._headers)

    def _change(self, path: str, values: dict[str, Any]) -> Request:
        return Request("POST", f"{self._base_url}/{path}", self._send_headers, orjson.dumps(values))


def _refusal(reply: Reply, doing: str, *, spends: bool = False) -> ProviderError:
    code, reason = code_and_reason(reply)
    return refused(
        reply, label="Infobip", doing=doing, code=code, reason=reason, credentials=_CREDENTIALS, spends=spends
    )


def _is_infobips(reply: Reply) -> bool:
    """Whether a refusal is the API's own, not that of some other server at the address. Its 404 may have no body."""
    return not reply.body or isinstance(decoded(reply), dict)


def _entries(reply: Reply, doing: str) -> list[dict[str, Any]]:
    body = decoded(reply)
    entries = body.get("numbers") if reply.status == 200 and isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise _refusal(reply, doing)
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("number")]


def _owned(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those whose purchase is not done or has failed."""
    return [entry for entry in entries if not _reservation(entry)]


def _reservation(entry: dict[str, Any]) -> str:
    """How far a purchase is; empty for a number that is ours."""
    return str(entry.get("reservationStatus") or "")


def _check_reservation(entry: dict[str, Any]) -> None:
    """Nothing when the number is ours.

    Raises:
        NumberPending: it is being reserved.
        ProviderError: that failed.
    """
    status = _reservation(entry)
    if status == _UNDER_WAY:
        raise NumberPending(_RESERVED, order_id=str(entry.get("numberKey") or ""))
    if status == "BILLING_FAILED":
        text = "Infobip could not charge the account for the number. Add money to the Infobip account, then try again."
        raise ProviderError("billing", text)
    if status:
        raise ProviderError("sold", f"Infobip could not reserve the number ({status[:40]}). {SOLD}", undone=True)


def _address(reply: Reply) -> str:
    """Where a number's messages are forwarded to, whatever their first word; empty for nowhere."""
    configurations = decoded(reply)
    if reply.status == 404 and _is_infobips(reply):
        return ""
    if reply.status != 200 or not isinstance(configurations, list):
        raise _refusal(reply, "to read where the number's messages are forwarded to")
    for item in configurations:
        forwarding = item.get("forwarding") if isinstance(item, dict) and not item.get("keyword") else None
        if isinstance(forwarding, dict) and forwarding.get("type") == "HTTP_FORWARD":
            return str(forwarding.get("url") or "")
    return ""


def _digits(entry: dict[str, Any]) -> str:
    return str(entry.get("number") or "").removeprefix("+")


def _number(entry: dict[str, Any], *, bought: bool, address: str = "") -> ProviderNumber:
    listed = entry.get("capabilities")
    can = {str(name).upper() for name in listed} if isinstance(listed, list) else {"SMS"}
    cost = entry.get("price")
    cost = cost if isinstance(cost, dict) else {}
    digits = _digits(entry)
    # Short codes have no country code, and no plus sign.
    is_short = str(entry.get("type") or "").startswith("SHORT_CODE")
    return ProviderNumber(
        number=digits if is_short else f"+{digits}",
        provider_id=str(entry.get("numberKey") or "") if bought else "",
        country=str(entry.get("country") or ""),
        sms="SMS" in can,
        mms="MMS" in can,
        voice="VOICE" in can,
        inbound_url=address,
        monthly_price=price(cost.get("pricePerMonth")),
        upfront_price=price(cost.get("setupPrice")),
        currency=currency(cost.get("currency")),
    )
