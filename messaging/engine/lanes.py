"""Lanes: what a sender holds of a queue, under one lease each."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from broadcast.core.merge import TemplateError, render_template
from integrations.sms.contract import OutboundSms
from integrations.sms.segments import segments
from messaging.engine import keys
from messaging.engine.budgets import Budget, budget_of
from messaging.engine.claims import Claim
from messaging.engine.journal import Journal
from messaging.engine.rejections import Rejections
from messaging.models import Batch, PhoneNumber

#: What carriers take at most, in characters.
MAX_BODY_CHARACTERS = 1600


@dataclass(slots=True, eq=False)
class Staged:
    """A message on its way out.

    Args:
        sms: what is sent.
        segments: what it costs of the number's pace.
        lane: where it came from.
        is_service: also goes to who has opted out.
        checked_at: event loop time at which opt-outs were last looked at.
        spent_on: the day of its brand that it is counted in already; empty before it is.
    """

    sms: OutboundSms
    segments: int
    lane: Lane
    is_service: bool = False
    checked_at: float = 0.0
    spent_on: str = ""


@dataclass(slots=True, eq=False)
class Lane:
    """One lease's messages.

    Args:
        name: the queue they came from.
        token: the lease.
        number: the number they leave from.
        batch: with its text and limits; None for single messages.
        waiting: not staged yet.
        open: ids without a result in the stream.
        next_at: event loop time before which the number's pace allows nothing.
        expires_at: unix time from which on nothing leaves.
        rejections: the batch's last sends.
        budget: what its number's registration allows it; None when nothing limits it.
        unspent: segments that were counted in a day of its brand and reached no carrier after all, by day.
        journal: what left of it and what was answered, for whoever comes after a kill; None where none can be kept.
        owner: what it shares its turns with.
        is_single: whether it goes before batches.
    """

    name: str
    token: str
    number: PhoneNumber
    batch: Batch | None = None
    waiting: deque[Staged] = field(default_factory=deque)
    open: set[int] = field(default_factory=set)
    next_at: float = 0.0
    expires_at: float = math.inf
    rejections: Rejections | None = None
    budget: Budget | None = None
    unspent: dict[str, int] = field(default_factory=dict)
    journal: Journal | None = None
    owner: str = field(init=False)
    is_single: bool = field(init=False)

    def __post_init__(self) -> None:
        self.owner = keys.owner_of(self.name)
        self.is_single = keys.batch_of(self.name) is None


def make_lane(*, name: str, token: str, claim: Claim, status_url: str) -> tuple[Lane, dict[int, tuple[str, str]]]:
    """A lane of claimed messages with their texts made.

    Args:
        name: queue.
        token: lease.
        claim: what may be sent; its number is set.
        status_url: where the provider reports, without the message's id at its end.

    Returns:
        The lane, and the messages whose text cannot be made: id → (code, reason).
    """
    number = claim.number
    if number is None:
        raise ValueError("A claim without a number has no lane.")
    batch = claim.batch
    lane = Lane(name, token, number, batch, budget=budget_of(number))
    if batch is not None and batch.expires_at is not None:
        lane.expires_at = batch.expires_at.timestamp()
    if claim.until is not None:
        # What is given back then is claimed anew, without those whose hours have ended.
        lane.expires_at = min(lane.expires_at, claim.until.timestamp())
    problems: dict[int, tuple[str, str]] = {}
    for message in claim.messages:
        body = message.body
        if not body:
            try:
                body = render_template(batch.template if batch else "", message.context)
            except TemplateError as error:
                problems[message.id] = ("template", str(error))
                continue
        if not body.strip():
            problems[message.id] = ("empty_text", "The text is empty for this recipient.")
            continue
        if len(body) > MAX_BODY_CHARACTERS:
            problems[message.id] = (
                "too_long",
                f"The text has {len(body)} characters; carriers take {MAX_BODY_CHARACTERS}.",
            )
            continue
        sms = OutboundSms(message.id, number.number, message.recipient, body, f"{status_url}{message.id}")
        lane.waiting.append(Staged(sms, segments(body), lane, message.is_service))
        lane.open.add(message.id)
    return lane, problems


def waiting_by_queue(lanes: Iterable[Lane]) -> dict[str, int]:
    """How many messages wait, by queue."""
    counts: dict[str, int] = {}
    for lane in lanes:
        counts[lane.name] = counts.get(lane.name, 0) + len(lane.waiting)
    return counts
