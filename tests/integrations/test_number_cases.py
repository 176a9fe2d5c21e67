"""Every gateway that sells numbers passes the cases of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson

from integrations.http.values import Reply
from integrations.sms.contract import ProviderNumber
from integrations.sms.registry import ADAPTERS
from tests.integrations import infobip_payloads as infobip
from tests.integrations import sinch_payloads as sinch
from tests.integrations import telnyx_payloads as telnyx
from tests.integrations import twilio_payloads as twilio
from tests.number_cases import INBOUND_URL, NUMBER, STATUS_URL, NumberCases

OFFERED = ProviderNumber(
    NUMBER,
    country="US",
    locality="San Francisco",
    region="CA",
    sms=True,
    mms=True,
    voice=True,
    monthly_price=Decimal("1.00"),
    upfront_price=Decimal("0.50"),
    currency="USD",
)


def said(status: int, body: object, **headers: str) -> Reply:
    """A reply in JSON."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(body))


def test_every_gateway_with_numbers_passes_these() -> None:
    here = {cases.kind for cases in NumberCases.__subclasses__()}
    assert here == {kind for kind, adapter in ADAPTERS.items() if adapter.capabilities.numbers}


class TestTwilioNumbers(NumberCases):
    kind = "twilio"
    credentials = {"account_sid": twilio.ACCOUNT_SID, "auth_token": twilio.AUTH_TOKEN}
    offered = replace(OFFERED, friendly_name="(415) 555-2671", monthly_price=None, upfront_price=None, currency="")
    provider_id = "PN" + "a" * 32

    def entry(self, number: str = NUMBER, **changes: Any) -> dict[str, Any]:
        (entry,) = twilio.payload_json("numbers_on_offer.json")["available_phone_numbers"]
        can = {"voice": True, "SMS": True, "MMS": True}
        places = {"locality": "San Francisco", "region": "CA", "iso_country": "US", "friendly_name": "(415) 555-2671"}
        return {**entry, **places, "phone_number": number, "capabilities": can, **changes}

    def found(self) -> Reply:
        return said(200, {"available_phone_numbers": [self.entry()]})

    def nothing_found(self) -> list[Reply]:
        return [said(200, {"available_phone_numbers": []})]

    def bought(self) -> list[Reply]:
        urls = {"sms_url": INBOUND_URL, "status_callback": STATUS_URL}
        return [said(201, self.entry(sid=self.provider_id, **urls))]

    def sold(self) -> list[list[Reply]]:
        return [[said(400, {"code": 21422, "message": "PhoneNumber is not available", "status": 400})]]

    def wired(self) -> list[Reply]:
        return self.bought()

    def released(self) -> Reply:
        return Reply(204)

    def gone(self) -> Reply:
        return twilio.error_reply(20404)

    def pages(self, numbers: Sequence[str]) -> list[Reply]:
        following = [*(f"/2010-04-01/next?Page={page}" for page in range(1, len(numbers))), None]
        return [
            said(200, {"incoming_phone_numbers": [self.entry(number)], "next_page_uri": link})
            for number, link in zip(numbers, following, strict=True)
        ]

    def not_owned(self) -> list[list[Reply]]:
        return [[said(200, {"incoming_phone_numbers": []})], self.pages(["+14155550100"])]

    def bad_credentials(self) -> Reply:
        return twilio.error_reply(20003)

    def throttled(self, seconds: int) -> Reply:
        return twilio.error_reply(20429, retry_after=str(seconds))

    def too_poor(self) -> Reply:
        return said(402, {"code": 20402, "message": "Payment required", "status": 402})

    def needs_papers(self) -> Reply:
        return said(400, {"code": 21631, "message": "Phone Number Requires an Address", "status": 400})


