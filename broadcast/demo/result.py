"""What became of the campaign, counted in our database and at the carrier, and whether the two agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from typing import Any

from broadcast.demo.carrier import LATENCY_MS
from broadcast.demo.scenario import Scenario
from campaigns.models import Campaign
from campaigns.services.metrics import ListResult, campaign_progress, list_results
from messaging.models import Message
from messaging.states import FINAL_STATES, TAKEN_STATES, MessageState


@dataclass
class Result:
    """The summary; ``demo --json`` prints it.

    ``accepted`` counts what the carrier took, whatever became of it after; ``unknown`` what nothing ever settled;
    ``answers_lost`` are requests whose message was taken although no answer or an error came back. They,
    ``max_in_flight``, ``duplicate_sends`` and ``sent_after_stop`` are as the carrier saw them.
    """

    rows_read: int = 0
    rows_invalid: int = 0
    duplicates: int = 0
    rows_opted_out: int = 0
    on_several_lists: int = 0
    audience: int = 0
    recipients: int = 0
    suppressed: int = 0
    accepted: int = 0
    delivered: int = 0
    undelivered: int = 0
    failed: int = 0
    no_report: int = 0
    unknown: int = 0
    cancelled: int = 0
    answers_lost: int = 0
    opted_out: int = 0
    replies: int = 0
    max_in_flight: int = 0
    duplicate_sends: int = 0
    sent_after_stop: int = 0
    seconds_sending: float = 0.0
    seconds_until_finished: float = 0.0
    rate_per_second: float = 0.0
    share_of_limit: float = 0.0
    lists: list[dict[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    ok: bool = False

    def as_json(self) -> dict[str, Any]:
        """Everything, as values that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class _Row:
    recipient: str
    state: str
    provider_id: str
    cohort: int
    text_hash: str

    @property
    def was_taken(self) -> bool:
        return self.state in TAKEN_STATES or bool(self.provider_id)


def evaluate(scenario: Scenario, *, carrier: dict[str, Any], seconds_until_finished: float) -> Result:
    """Count, and hold our counts against each other and against the carrier's.

    Args:
        scenario: what was sent to whom.
        carrier: the carrier's ``/stats?recipients=1``, taken when it was quiet.
        seconds_until_finished: from launch to the last final state.
    """
    campaign = Campaign.objects.select_related("batch").get(pk=scenario.campaign.pk)
    rows = _rows(campaign)
    states = Counter(row.state for row in rows)
    result = Result(
        rows_read=sum(record.rows_read for record in scenario.imports),
        rows_invalid=sum(record.rows_invalid for record in scenario.imports),
        duplicates=sum(record.rows_duplicate for record in scenario.imports),
        rows_opted_out=sum(record.rows_opted_out for record in scenario.imports),
        on_several_lists=_on_several(scenario),
        audience=len(rows),
        recipients=len(rows) - states[MessageState.SUPPRESSED],
        suppressed=states[MessageState.SUPPRESSED],
        accepted=sum(row.was_taken for row in rows),
        delivered=states[MessageState.DELIVERED],
        undelivered=states[MessageState.UNDELIVERED],
        failed=states[MessageState.FAILED],
        no_report=states[MessageState.NO_REPORT],
        unknown=states[MessageState.UNKNOWN] + states[MessageState.UNRESOLVED],
        cancelled=states[MessageState.CANCELLED],
        opted_out=campaign_progress(campaign).opted_out,
        answers_lost=sum(n for name, n in carrier["outcomes"].items() if name.startswith("fail_after/")),
        replies=int(carrier["replies"]),
        max_in_flight=int(carrier["max_in_flight"]),
        duplicate_sends=int(carrier["duplicate_sends"]),
        sent_after_stop=int(carrier["sent_after_stop"]),
        seconds_until_finished=round(seconds_until_finished, 2),
    )
    _add_speed(result, rows, campaign)
    result.lists = [list_as_json(item) for item in list_results(campaign)]
    result.broken = [
        *_broken_states(result, states, campaign, scenario),
        *_broken_lists(result, rows, campaign, scenario),
        *_broken_at_the_carrier(result, rows, carrier),
    ]
    result.ok = not result.broken
    return result


def _rows(campaign: Campaign) -> list[_Row]:
    messages = Message.objects.filter(batch=campaign.batch).select_related("batch")
    return [
        _Row(message.recipient, message.state, message.provider_id, message.cohort, text_hash(message.text))
        for message in messages.iterator(chunk_size=2000)
    ]


def text_hash(text: str) -> str:
    """A text as the carrier's statistics name it."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def list_as_json(item: ListResult) -> dict[str, Any]:
    """A list's results with the list's name in the list's place."""
    names = [each.name for each in fields(item) if each.name != "list"]
    return {"name": str(item.list), **{name: getattr(item, name) for name in names}}


