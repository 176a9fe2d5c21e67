"""What a gateway's adapter is: a translator between our values and one provider's HTTP API.

An adapter turns values into a request and a reply into values. It does no I/O, keeps no state and imports neither
Django nor an HTTP client, so the engine, a management view and a test drive the same code. ``docs/adding-a-gateway.md``
shows how to write one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from integrations.http.values import Reply, Request, TransportFailure
from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryReport, DeliveryState, InboundSms

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
    """A number as the provider lists it: to buy (no ``provider_id``) or owned."""

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


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do; the engine acts on this and never on a gateway's kind.

    Args:
        recipients_per_request: most messages of one request.
        own_text_each: each of them may have its own text.
        idempotent_sends: a request that got no answer may be repeated as it is; the message is sent once all the same.
        lookup: a message can be found again.
        lookup_needs_provider_id: it is found by the provider's id and by nothing else.
        inbound: it receives messages.
        numbers: numbers are searched, bought, changed, released and listed through its API.
        media: it sends MMS.
    """

    recipients_per_request: int = 1
    own_text_each: bool = True
    idempotent_sends: bool = False
    lookup: bool = False
    lookup_needs_provider_id: bool = False
    inbound: bool = True
    numbers: bool = False
    media: bool = False


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One field of a gateway's credentials, for its form."""

    name: str
    label: str
    help_text: str = ""
    secret: bool = True
    required: bool = True


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What an adapter is made from.

    Args:
        credentials: decrypted, by field name.
        base_url: without a trailing slash.
        options: anything else the provider needs, by name; always ``key``, the gateway's random name in webhook URLs.
    """

    credentials: Mapping[str, str]
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict)


class SmsAdapter(ABC):
    """One provider's dialect. Instances are cheap to keep and safe to share."""

    kind: ClassVar[str]
    label: ClassVar[str]
    default_base_url: ClassVar[str]
    credential_fields: ClassVar[tuple[CredentialField, ...]]
    #: Codes of failures which say that the sending number is not registered with the carriers, or not verified.
    unregistered_codes: ClassVar[frozenset[str]] = frozenset()
    #: The kind's; an instance may have others, where they depend on a gateway's settings.
    capabilities: Capabilities

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config

    # Sending

    def fits(self, messages: Sequence[OutboundSms]) -> int:
        """How many of these messages, from the first, one request takes; at least 1.

        All of them, where a request asks nothing more of its messages than not to be too many. A provider whose requests
        have one sender, or nobody twice, says here where the request ends; the others wait for the next one.

        Args:
            messages: 1 to ``capabilities.recipients_per_request``.
        """
        return len(messages)

    @abstractmethod
    def build_send(self, messages: Sequence[OutboundSms]) -> Request:
        """A request for 1 to ``capabilities.recipients_per_request`` messages."""

    @abstractmethod
    def parse_send(self, messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
        """One result for each message, in their order. Never raises: what is not understood is ``unknown``."""

    def failed_send(self, messages: Sequence[OutboundSms], failure: TransportFailure) -> list[SendResult]:
        """Results for a request that got no reply."""
        kind = ErrorKind.UNKNOWN if failure.request_left else ErrorKind.NOT_SENT
        code = "no_reply" if failure.request_left else "no_connection"
        error = SendError(kind, code, failure.text)
        return [SendResult(message.id, error=error) for message in messages]

    # Look-up of one message whose fate is unknown (only with capabilities.lookup)

    def build_lookup(self, message: OutboundSms, *, provider_id: str, on_date: str) -> Request:
        """A request that finds one message.

        Args:
            message: what was sent.
            provider_id: the provider's id if we have it, else empty.
            on_date: UTC date of the attempt, ISO 8601.
        """
        raise LookupError(f"{self.label} cannot look messages up.")

    def parse_lookup(self, message: OutboundSms, reply: Reply) -> SendResult | None:
        """What the provider knows of the message; None when it has no trace of it.

        Raises:
            ProviderError: the look-up itself was refused.
        """
        raise LookupError(f"{self.label} cannot look messages up.")

    # Webhooks

    @abstractmethod
    def verify(self, webhook: Webhook) -> None:
        """Check the signature.

        Raises:
            SignatureError: missing or wrong.
        """

    @abstractmethod
    def parse_status(self, webhook: Webhook) -> list[DeliveryReport]:
        """Delivery reports; empty for one that says nothing new.

        Raises:
            UnparsableWebhook: not understood.
        """

    @abstractmethod
    def parse_inbound(self, webhook: Webhook) -> list[InboundSms]:
        """Inbound messages.

        Raises:
            UnparsableWebhook: not understood.
        """

    def webhook_reply(self) -> Reply:
        """What the provider wants to hear when a webhook is stored."""
        return Reply(204)

    # Numbers (only with capabilities.numbers)

    def build_search(self, query: NumberQuery) -> Request:
        """A search for numbers to buy."""
        raise LookupError(f"{self.label} cannot search numbers.")

    def parse_search(self, reply: Reply) -> list[ProviderNumber]:
        """Numbers on offer.

        Raises:
            ProviderError: the provider refused.
        """
        raise LookupError(f"{self.label} cannot search numbers.")

    def build_buy(self, number: str, *, inbound_url: str, status_url: str, friendly_name: str = "") -> Request:
        """A purchase of one number, wired to our webhooks."""
        raise LookupError(f"{self.label} cannot buy numbers.")

    def build_configure(self, provider_id: str, *, inbound_url: str, status_url: str) -> Request:
        """A change of an owned number's webhooks."""
        raise LookupError(f"{self.label} cannot change numbers.")

    def parse_number(self, reply: Reply) -> ProviderNumber:
        """The number that was bought or changed.

        Raises:
            ProviderError: the provider refused.
        """
        raise LookupError(f"{self.label} cannot buy numbers.")

    def build_release(self, provider_id: str) -> Request:
        """A release of an owned number."""
        raise LookupError(f"{self.label} cannot release numbers.")

    def parse_release(self, reply: Reply) -> None:
        """Nothing when released, or gone already.

        Raises:
            ProviderError: the provider refused.
        """
        raise LookupError(f"{self.label} cannot release numbers.")

    def build_list(self, *, page: str = "") -> Request:
        """A page of owned numbers; ``page`` as ``parse_list`` returned it."""
        raise LookupError(f"{self.label} cannot list numbers.")

    def parse_list(self, reply: Reply) -> tuple[list[ProviderNumber], str]:
        """Owned numbers and the next page, empty at the end.

        Raises:
            ProviderError: the provider refused.
        """
        raise LookupError(f"{self.label} cannot list numbers.")
