"""``send``: one sender process from lease to recorded result, beside what one would build instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from broadcast.core.redis import get_redis
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from integrations.simulator.randomness import Draws, Purpose
from messaging.engine import keys
from messaging.engine.launch import rebuild_queue
from messaging.models import Batch, Message
from tests.bench import celery_runs
from tests.bench.child import Child
from tests.bench.cli import SEND_DIALECTS, Run
from tests.bench.machine import pin, processor_seconds
from tests.bench.rows import empty_messages, fill_messages, make_batch, make_number, recipient

IN_FLIGHT = 40
SIGMA = 0.5
TIMEOUT_SECONDS = 900.0
#: Baselines are many times slower, so they get this share of the messages, within these bounds.
BASELINE_SHARE = 4
BASELINE_LEAST, BASELINE_MOST = 1_000, 4_000
CELERY_MESSAGES = 1_000
#: Delivery statuses are not part of what is measured: none becomes due before the end (``record`` measures them).
NEVER_SECONDS = 1e6


def run(bench: Run) -> None:
    """Measure the engine, lock-step, stock httpx and (if asked) Celery, in turn."""
    report = bench.report
    latency = bench.latency_ms
    _set_targets(bench)
    settings = SimulatorSettings(latency_ms=latency, latency_sigma=SIGMA, delivery_seconds=NEVER_SECONDS)
    fewer = min(bench.messages, max(BASELINE_LEAST, bench.messages // BASELINE_SHARE), BASELINE_MOST)
    report.options["baseline_messages"] = fewer
    limit = _limit(settings, bench.messages)
    with SimulatorProcess(settings) as simulator, _celery(bench) as celery:
        for pid in (simulator.pid, bench.lab.valkey_pid):
            pin(pid, bench.lab.cores.others)
        batch = make_batch(make_number(settings, simulator.url, dialect=bench.dialect))
        usual = SEND_DIALECTS[0]
        other_batch = make_batch(make_number(settings, simulator.url, dialect=usual))
        for _ in bench.each_round():
            rate = _engine(bench, simulator, batch)
            if bench.dialect != usual:
                report.ratio(f"vs_{usual}", rate / _engine(bench, simulator, other_batch, usual))
            if limit:
                report.figure("share", rate / limit, "1")
                report.ratio("of_limit", rate / limit)
            for name in ("lockstep", "pyreqwest", "httpx"):
                other = _client(bench, simulator, name, fewer)
                report.figure(f"{name}_per_s", other, "1/s")
                report.ratio(f"vs_{name}", rate / other)
                if limit:
                    report.figure(f"{name}_share", other / _limit(settings, fewer), "1")
            if celery is not None:
                rates = celery.measure(simulator, min(bench.messages, CELERY_MESSAGES))
                for name, other in rates.items():
                    report.figure(f"celery_{name}_per_s", other, "1/s")
                report.ratio("vs_celery", rate / max(rates.values()))


def _set_targets(bench: Run) -> None:
    report = bench.report
    report.target("max_in_flight", "<=", IN_FLIGHT)
    if bench.latency_ms:
        report.target("of_limit", ">=", 0.97 if bench.latency_ms >= 50 else 0.95)
        report.target("vs_lockstep", ">=", 2.4)
    else:
        report.target("cpu_us", "<=", 80)
    if bench.celery:
        report.target("vs_celery", ">=", 1.5 if bench.latency_ms else 12)


def _limit(settings: SimulatorSettings, count: int) -> float:
    """Messages a second that so many in flight allow, for the latencies the simulator draws for these recipients."""
    total = sum(
        Draws(settings.seed, recipient(index), 1).lognormal(Purpose.LATENCY, settings.latency_ms, SIGMA)
        for index in range(1, count + 1)
    )
    return IN_FLIGHT * count / (total / 1000) if total else 0.0


@contextmanager
def _celery(bench: Run) -> Iterator[celery_runs.Celery | None]:
    """Celery in its own virtualenv, if it is wanted."""
    yield celery_runs.prepare(bench.lab) if bench.celery else None


def _engine(bench: Run, simulator: SimulatorProcess, batch: Batch, label: str = "") -> float:
    """One run of the engine; messages a second from the first lease to the last recorded result.

    Without latency the recorder would only take the cores away from sender and simulator, so then the time ends when
    the last result is in the stream, and all is recorded afterwards. ``label`` stands in front of the figures' names.
    """
    report, count, cores = bench.report, bench.messages, bench.lab.cores
    prefix = f"{label}_" if label else ""
    empty_messages()
    get_redis().flushdb()
    simulator.reset()
    fill_messages(batch, count)
    rebuild_queue(batch)
    arguments: dict[str, Any] = {"gateway": batch.gateway_id, "count": count}
    with (
        Child("tests.bench.send_jobs:recorder", arguments, cores.all) as recorder,
        Child("tests.bench.send_jobs:engine", arguments, cores.subject) as sender,
    ):
        simulator_cpu = processor_seconds(simulator.pid)
        if bench.latency_ms:
            recorder.go()
        sender.go()
        sent = sender.result(TIMEOUT_SECONDS)
        simulator_cpu = processor_seconds(simulator.pid) - simulator_cpu
        ended_at = last_append()
        if not bench.latency_ms:
            recorder.go()
        recorded = recorder.result(TIMEOUT_SECONDS)
    stats = simulator.stats()
    rate: float = count / ((recorded["last_at"] if bench.latency_ms else ended_at) - sent["started_at"])
    report.figure(f"{prefix}per_s", rate, "1/s")
    report.figure(f"{prefix}cpu_us", sent["cpu_seconds"] / count * 1e6, "µs")
    report.figure(f"{prefix}max_in_flight", stats["max_in_flight"], "requests")
    report.figure(f"{prefix}recorder_cpu_us", recorded["cpu_seconds"] / count * 1e6, "µs")
    report.figure(f"{prefix}simulator_cpu_us", simulator_cpu / count * 1e6, "µs")
    report.figure(f"{prefix}sender_peak_mb", sent["peak_mb"], "MB")
    report.figure(f"{prefix}recorder_peak_mb", recorded["peak_mb"], "MB")
    if bench.latency_ms:
        # How many requests the provider really had, on average: what is missing to 40 was lost on our side, what is missing
        # to the limit beyond that in the simulator.
        report.figure(f"{prefix}mean_in_flight", stats["request_seconds"] / stats["seconds_sending"], "requests")
        report.figure(f"{prefix}provider_ms", stats["request_seconds"] / stats["requests"] * 1000, "ms")
    if (stats["messages_taken"], stats["duplicate_sends"]) != (count, 0):
        report.fault(f"The simulator took {stats['messages_taken']} of {count}, {stats['duplicate_sends']} twice.")
    counts = Message.objects.filter(batch=batch).counts()
    if counts != {"accepted": count}:
        report.fault(f"After the run the rows stand like this: {counts}.")
    return rate


def last_append() -> float:
    """When the last result was appended to the stream, seconds since 1970; 0 when the recorder was quicker."""
    entries = get_redis().xrevrange(keys.RESULTS, count=1)
    return int(entries[0][0].partition(b"-")[0]) / 1000 if entries else 0.0


def _client(bench: Run, simulator: SimulatorProcess, name: str, count: int) -> float:
    """One run of a bare client; messages a second from its first request to its last reply, nothing recorded."""
    simulator.reset()
    settings = simulator.initial
    arguments = {
        "url": simulator.url,
        "dialect": bench.dialect,
        "sender": settings.numbers[-1],
        "count": count,
    }
    with Child(f"tests.bench.send_clients:{name}_client", arguments, bench.lab.cores.subject) as child:
        result = child.run(TIMEOUT_SECONDS)
    bench.report.figure(f"{name}_cpu_us", result["cpu_seconds"] / count * 1e6, "µs")
    taken = simulator.stats()["messages_taken"]
    if taken != count:
        bench.report.fault(f"{name} sent {count} messages and the simulator took {taken}.")
    return float(count / result["sending_s"])