def _on_several(scenario: Scenario) -> int:
    counts = Counter(number for numbers in scenario.members.values() for number in numbers)
    return sum(count > 1 for count in counts.values())


def _add_speed(result: Result, rows: list[_Row], campaign: Campaign) -> None:
    """How fast messages were taken, as a share of what the requests in flight allow.

    A request lasts as long as the carrier takes to answer, so no more than ``concurrency / latency`` leave a second.
    """
    moments = Message.objects.filter(batch=campaign.batch, accepted_at__isnull=False).order_by("accepted_at")
    first, last = moments.first(), moments.last()
    if first is None or last is None or first.accepted_at is None or last.accepted_at is None:
        return
    result.seconds_sending = round((last.accepted_at - first.accepted_at).total_seconds(), 2)
    if result.seconds_sending > 0:
        requests = sum(row.state not in (MessageState.SUPPRESSED, MessageState.CANCELLED) for row in rows)
        result.rate_per_second = round(requests / result.seconds_sending, 1)
        limit = campaign.number.gateway.concurrency / (LATENCY_MS / 1000)
        result.share_of_limit = round(result.rate_per_second / limit, 3)


def _broken_states(result: Result, states: Counter[str], campaign: Campaign, scenario: Scenario) -> list[str]:
    broken = []
    if campaign.state != Campaign.State.FINISHED:
        broken.append(f"The campaign is {campaign.get_state_display().lower()}, not finished.")
    audience = set().union(*scenario.members.values())
    if result.audience != len(audience):
        broken.append(f"The audience is {len(audience):,} people, but there are {result.audience:,} messages.")
    open_states = {state: count for state, count in states.items() if state not in FINAL_STATES}
    if open_states:
        broken.append(f"Messages are left in states that are not final: {open_states}.")
    progress = campaign_progress(campaign)
    shown = {"delivered": progress.delivered, "suppressed": progress.suppressed, "total": progress.total}
    counted = {"delivered": result.delivered, "suppressed": result.suppressed, "total": result.audience}
    if shown != counted:
        broken.append(f"The console shows {shown}, but the rows say {counted}.")
    return broken


def _broken_lists(result: Result, rows: list[_Row], campaign: Campaign, scenario: Scenario) -> list[str]:
    broken = []
    by_number = {row.recipient: row for row in rows}
    for item in list_results(campaign):
        members = [by_number[number] for number in scenario.members[item.list.pk] if number in by_number]
        counted = (len(members), sum(row.state == MessageState.DELIVERED for row in members))
        if (item.recipients, item.delivered) != counted:
            broken.append(
                f"List “{item.list}” shows {item.recipients:,} recipients and {item.delivered:,} delivered, but the "
                f"messages of its members are {counted[0]:,} and {counted[1]:,}."
            )
    if len(result.lists) != len(scenario.members):
        broken.append(f"The campaign has {len(scenario.members)} lists, but results for {len(result.lists)}.")
    return broken


def _broken_at_the_carrier(result: Result, rows: list[_Row], carrier: dict[str, Any]) -> list[str]:
    broken = []
    if result.duplicate_sends:
        broken.append(f"{result.duplicate_sends} messages were sent more than once.")
    if result.sent_after_stop:
        broken.append(f"{result.sent_after_stop} messages were sent to people who had opted out.")
    if result.max_in_flight > 40:
        broken.append(f"{result.max_in_flight} requests were in flight at once; 40 are allowed.")
    if carrier["callbacks"]["failed"] or carrier["inbound"]["failed"]:
        broken.append(
            f"{carrier['callbacks']['failed']} reports and {carrier['inbound']['failed']} messages of people were not taken "
            "by the webhook process."
        )
    texts: dict[str, dict[str, int]] = carrier["by_recipient"]
    missing = [row.recipient for row in rows if row.was_taken and texts.get(row.recipient, {}).get(row.text_hash) != 1]
    if missing:
        broken.append(f"{len(missing)} messages count as taken, but the carrier did not take them once: {missing[:3]}.")
    # What was never settled may have been taken or not: nobody can say, and that is what the state says.
    unsettled = (MessageState.UNKNOWN, MessageState.UNRESOLVED)
    extra = [
        row.recipient
        for row in rows
        if not row.was_taken and row.state not in unsettled and row.text_hash in texts.get(row.recipient, {})
    ]
    if extra:
        broken.append(f"{len(extra)} messages were taken by the carrier but count as not taken: {extra[:3]}.")
    delivered = Message.objects.filter(state=MessageState.DELIVERED).count()
    if delivered != int(carrier["statuses"].get("delivered", 0)):
        broken.append(
            f"The carrier delivered {carrier['statuses'].get('delivered', 0):,} messages, we count {delivered:,}."
        )
    if result.opted_out != int(carrier["opted_out"]):
        broken.append(f"{carrier['opted_out']} people opted out at the carrier, we count {result.opted_out}.")
    return broken
