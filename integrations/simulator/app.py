"""The simulator's HTTP application: the providers' APIs, and the controls beside them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

import orjson

from integrations.simulator.bulk import BulkIntake
from integrations.simulator.carrier import Carrier
from integrations.simulator.client import Answer
from integrations.simulator.config import SettingsError, SimulatorSettings
from integrations.simulator.forms import FormError, parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.infobip import PREFIX as INFOBIP_PREFIX
from integrations.simulator.infobip import InfobipApi
from integrations.simulator.infobip_numbers import CONFIGURATIONS_PREFIX, NUMBERS_PREFIX, InfobipNumbersApi
from integrations.simulator.infobip_values import InfobipWebhooks
from integrations.simulator.sinch import PREFIX as SINCH_PREFIX
from integrations.simulator.sinch import SinchApi
from integrations.simulator.sinch_numbers import PREFIX as SINCH_NUMBERS_PREFIX
from integrations.simulator.sinch_numbers import SinchNumbersApi
from integrations.simulator.sinch_values import SinchWebhooks
from integrations.simulator.telnyx import PREFIX as TELNYX_PREFIX
from integrations.simulator.telnyx import TelnyxApi
from integrations.simulator.telnyx_values import TelnyxWebhooks, message_id_of
from integrations.simulator.timeline import Timeline
from integrations.simulator.twilio import PREFIX as TWILIO_PREFIX
from integrations.simulator.twilio import TwilioApi
from integrations.simulator.twilio_values import TwilioWebhooks
from integrations.simulator.values import InboundWriter, Medium, StatusWriter, Unroutable

logger = logging.getLogger(__name__)

_CONTROLS = {
    "/healthz": ("GET",),
    "/stats": ("GET",),
    "/settings": ("GET", "PUT", "POST"),
    "/reset": ("POST",),
    "/numbers": ("GET", "PUT"),
    "/people/inbound": ("POST",),
}
#: Paths under which a connection reports what it could not parse.
_REFUSALS = {
    "/400": (400, "The request is not HTTP/1.1: check the request line and the headers."),
    "/413": (413, "The body is larger than 8 MB: send a smaller one."),
    "/414": (414, "The URL is too long: put the parameters into the body."),
    "/431": (431, "The headers are too large: send fewer."),
}


class Api(Protocol):
    """One provider's dialect, below a prefix of its own."""

    def is_send(self, method: str, path: str) -> bool:
        """Whether a request creates messages."""

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""


