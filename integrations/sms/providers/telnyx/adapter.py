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
    Webhook,
)
from integrations.sms.errors import AdapterError
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.providers.telnyx.account import read_balance
from integrations.sms.providers.telnyx.lookup import lookup_url, read_lookup
from integrations.sms.providers.telnyx.numbers import TelnyxNumbers
from integrations.sms.providers.telnyx.sending import read_send, send_body
from integrations.sms.providers.telnyx.signature import check_signature, public_key
from integrations.sms.providers.telnyx.webhooks import read_inbound, read_status

_STORED = Reply(200)


class TelnyxAdapter(TelnyxNumbers):
    """Telnyx's dialect (API version 2): one message a request, with a key under which it is sent once only.

    A request without an answer may be repeated under its key (``capabilities.idempotent_sends``) unless the gateway's field
    ``repeats`` says no. What that rests on:

    - Telnyx's page "Idempotency" (developers.telnyx.com, API fundamentals): a key and the same body are answered as the first
      time for 24 hours, if the first request succeeded; another body is a 422, and a second request while the first is under
      way a 409. Keys belong to the organisation, the method and the path.
    - The same page limits this to endpoints whose reference names the header. That of ``POST /v2/messages`` did not when this
      was written, and neither does Telnyx's own Python library of August 2026, which names it for e-mail and others; nothing
      of Telnyx's says that messages are left out. The page's general rule is taken for messages too.

    Where that turns out wrong, a time-out may bring somebody a text twice: then ``repeats`` is set to no.

    The option ``key`` is needed: it makes the keys of this gateway's messages unlike those of any other installation that
    shares the account.

    Raises:
        AdapterError: a credential or the key is missing or unusable; the text names it.
    """

    kind = "telnyx"
    unregistered_codes = frozenset({"40010", "40329"})
    day_spent_codes = frozenset({"40016"})
    label = "Telnyx"
    default_base_url = "https://api.telnyx.com"
    credential_fields = (
        CredentialField("api_key", "API key", "KEY…, from the Telnyx portal (Account, API keys)."),
        CredentialField(
            "public_key",
            "Public key",
            "From the Telnyx portal (Account, Public key): it tells Telnyx's webhooks from forged ones.",
            secret=False,
            for_webhooks=True,
        ),
        CredentialField(
            "messaging_profile_id",
            "Messaging profile ID",
            "From the Telnyx portal (Messaging, Programmable messaging). Numbers that are bought here join this profile, and "
            "its webhook URL is set to ours. Numbers cannot be bought without it.",
            secret=False,
            required=False,
        ),
        CredentialField(
            "repeats",
            "Repeat requests without an answer",
            "Empty or “yes”: a message whose answer was lost is sent again under its Idempotency-Key, which Telnyx takes once. "
            "“no” if people ever get a text twice: such messages then stay unknown until Telnyx reports on them.",
            secret=False,
            required=False,
        ),
    )
    capabilities = Capabilities(
        idempotent_sends=True,
        lookup=True,
        lookup_needs_provider_id=True,
        inbound=True,
        numbers=True,
        number_filters=("area_code", "contains", "locality", "region"),
        wiring="profile",
        media=True,
    )

    def __init__(self, config: GatewayConfig) -> None:
        super().__init__(config)
        self._api = f"{(config.base_url or self.default_base_url).rstrip('/')}/v2"
        self._send_url, self._balance_url = f"{self._api}/messages", f"{self._api}/balance"
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
        self._profile_id = config.credentials.get("messaging_profile_id", "").strip()
        # Without a profile numbers are neither bought nor listed, so that nothing is compared that cannot be known.
        self.capabilities = replace(self.capabilities, idempotent_sends=repeats != "no", numbers=bool(self._profile_id))

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

    def build_check(self, *, on_date: str) -> Request:  # noqa: ARG002  the contract's signature
        """A request for the account's balance."""
        return Request("GET", self._balance_url, self._headers)

    def parse_check(self, reply: Reply) -> str:
        """The account's balance.

        Raises:
            ProviderError: refused, or not understood.
        """
        return read_balance(reply)

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
