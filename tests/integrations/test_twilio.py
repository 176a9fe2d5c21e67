"""Twilio passes the cases of every gateway."""

from __future__ import annotations

from integrations.http.values import Reply
from integrations.sms.contract import Webhook
from tests.gateway_cases import GatewayCases
from tests.integrations import twilio_payloads as twilio


class TestTwilio(GatewayCases):
    kind = "twilio"
    credentials = {"account_sid": twilio.ACCOUNT_SID, "auth_token": twilio.AUTH_TOKEN}
    provider_id = twilio.MESSAGE_SID
    status_words = ("accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", "delivered", "read")

    def accepted_reply(self) -> Reply:
        return Reply(201, {}, twilio.payload("message_queued.json"))

    def throttled_reply(self, retry_after_seconds: int) -> Reply:
        return twilio.error_reply(20429, retry_after=str(retry_after_seconds))

    def rejected_reply(self) -> Reply:
        return twilio.error_reply(21617)

    def opted_out_reply(self) -> Reply:
        return twilio.error_reply(21610)

    def bad_number_reply(self) -> Reply:
        return twilio.error_reply(21614)

    def bad_credentials_reply(self) -> Reply:
        return twilio.error_reply(20003)

    def status_webhook(self, word: str) -> Webhook:
        return twilio.status_webhook(MessageStatus=word, SmsStatus=word)

    def inbound_webhook(self) -> Webhook:
        return twilio.inbound_webhook()

    def sign(self, webhook: Webhook) -> Webhook:
        return twilio.sign(webhook)
