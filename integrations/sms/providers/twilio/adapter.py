"""The adapter itself: credentials, capabilities, and which request goes where."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote

from integrations.http.values import Reply, Request
from integrations.sms.contract import (
    Capabilities,
    CredentialField,
    GatewayConfig,
    NumberQuery,
    OutboundSms,
    ProviderNumber,
    SendResult,
    SmsAdapter,
    Webhook,
)
from integrations.sms.errors import AdapterError
from integrations.sms.events import DeliveryReport, InboundSms
from integrations.sms.providers.twilio import numbers
from integrations.sms.providers.twilio.account import read_account
from integrations.sms.providers.twilio.lookup import lookup_url, read_lookup
from integrations.sms.providers.twilio.sending import form_value, read_send, send_body
from integrations.sms.providers.twilio.signature import check_signature
from integrations.sms.providers.twilio.webhooks import read_inbound, read_status

_EMPTY_TWIML = Reply(200, {"content-type": "text/xml"}, b"<Response/>")


class TwilioAdapter(SmsAdapter):
    """Twilio's dialect (API of 2010-04-01). It has no idempotent sends: what is unknown is looked up, never repeated.

    Raises:
        AdapterError: a credential is missing; the text names it.
    """

    kind = "twilio"
    unregistered_codes = frozenset({"30032", "30034"})
    # Not 30022, which is a rate (Twilio's "Error and Warning Dictionary").
    day_spent_codes = frozenset({"30023", "30027"})
    label = "Twilio"
    default_base_url = "https://api.twilio.com"
    credential_fields = (
        CredentialField("account_sid", "Account SID", "AC…, from the Twilio Console's first page.", secret=False),
        CredentialField("auth_token", "Auth token", "The primary one; Twilio signs webhooks with it."),
        CredentialField(
            "api_key_sid",
            "API key SID",
            "SK…; with its secret, requests use it instead of the auth token.",
            secret=False,
            required=False,
        ),
        CredentialField("api_key_secret", "API key secret", "Belongs to the API key SID.", required=False),
        CredentialField(
            "messaging_service_sid",
            "Messaging service SID",
            "MG…; only if your numbers are in a messaging service.",
            secret=False,
            required=False,
        ),
        CredentialField(
            "webhook_shared_key",
            "Webhook shared key",
            "Only if webhooks are signed with a shared key instead of the auth token.",
            required=False,
            for_webhooks=True,
        ),
    )
    capabilities = Capabilities(lookup=True, inbound=True, numbers=True, media=True)
    repeat_header = "i-twilio-idempotency-token"

    def __init__(self, config: GatewayConfig) -> None:
        super().__init__(config)
        given = config.credentials
        account_sid, auth_token = (self._required(name) for name in ("account_sid", "auth_token"))
        user, password = account_sid, auth_token
        self._has_api_key = bool(given.get("api_key_sid") or given.get("api_key_secret"))
        if self._has_api_key:
            user, password = (self._required(name) for name in ("api_key_sid", "api_key_secret"))
        self._base_url = (config.base_url or self.default_base_url).rstrip("/")
        self._api = f"{self._base_url}/2010-04-01/Accounts/{quote(account_sid, safe='')}"
        self._send_url = f"{self._api}/Messages.json"
        basic = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = (("authorization", f"Basic {basic}"), ("accept", "application/json"))
        self._form_headers = (*self._headers, ("content-type", "application/x-www-form-urlencoded"))
        service = given.get("messaging_service_sid", "").strip()
        self._service_field = b"&MessagingServiceSid=" + form_value(service) if service else b""
        shared_key = given.get("webhook_shared_key", "").strip()
        self._signing_keys = tuple(key.encode() for key in (auth_token, shared_key) if key)

    def _required(self, name: str) -> str:
        value = self.config.credentials.get(name, "").strip()
        if not value:
            label = next(field.label for field in self.credential_fields if field.name == name)
            raise AdapterError(f"The Twilio gateway has no {label}. Fill it in on the gateway's page.")
        return value

    def build_send(self, messages: Sequence[OutboundSms]) -> Request:
        """A request for one message; Twilio takes no more at a time.

        Raises:
            ValueError: not exactly one message.
        """
        (message,) = messages
        return Request("POST", self._send_url, self._form_headers, send_body(message, self._service_field))

    def parse_send(self, messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
        """The result of the message. Never raises: what is not understood is ``unknown``."""
        return [read_send(message.id, reply) for message in messages]

    def build_lookup(self, message: OutboundSms, *, provider_id: str, on_date: str) -> Request:
        """A request for the message by its id, or for the messages to its recipient since that date.

        Args:
            message: what was sent.
            provider_id: Twilio's id if we have it, else empty.
            on_date: UTC date of the attempt, ISO 8601.
        """
        return Request("GET", lookup_url(self._api, message, provider_id, on_date), self._headers)

    def parse_lookup(self, message: OutboundSms, reply: Reply) -> SendResult | None:
        """What Twilio knows of the message; None when it has no trace of it.

        A message that failed after Twilio took it has both a state and an error.

        Raises:
            ProviderError: the look-up itself was refused.
        """
        return read_lookup(message, reply)

    def build_check(self, *, on_date: str) -> Request:
        """A request for the account or, with an API key, for its numbers: a standard key may not read the account."""
        if self._has_api_key:
            return super().build_check(on_date=on_date)
        return Request("GET", f"{self._api}.json", self._headers)

    def parse_check(self, reply: Reply) -> str:
        """What the account is called and whether it is active, or how many numbers it has.

        Raises:
            ProviderError: refused, or the account is suspended or closed.
        """
        return super().parse_check(reply) if self._has_api_key else read_account(reply)

    def unchecked(self) -> tuple[CredentialField, ...]:
        """What only a webhook tests; the auth token too where requests use an API key."""
        with_key = [field for field in self.credential_fields if self._has_api_key and field.name == "auth_token"]
        return (*with_key, *super().unchecked())

    def verify(self, webhook: Webhook) -> None:
        """Check the signature.

        Raises:
            SignatureError: missing or wrong.
        """
        check_signature(webhook, self._signing_keys)

    def parse_status(self, webhook: Webhook) -> list[DeliveryReport]:
        """The delivery report of a status callback.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_status(webhook)

    def parse_inbound(self, webhook: Webhook) -> list[InboundSms]:
        """The message of an inbound webhook.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_inbound(webhook)

    def webhook_reply(self) -> Reply:
        """Empty TwiML: we answer with messages of our own, not in the webhook's reply."""
        return _EMPTY_TWIML

    def build_search(self, query: NumberQuery) -> Request:
        """A search for numbers to buy.

        Raises:
            ValueError: the query makes no sense to Twilio.
        """
        return Request("GET", numbers.search_url(self._api, query), self._headers)

    def parse_search(self, reply: Reply) -> list[ProviderNumber]:
        """Numbers on offer.

        Raises:
            ProviderError: Twilio refused.
        """
        return numbers.read_search(reply)

    def build_buy(self, number: str, *, inbound_url: str, status_url: str, friendly_name: str = "") -> Request:
        """A purchase of one number, wired to our webhooks."""
        form = numbers.buy_form(number, inbound_url, status_url, friendly_name)
        return Request("POST", f"{self._api}/IncomingPhoneNumbers.json", self._form_headers, form)

    def build_configure(self, provider_id: str, *, inbound_url: str, status_url: str) -> Request:
        """A change of an owned number's webhooks; an empty URL takes one away."""
        form = numbers.configure_form(inbound_url, status_url)
        return Request("POST", numbers.number_url(self._api, provider_id), self._form_headers, form)

    def parse_number(self, reply: Reply) -> ProviderNumber:
        """The number that was bought or changed.

        Raises:
            ProviderError: Twilio refused.
        """
        return numbers.read_number(reply)

    def build_release(self, provider_id: str) -> Request:
        """A release of an owned number."""
        return Request("DELETE", numbers.number_url(self._api, provider_id), self._headers)

    def parse_release(self, reply: Reply) -> None:
        """Nothing when released, or gone already.

        Raises:
            ProviderError: Twilio refused.
        """
        numbers.read_release(reply)

    def build_list(self, *, page: str = "") -> Request:
        """A page of owned numbers; ``page`` as ``parse_list`` returned it.

        Raises:
            ValueError: the page is not at the gateway's address.
        """
        return Request("GET", numbers.list_url(self._base_url, self._api, page), self._headers)

    def parse_list(self, reply: Reply) -> tuple[list[ProviderNumber], str]:
        """Owned numbers and the next page, empty at the end.

        Raises:
            ProviderError: Twilio refused.
        """
        return numbers.read_list(reply)
