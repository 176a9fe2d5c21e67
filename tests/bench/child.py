"""A part of a bench in a fresh process of its own: pinned, measured, bounded in time, never left behind.

``Child("tests.bench.send_jobs:engine", {...})`` starts ``python -m tests.bench.child``, which imports the job, says that it is
ready, and runs it when told to go; its result comes back as JSON.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from broadcast.core.config import BASE_DIR
from tests.bench.machine import forget_peak, resident_megabytes

#: A child that is not ready by then never is, seconds.
READY_SECONDS = 60.0


class ChildError(RuntimeError):
    """A part of the bench failed or took too long; the text says which."""


class Child:
    """One job's process; use it in a ``with`` block.

    Args:
        job: ``module:function``; the function takes a dictionary and returns one, both of plain values.
        arguments: for the function.
        cores: which it may use; all if empty.
    """

    def __init__(self, job: str, arguments: Mapping[str, Any], cores: Collection[int] = ()) -> None:
        self.job = job
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.child", job],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
        )
        self._write({"arguments": dict(arguments), "cores": sorted(cores)})
        self._read(READY_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def go(self) -> None:
        """Let it run."""
        self._write({"go": True})

    def result(self, timeout_seconds: float) -> dict[str, Any]:
        """What it returned, with ``seconds``, ``cpu_seconds``, ``base_mb`` and ``peak_mb`` of its run.

        Raises:
            ChildError: it failed, or took longer.
        """
        return self._read(timeout_seconds)

    def run(self, timeout_seconds: float) -> dict[str, Any]:
        """``go`` and ``result``."""
        self.go()
        return self.result(timeout_seconds)

    def _write(self, value: dict[str, Any]) -> None:
        if self.process.stdin is None:
            raise ChildError(f"{self.job} has no input.")
        self.process.stdin.write(orjson.dumps(value) + b"\n")
        self.process.stdin.flush()

    def _read(self, timeout_seconds: float) -> dict[str, Any]:
        output = self.process.stdout
        if output is None or not select.select([output], [], [], timeout_seconds)[0]:
            raise ChildError(f"{self.job} was not done within {timeout_seconds:g} seconds.")
        line = output.readline()
        if not line:
            raise ChildError(f"{self.job} ended with {self.process.wait()}; its own words stand above.")
        value: dict[str, Any] = orjson.loads(line)
        return value


def main() -> None:
    """The child's side."""
    # It must not outlive a bench that was killed.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    # Whatever a library prints belongs to standard error.
    answer = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    order = orjson.loads(sys.stdin.buffer.readline())
    if order["cores"]:
        os.sched_setaffinity(0, order["cores"])
    import django

    django.setup()
    module, _, name = sys.argv[1].partition(":")
    job = getattr(importlib.import_module(module), name)
    answer.write(b'{"ready":true}\n')
    if not sys.stdin.buffer.readline():
        return
    forget_peak()
    base, processor, started = resident_megabytes(), time.process_time(), time.monotonic()
    result = job(order["arguments"])
    measured = {
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - processor,
        "base_mb": base,
        "peak_mb": resident_megabytes(peak=True),
    }
    answer.write(orjson.dumps({**measured, **result}) + b"\n")


if __name__ == "__main__":
    main()
