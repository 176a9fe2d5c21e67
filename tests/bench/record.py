"""``record``: send results, then delivery statuses, from the streams into rows, beside bare UPDATEs of the same rows."""

from __future__ import annotations

from broadcast.core.redis import get_redis
from integrations.simulator.config import SimulatorSettings
from messaging.models import Batch, Message
from tests.bench.child import Child
from tests.bench.cli import Run
from tests.bench.rows import empty_messages, fill_messages, make_batch, make_number

TIMEOUT_SECONDS = 900.0


def run(bench: Run) -> None:
    """Measure the recorder against the database alone, in turn."""
    report = bench.report
    report.target("vs_update", ">=", 0.7 if bench.lab.database == "postgresql" else 0.5)
    batch = make_batch(make_number(SimulatorSettings()))
    count = bench.messages
    for _ in bench.each_round():
        subject = _measure(bench, batch, "recorder")
        bare = _measure(bench, batch, "bare_update")
        report.figure("rows_per_s", 2 * count / (subject["results_s"] + subject["statuses_s"]), "1/s")
        report.figure("results_per_s", count / subject["results_s"], "1/s")
        report.figure("statuses_per_s", count / subject["statuses_s"], "1/s")
        report.figure("bare_rows_per_s", 2 * count / (bare["results_s"] + bare["statuses_s"]), "1/s")
        report.figure("cpu_us", subject["recording_cpu_s"] / (2 * count) * 1e6, "µs")
        report.ratio(
            "vs_update", (bare["results_s"] + bare["statuses_s"]) / (subject["results_s"] + subject["statuses_s"])
        )
        report.ratio("vs_update_results", bare["results_s"] / subject["results_s"])
        report.ratio("vs_update_statuses", bare["statuses_s"] / subject["statuses_s"])


def _measure(bench: Run, batch: Batch, job: str) -> dict[str, float]:
    empty_messages()
    get_redis().flushdb()
    Batch.objects.filter(pk=batch.pk).update(state="sending")
    first = fill_messages(batch, bench.messages, state="sending")
    arguments = {"gateway": batch.gateway_id, "first": first, "count": bench.messages}
    with Child(f"tests.bench.record_jobs:{job}", arguments, bench.lab.cores.all) as child:
        result = child.run(TIMEOUT_SECONDS)
    counts = Message.objects.filter(batch=batch).counts()
    if counts != {"delivered": bench.messages}:
        bench.report.fault(f"After {job} the rows stand like this: {counts}.")
    return result
