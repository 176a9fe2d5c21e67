"""What is held against Infobip's description: the adapter's requests, and a stand-in server's replies and webhooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.infobip_values import InfobipWebhooks
from integrations.simulator.memory import Message
from integrations.sms.contract import GatewayConfig, OutboundSms
from integrations.sms.providers.infobip import InfobipAdapter
from tests.contract.openapi import Checked, Specification

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


class Conversation:
    """The adapter and a running stand-in server, which is a carrier simulator.

    Args:
        url: the simulator's base URL; its control addresses are used too.
        driver: carries the requests.
        described: Infobip's description.
    """

    def __init__(self, url: str, driver: HttpxDriver, described: Specification) -> None:
        self._url = url.rstrip("/")
        self._driver = driver
        self._described = described
        self._initial = self._control("GET").json()
        self._adapter = adapter(self._url, self._initial["infobip_api_key"])

    def _control(self, method: str, values: Mapping[str, object] | None = None) -> Reply:
        body = orjson.dumps(values) if values is not None else b""
        reply = self._driver.send(
            Request(method, f"{self._url}/settings", (("content-type", "application/json"),), body)
        )
        if reply.status != 200:
            raise RuntimeError(f"{method} {self._url}/settings answered {reply.status}: {reply.body[:200]!r}")
        return reply

    def check(self) -> Iterator[Checked]:
        """Each kind of reply once; the simulator's settings are put back at the end."""
        calm = {"errors": {}, "fail_before": 0, "fail_after": 0, "throttle_above": 0, "latency_ms": 1}
        try:
            self._control("PUT", calm)
            yield from self._messages(calm)
            yield from self._refusals(calm)
        finally:
            self._control("PUT", {name: self._initial[name] for name in calm})

    def _messages(self, calm: Mapping[str, object]) -> Iterator[Checked]:
        talk, sender = self._adapter, self._initial["numbers"][0]
        messages = [message._replace(status_url="") for message in many(50, sender)]
        row, reply = self._row("send", talk.build_send(messages), 200)
        if any(result.error or not result.segments for result in talk.parse_send(messages, reply)):
            row.problems.append("not every message was taken and counted")
        yield row
        row, reply = self._row("look up", talk.build_lookup(messages[3], provider_id="", on_date=""), 200)
        found = talk.parse_lookup(messages[3], reply)
        if found is None or found.error:
            row.problems.append("the message that was just sent is not found")
        yield row
        self._control("PUT", {**calm, "errors": {"21614": 0.5, "21610": 0.5}})
        row, reply = self._row("send, each refused", talk.build_send(messages), 200)
        if not all(result.error for result in talk.parse_send(messages, reply)):
            row.problems.append("a message was not refused")
        yield row

    def _refusals(self, calm: Mapping[str, object]) -> Iterator[Checked]:
        self._control("PUT", calm)
        message = MESSAGE._replace(sender=self._initial["numbers"][0], status_url="")
        send = self._adapter.build_send([message])
        stranger = adapter(self._url, "wrong")
        yield self._row("send, wrong key", stranger.build_send([message]), 401)[0]
        yield self._row("look up, wrong key", stranger.build_lookup(message, provider_id="", on_date=""), 401)[0]
        yield self._row("send, not well-formed", replace(send, body=b'{"messages":[]}'), 400)[0]
        self._control("PUT", {**calm, "errors": {"20500": 1}})
        yield self._row("send fails", send, 500)[0]

    def _row(self, name: str, request: Request, status: int) -> tuple[Checked, Reply]:
        reply = self._driver.send(request)
        problems = self._described.reply_problems(request, reply)
        if reply.status != status:
            problems.insert(0, f"status {reply.status} instead of {status}: {reply.body[:120]!r}")
        return Checked("reply", f"Infobip: {name}", str(reply.status), problems), reply
