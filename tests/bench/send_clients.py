"""What one would write instead of the engine: the same requests, made and read by the same adapter, nothing recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import uvloop

from integrations.http.asyncio_driver import AsyncioDriver
from integrations.http.values import Reply
from integrations.simulator.config import SimulatorSettings
from integrations.sms.contract import OutboundSms, SendResult
from tests.bench.pyreqwest_driver import PyreqwestDriver
from tests.bench.rows import recipient
from tests.dialects import adapter_at

IN_FLIGHT = 40


class Work:
    """The messages of a run, and the adapter that makes requests of them."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.adapter = adapter_at(arguments["dialect"], SimulatorSettings(), arguments["url"])
        self.sender = arguments["sender"]
        self.count = arguments["count"]
        self.failed = 0

    def messages(self) -> Iterator[OutboundSms]:
        """Each message once."""
        for index in range(1, self.count + 1):
            text = f"Hi Person {index}, the sale starts tomorrow at nine. Reply STOP to opt out."
            url = f"http://127.0.0.1:9/webhooks/0123456789abcdef/status/{index}"
            yield OutboundSms(index, self.sender, recipient(index), text, url)

    def result(self, message: OutboundSms, reply: Reply) -> SendResult:
        """What became of a message."""
        result = self.adapter.parse_send([message], reply)[0]
        self.failed += result.error is not None
        return result


def lockstep_client(arguments: dict[str, Any]) -> dict[str, Any]:
    """The engine's client: 40 requests, wait for all 40, the next 40."""
    return uvloop.run(_lockstep(Work(arguments)))


async def _lockstep(work: Work) -> dict[str, Any]:
    async with AsyncioDriver(IN_FLIGHT) as driver:

        async def send(message: OutboundSms) -> SendResult:
            return work.result(message, await driver.send(work.adapter.build_send([message])))

        messages = work.messages()
        begun = time.monotonic()
        while group := list(islice(messages, IN_FLIGHT)):
            await asyncio.gather(*(send(message) for message in group))
        return {"sending_s": time.monotonic() - begun, "failed": work.failed}


def pyreqwest_client(arguments: dict[str, Any]) -> dict[str, Any]:
    """pyreqwest on the engine's event loop, a sliding window of 40."""
    return uvloop.run(_pyreqwest(Work(arguments)))


async def _pyreqwest(work: Work) -> dict[str, Any]:
    async with PyreqwestDriver(IN_FLIGHT) as driver:
        messages = work.messages()

        async def worker() -> None:
            for message in messages:
                work.result(message, await driver.send(work.adapter.build_send([message])))

        begun = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return {"sending_s": time.monotonic() - begun, "failed": work.failed}


def httpx_client(arguments: dict[str, Any]) -> dict[str, Any]:
    """Stock httpx on the stock event loop, a sliding window of 40."""
    return asyncio.run(_httpx(Work(arguments)))


async def _httpx(work: Work) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    async with httpx.AsyncClient(limits=limits, timeout=10, trust_env=False) as client:
        messages = work.messages()

        async def worker() -> None:
            for message in messages:
                request = work.adapter.build_send([message])
                reply = await client.request(
                    request.method, request.url, headers=list(request.headers), content=request.body
                )
                work.result(message, Reply(reply.status_code, dict(reply.headers), reply.content))

        begun = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return {"sending_s": time.monotonic() - begun, "failed": work.failed}


def bulk_client(arguments: dict[str, Any]) -> dict[str, Any]:
    """The engine's client and a bulk adapter, 1,000 messages a request, a sliding window of 40."""
    return uvloop.run(_bulk(arguments))


async def _bulk(arguments: dict[str, Any]) -> dict[str, Any]:
    adapter = adapter_at(arguments["dialect"], SimulatorSettings(), arguments["url"])
    size = adapter.capabilities.recipients_per_request
    failed = 0

    def requests() -> Iterator[list[OutboundSms]]:
        for start in range(0, arguments["count"], size):
            yield [
                OutboundSms(
                    index,
                    arguments["sender"],
                    recipient(index + 1),
                    f"Hi Person {index}, the sale starts tomorrow at nine. Reply STOP to opt out.",
                    f"http://127.0.0.1:9/webhooks/0123456789abcdef/status/{index}",
                )
                for index in range(start, min(start + size, arguments["count"]))
            ]

    async with AsyncioDriver(IN_FLIGHT) as driver:
        groups = requests()

        async def worker() -> None:
            nonlocal failed
            for messages in groups:
                group = messages
                while group:
                    count = adapter.fits(group)
                    some, group = group[:count], group[count:]
                    results = adapter.parse_send(some, await driver.send(adapter.build_send(some)))
                    failed += sum(result.error is not None for result in results)

        begun = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return {"sending_s": time.monotonic() - begun, "failed": failed}
