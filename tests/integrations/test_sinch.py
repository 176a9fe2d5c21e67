"""Sinch passes the cases of every gateway."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, SmsAdapter, Webhook
from tests.gateway_cases import GatewayCases
from tests.integrations import sinch_payloads as sinch


class TestSinch(GatewayCases):
    kind = "sinch"
    credentials = sinch.CREDENTIALS
    provider_id = f"{sinch.BATCH}:14155552671"
    status_words = ("Queued", "Dispatched", "Unknown", "Delivered")

    def accepted_reply(self) -> Reply:
        return Reply(201, {}, sinch.payload("sent.json"))

    def accepted_replies(self, messages: Sequence[OutboundSms]) -> Reply:
        return sinch.sent(messages)

    def throttled_reply(self, retry_after_seconds: int) -> Reply:
        return Reply(429, {"retry-after": str(retry_after_seconds)}, b"")

    def rejected_reply(self) -> Reply:
        return sinch.refused(400, "error_400_body.json")

    def opted_out_reply(self) -> Reply:
        # Sinch takes a message for whoever has opted out, and reports afterwards that it did not deliver it.
        return self.rejected_reply()

    def test_opted_out_recipient_is_to_be_suppressed(self, adapter: SmsAdapter) -> None:
        (report,) = adapter.parse_status(sinch.report(status="Failed", code=257))
        assert report.opts_out
        assert not report.bad_number

    def bad_number_reply(self) -> Reply:
        return sinch.refused(400, "error_400_to.json")

    def bad_credentials_reply(self) -> Reply:
        return Reply(401, {}, b"")

    def status_webhook(self, word: str) -> Webhook:
        return sinch.report(status=word)

    def inbound_webhook(self) -> Webhook:
        return sinch.inbound()

    def sign(self, webhook: Webhook) -> Webhook:
        return sinch.sign(webhook)
