"""The values that go into an adapter and come out of it. They know nothing of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from integrations.sms.errors import SendError
from integrations.sms.events import DeliveryState

# The two that there are hundreds of thousands of are named tuples: they are made in a third of a dataclass's time.


class OutboundSms(NamedTuple):
    """One message to one recipient.

    Args:
        id: our id; the engine matches results by it.
        sender: E.164 or a short code's digits.
        recipient: E.164.
        body: rendered text.
        status_url: where the provider reports delivery; carries our id in its path.
        media_urls: links of an MMS.
    """

    id: int
    sender: str
    recipient: str
    body: str
    status_url: str = ""
    media_urls: tuple[str, ...] = ()


class SendResult(NamedTuple):
    """What became of one message.

    Args:
        message_id: our id.
        provider_id: the provider's id, empty if there is none.
        state: ``ACCEPTED`` or whatever further state the reply already tells; None with an error.
        segments: segments as the provider counts them, None if it does not say.
        error: None when the provider took the message.
    """

    message_id: int
    provider_id: str = ""
    state: DeliveryState | None = None
    segments: int | None = None
    error: SendError | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook's request as it arrived.

    Args:
        url: the *public* URL it was sent to, query string included; this is what providers sign.
        headers: lower-case names.
        body: as it arrived.
        method: HTTP method in capitals.
        message_id: our id from the path, where the status URL carried it.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class NumberQuery:
    """A search for numbers to buy.

    Args:
        country: ISO 3166-1 alpha-2.
        kind: ``local``, ``toll_free`` or ``mobile``.
        area_code: e.g. ``415``.
        contains: digits (and ``*``) that the number should hold.
        locality, region, postal_code: near a place.
        limit: most results wanted.
    """

    country: str = "US"
    kind: str = "local"
    area_code: str = ""
    contains: str = ""
    locality: str = ""
    region: str = ""
    postal_code: str = ""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class ProviderNumber:
    """A number as the provider lists it: to buy (no ``provider_id``) or owned.

    Prices are None and the currency is empty where the provider does not tell them. ``sms`` is what the number is able to do;
    ``is_assigned`` says whether it belongs to what this gateway sends through, where the provider ties numbers to such a thing.
    """

    number: str
    provider_id: str = ""
    friendly_name: str = ""
    country: str = ""
    locality: str = ""
    region: str = ""
    sms: bool = True
    mms: bool = False
    voice: bool = False
    inbound_url: str = ""
    status_url: str = ""
    monthly_price: Decimal | None = None
    upfront_price: Decimal | None = None
    currency: str = ""
    is_assigned: bool = True


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do; the engine acts on this and never on a gateway's kind.

    Args:
        recipients_per_request: most messages of one request.
        own_text_each: each of them may have its own text.
        idempotent_sends: a request that got no answer may be repeated as it is within 12 hours; the message is sent once all
            the same.
        lookup: a message can be found again.
        lookup_needs_provider_id: it is found by the provider's id and by nothing else.
        inbound: it receives messages.
        numbers: numbers are searched, bought, changed, released and listed through its API.
        number_kinds: the kinds that its search knows.
        number_filters: the fields of a ``NumberQuery`` beside country and kind that its search honours.
        wiring: where the address for inbound messages is set: at the ``number``, at a ``profile`` that numbers share, or at
            the ``account``, by hand, where no request reads or changes it.
        lists_urls: a list of numbers tells their addresses; without it each number has to be asked for.
        own_numbers_key: numbers need other credentials than messages, or other rights, so one of the two may be wrong alone.
        media: it sends MMS.
    """

    recipients_per_request: int = 1
    own_text_each: bool = True
    idempotent_sends: bool = False
    lookup: bool = False
    lookup_needs_provider_id: bool = False
    inbound: bool = True
    numbers: bool = False
    number_kinds: tuple[str, ...] = ("local", "toll_free", "mobile")
    number_filters: tuple[str, ...] = ("area_code", "contains", "locality", "region", "postal_code")
    wiring: str = "number"
    lists_urls: bool = True
    own_numbers_key: bool = False
    media: bool = False


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of a gateway's credentials, for its form.

    Args:
        name: in the credentials.
        label: for people.
        help_text: where to find it.
        secret: never shown again once it is stored.
        required: nothing works without it.
        for_webhooks: webhooks are checked with it, and no request shows whether it is right.
    """

    name: str
    label: str
    help_text: str = ""
    secret: bool = True
    required: bool = True
    for_webhooks: bool = False


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What an adapter is made from.

    Args:
        credentials: decrypted, by field name.
        base_url: without a trailing slash.
        options: anything else the provider needs, by name; always ``key``, the gateway's random name in webhook URLs.
    """

    # Not in what a log or an error page shows of it.
    credentials: Mapping[str, str] = field(repr=False)
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict)
