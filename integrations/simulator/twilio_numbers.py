"""Twilio's resources of phone numbers: AvailablePhoneNumbers and IncomingPhoneNumbers."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import orjson

from integrations.simulator.carrier import Carrier
from integrations.simulator.number_shop import NumberShop
from integrations.simulator.numbers import AREAS, Area, OwnedNumber, friendly, kind_of
from integrations.simulator.twilio_paging import page_json, page_request
from integrations.simulator.twilio_values import API_VERSION, error_body, rfc2822

_KINDS = {"Local": "local", "TollFree": "toll_free", "Mobile": "mobile"}
_is_number = re.compile(r"\+(?:1[2-9]\d{9}|[2-9]\d{6,14})").fullmatch
_is_pattern = re.compile(r"\+?[0-9A-Za-z*]{2,16}").fullmatch

Form = dict[str, str]
Result = tuple[int, bytes]
#: What was asked for is done, and the reply never arrives.
LOST: Result = (0, b"")


class TwilioNumbers:
    """Answers as HTTP status and body.

    Args:
        carrier: owns the numbers.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._shop = NumberShop(carrier)
        # How often a page has failed since the settings that say so.
        self._failing = carrier.settings
        self._failed = 0

    def search(self, country: str, kind: str, form: Form) -> Result:
        """Numbers on offer."""
        areas = [area for area in AREAS if area.country == country.upper() and area.kind == _KINDS.get(kind)]
        if not areas:
            return error_body(20404)
        contains = form.get("Contains", "")
        try:
            limit = page_request(form, default_size=30).size
        except ValueError:
            return error_body(20001)
        if contains and not _is_pattern(contains):
            return error_body(20001)
        areas = [area for area in areas if _in_area(area, form)]
        wants_none = any(_false(form.get(name)) for name in ("SmsEnabled", "VoiceEnabled"))
        wants_fax = form.get("FaxEnabled", "").lower() == "true"
        wants_mms = form.get("MmsEnabled", "").lower()
        areas = [area for area in areas if wants_mms in ("", str(area.country != "GB").lower())]
        offers = (
            []
            if wants_none or wants_fax or not areas
            else self._carrier.numbers.offers(areas, contains=contains, seed=self._carrier.settings.seed, limit=limit)
        )
        body = {
            "available_phone_numbers": [_offer(number, area) for number, area in offers],
            "uri": f"{self._base()}/AvailablePhoneNumbers/{country}/{kind}.json",
        }
        return 200, orjson.dumps(body)

    def buy(self, form: Form) -> Result:
        """Buy the number asked for, or any of an area."""
        numbers, number = self._carrier.numbers, form.get("PhoneNumber", "")
        if not number:
            code = form.get("AreaCode", "")
            areas = [area for area in AREAS if area.prefix == f"+1{code}" and area.kind == "local"]
            found = numbers.offers(areas, contains="", seed=self._carrier.settings.seed, limit=1) if areas else []
            if not found:
                return error_body(21452, code)
            number = found[0][0]
        if not _is_number(number):
            return error_body(21421, number)
        if numbers.owns(number) or self._shop.is_sold_meanwhile(number):
            return error_body(21422, number)
        owned = OwnedNumber(number, friendly(number), kind_of(number))
        numbers.owned[number] = owned
        _change(owned, form)
        if self._shop.loses_reply(number):
            return LOST
        return 201, orjson.dumps(self._shown(owned))

    def show(self, number_id: str) -> Result:
        """One owned number."""
        owned = self._carrier.numbers.by_id(number_id)
        return error_body(20404) if owned is None else (200, orjson.dumps(self._shown(owned)))

    def change(self, number_id: str, form: Form) -> Result:
        """Change a number's name and URLs; what is not named stays."""
        owned = self._carrier.numbers.by_id(number_id)
        if owned is None:
            return error_body(20404)
        if self._shop.wiring_fails(owned.number):
            return error_body(20500)
        _change(owned, form)
        return 200, orjson.dumps(self._shown(owned))

    def release(self, number_id: str) -> Result:
        """Give a number back."""
        owned = self._carrier.numbers.by_id(number_id)
        if owned is None:
            return error_body(20404)
        self._carrier.numbers.disown([owned.number])
        return 204, b""

    def list_owned(self, form: Form) -> Result:
        """A page of owned numbers, oldest first."""
        try:
            asked = page_request(form)
        except ValueError:
            return error_body(20001)
        settings = self._carrier.settings
        if settings.number_page_size:
            asked = replace(asked, size=min(asked.size, settings.number_page_size))
        failure = self._failure(asked.page + 1)
        if failure is not None:
            return failure
        pattern = re.escape(form.get("PhoneNumber", "")).replace(r"\*", r"\d")
        name = form.get("FriendlyName")
        matching = [
            owned
            for owned in self._carrier.numbers.owned.values()
            if re.search(pattern, owned.number) and (not name or owned.friendly_name == name)
        ]
        page = matching[asked.start : asked.start + asked.size]
        token = f"PAPN{page[-1].id}" if len(matching) > asked.start + asked.size else ""
        shown = [self._shown(owned) for owned in page]
        path = f"{self._base()}/IncomingPhoneNumbers.json"
        return 200, orjson.dumps(page_json(path, "incoming_phone_numbers", shown, asked, token))

    def _failure(self, page: int) -> Result | None:
        """The error that a page of the list is answered with, None for none."""
        settings = self._carrier.settings
        if settings is not self._failing:
            self._failing, self._failed = settings, 0
        if page != settings.number_page_fails or 0 < settings.number_page_fails_times <= self._failed:
            return None
        self._failed += 1
        if settings.number_page_fails_how == "html":
            return 200, b"<html><body><h1>We will be back soon</h1></body></html>"
        return error_body(20429 if settings.number_page_fails_how == "429" else 20500)

    def _base(self) -> str:
        return f"/{API_VERSION}/Accounts/{self._carrier.settings.account_sid}"

    def _shown(self, owned: OwnedNumber) -> dict[str, Any]:
        return {
            "account_sid": self._carrier.settings.account_sid,
            "address_requirements": "none",
            "address_sid": None,
            "api_version": API_VERSION,
            "beta": False,
            "bundle_sid": None,
            "capabilities": {"voice": True, "sms": True, "mms": owned.number.startswith("+1"), "fax": False},
            "date_created": rfc2822(owned.created),
            "date_updated": rfc2822(owned.updated),
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "emergency_status": "Inactive",
            "friendly_name": owned.friendly_name,
            "identity_sid": None,
            "origin": "twilio",
            "phone_number": owned.number,
            "sid": f"PN{owned.id}",
            "sms_application_sid": None,
            "sms_fallback_method": "POST",
            "sms_fallback_url": "",
            "sms_method": owned.sms_method,
            "sms_url": owned.sms_url,
            "status": "in-use",
            "status_callback": owned.status_callback,
            "status_callback_method": owned.status_callback_method,
            "trunk_sid": None,
            "type": owned.kind,
            "uri": f"{self._base()}/IncomingPhoneNumbers/PN{owned.id}.json",
            "voice_application_sid": None,
            "voice_caller_id_lookup": False,
            "voice_fallback_method": "POST",
            "voice_fallback_url": None,
            "voice_method": "POST",
            "voice_receive_mode": "voice",
            "voice_url": None,
        }


