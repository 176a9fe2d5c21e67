"""The adapter itself: credentials, capabilities, and which request goes where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from integrations.http.values import Reply, Request
from integrations.sms.contract import (
    Capabilities,
    CredentialField,
    GatewayConfig,
    OutboundSms,
    SendResult,
    SmsAdapter,
    Webhook,
)
from integrations.sms.errors import AdapterError
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.providers.telnyx.lookup import lookup_url, read_lookup
from integrations.sms.providers.telnyx.sending import read_send, send_body
from integrations.sms.providers.telnyx.signature import check_signature, public_key
from integrations.sms.providers.telnyx.webhooks import read_inbound, read_status

_STORED = Reply(200)


class TelnyxAdapter(SmsAdapter):
    """Telnyx's dialect (API version 2): one message a request, with a key under which it is sent once only.

    Requests without an answer are repeated only if the gateway's settings say that Telnyx takes a key once.

    The option ``key`` is needed: it makes the keys of this gateway's messages unlike those of any other installation that
    shares the account.

    Raises:
        AdapterError: a credential or the key is missing or unusable; the text names it.
    """

    kind = "telnyx"
    unregistered_codes = frozenset({"40010", "40329"})
    label = "Telnyx"
    default_base_url = "https://api.telnyx.com"
    credential_fields = (
        CredentialField("api_key", "API key", "KEY…, from the Telnyx portal (Account, API keys)."),
        CredentialField(
            "public_key",
            "Public key",
            "From the Telnyx portal (Account, Public key): it tells Telnyx's webhooks from forged ones.",
            secret=False,
        ),
        CredentialField(
            "repeats",
            "Repeat requests without an answer",
            "“yes” once Telnyx has told you that it honours Idempotency-Key when messages are sent (POST /v2/messages): its "
            "reference does not say so, and if it does not, people get a text twice. Otherwise such messages stay unknown.",
            secret=False,
            required=False,
        ),
    )
    # Telnyx's page on idempotency applies to requests whose reference names the header; that of sends does not.
    capabilities = Capabilities(lookup=True, lookup_needs_provider_id=True, inbound=True, media=True)

    def __init__(self, config: GatewayConfig) -> None:
        super().__init__(config)
        self._send_url = f"{(config.base_url or self.default_base_url).rstrip('/')}/v2/messages"
        self._headers = (("authorization", f"Bearer {self._required('api_key')}"), ("accept", "application/json"))
        self._send_headers = (*self._headers, ("content-type", "application/json"))
        key = config.options.get("key", "")
        if not key:
            raise AdapterError("The Telnyx gateway has no key for its requests. Save the gateway once more.")
        self._key_prefix = f"{key}-"
        self._public_key = public_key(self._required("public_key"))
        repeats = config.credentials.get("repeats", "").strip().lower()
        if repeats not in ("", "no", "yes"):
            raise AdapterError("“Repeat requests without an answer” is yes or no. Correct it on the gateway's page.")
        if repeats == "yes":
            self.capabilities = replace(self.capabilities, idempotent_sends=True)

    def _required(self, name: str) -> str:
        value = self.config.credentials.get(name, "").strip()
        if not value:
            label = next(field.label for field in self.credential_fields if field.name == name)
            raise AdapterError(f"The Telnyx gateway has no {label}. Fill it in on the gateway's page.")
        return value

    def build_send(self, messages: Sequence[OutboundSms]) -> Request:
        """A request for one message; the same message always makes the same request.

        Raises:
            ValueError: not exactly one message.
        """
        (message,) = messages
        headers = (*self._send_headers, ("idempotency-key", f"{self._key_prefix}{message.id}"))
        return Request("POST", self._send_url, headers, send_body(message))

    def parse_send(self, messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
        """The result of the message. Never raises: what is not understood is ``unknown``."""
        return [read_send(message.id, reply) for message in messages]

    def build_lookup(self, message: OutboundSms, *, provider_id: str, on_date: str) -> Request:  # noqa: ARG002  the id does
        """A request for the message by Telnyx's id.

        Args:
            message: what was sent.
            provider_id: Telnyx's id; without one the answer is that there is no such message.
            on_date: not needed; Telnyx finds messages for ten days.
        """
        return Request("GET", lookup_url(self._send_url, provider_id), self._headers)

    def parse_lookup(self, message: OutboundSms, reply: Reply) -> SendResult | None:
        """What Telnyx knows of the message; None when it has no trace of it.

        A message that failed after Telnyx took it has both a state and an error.

        Raises:
            ProviderError: the look-up itself was refused.
        """
        return read_lookup(message, reply)

    def verify(self, webhook: Webhook) -> None:
        """Check the signature and its time.

        Raises:
            SignatureError: missing or wrong, or from another time.
        """
        check_signature(webhook, self._public_key)

    def parse_status(self, webhook: Webhook) -> list[DeliveryReport]:
        """The delivery report of a status event.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_status(webhook)

    def parse_inbound(self, webhook: Webhook) -> list[InboundSms]:
        """The message of an inbound event.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_inbound(webhook)

    def webhook_reply(self) -> Reply:
        """200: Telnyx repeats what is answered with anything else."""
        return _STORED
