"""Telnyx's HTTP API, version 2: credentials, sends that may be repeated, and messages by their id."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from integrations.simulator.carrier import Carrier
from integrations.simulator.http1 import Exchange
from integrations.simulator.numbers import is_recipient
from integrations.simulator.telnyx_numbers import TelnyxNumbers
from integrations.simulator.telnyx_values import BALANCE, error_body, message_json, public_key, refusal_code
from integrations.simulator.values import Submission, Verdict

PREFIX = "/v2/"
_MESSAGES = f"{PREFIX}messages"
_PUBLIC_KEY = f"{PREFIX}public_key"
_BALANCE = f"{PREFIX}balance"
#: A longer text is refused.
_MAX_TEXT_CHARACTERS = 1600
_MAX_MEDIA = 10


class TelnyxApi:
    """Answers requests below ``/v2/``.

    Args:
        carrier: what stands behind the API.
        loop: for replies that are due later.
    """

    def __init__(self, carrier: Carrier, loop: asyncio.AbstractEventLoop) -> None:
        self._carrier = carrier
        self._numbers = TelnyxNumbers(carrier)
        self._loop = loop

    def is_send(self, method: str, path: str) -> bool:
        """Whether a request creates a message."""
        return method == "POST" and path == _MESSAGES

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        settings = self._carrier.settings
        if not settings.takes(request.headers.get(b"authorization", b""), "Bearer", settings.telnyx_api_key):
            self._refuse(exchange, "10009")
        elif exchange.throttled:
            self._refuse(exchange, "10011")
        elif self.is_send(request.method, request.path):
            self._send(exchange)
        elif request.method == "GET" and request.path.startswith(f"{_MESSAGES}/"):
            self._fetch(exchange, request.path[len(_MESSAGES) + 1 :])
        elif request.method == "GET" and request.path == _PUBLIC_KEY:
            exchange.reply(200, orjson.dumps({"data": {"public": public_key(self._carrier.settings)}}))
        elif request.method == "GET" and request.path == _BALANCE:
            exchange.reply(200, orjson.dumps({"data": BALANCE}))
        elif self._numbers.takes(path := request.path[len(PREFIX) :]):
            self._numbers.handle(exchange, path)
        else:
            self._refuse(exchange, "10005")

    def _refuse(self, exchange: Exchange, code: str, pointer: str = "") -> None:
        status, body = error_body(code, pointer)
        request = exchange.request
        if self.is_send(request.method, request.path):
            self._carrier.stats_now.outcomes[f"{status}/{code}"] += 1
        extra = b"Retry-After: %d\r\n" % self._carrier.settings.retry_after_seconds if status == 429 else b""
        exchange.reply(status, body, extra=extra)

    # Sending

    def _send(self, exchange: Exchange) -> None:
        request, memory = exchange.request, self._carrier.memory
        key = request.headers.get(b"idempotency-key", b"").decode("latin-1")
        if key in memory.by_key:
            self._repeat(exchange, *memory.by_key[key])
            return
        try:
            values = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            self._refuse(exchange, "10015")
            return
        code, pointer = self._check(values)
        if code:
            self._refuse(exchange, code, pointer)
            return
        submission = Submission(
            values["to"],
            values["from"],
            values.get("text") or "",
            values.get("webhook_url") or "",
            len(values.get("media_urls") or ()),
            dialect="telnyx",
        )
        verdict = self._carrier.submit(submission)
        body = b""
        if verdict.number is not None:
            body = self._message(verdict.number, as_taken=True)
            # As Telnyx does it: only what succeeded is repeated, so whoever repeats what failed sends it once more.
            if key and verdict.failure in ("", "close", "hang"):
                memory.by_key[key] = (request.body, verdict.number)
        if verdict.delay_seconds > 0:
            self._loop.call_later(verdict.delay_seconds, self._conclude, exchange, verdict, body)
        else:
            self._conclude(exchange, verdict, body)

    def _repeat(self, exchange: Exchange, body: bytes, number: int) -> None:
        """Answer a request whose key is known as it was answered before."""
        if exchange.request.body != body:
            self._refuse(exchange, "key_reused")
            return
        self._carrier.stats_now.outcomes["200/repeated"] += 1
        exchange.reply(200, self._message(number, as_taken=True))

    def _check(self, values: dict[str, Any]) -> tuple[str, str]:
        """The error code of a send that is not acceptable, with what is at fault; empty for none."""
        recipient, sender = values.get("to"), values.get("from")
        text, media, callback = (values.get(name) for name in ("text", "media_urls", "webhook_url"))
        if not isinstance(recipient, str) or not recipient:
            return "10004", "/to"
        if not isinstance(sender, str) or not sender:
            return "10004", "/from"
        if not is_recipient(recipient):
            return "40310", "/to"
        if not self._carrier.numbers.owns(sender):
            return "40305", "/from"
        if not isinstance(text or "", str) or not isinstance(media or [], list):
            return "10015", ""
        if not text and not media:
            return "40316", "/text"
        if len(text or "") > _MAX_TEXT_CHARACTERS:
            return "40302", "/text"
        if len(media or []) > _MAX_MEDIA:
            return "40317", "/media_urls"
        if callback and not str(callback).startswith(("http://", "https://")):
            return "10003", "/webhook_url"
        return "", ""

    def _conclude(self, exchange: Exchange, verdict: Verdict, body: bytes) -> None:
        outcomes = self._carrier.stats_now.outcomes
        if verdict.error:
            self._refuse(exchange, refusal_code(verdict.error))
            return
        if not verdict.failure:
            outcomes["200"] += 1
            exchange.reply(200, body)
            return
        when = "before" if verdict.number is None else "after"
        outcomes[f"fail_{when}/{verdict.failure}"] += 1
        if verdict.failure == "close":
            exchange.drop()
        elif verdict.failure == "hang":
            self._loop.call_later(self._carrier.settings.hang_seconds, exchange.drop)
        else:
            exchange.reply(int(verdict.failure), error_body("10007")[1])

    # Messages

    def _fetch(self, exchange: Exchange, given: str) -> None:
        number = self._carrier.memory.find(given.replace("-", ""))
        if number is None or self._carrier.memory.messages[number].direction == "inbound":
            self._refuse(exchange, "10005")
            return
        exchange.reply(200, self._message(number, as_taken=False))

    def _message(self, number: int, *, as_taken: bool) -> bytes:
        memory = self._carrier.memory
        message = memory.messages[number]
        status = "queued" if as_taken else message.status
        return orjson.dumps({"data": message_json(memory.id_of(number), message, status, as_taken=as_taken)})
