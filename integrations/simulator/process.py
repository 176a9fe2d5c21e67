"""The simulator as a process of its own, for demos, benches and tests."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx
import orjson

from integrations.simulator.config import SimulatorSettings

_PROJECT = Path(__file__).resolve().parents[2]


class SimulatorProcessError(RuntimeError):
    """The simulator did not start, or refused a control request. The text says why."""


class SimulatorProcess:
    """A simulator that runs for as long as the ``with`` block lasts, and never longer than this process.

    Args:
        settings: to begin with; the defaults if None.
        port: 0 for any free one.
        start_seconds: how long it may take to start.
        log: where its log goes, a file with a descriptor; this process' standard error if None.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        port: int = 0,
        start_seconds: float = 20.0,
        log: IO[Any] | None = None,
    ) -> None:
        self.initial = settings or SimulatorSettings()
        #: Base URL, without a trailing slash; empty until it is started.
        self.url = ""
        self._port = port
        self._start_seconds = start_seconds
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id.

        Raises:
            SimulatorProcessError: it is not running.
        """
        if self._process is None:
            raise SimulatorProcessError("The simulator is not running: start it first.")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            SimulatorProcessError: it ended, or was not ready in time.
        """
        command = [sys.executable, "-m", "integrations.simulator", "--port", str(self._port), "--until-stdin-closes"]
        command += ["--settings-json", orjson.dumps(self.initial.to_json()).decode()]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, with settings that were checked
            command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        try:
            self.url = self._wait_for_url(self._process)
            self._client = httpx.Client(base_url=self.url, timeout=60.0, trust_env=False)
            self._call("GET", "/healthz")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; nothing happens when it has ended."""
        if self._client is not None:
            self._client.close()
            self._client = None
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def stats(self, *, recipients: bool = False) -> dict[str, Any]:
        """What it saw; with ``by_recipient`` when asked for."""
        return self._call("GET", "/stats?recipients=1" if recipients else "/stats")

    def reset(self) -> None:
        """Forget messages, people and counters; settings and numbers stay."""
        self._call("POST", "/reset")

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change settings and return them all.

        Args:
            values: fields of ``SimulatorSettings`` by name; codes of ``errors`` may be numbers.

        Raises:
            SimulatorProcessError: unknown or out of range; nothing was changed.
        """
        return self._call("PUT", "/settings", orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS))

    def numbers(self, *numbers: str | dict[str, str]) -> None:
        """Own these numbers and no others, as if somebody had bought, released and wired them behind our back.

        Args:
            numbers: E.164 or a short code's digits; or an object with ``number`` and any of ``name``, ``sms_url``,
                ``status_url``.

        Raises:
            SimulatorProcessError: one of them is no number; nothing was changed.
        """
        rows = [{"number": row} if isinstance(row, str) else row for row in numbers]
        self._call("PUT", "/numbers", orjson.dumps({"numbers": rows}))

    def owned(self) -> dict[str, dict[str, str]]:
        """What is owned at this moment, by number."""
        return {row["number"]: row for row in self._call("GET", "/numbers")["numbers"]}

    def inbound(self, *, sender: str, recipient: str, body: str, wait: bool = True) -> dict[str, Any]:
        """Make a person write.

        Args:
            sender: the person, E.164.
            recipient: one of the owned numbers.
            body: what they write.
            wait: until the webhook was answered.

        Returns:
            ``sid``, and with ``wait`` also ``answered`` and the webhook's ``status``.

        Raises:
            SimulatorProcessError: the number is not owned or has no URL.
        """
        values = {"from": sender, "to": recipient, "body": body, "wait": wait}
        return self._call("POST", "/people/inbound", orjson.dumps(values))

    def _wait_for_url(self, process: subprocess.Popen[bytes]) -> str:
        output = process.stdout
        if output is None or not select.select([output], [], [], self._start_seconds)[0]:
            raise SimulatorProcessError(f"The simulator was not ready within {self._start_seconds:g} seconds.")
        line = output.readline()
        if not line:
            code = process.wait()
            raise SimulatorProcessError(f"The simulator ended with code {code} before it was ready: see its log.")
        return str(orjson.loads(line)["url"])

    def _call(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        if self._client is None:
            raise SimulatorProcessError("The simulator is not running: start it first.")
        headers = {"Content-Type": "application/json"} if body else {}
        reply = self._client.request(method, path, content=body, headers=headers)
        values: dict[str, Any] = orjson.loads(reply.content)
        if reply.status_code >= 300:
            raise SimulatorProcessError(f"{method} {path} was refused ({reply.status_code}): {values.get('error')}")
        return values