class TestTelnyxNumbers(NumberCases):
    kind = "telnyx"
    credentials = {**telnyx.CREDENTIALS, "messaging_profile_id": "4001767e-ce0f-4cae-9d5f-0d5e636e7809"}
    offered = OFFERED
    provider_id = "1293384261075731499"

    def found(self) -> Reply:
        places = [
            {"region_type": "rate_center", "region_name": "SAN FRANCISCO"},
            {"region_type": "state", "region_name": "CA"},
            {"region_type": "country_code", "region_name": "US"},
        ]
        entry = {
            "record_type": "available_phone_number",
            "phone_number": NUMBER,
            "best_effort": False,
            "region_information": places,
            "cost_information": {"upfront_cost": "0.50000", "monthly_cost": "1.00000", "currency": "USD"},
            "features": [{"name": "sms"}, {"name": "mms"}, {"name": "voice"}],
        }
        return said(200, {"data": [entry], "meta": {"total_results": 1, "best_effort_results": 0}})

    def nothing_found(self) -> list[Reply]:
        refused = {"errors": [{"code": "10015", "title": "Bad Request", "detail": "No numbers found for the filters."}]}
        return [said(200, {"data": [], "meta": {"total_results": 0}}), said(400, refused)]

    def order(self, status: str) -> Reply:
        order = {"id": "12ade33a-21c0-473b-b055-b3c836e1c292", "record_type": "number_order", "status": status}
        return said(200, {"data": {**order, "requirements_met": True, "phone_numbers": [{"phone_number": NUMBER}]}})

    def entry(self, number: str = NUMBER) -> dict[str, Any]:
        profile_id = self.credentials["messaging_profile_id"]
        entry = {"id": self.provider_id, "record_type": "phone_number", "phone_number": number, "status": "active"}
        return {**entry, "country_iso_alpha2": "US", "messaging_profile_id": profile_id}

    def settings(self) -> Reply:
        features = {"sms": {"domestic_two_way": True}, "mms": {"domestic_two_way": True}}
        profile_id = self.credentials["messaging_profile_id"]
        return said(200, {"data": {"id": self.provider_id, "messaging_profile_id": profile_id, "features": features}})

    def profile(self, url: str) -> Reply:
        return said(200, {"data": {"id": self.credentials["messaging_profile_id"], "webhook_url": url}})

    def bought(self) -> list[Reply]:
        listed = said(200, {"data": [self.entry()], "meta": {"page_number": 1, "total_pages": 1}})
        return [self.order("pending"), self.order("success"), listed, self.settings(), self.profile("")]

    def sold(self) -> list[list[Reply]]:
        refused = {"errors": [{"code": "10027", "title": "Unprocessable entity", "detail": "No longer available"}]}
        return [
            [said(422, refused)],
            [self.order("failure")],
            [self.order("pending"), self.order("failure")],
        ]

    def wired(self) -> list[Reply]:
        return [self.settings(), self.profile("https://elsewhere.example/in"), self.profile(INBOUND_URL)]

    def released(self) -> Reply:
        return said(200, {"data": {**self.entry(), "status": "deleted"}})

    def gone(self) -> Reply:
        return telnyx.error_reply(404, 10005)

    def pages(self, numbers: Sequence[str]) -> list[Reply]:
        pages = [
            said(
                200,
                {"data": [self.entry(number)], "meta": {"page_number": page, "total_pages": len(numbers)}},
            )
            for page, number in enumerate(numbers, 1)
        ]
        return [self.profile(INBOUND_URL), *pages]

    def not_owned(self) -> list[list[Reply]]:
        nothing = said(200, {"data": [], "meta": {"page_number": 1, "total_pages": 1}})
        other = said(200, {"data": [self.entry("+14155552679")]})
        failed = said(200, {"data": [{"id": "1", "status": "failure"}]})
        long_ago = said(200, {"data": [{"id": "1", "status": "success", "updated_at": "2020-01-01T00:00:00Z"}]})
        return [[nothing, nothing], [other, nothing], [nothing, failed], [nothing, long_ago, nothing]]

    def bad_credentials(self) -> Reply:
        return telnyx.error_reply(401, 10009)

    def throttled(self, seconds: int) -> Reply:
        return telnyx.error_reply(429, 10011, retry_after=str(seconds))

    def too_poor(self) -> Reply:
        return said(403, {"errors": [{"code": "20100", "title": "Insufficient funds", "detail": "Top up."}]})

    def needs_papers(self) -> Reply:
        return said(
            422, {"errors": [{"code": "10027", "title": "Unprocessable entity", "detail": "Requirements are not met"}]}
        )


