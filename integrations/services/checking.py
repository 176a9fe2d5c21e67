"""Asking a provider for something harmless: whether it takes credentials, and what it answers.

Whoever presses the button waits for it in the web request: it is one request or two, each given up after the time for requests.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from django.utils import timezone

from broadcast.core.config import config
from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import HeldBack, Reply, Request, TransportFailure
from integrations.models import Gateway
from integrations.services.redaction import redacted
from integrations.sms.contract import SmsAdapter
from integrations.sms.errors import AdapterError, ProviderError
from integrations.sms.registry import adapter_class, make_adapter

#: Most characters that are shown of what is not an API's answer.
_LINE_CHARACTERS = 120
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class Driver(Protocol):
    """What carries a check's request."""

    def send(self, request: Request) -> Reply:
        """The reply, whatever its status.

        Raises:
            HeldBack: it may not leave now.
            TransportFailure: no reply.
        """


def _plain_driver(gateway: Gateway) -> AbstractContextManager[Driver]:  # noqa: ARG001  as others want it
    return HttpxDriver(timeout_seconds=config().request_timeout_seconds)


_make_driver: Callable[[Gateway], AbstractContextManager[Driver]] = _plain_driver


def carry_by(make: Callable[[Gateway], AbstractContextManager[Driver]]) -> None:
    """Have checks carried by somebody who knows how many requests of a gateway are in flight.

    Called once, when whoever sends through gateways starts: no request may leave beside its own. Without it, nothing sends.

    Args:
        make: a driver for requests of a gateway.
    """
    global _make_driver
    _make_driver = make


