"""What is held against Infobip's description: requests, a stand-in server's replies and webhooks, and the tests' payloads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from integrations.http.values import Reply
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.infobip_values import InfobipWebhooks
from integrations.simulator.memory import Message
from integrations.sms.contract import GatewayConfig, OutboundSms
from integrations.sms.providers.infobip import InfobipAdapter
from tests.contract.conversation import Conversation
from tests.contract.openapi import Checked, Specification
from tests.gateway_cases import PAYLOADS

KEY = "0123456789abcdef"
MESSAGE = OutboundSms(
    id=7,
    sender="+14155550100",
    recipient="+14155552671",
    body="Café & cake? 100% “yes” 🙂\nReply STOP to end",
    status_url="https://sms.example.com/webhooks/3/status/7",
)


def specification(folder: Path) -> Specification:
    """Infobip's description.

    Raises:
        SpecificationError: it is not in the folder.
    """
    return Specification(folder / "infobip.json", scheme="App")


def adapter(base_url: str, api_key: str = "k") -> InfobipAdapter:
    """An adapter for a base URL."""
    return InfobipAdapter(GatewayConfig({"api_key": api_key}, base_url, {"key": KEY}))


def many(count: int, sender: str = MESSAGE.sender) -> list[OutboundSms]:
    """Messages to as many people."""
    return [MESSAGE._replace(id=number, sender=sender, recipient=f"+1415555{1000 + number}") for number in range(count)]


def check_requests(described: Specification) -> Iterator[Checked]:
    """The adapter's requests against the description."""
    plain = adapter("https://api.infobip.com")
    requests = {
        "send one": plain.build_send([MESSAGE]),
        "send a thousand": plain.build_send(many(1000)),
        "send without a report": plain.build_send([MESSAGE._replace(status_url="")]),
        "look up by our id": plain.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24"),
    }
    for name, request in requests.items():
        operation = described.operation(request)
        detail = f"{request.method} {operation.path if operation else request.url}"
        yield Checked("request", f"Infobip: {name}", detail, described.request_problems(request))


def check_webhooks(described: Specification) -> Iterator[Checked]:
    """The stand-in server's webhooks against the description."""
    settings, writer = SimulatorSettings(), InfobipWebhooks()
    delivered, failed = (
        Message("+14155552671", "24365", "Hi", "delivered", direction="outbound-api", segments=1) for _ in range(2)
    )
    failed.status, failed.error = "undelivered", 30003
    written = Message("24365", "+14155552671", "JOIN us", "received", direction="inbound", segments=1)
    bodies = {
        "receive-outbound-sms-message-reports-v3": writer.reports(settings, "", [("a", delivered), ("b", failed)]).body,
        "receive-inbound-sms-messages": writer.inbound(settings, "c", written, "").body,
    }
    for name, body in bodies.items():
        yield Checked("webhook", f"Infobip: {name}", "POST", described.webhook_problems(name, body))


def check_payloads(described: Specification) -> Iterator[Checked]:
    """What the tests take for Infobip's words against the description."""
    talk = adapter("https://api.infobip.com")
    send, lookup = talk.build_send([MESSAGE]), talk.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24")
    replies = ((send, 200, "sent"), (send, 400, "error_400"), (send, 401, "error_401"), (lookup, 200, "logs"))
    for request, status, name in replies:
        reply = Reply(status, {"content-type": "application/json"}, payload(name))
        yield Checked("payload", f"Infobip: {name}", str(status), described.reply_problems(request, reply))
    webhooks = {
        "reports": "receive-outbound-sms-message-reports-v3",
        "inbound": "receive-inbound-sms-messages",
    }
    for name, webhook in webhooks.items():
        yield Checked("payload", f"Infobip: {name}", webhook, described.webhook_problems(webhook, payload(name)))


def payload(name: str) -> bytes:
    """A file of the tests."""
    return (PAYLOADS / "infobip" / f"{name}.json").read_bytes()


class InfobipConversation(Conversation):
    """Infobip's adapter and the simulator's dialect of it."""

    label = "Infobip"

    def rows(self) -> Iterator[Checked]:
        """Messages, look-ups, and what is refused."""
        yield from self._messages()
        yield from self._refusals()

    def _messages(self) -> Iterator[Checked]:
        talk, sender = adapter(self.url, self.settings["infobip_api_key"]), self.settings["numbers"][0]
        messages = [message._replace(status_url="") for message in many(50, sender)]
        row, reply = self.row("send", talk.build_send(messages), 200)
        if any(result.error or not result.segments for result in talk.parse_send(messages, reply)):
            row.problems.append("not every message was taken and counted")
        yield row
        row, reply = self.row("look up", talk.build_lookup(messages[3], provider_id="", on_date=""), 200)
        found = talk.parse_lookup(messages[3], reply)
        if found is None or found.error:
            row.problems.append("the message that was just sent is not found")
        yield row
        self.set_up(errors={"21614": 0.5, "21610": 0.5})
        row, reply = self.row("send, each refused", talk.build_send(messages), 200)
        if not all(result.error for result in talk.parse_send(messages, reply)):
            row.problems.append("a message was not refused")
        yield row

    def _refusals(self) -> Iterator[Checked]:
        self.set_up()
        message = MESSAGE._replace(sender=self.settings["numbers"][0], status_url="")
        send = adapter(self.url, self.settings["infobip_api_key"]).build_send([message])
        stranger = adapter(self.url, "wrong")
        yield self.row("send, wrong key", stranger.build_send([message]), 401)[0]
        yield self.row("look up, wrong key", stranger.build_lookup(message, provider_id="", on_date=""), 401)[0]
        yield self.row("send, not well-formed", replace(send, body=b'{"messages":[]}'), 400)[0]
        self.set_up(errors={"20500": 1})
        yield self.row("send fails", send, 500)[0]