class TestInfobipNumbers(NumberCases):
    kind = "infobip"
    credentials = infobip.CREDENTIALS
    offered = replace(OFFERED, locality="", region="")
    provider_id = "6FED0BC540BFADD9B05ED7D89AAC22FA"
    purchase_is = 1

    def entry(self, number: str = NUMBER, **changes: Any) -> dict[str, Any]:
        cost = {"pricePerMonth": 1.0, "setupPrice": 0.5, "initialMonthPrice": 0.5, "currency": "USD"}
        return {
            "numberKey": self.provider_id,
            "number": number[1:],
            "country": "US",
            "type": "VIRTUAL_LONG_NUMBER",
            "capabilities": ["SMS", "MMS", "VOICE"],
            "shared": False,
            "price": cost,
            **changes,
        }

    def listed(self, *entries: dict[str, Any], count: int | None = None) -> Reply:
        return said(200, {"numbers": list(entries), "numberCount": len(entries) if count is None else count})

    def found(self) -> Reply:
        shared, short = self.entry("+14155552672", shared=True), self.entry("+24365", type="SHORT_CODE")
        return self.listed(self.entry(), shared, short)

    def nothing_found(self) -> list[Reply]:
        return [self.listed(), Reply(404)]

    def bought(self) -> list[Reply]:
        return [self.listed(self.entry(numberKey="on-offer")), said(200, self.entry())]

    def sold(self) -> list[list[Reply]]:
        offer = self.listed(self.entry())
        return [
            [self.listed()],
            [self.listed(self.entry("+14155552679"))],
            [Reply(404)],
            [offer, self.refused(400, "BAD_REQUEST", "Number is not available")],
            [offer, said(200, self.entry(reservationStatus="RESERVATION_FAILED"))],
        ]

    def configuration(self, url: str) -> dict[str, Any]:
        forwarding = {"type": "HTTP_FORWARD", "url": url, "format": "MO_JSON_2"}
        return {"configurationKey": "E9FCDCA496035F08EEA5933702EDF745", "channel": "SMS", "forwarding": forwarding}

    def wired(self) -> list[Reply]:
        return [said(200, self.configuration(INBOUND_URL))]

    def released(self) -> Reply:
        return Reply(204)

    def gone(self) -> Reply:
        return self.refused(404, "NOT_FOUND", "Not found")

    def pages(self, numbers: Sequence[str]) -> list[Reply]:
        # Infobip's pages have fifty numbers: all of these are on the first.
        return [self.listed(*(self.entry(number) for number in numbers))]

    def not_owned(self) -> list[list[Reply]]:
        failed = [self.entry(reservationStatus=status) for status in ("BILLING_FAILED", "RESERVATION_FAILED", "NEW")]
        return [
            [self.listed()],
            [self.listed(self.entry("+14155552679"))],
            [Reply(404)],
            *([self.listed(entry)] for entry in failed),
        ]

    def nothing_owned_yet(self) -> list[Reply]:
        return [self.listed()]

    def refused(self, status: int, code: str, text: str, **headers: str) -> Reply:
        return said(status, {"requestError": {"serviceException": {"messageId": code, "text": text}}}, **headers)

    def bad_credentials(self) -> Reply:
        return self.refused(401, "UNAUTHORIZED", "Invalid login details")

    def throttled(self, seconds: int) -> Reply:
        return self.refused(429, "TOO_MANY_REQUESTS", "Too many requests", retry_after=str(seconds))

    def too_poor(self) -> Reply:
        return said(200, self.entry(reservationStatus="BILLING_FAILED"))

    def needs_papers(self) -> Reply:
        return self.refused(400, "BAD_REQUEST", "Regulatory requirements are not fulfilled for this country")


