"""``bulk``: a gateway that takes 1,000 recipients a request, from the first lease to the last reply."""

from __future__ import annotations

from typing import Any

from broadcast.core.redis import get_redis
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from messaging.engine.launch import rebuild_queue
from messaging.models import Batch, Message
from tests.bench.child import Child
from tests.bench.cli import BULK_DIALECTS, Run
from tests.bench.machine import pin, processor_seconds
from tests.bench.rows import empty_messages, fill_messages, make_batch, make_number
from tests.bench.send import IN_FLIGHT, NEVER_SECONDS, TIMEOUT_SECONDS, last_append

LATENCY_MS = 300.0
#: What the target is about.
FULL = 500_000
FULL_SECONDS = 15.0


def run(bench: Run) -> None:
    """Measure the engine, and the same requests from memory with nothing around them, in turn.

    Another dialect than the usual one is measured beside it.
    """
    report, dialect = bench.report, bench.dialect
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
        batches = {
            name: make_batch(make_number(settings, simulator.url, dialect=name)) for name in {dialect, BULK_DIALECTS[0]}
        }
        for _ in bench.each_round():
            measured = _engine(bench, simulator, batches[dialect])
            bare = _bare(bench, simulator, dialect)
            report.figure("bare_s", bare, "s")
            report.ratio("vs_bare", measured["seconds"] / bare)
            if dialect != BULK_DIALECTS[0]:
                _beside(bench, measured, _engine(bench, simulator, batches[BULK_DIALECTS[0]], BULK_DIALECTS[0]))


def _beside(bench: Run, measured: dict[str, float], usual: dict[str, float]) -> None:
    """What a dialect takes beside the usual one: of time, and of the sender's processor."""
    name = BULK_DIALECTS[0]
    bench.report.ratio(f"vs_{name}", measured["seconds"] / usual["seconds"])
    bench.report.ratio(f"cpu_vs_{name}", measured["cpu_us"] / usual["cpu_us"])


def _engine(bench: Run, simulator: SimulatorProcess, batch: Batch, label: str = "") -> dict[str, float]:
    """One run of the engine, from the first lease to the last result in the stream; recorded afterwards.

    Args:
        bench: whose report gets the figures.
        simulator: the provider.
        batch: is filled anew.
        label: stands in front of the figures' names, if it is not empty.
    """
    count, cores = bench.messages, bench.lab.cores
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
    measured = {
        "seconds": (seconds, "s"),
        "per_s": (count / seconds, "1/s"),
        "cpu_us": (sent["cpu_seconds"] / count * 1e6, "µs"),
        "recorder_cpu_us": (recorded["cpu_seconds"] / count * 1e6, "µs"),
        "simulator_cpu_us": (simulator_cpu / count * 1e6, "µs"),
        "max_in_flight": (stats["max_in_flight"], "requests"),
        "requests": (stats["requests"], "requests"),
        "sender_peak_mb": (sent["peak_mb"], "MB"),
    }
    for name, (value, unit) in measured.items():
        bench.report.figure(f"{label}_{name}" if label else name, value, unit)
    if (stats["messages_taken"], stats["duplicate_sends"]) != (count, 0):
        bench.report.fault(
            f"The simulator took {stats['messages_taken']} of {count}, {stats['duplicate_sends']} twice."
        )
    counts = Message.objects.filter(batch=batch).counts()
    if counts != {"accepted": count}:
        bench.report.fault(f"After the run the rows stand like this: {counts}.")
    return {name: value for name, (value, _) in measured.items()}


def _bare(bench: Run, simulator: SimulatorProcess, dialect: str) -> float:
    """The engine's client and adapter with messages at hand: seconds from the first request to the last reply."""
    simulator.reset()
    arguments = {
        "url": simulator.url,
        "dialect": dialect,
        "sender": simulator.initial.numbers[-1],
        "count": bench.messages,
    }
    with Child("tests.bench.send_clients:bulk_client", arguments, bench.lab.cores.subject) as child:
        result = child.run(TIMEOUT_SECONDS)
    bench.report.figure("bare_cpu_us", result["cpu_seconds"] / bench.messages * 1e6, "µs")
    taken = simulator.stats()["messages_taken"]
    if taken != bench.messages:
        bench.report.fault(f"The bare client sent {bench.messages} messages and the simulator took {taken}.")
    return float(result["sending_s"])
