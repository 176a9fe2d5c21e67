"""``launch``: three overlapping lists become message rows and ids in Redis, beside a bare INSERT of the same rows."""

from __future__ import annotations

from campaigns.models import Campaign
from messaging.models import Batch, Message
from tests.bench.child import Child
from tests.bench.cli import Run
from tests.bench.rows import (
    TEMPLATE,
    empty_messages,
    make_audience,
    make_batch,
    settle,
    suppress_some,
)
from tests.factories import CampaignFactory

TIMEOUT_SECONDS = 600.0


def run(bench: Run) -> None:
    """Measure rows and ids (the task ``launch_campaign``) against the bare statement, in turn."""
    report = bench.report
    report.target("vs_insert_select", "<=", 1.3)
    people = bench.messages
    draft = make_audience(people)
    report.options["subscriptions"] = sum(item.subscriptions.count() for item in draft.lists.all())
    for _ in bench.each_round():
        launched = _launch(bench, draft, people)
        bare = _insert_select(bench, draft, people)
        report.figure("launch_s", launched["seconds"], "s")
        report.figure("rows_per_s", people / launched["seconds"], "1/s")
        report.figure("confirm_s", launched["confirm_seconds"], "s")
        report.figure("bare_s", bare["seconds"], "s")
        report.figure("cpu_us", launched["cpu_seconds"] / people * 1e6, "µs")
        report.figure("peak_mb", launched["peak_mb"], "MB")
        report.figure("growth_mb", launched["peak_mb"] - launched["base_mb"], "MB")
        report.ratio("vs_insert_select", launched["seconds"] / bare["seconds"])


def _launch(bench: Run, draft: Campaign, people: int) -> dict[str, float]:
    """One launch in a fresh process, as the cluster's worker makes it."""
    empty_messages()
    suppressed = suppress_some(draft.account_id, people)
    campaign = CampaignFactory.create(number=draft.number, body=TEMPLATE, lists=list(draft.lists.all()))
    settle()
    with Child("tests.bench.launch_jobs:subject", {"campaign": campaign.pk}, bench.lab.cores.all) as child:
        result = child.run(TIMEOUT_SECONDS)
    batch = Batch.objects.get(source=f"campaign:{campaign.pk}")
    counts = Message.objects.filter(batch=batch).counts()
    if counts != {"queued": people - suppressed, **({"suppressed": suppressed} if suppressed else {})}:
        bench.report.fault(f"A launch to {people} people, {suppressed} of them suppressed, made the rows {counts}.")
    if result["ids"] != people - suppressed:
        bench.report.fault(f"{result['ids']} ids are in Redis and {people - suppressed} rows are queued.")
    return result


def _insert_select(bench: Run, draft: Campaign, people: int) -> dict[str, float]:
    """The bare statement in a fresh process."""
    empty_messages()
    batch = make_batch(draft.number)
    settle()
    arguments = {
        "account": draft.account_id,
        "batch": batch.pk,
        "number": draft.number_id,
        "lists": [item.pk for item in draft.lists.all()],
    }
    with Child("tests.bench.launch_jobs:insert_select", arguments, bench.lab.cores.all) as child:
        result = child.run(TIMEOUT_SECONDS)
    if result["rows"] != people:
        bench.report.fault(f"The bare statement made {result['rows']} rows for {people} people.")
    return result
