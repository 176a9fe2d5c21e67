"""A provider that calls our webhooks, with signatures made as it documents them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.sms.contract import Webhook
from messaging.engine import keys
from messaging.jobs import inbound
from messaging.models import InboundMessage, Message, PhoneNumber
from tests.integrations.twilio_payloads import FORM, sign

#: What the webhook process of ``provider`` takes for its address: nothing of it can be guessed from where it listens.
PUBLIC_URL = "https://hooks.example.com:8443/sms"

_sids = itertools.count(1)


def sms_fields(*, sender: str, recipient: str, body: str, **extra: str) -> dict[str, str]:
    """An inbound message as a form's fields; each has an id of its own unless ``MessageSid`` says so."""
    sid = extra.pop("MessageSid", f"SM{next(_sids):032x}")
    return {"MessageSid": sid, "SmsSid": sid, "From": sender, "To": recipient, "Body": body, "NumMedia": "0", **extra}


def status_fields(sid: str, status: str = "delivered", **extra: str) -> dict[str, str]:
    """A delivery status as a form's fields."""
    return {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status, **extra}


@dataclass(slots=True)
class Provider:
    """Calls a webhook process.

    Args:
        base_url: where the process listens.
        public_url: what it takes for its public address; signatures are made over this one.
    """

    base_url: str
    public_url: str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=20))

    def request(self, gateway: Gateway, path: str, fields: dict[str, str], *, token: str | None = None) -> Webhook:
        """A signed request, not sent yet; ``token`` signs with another secret than the gateway's."""
        url = f"{self.public_url}/webhooks/{gateway.key}/{path}"
        webhook = Webhook(url, FORM, urlencode(fields).encode())
        return sign(webhook, key=token if token is not None else gateway.credentials["auth_token"])

    def call(self, gateway: Gateway, path: str, fields: dict[str, str], *, token: str | None = None) -> httpx.Response:
        """POST signed fields."""
        webhook = self.request(gateway, path, fields, token=token)
        return self.raw(webhook.url.removeprefix(self.public_url), webhook.body, dict(webhook.headers))

    def raw(self, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """POST anything."""
        return self.client.post(f"{self.base_url}{path}", content=body, headers=headers or FORM)


def stored(stream: str) -> list[dict[str, Any]]:
    """Events in a stream, in their order."""
    return [event for _, entry in get_redis().xrange(stream) for event in orjson.loads(entry[keys.FIELD])]


#: When webhooks came in unless a test says so, seconds since 1970.
USUAL_TIME = 1_750_000_000.5


def put_inbound(
    gateway: Gateway, *messages: dict[str, str], body: str | None = None, at: float = USUAL_TIME, token: str = ""
) -> None:
    """Put inbound webhooks into the stream as the webhook process does, in one entry.

    Args:
        gateway: where they came in.
        messages: fields of each.
        body: a raw body instead.
        at: when they came in, seconds since 1970.
        token: the provider's mark of the webhook.
    """
    headers = dict(FORM) | ({"i-twilio-idempotency-token": token} if token else {})
    bodies = [urlencode(fields) for fields in messages] if body is None else [body]
    events = [
        {"g": gateway.pk, "u": "http://hooks.test/", "h": headers, "b": text, "m": None, "t": at} for text in bodies
    ]
    get_redis().xadd(keys.INBOUND, {keys.FIELD: orjson.dumps(events)})


def receive(
    line: PhoneNumber, body: str, sender: str = "+14155552671", *, at: float = USUAL_TIME, **extra: str
) -> InboundMessage:
    """One message to a number, from the stream to its row."""
    put_inbound(line.gateway, sms_fields(sender=sender, recipient=line.number, body=body, **extra), at=at)
    inbound.drain()
    assert not stored(keys.INBOUND)
    return InboundMessage.objects.latest("id")


def reply_to(message: InboundMessage) -> str | None:
    """The answer's text, None without one."""
    answer = Message.objects.filter(in_reply_to=message).first()
    return answer.body if answer else None
