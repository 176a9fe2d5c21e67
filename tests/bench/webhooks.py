"""``webhooks``: signed delivery statuses checked, stored and answered by one process on one core, beside a Django view."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson

from broadcast.core.config import BASE_DIR
from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.simulator.config import SimulatorSettings
from messaging.engine import keys
from messaging.services.gateways import publish_gateways
from tests.bench.child import Child, ChildError
from tests.bench.cli import Run
from tests.bench.lab import end_with_parent
from tests.bench.machine import pin, processor_seconds
from tests.bench.rows import make_number

CONNECTIONS = 64
#: The baseline is many times slower, so it gets this share of the webhooks.
BASELINE_SHARE = 8
TIMEOUT_SECONDS = 300.0
START_SECONDS = 30.0
_COMMON = ("--no-control-socket", "--log-level", "warning", "--workers", "1")
_SUBJECT = ("messaging.webhooks.asgi:application", "--worker-class", "messaging.webhooks.worker.WebhookWorker")
_DJANGO = (
    "tests.bench.webhook_view:application",
    *("--worker-class", "gthread", "--threads", "8", "--keep-alive", "75"),
)


def run(bench: Run) -> None:
    """Measure the webhook process and the view, in turn: as fast as they can, then at half of that."""
    report = bench.report
    report.target("vs_django", ">=", 8)
    report.target("p99_ms", "<=", 20)
    report.target("lost", "<=", 0)
    report.options["connections"] = CONNECTIONS
    pin(bench.lab.valkey_pid, bench.lab.cores.others)
    gateway = make_number(SimulatorSettings()).gateway
    publish_gateways()
    fewer = max(CONNECTIONS, bench.messages // BASELINE_SHARE)
    for _ in bench.each_round():
        with _server(bench, *_SUBJECT) as pid:
            subject = _load(bench, gateway, pid, bench.messages)
        with _server(bench, *_DJANGO) as pid:
            view = _load(bench, gateway, pid, fewer)
        report.figure("per_s", subject["per_s"], "1/s")
        report.figure("cpu_us", subject["cpu_us"], "µs")
        report.figure("p99_ms", subject["p99_ms"], "ms")
        report.figure("p50_ms", subject["p50_ms"], "ms")
        report.figure("lost", subject["lost"], "webhooks")
        report.figure("django_per_s", view["per_s"], "1/s")
        report.figure("django_cpu_us", view["cpu_us"], "µs")
        report.figure("django_p99_ms", view["p99_ms"], "ms")
        report.ratio("vs_django", subject["per_s"] / view["per_s"])


@contextmanager
def _server(bench: Run, *application: str) -> Iterator[int]:
    """gunicorn with one worker on the subject's core; the worker's process id."""
    bind = f"127.0.0.1:{bench.lab.webhook_port}"
    master = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *application, "--bind", bind, *_COMMON],
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=end_with_parent,
    )
    try:
        _wait_until(lambda: _is_up(f"http://{bind}/healthz", master), f"{application[0]} to start")
        pids = [int(pid) for pid in _children(master.pid)]
        for pid in pids:
            pin(pid, bench.lab.cores.subject)
        yield pids[0]
    finally:
        master.terminate()
        try:
            master.wait(20)
        except subprocess.TimeoutExpired:
            master.kill()
            master.wait()


def _is_up(url: str, master: subprocess.Popen[bytes]) -> bool:
    if master.poll() is not None:
        raise ChildError(f"gunicorn ended with {master.returncode}; its own words stand above.")
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ChildError(f"Waited {START_SECONDS:g} seconds for {what}.")
        time.sleep(0.05)


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123  one line of the kernel's
        return file.read().split()


def _load(bench: Run, gateway: Gateway, pid: int, count: int) -> dict[str, float]:
    """As many webhooks as it takes, then half as many at half that rate; what was answered must be in the stream."""
    client = get_redis()
    client.delete(keys.STATUSES, keys.INBOUND)
    arguments: dict[str, Any] = {
        "port": bench.lab.webhook_port,
        "key": gateway.key,
        "token": gateway.credentials["auth_token"],
        "connections": CONNECTIONS,
    }
    used = processor_seconds(pid)
    full = _generate(bench, {**arguments, "count": count})
    used = processor_seconds(pid) - used
    half = _generate(bench, {**arguments, "count": max(CONNECTIONS, count // 2), "rate": full["per_s"] / 2})
    answered = int(full["answered"] + half["answered"])
    for result in (full, half):
        if result["refused"]:
            bench.report.fault(f"{result['refused']:g} webhooks were not answered with 2xx.")
    return {
        "per_s": full["per_s"],
        "cpu_us": used / count * 1e6,
        "p50_ms": half["p50_ms"],
        "p99_ms": half["p99_ms"],
        "lost": float(answered - _stored()),
    }


def _generate(bench: Run, arguments: dict[str, Any]) -> dict[str, float]:
    with Child("tests.bench.webhook_load:load", arguments, bench.lab.cores.others) as child:
        return child.run(TIMEOUT_SECONDS)


def _stored() -> int:
    """How many webhooks are in the stream."""
    client, total, last = get_redis(), 0, "-"
    while entries := client.xrange(keys.STATUSES, min=last, count=1000):
        total += sum(len(orjson.loads(entry[keys.FIELD])) for _, entry in entries)
        last = "(" + entries[-1][0].decode()
    return total
