"""``POST /webhooks/<gateway>/status[/<message>]`` and ``/webhooks/<gateway>/inbound``: check the signature, append, answer.

Answers: 2xx stored durably · 403 signature missing or wrong · 404 no such gateway · 413 too large · 503 not stored, try again.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis

from broadcast.core.config import config
from broadcast.core.crypto import DecryptionError
from broadcast.core.redis import connect_async
from integrations.http.values import Reply
from integrations.sms.contract import SmsAdapter, Webhook
from integrations.sms.errors import AdapterError, SignatureError
from integrations.sms.events import OptOutAction
from messaging.engine import keys
from messaging.webhooks.commit import Event, GroupCommit
from messaging.webhooks.gateways import GatewayDirectory, KnownGateway, NothingPublished
from messaging.webhooks.marks import Marks
from messaging.webhooks.refusals import Refusals
from messaging.wording import is_opt_out

logger = logging.getLogger("webhooks")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Most providers send a few kilobytes; one that reports on a hundred messages at once sends about seventy.
MAX_BODY_BYTES = 512 * 1024
_PATH = re.compile(r"^/webhooks/(?P<key>[A-Za-z0-9_-]{1,32})/(?P<kind>status|inbound)(?:/(?P<message>\d{1,18}))?/?$")
#: The console is told of a wrong address this often at most.
TELL_AGAIN_SECONDS = 60.0
_TRY_AGAIN = Reply(503, {"retry-after": "5"}, b"Not stored, try again.")


class TooLarge(Exception):
    """The body is larger than a webhook can be."""


class Gone(Exception):
    """Whoever called has hung up before the body was here; nobody waits for an answer."""


class Application:
    """The webhook process's state: one Redis client, the gateways, the group commit."""

    def __init__(self) -> None:
        self.client: Any = None
        #: When the console was told of a gateway's wrong address.
        self.told_at: dict[int, float] = {}

    def _open(self) -> None:
        # Opened at the first request: gunicorn forks after the import, and a client belongs to one event loop.
        self.client = connect_async()
        self.gateways = GatewayDirectory(self.client)
        self.commit = GroupCommit(self.client)
        self.marks = Marks(self.client)
        self.refusals = Refusals(self.client, self.gateways)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        if self.client is None:
            self._open()
        try:
            reply = await self._answer(scope, receive)
        except Gone:
            return
        except TooLarge:
            reply = Reply(413, {}, b"A webhook is at most 512 KiB.")
        except (redis.RedisError, OSError, TimeoutError) as error:
            logger.error("Redis is away, a webhook was not stored and will be sent again: %s", error)
            reply = _TRY_AGAIN
        await _send(send, reply)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        path: str = scope["path"]
        if path == "/healthz":
            await self.client.ping()
            return Reply(200, {"content-type": "text/plain"}, b"ok")
        match = _PATH.match(path)
        if match is None:
            return Reply(404, {}, b"There is no webhook at this address.")
        if scope["method"] != "POST":
            return Reply(405, {"allow": "POST"}, b"Webhooks are POSTed.")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(headers, receive)
        try:
            gateway = await self.gateways.find(match["key"])
        except NothingPublished:
            logger.error("No gateways are published in Redis; waiting for the console to publish them again")
            return _TRY_AGAIN
        except (DecryptionError, AdapterError, LookupError) as error:
            logger.error("A gateway cannot be read by this process, its webhooks are not stored: %s", error)
            return _TRY_AGAIN
        if gateway is None:
            return Reply(404, {}, b"There is no such gateway.")
        webhook = Webhook(
            url=_public_url(scope),
            headers=headers,
            body=body,
            message_id=int(match["message"]) if match["message"] else None,
        )
        try:
            by_former = self._verify(gateway, webhook)
        except SignatureError as error:
            hint = (
                f" The signature would match for {error.matching_url}: set BROADCAST_WEBHOOK_URL."
                if error.matching_url
                else ""
            )
            logger.warning("A webhook for gateway %s is refused: %s%s", gateway.id, error, hint)
            await self._remember_wrong_url(gateway.id, error)
            await self.marks.refused(gateway.id, f"{error}{hint}")
            await self.refusals.note(gateway, webhook, error)
            return Reply(403, {}, b"The signature is missing or wrong.")
        except AdapterError as error:
            # Signed or not, it cannot be read; without a signature nothing may be stored.
            await self.marks.refused(gateway.id, str(error))
            return Reply(403, {}, b"The signature cannot be checked.")
        if by_former:
            await self.marks.former(gateway.id, gateway.version)
        elif self.marks.is_due(gateway.id):
            await self.marks.valid(gateway.id)
        await self.commit.store(_event(match["kind"], gateway, webhook))
        await self.refusals.accepted(gateway)
        return gateway.adapter.webhook_reply()

    def _verify(self, gateway: KnownGateway, webhook: Webhook) -> bool:
        """Check the signature, also with the former credentials while they last; whether it was those.

        Raises:
            SignatureError: missing or wrong, by the present ones.
            AdapterError: it cannot be checked.
        """
        try:
            gateway.adapter.verify(webhook)
        except SignatureError:
            if any(time.time() < until and _is_signed(former, webhook) for former, until in gateway.former):
                return True
            # What is wrong is said of the present ones: those are on the gateway's page.
            raise
        return False

    async def _remember_wrong_url(self, gateway_id: int, error: SignatureError) -> None:
        """Tell the console that only an address is wrong: the signature itself is the provider's."""
        now = time.monotonic()
        if not error.matching_url or now < self.told_at.get(gateway_id, 0.0) + TELL_AGAIN_SECONDS:
            return
        url = error.matching_url.partition("?")[0]
        await self.client.set(keys.wrong_url(gateway_id), url, ex=keys.WRONG_URL_SECONDS)
        # Only now: what Redis did not take must be told with the next one.
        self.told_at[gateway_id] = now


def _is_signed(adapter: SmsAdapter, webhook: Webhook) -> bool:
    try:
        adapter.verify(webhook)
    except AdapterError:
        return False
    return True


def _event(kind: str, gateway: KnownGateway, webhook: Webhook) -> Event:
    kept = ("content-type", gateway.adapter.repeat_header)
    data = {
        "g": gateway.id,
        "u": webhook.url,
        # What an adapter may need to read it again, and what tells a repeat.
        "h": {name: webhook.headers[name] for name in kept if name in webhook.headers},
        # Latin-1 keeps every byte as it came.
        "b": webhook.body.decode("latin-1"),
        "m": webhook.message_id,
        "t": time.time(),
    }
    if kind == "status":
        return Event(keys.STATUSES, data)
    return Event(keys.INBOUND, data, stops=_stops(gateway, webhook))


def _stops(gateway: KnownGateway, webhook: Webhook) -> tuple[str, ...]:
    """Marks of an opt-out, so that senders honour it before anything has been routed."""
    try:
        messages = gateway.adapter.parse_inbound(webhook)
    except AdapterError:
        # It is stored as it is; the router keeps it for staff.
        return ()
    return tuple(
        keys.stop_of_number(sms.recipient, sms.sender)
        for sms in messages
        if is_opt_out(sms.body) or sms.handled_by_provider == OptOutAction.STOP
    )


def _public_url(scope: Scope) -> str:
    """The URL as the provider knows it; it signs that one, and a proxy in front of us changes what arrives here."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{config().webhook_url}{path}{'?' + query if query else ''}"


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise TooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join([*chunks, chunk]) if chunks else chunk
        chunks.append(chunk)


async def _send(send: Send, reply: Reply) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = Application()
