"""The adapter itself: credentials, capabilities, and which request goes where."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

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
from integrations.sms.providers.sinch.lookup import lookup_url, next_url, read_lookup
from integrations.sms.providers.sinch.numbers import SinchNumbers
from integrations.sms.providers.sinch.references import References
from integrations.sms.providers.sinch.sending import fitting, read_send, send_body
from integrations.sms.providers.sinch.signature import check_webhook
from integrations.sms.providers.sinch.webhooks import read_inbound, read_status

_STORED = Reply(200)


class SinchAdapter(SinchNumbers):
    """Sinch's dialect (SMS REST API): a batch from one number to many people, whose texts differ in parameters.

    The option ``key`` is needed: it makes this gateway's batches unlike those of any other.

    Raises:
        AdapterError: a credential or the key is missing; the text names it.
    """

    kind = "sinch"
    label = "Sinch"
    default_base_url = "https://us.sms.api.sinch.com"
    credential_fields = (
        CredentialField(
            "service_plan_id",
            "Service plan ID",
            "From Sinch's dashboard, under SMS and then REST. A plan in Europe has https://eu.sms.api.sinch.com as Base URL.",
            secret=False,
        ),
        CredentialField("api_token", "API token", "Beside the service plan ID in the dashboard."),
        CredentialField(
            "webhook_secret",
            "Webhook secret",
            "Key of the HMAC with which Sinch signs the service plan's callbacks. Webhooks are refused without it.",
            required=False,
            for_webhooks=True,
        ),
        CredentialField(
            "numbers_project_id",
            "Numbers project ID",
            "From Sinch's dashboard (Settings, Projects), with the two fields below: numbers are found and bought with them.",
            secret=False,
            required=False,
        ),
        CredentialField(
            "numbers_key_id",
            "Access key ID",
            "From Sinch's dashboard (Settings, Access keys), for that project.",
            secret=False,
            required=False,
        ),
        CredentialField("numbers_key_secret", "Access key secret", "Shown once, with the key.", required=False),
    )
    capabilities = Capabilities(
        recipients_per_request=1000,
        own_text_each=True,
        lookup=True,
        inbound=True,
        numbers=True,
        number_filters=("area_code", "contains"),
        wiring="account",
        own_numbers_key=True,
    )
    wiring_help = (
        "Sinch sends what numbers receive to the callback URL of their service plan: set ours there once, in Sinch's dashboard "
        "under SMS and then REST."
    )

    def __init__(self, config: GatewayConfig) -> None:
        super().__init__(config)
        key = config.options.get("key", "")
        if not key:
            raise AdapterError("The Sinch gateway has no key for its batches' references. Save the gateway once more.")
        self._references = References(key)
        base_url = (config.base_url or self.default_base_url).rstrip("/")
        self._plan_id = self._required("service_plan_id")
        self._batches_url = f"{base_url}/xms/v1/{quote(self._plan_id, safe='')}/batches"
        has_key = self._set_up_numbers(
            base_url,
            project_id=self._given("numbers_project_id"),
            key_id=self._given("numbers_key_id"),
            key_secret=self._given("numbers_key_secret"),
        )
        self.capabilities = replace(self.capabilities, numbers=has_key)
        self._headers = (("authorization", f"Bearer {self._required('api_token')}"), ("accept", "application/json"))
        self._send_headers = (*self._headers, ("content-type", "application/json"))
        self._webhook_secret = self._given("webhook_secret").encode()

    def _given(self, name: str) -> str:
        return self.config.credentials.get(name, "").strip()

    def _required(self, name: str) -> str:
        value = self._given(name)
        if not value:
            label = next(field.label for field in self.credential_fields if field.name == name)
            raise AdapterError(f"The Sinch gateway has no {label}. Fill it in on the gateway's page.")
        return value

    def fits(self, messages: Sequence[OutboundSms]) -> int:
        """How many messages, from the first, go into one batch.

        A batch has one sender, nobody twice, and texts that can be told apart by parameters.
        """
        return fitting(messages, self.capabilities.recipients_per_request)

    def build_send(self, messages: Sequence[OutboundSms]) -> Request:
        """One batch for 1 to 1,000 messages that ``fits`` lets go together; media links are not sent.

        Raises:
            ValueError: none, too many, or messages that do not go together.
        """
        most = self.capabilities.recipients_per_request
        if not 1 <= len(messages) <= most:
            raise ValueError(f"A request takes 1 to {most} messages.")
        if len({message.sender for message in messages}) > 1:
            raise ValueError("A batch has one sender: ask fits() how many messages go together.")
        if len({message.recipient for message in messages}) < len(messages):
            raise ValueError("Nobody is in a batch twice: ask fits() how many messages go together.")
        return Request("POST", self._batches_url, self._send_headers, send_body(messages, self._references))

    def parse_send(self, messages: Sequence[OutboundSms], reply: Reply) -> list[SendResult]:
        """One result for each message, in their order. Never raises: what is not understood is ``unknown``.

        Where Sinch refuses the whole batch and names the message at fault, that one is rejected and the others are
        ``not_sent``; where it names none, all are rejected.
        """
        return read_send(messages, reply)

    def build_lookup(self, message: OutboundSms, *, provider_id: str, on_date: str) -> Request:
        """A request for the message's delivery report or, where its reply was lost, for the batches that may hold it.

        Args:
            message: what was sent.
            provider_id: batch and recipient, if known.
            on_date: UTC date of the attempt. Sinch keeps batches for 14 days.
        """
        reference = self._references.of(message.id)
        url = lookup_url(self._batches_url, message, reference, given=provider_id, on_date=on_date)
        return Request("GET", url, self._headers)

    def parse_lookup(self, message: OutboundSms, reply: Reply) -> SendResult | None:
        """What Sinch knows of the message; None when there is no trace of it in this reply.

        A message that failed after Sinch took it has both a state and an error.

        Raises:
            ProviderError: the look-up itself was refused.
        """
        return read_lookup(message, self._references, reply)

    def next_lookup(self, message: OutboundSms, request: Request, reply: Reply) -> Request | None:
        """The next page of batches; behind the last one, the batches of the block before the message's own."""
        url = next_url(request.url, message, self._references, reply)
        return replace(request, url=url) if url else None

    def verify(self, webhook: Webhook) -> None:
        """Check the signature and its age.

        Raises:
            SignatureError: missing, wrong or old, or the gateway has nothing to check it with.
        """
        check_webhook(webhook, secret=self._webhook_secret, now=time.time())

    def parse_status(self, webhook: Webhook) -> list[DeliveryReport]:
        """Delivery reports, of this gateway's messages only.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_status(webhook, self._references)

    def parse_inbound(self, webhook: Webhook) -> list[InboundSms]:
        """The inbound message.

        Raises:
            UnparsableWebhook: not understood.
        """
        return read_inbound(webhook)

    def webhook_reply(self) -> Reply:
        """200, the status that Sinch documents."""
        return _STORED
