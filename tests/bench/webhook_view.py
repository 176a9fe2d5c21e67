"""What one would write instead of the webhook process: a Django view that does the same work, for gunicorn's threads.

It is spared what a project usually has (middleware, sessions, a look-up of the gateway for each webhook), so the comparison
favours it.
"""

from __future__ import annotations

import time
from functools import cache

import django
import orjson
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from broadcast.core.config import config
from broadcast.core.crypto import decrypt
from broadcast.core.redis import get_redis
from integrations.sms.contract import GatewayConfig, SmsAdapter, Webhook
from integrations.sms.errors import AdapterError
from integrations.sms.registry import make_adapter
from messaging.engine import keys


@cache
def adapter_of(key: str) -> tuple[int, SmsAdapter]:
    """A gateway's id and adapter, read once."""
    values = decrypt(get_redis().hget(keys.WEBHOOK_GATEWAYS, key).decode())
    gateway = GatewayConfig(credentials=values["credentials"], base_url=values["base_url"])
    return values["id"], make_adapter(values["kind"], gateway)


def status(request: HttpRequest, key: str, message: int) -> HttpResponse:
    """Check the signature, append, answer."""
    gateway_id, adapter = adapter_of(key)
    webhook = Webhook(
        url=f"{config().webhook_url}{request.get_full_path()}",
        headers={name.lower(): text for name, text in request.headers.items()},
        body=request.body,
        message_id=message,
    )
    try:
        adapter.verify(webhook)
    except AdapterError:
        return HttpResponse("The signature is missing or wrong.", status=403)
    event = {
        "g": gateway_id,
        "u": webhook.url,
        "h": {"content-type": webhook.headers["content-type"]},
        "b": webhook.body.decode("latin-1"),
        "m": message,
        "t": time.time(),
    }
    get_redis().xadd(keys.STATUSES, {keys.FIELD: orjson.dumps([event])})
    reply = adapter.webhook_reply()
    # Usually the work of a middleware that is left out here.
    headers = {**reply.headers, "Content-Length": str(len(reply.body))}
    return HttpResponse(reply.body, status=reply.status, headers=headers)


def health(request: HttpRequest) -> HttpResponse:
    """Whether it runs."""
    return HttpResponse("ok", headers={"Content-Length": "2"})


urlpatterns = [path("webhooks/<str:key>/status/<int:message>", status), path("healthz", health)]

settings.configure(
    ALLOWED_HOSTS=["*"], DEBUG=False, LOGGING_CONFIG=None, MIDDLEWARE=[], ROOT_URLCONF=__name__, SECRET_KEY="bench"
)
django.setup()
application = WSGIHandler()
