"""What the tests of numbers share."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connections

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request
from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from integrations.sms.contract import Capabilities, NumberQuery, ProviderNumber
from integrations.sms.registry import ADAPTERS
from messaging import tasks
from messaging.models import NumberFinding, PhoneNumber
from messaging.services.numbers import ProvisioningError, list_numbers, search_numbers
from messaging.services.numbers.provider import talk_to


def offers(gateway: Gateway, count: int = 1) -> list[str]:
    """Numbers that can be bought."""
    found = search_numbers(gateway=gateway, query=NumberQuery(area_code="415", limit=count))
    return [offer.number for offer in found]


def owned(gateway: Gateway, number: str) -> list[ProviderNumber]:
    """What the provider lists of a number, once for each time it was bought."""
    return [found for found in list_numbers(gateway=gateway) if found.number == number]


def wire_elsewhere(gateway: Gateway, number: ProviderNumber) -> None:
    """Have a number at the provider call somebody else's addresses."""
    theirs = {"inbound_url": "https://other.example.net/in", "status_url": "https://other.example.net/status"}
    with talk_to(gateway) as provider:
        provider.follow(lambda: provider.adapter.wiring(number, **theirs))


def break_numbers(simulator: SimulatorProcess, *faults: str) -> None:
    """Have steps at the provider fail, as ``buy:lost``; none: everything works again."""
    simulator.settings(number_faults=list(faults))


def record_requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """All requests to providers from now on."""
    send, seen = HttpxDriver.send, []

    def recording(self: HttpxDriver, request: Request) -> Reply:
        seen.append(request)
        return send(self, request)

    monkeypatch.setattr(HttpxDriver, "send", recording)
    return seen


def purchases(seen: list[Request]) -> int:
    """How many of some requests spend money."""
    return sum(item.method == "POST" and item.url.endswith("/IncomingPhoneNumbers.json") for item in seen)


def work_off() -> None:
    """Do what was asked for with numbers and findings, as the cluster does when its tasks are called."""
    for number_id in PhoneNumber.objects.exclude(errand="").values_list("pk", flat=True):
        tasks.run_errand(number_id)
    for finding_id in NumberFinding.objects.exclude(repair="").values_list("pk", flat=True):
        tasks.repair_finding(finding_id)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run some calls at the same moment, each in a thread of its own; what each returned, or how it was refused."""
    start = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(index: int, call: Callable[[], object]) -> None:
        try:
            start.wait(30)
            results[index] = call()
        except ProvisioningError as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index, call)) for index, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def take_numbers_api_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Twilio's adapter say that numbers are not its business."""
    plain = type("Plain", (ADAPTERS["twilio"],), {"capabilities": Capabilities()})
    monkeypatch.setitem(ADAPTERS, "twilio", plain)


def again(number: PhoneNumber) -> PhoneNumber:
    """The row as it is now."""
    return PhoneNumber.objects.select_related("account", "gateway").get(pk=number.pk)
