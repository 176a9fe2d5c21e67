"""The simulated carrier: how it behaves in the demo, how it is started and what it tells."""

from __future__ import annotations

import sys
from typing import Any

import httpx
import orjson

from broadcast.supervisor.ports import free_bind
from broadcast.supervisor.processes import Program
from integrations.simulator.config import SimulatorSettings

NAME = "carrier"
SHORT_CODE = "24365"
LATENCY_MS = 120.0

#: A carrier on an ordinary day: some numbers are wrong, some phones are off, some answers get lost.
SETTINGS = SimulatorSettings(
    numbers=(SHORT_CODE,),
    seed=7,
    latency_ms=LATENCY_MS,
    latency_sigma=0.5,
    errors={21614: 0.004, 21211: 0.002, 30003: 0.006, 30005: 0.003, 30006: 0.002, 30007: 0.002},
    fail_after=0.004,
    fail_how="mixed",
    hang_seconds=5.0,
    delivery_seconds=1.0,
    callbacks_reversed=0.15,
    callbacks_repeated=0.08,
    stop_rate=0.006,
    help_rate=0.002,
    chatter_rate=0.012,
    reply_delay_seconds=2.0,
)


class Carrier:
    """The simulator, seen through its controls."""

    def __init__(self) -> None:
        self.bind = free_bind()
        self.url = f"http://{self.bind}"
        self._client = httpx.Client(base_url=self.url, timeout=30.0, trust_env=False)

    @property
    def program(self) -> Program:
        """What the supervisor starts; it outlives the cluster and the servers, for it answers them."""
        host, _, port = self.bind.partition(":")
        settings = orjson.dumps(SETTINGS.to_json()).decode()
        command = (sys.executable, "-m", "integrations.simulator", "--host", host, "--port", port)
        unsaid = ('{"url":', " INFO ")
        return Program(NAME, (*command, "--settings-json", settings), stage=1, ready=self.is_ready, unsaid=unsaid)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def stats(self, *, recipients: bool = False) -> dict[str, Any]:
        """What it saw; with ``by_recipient`` when asked for.

        Raises:
            httpx.HTTPError: it does not answer.
        """
        reply = self._client.get("/stats", params={"recipients": "1"} if recipients else None)
        return dict(orjson.loads(reply.raise_for_status().content))

    def change(self, **settings: Any) -> None:
        """Change its settings while it runs.

        Raises:
            httpx.HTTPError: refused, or no answer.
        """
        body = orjson.dumps(settings, option=orjson.OPT_NON_STR_KEYS)
        self._client.put("/settings", content=body, headers={"Content-Type": "application/json"}).raise_for_status()

    def person_writes(
        self, *, sender: str, recipient: str, body: str, picture_url: str = "", waits: bool = False
    ) -> None:
        """Make a person write to one of our numbers.

        Args:
            sender: who, E.164.
            recipient: our number.
            body: what.
            picture_url: where a picture is that they send with it; empty for none.
            waits: until our webhook has answered.

        Raises:
            httpx.HTTPError: refused, or no answer.
        """
        media = [(picture_url, "image/svg+xml")] if picture_url else []
        body_json = orjson.dumps({"from": sender, "to": recipient, "body": body, "media": media, "wait": waits})
        headers = {"Content-Type": "application/json"}
        self._client.post("/people/inbound", content=body_json, headers=headers).raise_for_status()

    def close(self) -> None:
        """Close the connections to it."""
        self._client.close()
