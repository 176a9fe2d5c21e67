"""Telnyx passes the cases of every gateway."""

from __future__ import annotations

from integrations.http.values import Reply
from integrations.sms.contract import Webhook
from tests.gateway_cases import GatewayCases
from tests.integrations import telnyx_payloads as telnyx


class TestTelnyx(GatewayCases):
    kind = "telnyx"
    credentials = telnyx.CREDENTIALS
    provider_id = telnyx.MESSAGE_ID
    status_words = ("queued", "scheduled", "sending", "sent", "delivery_unconfirmed", "delivered")

    def accepted_reply(self) -> Reply:
        return Reply(200, {}, telnyx.payload("sent.json"))

    def throttled_reply(self, retry_after_seconds: int) -> Reply:
        return telnyx.error_reply(429, 10011, retry_after=str(retry_after_seconds))

    def rejected_reply(self) -> Reply:
        return telnyx.error_reply(400, 40302)

    def opted_out_reply(self) -> Reply:
        return telnyx.error_reply(403, 40300)

    def bad_number_reply(self) -> Reply:
        return telnyx.error_reply(400, 40310)

    def bad_credentials_reply(self) -> Reply:
        return telnyx.error_reply(401, 10009)

    def status_webhook(self, word: str) -> Webhook:
        return telnyx.status_event(word)

    def inbound_webhook(self) -> Webhook:
        return telnyx.inbound()

    def sign(self, webhook: Webhook) -> Webhook:
        return telnyx.sign(webhook)
