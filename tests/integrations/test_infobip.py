"""Infobip passes the cases of every gateway."""

from __future__ import annotations

from collections.abc import Sequence

from integrations.http.values import Reply
from integrations.sms.contract import OutboundSms, Webhook
from tests.gateway_cases import MESSAGE, GatewayCases
from tests.integrations import infobip_payloads as infobip


class TestInfobip(GatewayCases):
    kind = "infobip"
    credentials = infobip.CREDENTIALS
    provider_id = f"{infobip.KEY}-{MESSAGE.id}"
    status_words = (
        "PENDING_ACCEPTED",
        "PENDING_ENROUTE",
        "PENDING_WAITING_DELIVERY",
        "DELIVERED_TO_OPERATOR",
        "EXPIRED_DLR_UNKNOWN",
        "DELIVERED_TO_HANDSET",
    )

    def accepted_reply(self) -> Reply:
        return Reply(200, {}, infobip.payload("sent.json"))

    def accepted_replies(self, messages: Sequence[OutboundSms]) -> Reply:
        return infobip.ok(infobip.sent(messages))

    def throttled_reply(self, retry_after_seconds: int) -> Reply:
        return infobip.error_reply(429, retry_after=str(retry_after_seconds))

    def rejected_reply(self) -> Reply:
        return infobip.ok(infobip.sent([MESSAGE], "REJECTED_NETWORK"))

    def opted_out_reply(self) -> Reply:
        return infobip.ok(infobip.sent([MESSAGE], "REJECTED_DESTINATION_BLOCKLISTED"))

    def bad_number_reply(self) -> Reply:
        return infobip.ok(infobip.sent([MESSAGE], "REJECTED_DESTINATION"))

    def bad_credentials_reply(self) -> Reply:
        return infobip.error_reply(401)

    def status_webhook(self, word: str) -> Webhook:
        return infobip.reports(infobip.report(status=infobip.status(word)))

    def inbound_webhook(self) -> Webhook:
        return infobip.inbound()

    def sign(self, webhook: Webhook) -> Webhook:
        return infobip.sign(webhook)