class App:
    """Answers requests. Only the providers' APIs count as in flight, never the controls.

    Args:
        settings: to begin with.
        loop: the running event loop.
    """

    def __init__(self, settings: SimulatorSettings, loop: asyncio.AbstractEventLoop) -> None:
        twilio, infobip, sinch, telnyx = TwilioWebhooks(), InfobipWebhooks(), SinchWebhooks(), TelnyxWebhooks()
        inbound: dict[str, InboundWriter] = {"twilio": twilio, "infobip": infobip, "sinch": sinch, "telnyx": telnyx}
        one_by_one: dict[str, StatusWriter] = {"twilio": twilio, "telnyx": telnyx}
        self.carrier = Carrier(settings, Timeline(loop), one_by_one, inbound, loop.time)
        infobip_numbers = InfobipNumbersApi(self.carrier)
        self._apis: dict[str, Api] = {
            TWILIO_PREFIX: TwilioApi(self.carrier, loop),
            INFOBIP_PREFIX: InfobipApi(self.carrier, BulkIntake(self.carrier, infobip), loop),
            SINCH_PREFIX: SinchApi(self.carrier, BulkIntake(self.carrier, sinch), sinch, loop),
            TELNYX_PREFIX: TelnyxApi(self.carrier, loop),
            NUMBERS_PREFIX: infobip_numbers,
            CONFIGURATIONS_PREFIX: infobip_numbers,
            SINCH_NUMBERS_PREFIX: SinchNumbersApi(self.carrier),
        }

    def received(self, exchange: Exchange) -> None:
        """Count a request of a provider's API from the moment it is here."""
        request = exchange.request
        api = self._api(request.path)
        if api is None:
            return
        stats = self.carrier.stats_now
        stats.arrived(send=api.is_send(request.method, request.path))
        exchange.counted = True
        limit = self.carrier.settings.throttle_above
        exchange.throttled = 0 < limit < stats.in_flight

    def _api(self, path: str) -> Api | None:
        return next((api for prefix, api in self._apis.items() if path.startswith(prefix)), None)

    def finished(self, exchange: Exchange) -> None:
        """Stop counting it."""
        if exchange.counted:
            exchange.counted = False
            self.carrier.stats_now.finished()

    def handle(self, exchange: Exchange) -> None:
        """Answer one request; a mistake of ours is a 500 and a traceback in the log."""
        try:
            self._handle(exchange)
        except FormError as error:
            exchange.reply(400, _error(str(error)))
        except Exception:
            logger.exception("The simulator failed at %s %s.", exchange.request.method, exchange.request.path)
            exchange.reply(500, _error("The simulator has a mistake: see its log."))

    def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        api = self._api(request.path)
        if api is not None:
            api.handle(exchange)
        elif request.method == "BAD":
            status, text = _REFUSALS[request.path]
            exchange.reply(status, _error(text))
        elif request.path not in _CONTROLS:
            exchange.reply(404, _error(f"There is nothing at {request.path}. Controls: {', '.join(_CONTROLS)}."))
        elif request.method not in _CONTROLS[request.path]:
            allowed = ", ".join(_CONTROLS[request.path])
            extra = f"Allow: {allowed}\r\n".encode()
            exchange.reply(405, _error(f"{request.path} takes {allowed}."), extra=extra)
        else:
            self._control(exchange)

    def _control(self, exchange: Exchange) -> None:
        request, carrier = exchange.request, self.carrier
        if request.path == "/healthz":
            exchange.reply(200, b'{"ok":true}')
        elif request.path == "/stats":
            wants_recipients = dict(parse_form(request.query)).get("recipients") == "1"
            exchange.reply(200, orjson.dumps(carrier.stats(recipients=wants_recipients)))
        elif request.path == "/reset":
            carrier.reset()
            exchange.reply(200, b'{"ok":true}')
        elif request.path == "/numbers":
            self._numbers(exchange)
        elif request.path == "/settings":
            if request.method == "GET":
                exchange.reply(200, orjson.dumps(carrier.settings.to_json()))
            else:
                self._change_settings(exchange)
        else:
            self._inbound(exchange)

    def _change_settings(self, exchange: Exchange) -> None:
        try:
            self.carrier.apply(self.carrier.settings.changed(_object(exchange)))
        except SettingsError as error:
            exchange.reply(400, _error(str(error)))
        else:
            exchange.reply(200, orjson.dumps(self.carrier.settings.to_json()))

    def _numbers(self, exchange: Exchange) -> None:
        """Which numbers the account owns; PUT replaces them, as if somebody had done it in the provider's own console."""
        book = self.carrier.numbers
        try:
            if exchange.request.method == "PUT":
                book.replace(_object(exchange).get("numbers"))
        except SettingsError as error:
            exchange.reply(400, _error(str(error)))
        else:
            exchange.reply(200, orjson.dumps({"numbers": book.to_json()}))

    def _inbound(self, exchange: Exchange) -> None:
        """A person writes: 202 at once, or with ``"wait": true`` when the webhook was answered."""
        try:
            values = _object(exchange)
            person, number, body = (_text(values, name) for name in ("from", "to", "body"))
            media = _media(values)
        except SettingsError as error:
            exchange.reply(400, _error(str(error)))
            return
        waits = values.get("wait") in (True, "true", "1")
        told: dict[str, Any] = {}

        def end(answer: Answer | None) -> None:
            told["status"] = answer.status if answer else None
            told["answered"] = answer is not None and answer.status < 300
            if waits:
                exchange.reply(200, orjson.dumps(told))

        try:
            message_id = self.carrier.write(person, number, body, media=media, on_end=end)
            kind = "MM" if media else "SM"
            shown = {"twilio": f"{kind}{message_id}", "telnyx": message_id_of(message_id)}
            told["sid"] = shown.get(self.carrier.settings.inbound_dialect, message_id)
        except Unroutable as error:
            exchange.reply(400, _error(str(error)))
            return
        if not waits:
            exchange.reply(202, orjson.dumps(told))


def _error(text: str) -> bytes:
    return orjson.dumps({"error": text})


def _object(exchange: Exchange) -> dict[str, Any]:
    """The body as an object: JSON, or a form as browsers send it.

    Raises:
        SettingsError: it is neither.
    """
    request = exchange.request
    if request.headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return dict(parse_form(request.body.decode("utf-8", "replace")))
    try:
        values = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise SettingsError(f"The body is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise SettingsError("The body must be a JSON object.")
    return values


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or (not value and name != "body"):
        raise SettingsError(f"{name!r} is missing: send a JSON object with the texts from, to and body.")
    return value


def _media(values: dict[str, Any]) -> list[Medium]:
    media = values.get("media", [])
    try:
        return [(str(url), str(kind)) for url, kind in media]
    except (TypeError, ValueError) as error:
        raise SettingsError("'media' is not a list of pairs of URL and content type.") from error