class TestSinchNumbers(NumberCases):
    kind = "sinch"
    credentials = {
        **sinch.CREDENTIALS,
        "numbers_project_id": "51bd0e8a-f2a1-4c6e-89f2-a1ed0ff00001",
        "numbers_key_id": "4b9e0f8a-key",
        "numbers_key_secret": "n0t~a~real~secret",
    }
    offered = replace(OFFERED, locality="", region="")
    provider_id = NUMBER

    def found(self) -> Reply:
        entry = {
            "phoneNumber": NUMBER,
            "regionCode": "US",
            "type": "LOCAL",
            "capability": ["SMS", "MMS", "VOICE"],
            "setupPrice": {"currencyCode": "USD", "amount": "0.50"},
            "monthlyPrice": {"currencyCode": "USD", "amount": "1.00"},
            "paymentIntervalMonths": 1,
            "supportingDocumentationRequired": False,
        }
        return said(200, {"availableNumbers": [entry]})

    def nothing_found(self) -> list[Reply]:
        return [said(200, {"availableNumbers": []}), said(200, {})]

    def entry(self, number: str = NUMBER, *, status: str = "", plan: str = "", **changes: Any) -> dict[str, Any]:
        ours = plan or sinch.CREDENTIALS["service_plan_id"]
        scheduled = {"servicePlanId": ours, "status": status, "errorCodes": []} if status else None
        configuration = {"servicePlanId": "" if status else ours, "scheduledProvisioning": scheduled}
        return {
            "phoneNumber": number,
            "projectId": "51bd0e8a-f2a1-4c6e-89f2-a1ed0ff00001",
            "displayName": "",
            "regionCode": "US",
            "type": "LOCAL",
            "capability": ["SMS"],
            "money": {"currencyCode": "USD", "amount": "1.00"},
            "smsConfiguration": configuration,
            **changes,
        }

    def bought(self) -> list[Reply]:
        return [said(200, self.entry(status="WAITING"))]

    def sold(self) -> list[list[Reply]]:
        return [
            [self.refused(404, "NOT_FOUND", "The number was not found")],
            [self.refused(409, "ALREADY_EXISTS", "The number is already rented")],
        ]

    def wired(self) -> list[Reply]:
        return [said(200, self.entry())]

    def released(self) -> Reply:
        return said(200, self.entry())

    def gone(self) -> Reply:
        return self.refused(404, "NOT_FOUND", "Not found")

    def pages(self, numbers: Sequence[str]) -> list[Reply]:
        tokens = [*(f"token-{page}" for page in range(1, len(numbers))), ""]
        elsewhere = self.entry("+14155559999", plan="another-gateways-plan")
        leaving = self.entry("+14155559998", expireAt="2030-01-01T00:00:00Z")
        return [
            said(
                200, {"activeNumbers": [self.entry(number), elsewhere, leaving], "nextPageToken": token, "totalSize": 9}
            )
            for number, token in zip(numbers, tokens, strict=True)
        ]

    def not_owned(self) -> list[list[Reply]]:
        return [[self.gone()], [said(200, self.entry(expireAt="2030-01-01T00:00:00.000000Z"))]]

    def refused(self, status: int, name: str, text: str, **headers: str) -> Reply:
        return said(status, {"error": {"code": status, "message": text, "status": name, "details": []}}, **headers)

    def bad_credentials(self) -> Reply:
        return self.refused(401, "UNAUTHENTICATED", "Unauthenticated")

    def throttled(self, seconds: int) -> Reply:
        return self.refused(429, "RESOURCE_EXHAUSTED", "Too many requests", retry_after=str(seconds))

    def too_poor(self) -> Reply:
        return self.refused(402, "FAILED_PRECONDITION", "Insufficient balance")

    def needs_papers(self) -> Reply:
        return self.refused(400, "INVALID_ARGUMENT", "Supporting documentation is required")