class Outcome(StrEnum):
    """How a check went."""

    #: The provider takes the credentials.
    TAKEN = "taken"
    #: It refuses them, or what they may do.
    REFUSED = "refused"
    #: Nothing came back, or only that it is busy or broken: nobody knows.
    NO_ANSWER = "no_answer"
    #: Something answers there, and it is not the provider's API.
    NOT_AN_API = "not_an_api"
    #: Nothing was asked: these credentials cannot even be put into a request.
    UNUSABLE = "unusable"
    #: Nothing was asked: no request may leave now, as all that may be are in flight or nobody can know.
    HELD_BACK = "held_back"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a provider said to credentials.

    Args:
        outcome: what it means.
        text: for a person: what happened and what to do next; holds no secret.
        asked: method and address, without its query; empty if nothing was asked.
        status: HTTP status of the answer, None without one.
        code: the provider's, empty if it gave none.
        seconds: until the answer, or until it was given up.
        account: what the answer tells of the account, empty if nothing.
        unchecked: labels of given credentials that no request tests, only webhooks do.
    """

    outcome: Outcome
    text: str
    asked: str = ""
    status: int | None = None
    code: str = ""
    seconds: float = 0.0
    account: str = ""
    unchecked: tuple[str, ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether the provider takes the credentials."""
        return self.outcome is Outcome.TAKEN

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was asked and answered, label and value."""
        answered = f"HTTP {self.status}" if self.status is not None else "Nothing"
        facts = [
            ("Asked", self.asked or "Nothing"),
            ("Answer", f"{answered}, after {self.seconds:.2f} seconds" if self.asked else ""),
            ("The provider's code", self.code),
            ("Not tested by this", ", ".join(self.unchecked)),
        ]
        return [(label, value) for label, value in facts if value]


def check_gateway(*, gateway_id: int) -> CheckResult:
    """Ask a gateway's provider whether it takes the stored credentials; if so, a stopped gateway may be used again.

    Args:
        gateway_id: of a gateway that is stored.
    """
    gateway = Gateway.objects.get(pk=gateway_id)
    result = ask(gateway, gateway.credentials or {})
    if result.is_taken and gateway.stopped_reason:
        current = Gateway.objects.filter(pk=gateway.pk, credentials_version=gateway.credentials_version).first()
        # Somebody else may have changed them while the provider was asked: it is those that count.
        if current is not None:
            current.stopped_reason = ""
            current.save(update_fields=("stopped_reason", "updated_at"))
    return result


def ask(gateway: Gateway, credentials: Mapping[str, str]) -> CheckResult:
    """Ask a gateway's provider whether it takes credentials, with a request that changes nothing and costs nothing.

    No transaction may be open: the provider may take its time. Each request takes one of those that the gateway may have in
    flight, so while all are, or while Redis is away and nobody can know, nothing is asked.

    Args:
        gateway: whose provider and base URL are meant.
        credentials: stored or not.
    """
    try:
        adapter = make_adapter(gateway.kind, gateway.config_with(credentials))
        request = adapter.build_check(on_date=f"{timezone.now().astimezone(dt.UTC):%Y-%m-%d}")
    except (AdapterError, LookupError, ValueError) as error:
        return CheckResult(Outcome.UNUSABLE, redacted(str(error), gateway.kind, credentials))
    with _make_driver(gateway) as driver:
        result = _asked(driver, adapter, request, adapter.parse_check, credentials)
        numbers_request = adapter.build_numbers_check() if result.is_taken else None
        if numbers_request is None:
            return result
        numbers = _asked(driver, adapter, numbers_request, adapter.parse_numbers_check, credentials)
    # Without numbers messages can still be sent, so that decides nothing.
    if numbers.is_taken:
        told = f"Numbers too: {numbers.account}."
    elif numbers.outcome is Outcome.HELD_BACK:
        told = f"Whether numbers can be managed with them was not asked: {numbers.text}"
    else:
        told = f"Numbers cannot be managed with them: {numbers.text}"
    return replace(result, text=f"{result.text} {told}")


def _asked(
    driver: Driver,
    adapter: SmsAdapter,
    request: Request,
    parse: Callable[[Reply], str],
    credentials: Mapping[str, str],
) -> CheckResult:
    """One request, and what its answer says to the credentials."""
    started = time.monotonic()
    try:
        reply = driver.send(request)
    except HeldBack as error:
        return CheckResult(Outcome.HELD_BACK, error.text)
    except TransportFailure as error:
        return CheckResult(
            Outcome.NO_ANSWER,
            redacted(error.text, adapter.kind, credentials),
            _shown(request),
            seconds=time.monotonic() - started,
            unchecked=_unchecked(adapter),
        )
    outcome, text, code, account = _judge(adapter, reply, parse)
    return CheckResult(
        outcome,
        redacted(text, adapter.kind, credentials),
        _shown(request),
        reply.status,
        redacted(code, adapter.kind, credentials),
        time.monotonic() - started,
        redacted(account, adapter.kind, credentials),
        _unchecked(adapter),
    )


def _judge(adapter: SmsAdapter, reply: Reply, parse: Callable[[Reply], str]) -> tuple[Outcome, str, str, str]:
    """Outcome, text, the provider's code, and what is told of the account."""
    label = adapter_class(adapter.kind).label
    if (seen := _no_api(reply)) is not None:
        text = f"This is not {label}'s API: it answers HTTP {reply.status} with {seen}. " + (
            "Try again in a minute; if it stays like this, correct the base URL."
            if reply.status >= 500
            else "The base URL may be wrong, or a proxy answers in the provider's place."
        )
        return Outcome.NOT_AN_API, text, "", ""
    try:
        account = parse(reply)
    except ProviderError as error:
        outcome = Outcome.NO_ANSWER if error.retryable else Outcome.REFUSED
        return outcome, error.text, error.code, ""
    except (AdapterError, LookupError) as error:
        return Outcome.REFUSED, str(error), "", ""
    return Outcome.TAKEN, f"{label} takes the credentials{f': {account}' if account else ''}.", "", account


def _no_api(reply: Reply) -> str | None:
    """What came instead of an API's answer, in a few words; None when it may be one."""
    if 300 <= reply.status < 400:
        return f"a redirection to {_host(reply.headers.get('location', ''))}"
    body = reply.body.strip()
    is_page = reply.headers.get("content-type", "").startswith("text/html") or body[:1] == b"<"
    if is_page:
        title = _TITLE.search(body)
        return f"a page, “{_line(title[1] if title and title[1].strip() else body)}”"
    if not 200 <= reply.status < 300:
        return None
    if not body:
        return "nothing in it"
    try:
        reply.json()
    except ValueError:
        return f"“{_line(body)}”"
    return None


def _line(text: bytes) -> str:
    first = next((line for line in text.decode("utf-8", "replace").splitlines() if line.strip()), "")
    shown = " ".join(first.split())
    return f"{shown[:_LINE_CHARACTERS]}…" if len(shown) > _LINE_CHARACTERS else shown


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "another path"
    except ValueError:
        return "an address that is none"


def _shown(request: Request) -> str:
    """A request for a person: without its query, and without a user and password in the address."""
    parts = urlsplit(request.url)
    return f"{request.method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _unchecked(adapter: SmsAdapter) -> tuple[str, ...]:
    return tuple(field.label for field in adapter.unchecked())
