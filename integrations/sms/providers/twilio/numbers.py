"""Phone numbers at Twilio: search, purchase, webhooks, release and the list of those owned."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from integrations.http.values import Reply
from integrations.sms.contract import NumberQuery, ProviderNumber
from integrations.sms.errors import ProviderError
from integrations.sms.providers.twilio.sending import code_and_reason, decoded, refusal

_KINDS = {"local": "Local", "toll_free": "TollFree", "mobile": "Mobile"}
_MAX_PAGE_SIZE = 1000


def search_url(api: str, query: NumberQuery) -> str:
    """Where numbers on offer are listed.

    Raises:
        ValueError: the query makes no sense to Twilio; the text says why.
    """
    kind = _KINDS.get(query.kind)
    if kind is None:
        raise ValueError(f"There are no {query.kind!r} numbers at Twilio. Choose one of: {', '.join(_KINDS)}.")
    country = query.country.upper()
    if len(country) != 2 or not country.isascii() or not country.isalpha():
        raise ValueError(f"{query.country!r} is no country. Give its two letters, such as US.")
    if query.area_code and not (query.area_code.isascii() and query.area_code.isdecimal()):
        raise ValueError(f"{query.area_code!r} is no area code. Give digits only, such as 415.")
    wanted = {
        "SmsEnabled": "true",
        "AreaCode": query.area_code,
        "Contains": query.contains,
        "InLocality": query.locality,
        "InRegion": query.region,
        "InPostalCode": query.postal_code,
        "PageSize": str(max(1, min(query.limit, _MAX_PAGE_SIZE))),
    }
    fields = urlencode({name: value for name, value in wanted.items() if value})
    return f"{api}/AvailablePhoneNumbers/{country}/{kind}.json?{fields}"


def read_search(reply: Reply) -> list[ProviderNumber]:
    """Numbers on offer.

    Raises:
        ProviderError: Twilio refused.
    """
    return [_number(entry) for entry in _entries(reply, "available_phone_numbers", "to search numbers")]


def buy_form(number: str, inbound_url: str, status_url: str, friendly_name: str) -> bytes:
    """The form that buys one number."""
    fields = {"PhoneNumber": number, **_webhook_fields(inbound_url, status_url)}
    if friendly_name:
        fields["FriendlyName"] = friendly_name
    return urlencode({name: value for name, value in fields.items() if value}).encode()


def configure_form(inbound_url: str, status_url: str) -> bytes:
    """The form that sets a number's webhooks; an empty URL takes the webhook away."""
    return urlencode(_webhook_fields(inbound_url, status_url)).encode()


def number_url(api: str, provider_id: str) -> str:
    """The URL of an owned number."""
    return f"{api}/IncomingPhoneNumbers/{quote(provider_id, safe='')}.json"


def read_number(reply: Reply) -> ProviderNumber:
    """The number that was bought or changed.

    Raises:
        ProviderError: Twilio refused.
    """
    body = decoded(reply)
    if reply.status in (200, 201) and isinstance(body, dict) and body.get("phone_number"):
        return _number(body)
    error = refusal(reply, "to buy or change the number")
    # A purchase that cannot be read may have been made: asked for again, it is looked for first.
    raise ProviderError(error.code, error.text, retryable=error.retryable or 200 <= reply.status < 300)


def read_release(reply: Reply) -> None:
    """Nothing when the number is released, or was gone already.

    Raises:
        ProviderError: Twilio refused.
    """
    gone = reply.status == 404 and code_and_reason(reply)[0] == "20404"
    if reply.status not in (200, 204) and not gone:
        raise refusal(reply, "to release the number")


def list_url(base_url: str, api: str, page: str) -> str:
    """Where a page of owned numbers is.

    Args:
        base_url: the gateway's.
        api: the account's URL.
        page: the path that the last page named, or empty for the first.

    Raises:
        ValueError: the page is elsewhere; the credentials would go there too.
    """
    if not page:
        return f"{api}/IncomingPhoneNumbers.json?PageSize={_MAX_PAGE_SIZE}"
    path = page.removeprefix(base_url)
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise ValueError("The next page of numbers is not at the gateway's address. Start the list again.")
    return base_url + path


def read_list(reply: Reply) -> tuple[list[ProviderNumber], str]:
    """Owned numbers and the next page's path, empty at the end.

    Raises:
        ProviderError: Twilio refused.
    """
    numbers = [_number(entry) for entry in _entries(reply, "incoming_phone_numbers", "to list numbers")]
    body = decoded(reply)
    return numbers, str(body.get("next_page_uri") or "")


def _webhook_fields(inbound_url: str, status_url: str) -> dict[str, str]:
    return {
        "SmsUrl": inbound_url,
        "SmsMethod": "POST",
        "StatusCallback": status_url,
        "StatusCallbackMethod": "POST",
    }


def _entries(reply: Reply, name: str, doing: str) -> list[dict[str, Any]]:
    body = decoded(reply)
    entries = body.get(name) if reply.status == 200 and isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise refusal(reply, doing)
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("phone_number")]


def _number(entry: dict[str, Any]) -> ProviderNumber:
    capabilities = entry.get("capabilities")
    if not isinstance(capabilities, dict):
        capabilities = {"sms": True}
    # Twilio's older answers spell these in capitals.
    can = {str(name).lower(): bool(value) for name, value in capabilities.items()}
    return ProviderNumber(
        number=str(entry["phone_number"]),
        provider_id=str(entry.get("sid") or ""),
        friendly_name=str(entry.get("friendly_name") or ""),
        country=str(entry.get("iso_country") or ""),
        locality=str(entry.get("locality") or ""),
        region=str(entry.get("region") or ""),
        sms=can.get("sms", False),
        mms=can.get("mms", False),
        voice=can.get("voice", False),
        inbound_url=str(entry.get("sms_url") or ""),
        status_url=str(entry.get("status_callback") or ""),
    )