def _false(value: str | None) -> bool:
    return value is not None and value.lower() == "false"


def _in_area(area: Area, form: Form) -> bool:
    """Whether the area answers a search's AreaCode, InRegion, InLocality and InPostalCode."""
    code = form.get("AreaCode", "")
    return (
        (not code or area.prefix == f"+1{code}")
        and form.get("InRegion", area.region).upper() == area.region.upper()
        and form.get("InLocality", area.locality).lower() == area.locality.lower()
        and area.postal_code.lower().startswith(form.get("InPostalCode", "").lower())
    )


def _change(owned: OwnedNumber, form: Form) -> None:
    owned.friendly_name = form.get("FriendlyName") or owned.friendly_name
    owned.sms_url = form.get("SmsUrl", owned.sms_url)
    owned.sms_method = form.get("SmsMethod", owned.sms_method).upper()
    owned.status_callback = form.get("StatusCallback", owned.status_callback)
    owned.status_callback_method = form.get("StatusCallbackMethod", owned.status_callback_method).upper()
    owned.updated = int(time.time())


def _offer(number: str, area: Area) -> dict[str, Any]:
    is_local = area.kind == "local"
    return {
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": area.country != "GB"},
        "friendly_name": friendly(number),
        "iso_country": area.country,
        "lata": None,
        "latitude": None,
        "locality": area.locality if is_local else None,
        "longitude": None,
        "phone_number": number,
        "postal_code": area.postal_code if is_local else None,
        "rate_center": None,
        "region": area.region or None if is_local else None,
    }
