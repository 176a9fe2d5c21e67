"""Twilio's HTTP API, version 2010-04-01: credentials, routes and messages."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice

import orjson

from integrations.simulator.carrier import Carrier
from integrations.simulator.forms import FormError, parse_form
from integrations.simulator.http1 import Exchange
from integrations.simulator.memory import Message
from integrations.simulator.number_faults import fail, number_fault
from integrations.simulator.numbers import is_recipient
from integrations.simulator.twilio_numbers import LOST, TwilioNumbers
from integrations.simulator.twilio_paging import page_json, page_request
from integrations.simulator.twilio_values import API_VERSION, account_json, error_body, message_json
from integrations.simulator.values import Submission, Verdict

PREFIX = f"/{API_VERSION}/Accounts/"
_FORM = b"application/x-www-form-urlencoded"
_MAX_BODY_CHARACTERS = 1600
#: Twilio's codes for what goes wrong with numbers.
_REFUSED_WITH = {"sold": 21422, "throttle": 20429, "refuse": 20003, "error": 20500}
_is_id = re.compile(r"(?:SM|MM|PN)[0-9a-fA-F]{32}").fullmatch
_is_service = re.compile(r"MG[0-9a-fA-F]{32}").fullmatch

Form = dict[str, str]


class TwilioApi:
    """Answers requests below ``/2010-04-01/Accounts/``.

    Args:
        carrier: what stands behind the API.
        loop: for replies that are due later.
    """

    def __init__(self, carrier: Carrier, loop: asyncio.AbstractEventLoop) -> None:
        self._carrier = carrier
        self._loop = loop
        self._numbers = TwilioNumbers(carrier)
        # The last good header, so that a client's thousands of requests are decoded once.
        self._trusted_settings = carrier.settings
        self._trusted_header = b""

    def is_send(self, method: str, path: str) -> bool:
        """Whether a request creates a message."""
        return method == "POST" and path.endswith("/Messages.json")

    def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        request = exchange.request
        account, _, rest = request.path[len(PREFIX) :].partition("/")
        settings = self._carrier.settings
        if not self._authenticated(request.headers.get(b"authorization", b"")):
            self._refuse(exchange, 20003, extra=b'WWW-Authenticate: Basic realm="Twilio API"\r\n')
        elif exchange.throttled:
            self._refuse(exchange, 20429)
        elif request.method == "GET" and not rest and account == f"{settings.account_sid}.json":
            exchange.reply(200, orjson.dumps(account_json(settings)))
        elif account != settings.account_sid:
            self._refuse(exchange, 20404)
        else:
            self._route(exchange, request.method, rest)

    # Routing

    def _authenticated(self, header: bytes) -> bool:
        settings = self._carrier.settings
        if settings is not self._trusted_settings:
            self._trusted_settings, self._trusted_header = settings, b""
        if header and header == self._trusted_header:
            return True
        scheme, _, encoded = header.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            return False
        tokens = (settings.auth_token, *settings.also_accepted)
        accepted = {f"{settings.account_sid}:{token}".encode() for token in tokens}
        if settings.api_key_sid:
            accepted.add(f"{settings.api_key_sid}:{settings.api_key_secret}".encode())
        if given not in accepted:
            return False
        self._trusted_header = header
        return True

    def _route(self, exchange: Exchange, method: str, rest: str) -> None:
        numbers = self._numbers
        if rest == "Messages.json":
            self._dispatch(exchange, method, {"POST": self._send, "GET": self._list})
        elif rest == "IncomingPhoneNumbers.json":
            methods = {
                "POST": self._numbers_with("buy", numbers.buy),
                "GET": self._numbers_with("list", numbers.list_owned),
            }
            self._dispatch(exchange, method, methods)
        elif rest.startswith("Messages/") and rest.endswith(".json"):
            sid = rest[len("Messages/") : -len(".json")]
            self._dispatch(exchange, method, {"GET": lambda e, _form: self._fetch(e, sid)})
        elif rest.startswith("IncomingPhoneNumbers/") and rest.endswith(".json"):
            self._route_number(exchange, method, rest[len("IncomingPhoneNumbers/") : -len(".json")])
        elif rest.startswith("AvailablePhoneNumbers/") and rest.endswith(".json"):
            country, _, kind = rest[len("AvailablePhoneNumbers/") : -len(".json")].partition("/")
            self._dispatch(
                exchange,
                method,
                {"GET": self._numbers_with("search", lambda form: numbers.search(country, kind, form))},
            )
        else:
            self._refuse(exchange, 20404)

    def _route_number(self, exchange: Exchange, method: str, sid: str) -> None:
        if not _is_id(sid) or not sid.startswith("PN"):
            self._refuse(exchange, 20404)
            return
        number_id = sid[2:]
        self._dispatch(
            exchange,
            method,
            {
                "GET": self._numbers_with("list", lambda _form: self._numbers.show(number_id)),
                "POST": self._numbers_with("change", lambda form: self._numbers.change(number_id, form)),
                "DELETE": self._numbers_with("release", lambda _form: self._numbers.release(number_id)),
            },
        )

    def _numbers_with(self, step: str, answer: Callable[[Form], tuple[int, bytes]]) -> Callable[[Exchange, Form], None]:
        def handle(exchange: Exchange, form: Form) -> None:
            fault = number_fault(self._carrier.settings, step)
            if fault in _REFUSED_WITH:
                self._refuse(exchange, _REFUSED_WITH[fault], form.get("PhoneNumber", ""))
            elif fault:
                fail(exchange, fault, lambda: answer(form))
            elif (result := answer(form)) == LOST:
                exchange.drop()
            else:
                exchange.reply(*result)

        return handle

    def _dispatch(self, exchange: Exchange, method: str, methods: dict[str, Callable[[Exchange, Form], None]]) -> None:
        handler = methods.get(method)
        if handler is None:
            self._refuse(exchange, 20004, extra=f"Allow: {', '.join(methods)}\r\n".encode())
            return
        request = exchange.request
        text = request.query
        if method == "POST":
            is_form = request.headers.get(b"content-type", b"").lower().startswith(_FORM)
            text = request.body.decode("utf-8", "replace") if is_form else ""
        try:
            pairs = parse_form(text)
        except FormError:
            self._refuse(exchange, 20001)
            return
        form = dict(pairs)
        if "MediaUrl" in form:
            form["MediaUrl"] = "\n".join(value for name, value in pairs if name == "MediaUrl")
        handler(exchange, form)

    def _refuse(self, exchange: Exchange, code: int, detail: str = "", *, extra: bytes = b"") -> None:
        status, body = error_body(code, detail)
        if status == 429:
            extra += b"Retry-After: %d\r\n" % self._carrier.settings.retry_after_seconds
        request = exchange.request
        if self.is_send(request.method, request.path):
            self._carrier.stats_now.outcomes[f"{status}/{code}"] += 1
        exchange.reply(status, body, extra=extra)

    # Messages

    def _send(self, exchange: Exchange, form: Form) -> None:
        media = [url for url in form.get("MediaUrl", "").split("\n") if url]
        code, detail = self._check(form, len(media))
        if code:
            self._refuse(exchange, code, detail)
            return
        service = form.get("MessagingServiceSid", "")
        submission = Submission(
            form["To"], form.get("From") or self._sender_of_service(), form.get("Body", ""),
            form.get("StatusCallback", ""), len(media), service,
        )  # fmt: skip
        verdict = self._carrier.submit(submission)
        body = b""
        if verdict.number is not None:
            message = self._carrier.memory.messages[verdict.number]
            message_id = self._carrier.memory.id_of(verdict.number)
            body = orjson.dumps(message_json(self._carrier.settings, message_id, message, as_taken=True))
        if verdict.delay_seconds > 0:
            self._loop.call_later(verdict.delay_seconds, self._conclude, exchange, verdict, form["To"], body)
        else:
            self._conclude(exchange, verdict, form["To"], body)

    def _check(self, form: Form, media: int) -> tuple[int, str]:
        """The error code of a send that is not acceptable, with what is at fault; 0 for none."""
        recipient, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
        callback = form.get("StatusCallback", "")
        if not recipient:
            return 21604, ""
        if not sender and not _is_service(form.get("MessagingServiceSid", "")):
            return 21603, ""
        if not is_recipient(recipient):
            return 21211, recipient
        if sender and not self._carrier.numbers.owns(sender):
            return 21606, sender
        if not body and not media:
            return 21602, ""
        if len(body) > _MAX_BODY_CHARACTERS:
            return 21617, ""
        if media > 10:
            return 21623, ""
        if callback and not callback.startswith(("http://", "https://")):
            return 21609, callback
        return 0, ""

    def _sender_of_service(self) -> str:
        numbers = self._carrier.numbers
        return next(iter(numbers.owned), None) or next(iter(sorted(numbers.short_codes)), "")

    def _conclude(self, exchange: Exchange, verdict: Verdict, recipient: str, body: bytes) -> None:
        outcomes = self._carrier.stats_now.outcomes
        if verdict.error:
            self._refuse(exchange, verdict.error, recipient)
            return
        if not verdict.failure:
            outcomes["201"] += 1
            exchange.reply(201, body)
            return
        when = "before" if verdict.number is None else "after"
        outcomes[f"fail_{when}/{verdict.failure}"] += 1
        if verdict.failure == "close":
            exchange.drop()
        elif verdict.failure == "hang":
            self._loop.call_later(self._carrier.settings.hang_seconds, exchange.drop)
        else:
            exchange.reply(*error_body(20000 + int(verdict.failure)))

    def _fetch(self, exchange: Exchange, sid: str) -> None:
        number = self._carrier.memory.find(sid[2:]) if _is_id(sid) else None
        message = self._carrier.memory.messages[number] if number is not None else None
        if message is None or sid[:2] != ("MM" if message.media else "SM"):
            self._refuse(exchange, 20404)
            return
        shown = message_json(self._carrier.settings, sid[2:], message, as_taken=False)
        exchange.reply(200, orjson.dumps(shown))

    def _list(self, exchange: Exchange, form: Form) -> None:
        memory, settings = self._carrier.memory, self._carrier.settings
        try:
            asked = page_request(form)
            accepts = _date_filter(form)
        except ValueError:
            self._refuse(exchange, 20001)
            return
        before = memory.find(asked.token[4:]) if asked.token else None
        if asked.token and before is None:
            self._refuse(exchange, 20001)
            return
        numbers = filter(self._filter(form, accepts), self._candidates(form.get("To", ""), before))
        skipped = 0 if asked.token else asked.start
        found = list(islice(numbers, skipped, skipped + asked.size + 1))
        token = f"PASM{memory.id_of(found[asked.size - 1])}" if len(found) > asked.size else ""
        shown = [
            message_json(settings, memory.id_of(number), memory.messages[number], as_taken=False)
            for number in found[: asked.size]
        ]
        path = f"{PREFIX}{settings.account_sid}/Messages.json"
        exchange.reply(200, orjson.dumps(page_json(path, "messages", shown, asked, token)))

    def _candidates(self, recipient: str, before: int | None) -> Iterator[int]:
        """Numbers of the messages that may be to this recipient; of all when none is named."""
        memory = self._carrier.memory
        if recipient and recipient not in memory.people and not self._carrier.numbers.owns(recipient):
            return iter(())
        return memory.newest_first(recipient, before=before)

    def _filter(self, form: Form, accepts: Callable[[Message], bool]) -> Callable[[int], bool]:
        messages = self._carrier.memory.messages
        recipient, sender = form.get("To", ""), form.get("From", "")

        def wanted(number: int) -> bool:
            message = messages[number]
            return (
                (not recipient or message.recipient == recipient)
                and (not sender or message.sender == sender)
                and accepts(message)
            )

        return wanted


def _date_filter(form: Form) -> Callable[[Message], bool]:
    """Whether a message was sent in the span that DateSent, ``DateSent<`` and ``DateSent>`` ask for, bounds included.

    Raises:
        ValueError: not a date.
    """
    low, high = float("-inf"), float("inf")
    if form.get("DateSent"):
        low, high = _span(form["DateSent"])
    if form.get("DateSent>"):
        low = max(low, _span(form["DateSent>"])[0])
    if form.get("DateSent<"):
        high = min(high, _span(form["DateSent<"])[1])
    # A message that has not left yet counts by its creation: it can be found as soon as it exists.
    return lambda message: low <= (message.sent or message.created) < high


def _span(text: str) -> tuple[float, float]:
    """From when to when a date (a day in UTC) or a moment (a second) lasts, as Unix times."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        start = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return start.timestamp(), (start + timedelta(days=1)).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    start_second = moment.replace(microsecond=0).timestamp()
    return start_second, start_second + 1
