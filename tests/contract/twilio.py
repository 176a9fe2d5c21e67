"""What is held against Twilio's description: every request the adapter builds, and a stand-in server's replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from integrations.http.values import Request
from integrations.sms.contract import GatewayConfig, NumberQuery, OutboundSms
from integrations.sms.providers.twilio import TwilioAdapter
from tests.contract.conversation import Conversation
from tests.contract.openapi import Checked, Specification

ACCOUNT_SID = "AC" + "a" * 32
MESSAGE_SID = "SM" + "b" * 32
NUMBER_SID = "PN" + "c" * 32
SERVICE_SID = "MG" + "d" * 32
MESSAGE = OutboundSms(
    id=7,
    sender="+14155550100",
    recipient="+14155552671",
    body="Café & cake? 100% “yes” 🙂\nReply STOP to end",
    status_url="https://sms.example.com/webhooks/3/status/7",
)
_IN_FLIGHT = 8


def specification(folder: Path) -> Specification:
    """Twilio's description.

    Raises:
        SpecificationError: it is not in the folder.
    """
    # Described as numbers, but strings in Twilio's own examples and replies.
    return Specification(folder / "twilio.json", loose=("latitude", "longitude"))


def adapter(base_url: str, **credentials: str) -> TwilioAdapter:
    """An adapter for a base URL."""
    return TwilioAdapter(GatewayConfig({"account_sid": ACCOUNT_SID, "auth_token": "t", **credentials}, base_url))


def requests() -> dict[str, Request]:
    """Each kind of request that the adapter builds, by name."""
    plain = adapter("https://api.twilio.com")
    service = adapter("https://api.twilio.com", messaging_service_sid=SERVICE_SID)
    links = ("https://example.com/a.jpg?x=1&y=2", "https://example.com/b.png")
    urls = {"inbound_url": "https://sms.example.com/in/", "status_url": "https://sms.example.com/status/"}
    near = NumberQuery(
        area_code="415", contains="55*", locality="San Francisco", region="CA", postal_code="94109", limit=50
    )
    return {
        "send": plain.build_send([MESSAGE]),
        "send with media": plain.build_send([MESSAGE._replace(media_urls=links)]),
        "send media only": plain.build_send([MESSAGE._replace(body="", media_urls=links[:1])]),
        "send through a service": service.build_send([MESSAGE._replace(sender="")]),
        "look up by id": plain.build_lookup(MESSAGE, provider_id=MESSAGE_SID, on_date="2026-08-24"),
        "look up by recipient": plain.build_lookup(MESSAGE, provider_id="", on_date="2026-08-24"),
        "search local": plain.build_search(near),
        "search toll-free": plain.build_search(NumberQuery(kind="toll_free")),
        "search mobile": plain.build_search(NumberQuery(country="GB", kind="mobile")),
        "buy": plain.build_buy(MESSAGE.sender, friendly_name="Shop & co", **urls),
        "configure": plain.build_configure(NUMBER_SID, **urls),
        "release": plain.build_release(NUMBER_SID),
        "list": plain.build_list(),
    }


def check_requests(described: Specification) -> Iterator[Checked]:
    """The adapter's requests against the description."""
    for name, request in requests().items():
        operation = described.operation(request)
        detail = f"{request.method} {operation.path if operation else request.url}"
        yield Checked("request", f"Twilio: {name}", detail, described.request_problems(request))


class TwilioConversation(Conversation):
    """Twilio's adapter and the simulator's dialect of it."""

    label = "Twilio"

    def rows(self) -> Iterator[Checked]:
        """Numbers, messages, look-ups, and what is refused."""
        account = {name: self.settings[name] for name in ("account_sid", "auth_token")}
        talk = adapter(self.url, **account)
        yield from self._numbers_and_messages(talk)
        yield from self._refusals(talk, account)

    def _numbers_and_messages(self, talk: TwilioAdapter) -> Iterator[Checked]:
        urls = {"inbound_url": "http://127.0.0.1:9/in/", "status_url": ""}
        for kind, country in (("local", "US"), ("toll_free", "US"), ("mobile", "GB")):
            query = NumberQuery(country=country, kind=kind, limit=3)
            row, reply = self.row(f"search {kind}", talk.build_search(query), 200)
            yield row
            if kind == "local":
                offered = talk.parse_search(reply)
        row, reply = self.row("buy", talk.build_buy(offered[0].number, friendly_name="contract", **urls), 201)
        yield row
        bought = talk.parse_number(reply)
        yield self.row("configure", talk.build_configure(bought.provider_id, **urls), 200)[0]
        yield self.row("list numbers", talk.build_list(), 200)[0]
        message = MESSAGE._replace(sender=bought.number, status_url="")
        row, reply = self.row("send", talk.build_send([message]), 201)
        yield row
        (result,) = talk.parse_send([message], reply)
        today = datetime.now(UTC).date().isoformat()
        for name, sid in (("look up by id", result.provider_id), ("look up by recipient", "")):
            row, reply = self.row(name, talk.build_lookup(message, provider_id=sid, on_date=today), 200)
            found = talk.parse_lookup(message, reply)
            if found is None or found.provider_id != result.provider_id:
                row.problems.append("the message that was just sent is not found")
            yield row
        yield self.row("release", talk.build_release(bought.provider_id), 204)[0]

    def _refusals(self, talk: TwilioAdapter, account: Mapping[str, str]) -> Iterator[Checked]:
        owned = talk.parse_list(self.driver.send(talk.build_list()))[0]
        message = MESSAGE._replace(sender=owned[0].number if owned else MESSAGE.sender, status_url="")
        send = talk.build_send([message])
        for code in (21211, 21408, 21610, 21611, 21614):
            self.set_up(errors={str(code): 1})
            yield self.row(f"send refused, {code}", send, 400)[0]
        self.set_up(fail_before=1, fail_how="status")
        yield self.row("send fails", send, 500, 503)[0]
        self.set_up()
        stranger = adapter(self.url, account_sid=account["account_sid"], auth_token="wrong")
        yield self.row("send, wrong credentials", stranger.build_send([message]), 401)[0]
        missing = talk.build_lookup(message, provider_id=MESSAGE_SID, on_date="2026-08-24")
        yield self.row("look up what is not there", missing, 404)[0]
        self.set_up(throttle_above=1, latency_ms=500)
        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            replies = list(pool.map(self.driver.send, [send] * _IN_FLIGHT))
        throttled = next((reply for reply in replies if reply.status == 429), replies[0])
        yield self.judged("send throttled", send, throttled, (429,))
