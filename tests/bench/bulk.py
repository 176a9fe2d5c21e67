"""``bulk``: a gateway that takes 1,000 recipients a request, from the first lease to the last reply."""

from __future__ import annotations

from typing import Any

from broadcast.core.redis import get_redis
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from messaging.engine.launch import rebuild_queue
from messaging.models import Batch, Message
from tests.bench.child import Child
from tests.bench.cli import Run
from tests.bench.machine import pin, processor_seconds
from tests.bench.rows import empty_messages, fill_messages, make_batch, make_bulk_number
from tests.bench.send import IN_FLIGHT, NEVER_SECONDS, TIMEOUT_SECONDS, last_append

LATENCY_MS = 300.0
#: What the target is about.
FULL = 500_000
FULL_SECONDS = 15.0


def run(bench: Run) -> None:
    """Measure the engine, and the same requests from memory with nothing around them, in turn."""
    report = bench.report
    report.options["latency_ms"] = LATENCY_MS
    report.target("max_in_flight", "<=", IN_FLIGHT)
    if bench.messages >= FULL:
        report.target("seconds", "<=", FULL_SECONDS * bench.messages / FULL)
    settings = SimulatorSettings(
        latency_ms=LATENCY_MS, latency_sigma=0.0, delivery_seconds=NEVER_SECONDS, callbacks_share=0.0
    )
    with SimulatorProcess(settings) as simulator:
        for pid in (simulator.pid, bench.lab.valkey_pid):
            pin(pid, bench.lab.cores.others)
        batch = make_batch(make_bulk_number(settings, simulator.url))
        for _ in bench.each_round():
            seconds = _engine(bench, simulator, batch)
            bare = _bare(bench, simulator)
            report.figure("bare_s", bare, "s")
            report.ratio("vs_bare", seconds / bare)


def _engine(bench: Run, simulator: SimulatorProcess, batch: Batch) -> float:
    """One run of the engine; seconds from the first lease to the last result in the stream. Recorded afterwards."""
    report, count, cores = bench.report, bench.messages, bench.lab.cores
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
        sender.go()
        sent = sender.result(TIMEOUT_SECONDS)
        simulator_cpu = processor_seconds(simulator.pid) - simulator_cpu
        seconds: float = last_append() - sent["started_at"]
        recorder.go()
        recorded = recorder.result(TIMEOUT_SECONDS)
    stats = simulator.stats()
    report.figure("seconds", seconds, "s")
    report.figure("per_s", count / seconds, "1/s")
    report.figure("cpu_us", sent["cpu_seconds"] / count * 1e6, "µs")
    report.figure("recorder_cpu_us", recorded["cpu_seconds"] / count * 1e6, "µs")
    report.figure("simulator_cpu_us", simulator_cpu / count * 1e6, "µs")
    report.figure("max_in_flight", stats["max_in_flight"], "requests")
    report.figure("sender_peak_mb", sent["peak_mb"], "MB")
    if (stats["messages_taken"], stats["duplicate_sends"]) != (count, 0):
        report.fault(f"The simulator took {stats['messages_taken']} of {count}, {stats['duplicate_sends']} twice.")
    counts = Message.objects.filter(batch=batch).counts()
    if counts != {"accepted": count}:
        report.fault(f"After the run the rows stand like this: {counts}.")
    return seconds


def _bare(bench: Run, simulator: SimulatorProcess) -> float:
    """The engine's client and adapter with messages at hand: seconds from the first request to the last reply."""
    simulator.reset()
    settings = simulator.initial
    arguments = {
        "url": simulator.url,
        "api_key": settings.infobip_api_key,
        "sender": settings.numbers[-1],
        "count": bench.messages,
    }
    with Child("tests.bench.send_clients:bulk_client", arguments, bench.lab.cores.subject) as child:
        result = child.run(TIMEOUT_SECONDS)
    taken = simulator.stats()["messages_taken"]
    if taken != bench.messages:
        bench.report.fault(f"The bare client sent {bench.messages} messages and the simulator took {taken}.")
    return float(result["sending_s"])
