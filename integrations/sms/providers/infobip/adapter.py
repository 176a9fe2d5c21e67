"""The adapter itself: credentials, capabilities, and which request goes where."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from integrations.http.values import Reply, Request
from integrations.sms.contract import (
    Capabilities,
    CredentialField,
    GatewayConfig,
    OutboundSms,
    SendResult,
    Webhook,
)
from integrations.sms.errors import AdapterError
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.providers.infobip.lookup import lookup_url, read_lookup
from integrations.sms.providers.infobip.message_ids import MessageIds
from integrations.sms.providers.infobip.numbers import InfobipNumbers
from integrations.sms.providers.infobip.sending import read_send, send_body
from integrations.sms.providers.infobip.signature import DEFAULT_HEADER, check_webhook
from integrations.sms.providers.infobip.webhooks import read_inbound, read_status

_STORED = Reply(200)


class InfobipAdapter(InfobipNumbers):
    """Infobip's dialect (SMS API version 3): many messages a request, each with its own text and our own id.

    The option ``key`` is needed: it makes the ids of this gateway's messages unlike those of any other.

    Raises:
        AdapterError: a credential or the key is missing; the text names it.
    """

    kind = "infobip"
    unregistered_codes = frozenset({"error_488", "error_572"})
    # Of Infobip's "10DLC: Throughput", which says that it keeps such messages for the next morning by now; 541 is a minute's rate.
    day_spent_codes = frozenset({"error_542"})
    label = "Infobip"
    default_base_url = "https://api.infobip.com"
    credential_fields = (
        CredentialField(
            "api_key",
            "API key",
            "From Infobip's portal, with the right to send SMS and read logs, and to manage numbers if they are bought here. Your "
            "account's own address (https://….api.infobip.com) goes into Base URL.",
        ),
        CredentialField(
            "webhook_secret",
            "Webhook secret",
            "Key of the HMAC in Infobip's security settings. Webhooks are refused without this or a webhook user.",
            required=False,
            for_webhooks=True,
        ),
        CredentialField(
            "webhook_signature_header",
            "Webhook signature header",
            f"The header's name in those settings; {DEFAULT_HEADER} if empty.",
            secret=False,
            required=False,
            for_webhooks=True,
        ),
        CredentialField(
            "webhook_user",
            "Webhook user",
            "If Infobip's security settings have Basic instead of HMAC.",
            secret=False,
            required=False,
            for_webhooks=True,
        ),
        CredentialField(
            "webhook_password", "Webhook password", "Belongs to the webhook user.", required=False, for_webhooks=True
        ),
    )
    # Infobip documents "thousands" a request and no limit; a thousand is what the engine hands out at once.
    capabilities = Capabilities(
        recipients_per_request=1000,
        own_text_each=True,
        lookup=True,
        inbound=True,
        numbers=True,
        number_filters=("area_code", "contains", "region"),
        lists_urls=False,
        own_numbers_key=True,
    )

    def __init__(self, config: GatewayConfig) -> None:
        super().__init__(config)
        self._ids = MessageIds(self._key())
        self._base_url = (config.base_url or self.default_base_url).rstrip("/")
        self._send_url = f"{self._base_url}/sms/3/messages"
        self._headers = (("authorization", f"App {self._required('api_key')}"), ("accept", "application/json"))
        self._send_headers = (*self._headers, ("content-type", "application/json"))
        self._webhook_secret = self._given("webhook_secret").encode()
        self._webhook_header = (self._given("webhook_signature_header") or DEFAULT_HEADER).lower()
        self._webhook_basic = b""
        if self._given("webhook_user") or self._given("webhook_password"):
            pair = f"{self._required('webhook_user')}:{self._required('webhook_password')}"
            self._webhook_basic = b"Basic " + b64encode(pair.encode())

    def _key(self) -> str:
        key = self.config.options.get("key", "")
        if not key:
            raise AdapterError("The Infobip gateway has no key for its messages' ids. Save the gateway once more.")
        return key

    def _given(self, name: str) -> str:
        return self.config.credentials.get(name, "").strip()

    def _required(self, name: str) -> str:
        value = self._given(name)
        if not value:
            label = next(field.label for field in self.credential_fields if field.name == name)
            raise AdapterError(f"The Infobip gateway has no {label}. Fill it in on the gateway's page.")
        return value

    def build_send(self, messages: Sequence[OutboundSms]) -> Request:
        """One request for 1 to 1,000 messages; media links are not sent.

        Raises:
            ValueError: none, or too many.
        """
        if not 1 <= len(messages) <= self.capabilities.recipients_per_request:
            raise ValueError(f"A request takes 1 to {self.capabilities.recipients_per_request} messages.")
        return Request("POST", self._send_url, self._send_headers, send_body(messages, self._ids))

    def parse_send(self, messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
        """One result for each message, in their order. Never raises: what is not understood is ``unknown``.

        Where Infobip refuses the whole request and names the messages at fault, those are rejected and the others are
        ``not_sent``; where it names none, all are rejected.
        """
        return read_send(messages, self._ids, reply)

    def build_lookup(self, message: OutboundSms, *, provider_id: str, on_date: str) -> Request:  # noqa: ARG002  our own id does
        """A request for the message by the id that we gave it.

        Args:
            message: what was sent.
            provider_id: the same id, if it is known that Infobip has it; not needed.
            on_date: not needed; Infobip's logs reach back 48 hours.
        """
        return Request("GET", lookup_url(self._base_url, self._ids.of(message.id)), self._headers)

    def parse_lookup(self, message: OutboundSms, reply: Reply) -> SendResult | None:
        """What Infobip knows of the message; None when it has no trace of it.

        A message that failed after Infobip took it has both a state and an error.

        Raises:
            ProviderError: the look-up itself was refused.
        """
        return read_lookup(message, self._ids, reply)

    def verify(self, webhook: Webhook) -> None:
        """Check the signature, or the user and password.

        Raises:
            SignatureError: missing or wrong, or the gateway has neither to check with.
        """
        check_webhook(webhook, secret=self._webhook_secret, header=self._webhook_header, basic=self._webhook_basic)

    def parse_status(self, webhook: Webhook) -> list[DeliveryReport]:
        """Delivery reports, of this gateway's messages only.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_status(webhook, self._ids)

    def parse_inbound(self, webhook: Webhook) -> list[InboundSms]:
        """Inbound messages.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_inbound(webhook)

    def webhook_reply(self) -> Reply:
        """200, the one status that Infobip documents."""
        return _STORED
