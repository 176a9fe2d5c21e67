"""What is held against Sinch's description: requests, a stand-in server's replies and webhooks, and the tests' payloads.

The document is a few years old and has gaps, which ``mend`` fills from Sinch's own words elsewhere. Statuses and files of an
MMS (``mo_media``) are newer than it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from integrations.http.values import Reply, Request
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Message
from integrations.simulator.sinch_values import SinchWebhooks
from integrations.sms.contract import GatewayConfig, OutboundSms
from integrations.sms.providers.sinch import SinchAdapter
from tests.contract.conversation import Conversation
from tests.contract.openapi import Checked, Specification
from tests.gateway_cases import PAYLOADS

KEY = "0123456789abcdef"
BATCH_ID = "01FC66621VHDBN119Z8PMV1QPQ"
MESSAGE = OutboundSms(
    id=7,
    sender="+14155550100",
    recipient="+14155552671",
    body="Café & cake? 100% “yes” 🙂\nReply STOP to end",
    status_url="https://sms.example.com/webhooks/3/status/7",
)
_BATCHES = "/xms/v1/{service_plan_id}/batches"
_REPORT = f"{_BATCHES}/{{batch_id}}/delivery_report/{{recipient_msisdn}}"
_STATUSES = ["Queued", "Dispatched", "Aborted", "Failed", "Delivered", "Expired", "Rejected", "Deleted", "Unknown"]


def specification(folder: Path) -> Specification:
    """Sinch's description, mended.

    Raises:
        SpecificationError: it is not in the folder.
    """
    return Specification(folder / "sinch.yaml", scheme="Bearer", mend=mend)


def mend(document: dict[str, Any]) -> None:
    """Fill the document's gaps and correct what contradicts itself.

    Raises:
        KeyError: it is another document than the one this was written for.
    """
    schemas = document["components"]["schemas"]
    # Stands in the document as a comment, in the words of "Parameterization".
    value = {"type": "string", "maxLength": 160}
    parameters = {
        "type": "object",
        "propertyNames": {"pattern": r"^[A-Za-z0-9_\-.]{1,16}$"},
        "additionalProperties": {"type": "object", "additionalProperties": value},
    }
    for name in ("sendBatchObject", "sendBatchCreated"):
        schemas[name]["properties"]["parameters"] = parameters
    # One text with commas in it, where its neighbour lists nine.
    schemas["retrieveRecipientDeliveryResponseObj"]["properties"]["status"]["enum"] = _STATUSES
    listing = document["paths"][_BATCHES]["get"]
    # In Sinch's API reference of today ("List batches").
    listing["parameters"].append({"name": "client_reference", "in": "query", "schema": {"type": "string"}})
    # What is listed are batches that were created: they have an id.
    listed = listing["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["batches"]
    listed["items"] = {"$ref": "#/components/schemas/sendBatchCreated"}
    # "Errors": the same body for all; the document names few of them, or leaves out what they look like.
    error = {
        "description": "",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/errorResponseObj"}}},
    }
    for operation in (document["paths"][_BATCHES]["post"], listing, document["paths"][_REPORT]["get"]):
        operation["responses"] |= dict.fromkeys(("400", "401", "403", "404", "429", "500", "503"), error)


def adapter(base_url: str, plan: str = "plan", token: str = "t") -> SinchAdapter:
    """An adapter for a base URL."""
    return SinchAdapter(GatewayConfig({"service_plan_id": plan, "api_token": token}, base_url, {"key": KEY}))


def many(count: int, sender: str = MESSAGE.sender) -> list[OutboundSms]:
    """Messages to as many people, each with a text of their own, that go into one batch."""
    return [
        MESSAGE._replace(
            id=number,
            sender=sender,
            recipient=f"+1415555{1000 + number}",
            body=f"Hi Person {number}, {MESSAGE.body}",
            status_url=f"https://sms.example.com/webhooks/3/status/{number}",
        )
        for number in range(count)
    ]


def check_requests(described: Specification) -> Iterator[Checked]:
    """The adapter's requests against the description."""
    plain = adapter("https://us.sms.api.sinch.com")
    long = [message._replace(body=f"{message.id:04} " + "long " * 300) for message in many(20)]
    requests = {
        "send one": plain.build_send([MESSAGE]),
        "send a thousand": plain.build_send(many(1000)),
        "send long texts": plain.build_send(long),
        "send a text that looks like a parameter": plain.build_send([MESSAGE._replace(body="Costs ${price}?")]),
        "send without a report": plain.build_send([MESSAGE._replace(status_url="")]),
        "look up by batch and recipient": plain.build_lookup(
            MESSAGE, provider_id=f"{BATCH_ID}:14155552671", on_date="2026-08-24"
        ),
        "look up by our reference": plain.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24"),
    }
    for name, request in requests.items():
        operation = described.operation(request)
        detail = f"{request.method} {operation.path if operation else request.url}"
        yield Checked("request", f"Sinch: {name}", detail, described.request_problems(request))


