"""What a gateway's adapter is: a translator between our values and one provider's HTTP API.

An adapter turns values into a request and a reply into values. It does no I/O, keeps no state and imports neither
Django nor an HTTP client, so the engine, a management view and a test drive the same code. ``docs/adding-a-gateway.md``
shows how to write one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from integrations.http.values import Reply, Request, TransportFailure
from integrations.sms.errors import ErrorKind, SendError
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.steps import Steps, one, paged
from integrations.sms.values import (
    Capabilities,
    CredentialField,
    GatewayConfig,
    NumberQuery,
    OutboundSms,
    ProviderNumber,
    SendResult,
    Webhook,
)

# An adapter needs no other import than this one for its values.
__all__ = [
    "Capabilities",
    "CredentialField",
    "GatewayConfig",
    "NumberQuery",
    "OutboundSms",
    "ProviderNumber",
    "SendResult",
    "SmsAdapter",
    "Webhook",
]

_NOBODY = OutboundSms(0, "", "", "")


class SmsAdapter(ABC):
    """One provider's dialect. Instances are cheap to keep and safe to share."""

    kind: ClassVar[str]
    label: ClassVar[str]
    default_base_url: ClassVar[str]
    credential_fields: ClassVar[tuple[CredentialField, ...]]
    #: Lower-case name of a header that is the same in all attempts to deliver one webhook; empty if there is none.
    repeat_header: ClassVar[str] = ""
    #: Codes of failures which say that the sending number is not registered with the carriers, or not verified.
    unregistered_codes: ClassVar[frozenset[str]] = frozenset()
    #: Codes of failures which say that the carriers take no more of the sending number's brand today. Not those of a rate.
    day_spent_codes: ClassVar[frozenset[str]] = frozenset()
    #: The kind's; an instance may have others, where they depend on a gateway's settings.
    capabilities: Capabilities
    #: What a person does at the provider so that bought numbers receive messages; empty when nothing.
    wiring_help: ClassVar[str] = ""

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

    def next_lookup(self, message: OutboundSms, request: Request, reply: Reply) -> Request | None:
        """Where a look-up goes on when this reply did not have the message; None where the reply was the whole answer.

        Messages that are asked about with equal requests share their answers, so that one may tell of many.

        Args:
            message: what was sent.
            request: a look-up's.
            reply: its reply, which ``parse_lookup`` has read.
        """
        return None

    # Whether the credentials are right

    def build_check(self, *, on_date: str) -> Request:
        """A request that needs the credentials, costs nothing and changes nothing.

        Args:
            on_date: today's UTC date, ISO 8601.
        """
        if self.capabilities.numbers and not self.capabilities.own_numbers_key:
            return self.build_list()
        # There is no message 0, which is as good an answer as any.
        return self.build_lookup(_NOBODY, provider_id="", on_date=on_date)

    def parse_check(self, reply: Reply) -> str:
        """What the answer tells of the account, for a person; empty if nothing.

        Raises:
            ProviderError: the credentials were refused, or the answer is not understood.
        """
        if not self.capabilities.numbers or self.capabilities.own_numbers_key:
            self.parse_lookup(_NOBODY, reply)
            return ""
        return self.parse_numbers_check(reply)

    def build_numbers_check(self) -> Request | None:
        """A request that tests what only numbers need; None where the one above tests all there is."""
        return self.build_list() if self.capabilities.numbers and self.capabilities.own_numbers_key else None

    def parse_numbers_check(self, reply: Reply) -> str:
        """How many numbers there are, for a person.

        Raises:
            ProviderError: the credentials were refused, or the answer is not understood.
        """
        numbers, more = self.parse_list(reply)
        return f"{len(numbers)}{' or more' if more else ''} number{'' if len(numbers) == 1 else 's'}"

    def unchecked(self) -> tuple[CredentialField, ...]:
        """Credentials that were given and that no request tests: only a webhook shows whether they are right."""
        given = self.config.credentials
        return tuple(field for field in self.credential_fields if field.for_webhooks and given.get(field.name))

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

    # Numbers (only with capabilities.numbers). What takes more than one request at some provider is a generator of them

    def build_search(self, query: NumberQuery) -> Request:
        """A search for numbers to buy.

        Raises:
            ValueError: the query makes no sense to the provider; the text says why.
        """
        raise LookupError(f"{self.label} cannot search numbers.")

    def parse_search(self, reply: Reply) -> list[ProviderNumber]:
        """Numbers on offer.

        Raises:
            ProviderError: the provider refused.
        """
        raise LookupError(f"{self.label} cannot search numbers.")

    def buying(
        self, number: str, *, inbound_url: str, status_url: str, friendly_name: str = ""
    ) -> Steps[ProviderNumber]:
        """The purchase of one number, wired to our webhooks as far as the purchase itself can do it.

        Raises:
            NumberPending: it is ordered, and is not ours yet.
            ProviderError: the provider refused.
        """
        request = self.build_buy(number, inbound_url=inbound_url, status_url=status_url, friendly_name=friendly_name)
        return one(request, self.parse_number)

    def wiring(self, number: ProviderNumber, *, inbound_url: str, status_url: str) -> Steps[ProviderNumber]:
        """An owned number's webhooks set to ours; harmless when they are already.

        Raises:
            NumberPending: it is not ready for it yet.
            ProviderError: the provider refused.
        """
        request = self.build_configure(number.provider_id, inbound_url=inbound_url, status_url=status_url)
        return one(request, self.parse_number)

    def is_wired(self, number: ProviderNumber, *, inbound_url: str, status_url: str) -> bool:
        """Whether messages to an owned number reach us, as far as the provider tells.

        Args:
            number: as ``buying``, ``wiring`` or ``finding`` returned it, or a list with ``capabilities.lists_urls``.
            inbound_url: ours.
            status_url: ours; only providers that keep one at a number are asked for it.
        """
        return (number.inbound_url, number.status_url) == (inbound_url, status_url)

    def finding(self, number: str) -> Steps[ProviderNumber | None]:
        """A number among those owned, with its addresses; None when it is not.

        Raises:
            NumberPending: it is ordered, and is not ours yet.
            ProviderError: the provider refused.
        """
        owned = yield from self.listing()
        return next((item for item in owned if item.number == number), None)

    def listing(self) -> Steps[list[ProviderNumber]]:
        """All owned numbers, page by page.

        Raises:
            ProviderError: the provider refused.
        """
        return paged(lambda page: self.build_list(page=page), self.parse_list)

    def build_buy(self, number: str, *, inbound_url: str, status_url: str, friendly_name: str = "") -> Request:
        """A purchase of one number, for a provider that needs one request."""
        raise LookupError(f"{self.label} cannot buy numbers.")

    def build_configure(self, provider_id: str, *, inbound_url: str, status_url: str) -> Request:
        """A change of an owned number's webhooks, for a provider that needs one request."""
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