def check_webhooks(described: Specification) -> Iterator[Checked]:
    """The stand-in server's webhooks against the description."""
    settings, writer = SimulatorSettings(), SinchWebhooks()
    written = Message("24365", "+14155552671", "JOIN us", "received", direction="inbound", segments=1)
    yield _webhook(described, "inbound", "inboundsObject", writer.inbound(settings, "c", written, "").body)
    for status, error in (("delivered", 0), ("sent", 0), ("undelivered", 30003), ("failed", 30034)):
        message = Message("+14155552671", "24365", "Hi", status, direction="outbound-api", segments=1)
        message.error = error
        body = writer.reports(settings, "", [(f"{BATCH_ID}:{KEY}-0", message)]).body
        yield _webhook(described, f"{status} {error or ''}".rstrip(), "retrieveRecipientDeliveryResponseObj", body)


def _webhook(described: Specification, name: str, schema: str, body: bytes) -> Checked:
    return Checked("webhook", f"Sinch: {name}", schema, described.component_problems(schema, body))


def check_payloads(described: Specification) -> Iterator[Checked]:
    """What the tests take for Sinch's words against the description."""
    talk = adapter("https://us.sms.api.sinch.com")
    send, listing = talk.build_send([MESSAGE]), talk.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24")
    report = talk.build_lookup(MESSAGE, provider_id=f"{BATCH_ID}:14155552671", on_date="2026-08-24")
    replies = (
        (send, 201, "sent"),
        (send, 400, "error_400_to"),
        (send, 400, "error_400_body"),
        (send, 403, "error_403"),
        (listing, 200, "batches"),
        (report, 200, "recipient_report"),
    )
    for request, status, name in replies:
        reply = Reply(status, {"content-type": "application/json"}, payload(name))
        yield Checked("payload", f"Sinch: {name}", str(status), described.reply_problems(request, reply))
    webhooks = (
        ("recipient_report", "retrieveRecipientDeliveryResponseObj"),
        ("batch_report", "retrieveDeliveryResponseObj"),
        ("inbound", "inboundsObject"),
    )
    for name, schema in webhooks:
        yield Checked("payload", f"Sinch: {name}", schema, described.component_problems(schema, payload(name)))


def payload(name: str) -> bytes:
    """A file of the tests."""
    return (PAYLOADS / "sinch" / f"{name}.json").read_bytes()


class SinchConversation(Conversation):
    """Sinch's adapter and the simulator's dialect of it."""

    label = "Sinch"

    def rows(self) -> Iterator[Checked]:
        """Batches, look-ups, and what is refused."""
        talk = adapter(self.url, self.settings["sinch_service_plan_id"], self.settings["sinch_api_token"])
        messages = [message._replace(status_url="") for message in many(50, self.settings["numbers"][0])]
        yield from self._messages(talk, messages)
        self.set_up(errors={"21610": 1})
        row, reply = self.row("send, each refused later", talk.build_send(messages), 201)
        results = talk.parse_send(messages, reply)
        yield row
        row, _ = self.row("look up who was refused", self._report(talk, messages[0], results[0].provider_id), 200)
        yield row
        self.set_up()
        yield from self._refusals(talk, messages)

    def _messages(self, talk: SinchAdapter, messages: Sequence[OutboundSms]) -> Iterator[Checked]:
        row, reply = self.row("send", talk.build_send(messages), 201)
        results = talk.parse_send(messages, reply)
        if any(result.error or not result.provider_id for result in results):
            row.problems.append("not every message was taken")
        yield row
        for name, given in (("look up by our reference", ""), ("look up by the batch", results[3].provider_id)):
            row, reply = self.row(name, self._report(talk, messages[3], given), 200)
            found = talk.parse_lookup(messages[3], reply)
            if found is None or found.error or found.provider_id != results[3].provider_id:
                row.problems.append("the message that was just sent is not found")
            yield row

    def _report(self, talk: SinchAdapter, message: OutboundSms, provider_id: str) -> Request:
        return talk.build_lookup(message, provider_id=provider_id, on_date="2026-08-24")

    def _refusals(self, talk: SinchAdapter, messages: Sequence[OutboundSms]) -> Iterator[Checked]:
        send = talk.build_send(messages)
        stranger = adapter(self.url, self.settings["sinch_service_plan_id"], "wrong")
        yield self.row("send, wrong token", stranger.build_send(messages), 401)[0]
        yield self.row("look up, wrong token", self._report(stranger, messages[0], ""), 401)[0]
        yield self.row("look up what is not there", self._report(talk, messages[0], "none:14155550000"), 404)[0]
        yield self.row("send, to is no number", talk.build_send([messages[0]._replace(recipient="+1")]), 400)[0]
        yield self.row("send, not well-formed", replace(send, body=b'{"to":[]}'), 400)[0]
        for code in (20500, 20503):
            self.set_up(errors={str(code): 1})
            yield self.row(f"send fails, {code}", send, 500, 503)[0]
        self.set_up(errors={"20429": 1})
        yield self.row("send throttled", send, 429)[0]
