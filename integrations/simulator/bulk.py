"""Many messages in one request: taken together, and delivered and reported on in groups.

A message costs a few microseconds here, so that half a million of them tell something about the sender and not about the
simulator. What is drawn is drawn once a request or a group; for each person only what the settings ask for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from integrations.simulator.carrier import NEVER_SENT, Carrier
from integrations.simulator.memory import Message
from integrations.simulator.people import reaction
from integrations.simulator.randomness import Draws, Purpose
from integrations.simulator.text import count_segments
from integrations.simulator.values import BulkVerdict, Parcel, ReportWriter

#: Most messages that are delivered at one moment when nobody is told.
_SILENT_GROUP = 1000


class BulkIntake:
    """Takes requests with many messages for a carrier.

    Args:
        carrier: whose memory, settings and people.
        writer: the provider's delivery reports.
    """

    def __init__(self, carrier: Carrier, writer: ReportWriter) -> None:
        self._carrier = carrier
        self._writer = writer

    def submit(self, parcels: Sequence[Parcel]) -> BulkVerdict:
        """Decide about a request whose parcels are well-formed, and take those that are not refused."""
        carrier, settings = self._carrier, self._carrier.settings
        first = parcels[0][0] if parcels else ""
        person = carrier.memory.person(first) if first else None
        attempt = person.attempts + 1 if person else 1
        draws = Draws(settings.seed, f"request|{first}", attempt)
        delay = draws.lognormal(Purpose.LATENCY, settings.latency_ms, settings.latency_sigma) / 1000
        fate = draws.uniform(Purpose.FAILURE)
        error = carrier.passing_errors.pick(draws.uniform(Purpose.API_ERROR)) if settings.errors else 0
        if fate < settings.fail_before or error:
            if person:
                person.attempts = attempt
            failure = carrier.failure(draws) if fate < settings.fail_before else ""
            return BulkVerdict(delay, error=0 if failure else error, failure=failure)
        outcomes = self._take(parcels)
        failed = fate > 1 - settings.fail_after
        return BulkVerdict(delay, outcomes, failure=carrier.failure(draws) if failed else "")

    def _take(self, parcels: Sequence[Parcel]) -> list[int]:
        carrier, settings, memory = self._carrier, self._carrier.settings, self._carrier.memory
        refuses = bool(settings.errors) or settings.carrier_blocks_stop
        people, wrote = memory.people, carrier.wishes.wrote
        groups: dict[str, list[int]] = {}
        outcomes: list[int] = []
        for recipient, sender, body, url, given_id in parcels:
            person = people.get(recipient) or memory.person(recipient)
            person.attempts += 1
            if refuses:
                error = carrier.lasting_refusal(recipient, sender)
                if error:
                    outcomes.append(-error)
                    continue
            answers = recipient in wrote and carrier.answers_person(recipient, body)
            message = Message(
                recipient, sender, body, "queued", direction="outbound-api", segments=count_segments(body)
            )
            number = memory.add_outbound(message, person, answers_person=answers)
            message.given_id = given_id
            address = url if url and self._is_reported(recipient, person.attempts) else ""
            if address in groups:
                groups[address].append(number)
            else:
                groups[address] = [number]
            outcomes.append(number)
        for url, numbers in groups.items():
            carrier.stats_now.taken += len(numbers)
            self._schedule(url, numbers)
        return outcomes

    def _is_reported(self, recipient: str, attempt: int) -> bool:
        settings = self._carrier.settings
        share = settings.callbacks_share
        if 0 < share < 1:
            return Draws(settings.seed, recipient, attempt).uniform(Purpose.REPORTED) < share
        return share > 0

    # Delivery

    def _schedule(self, url: str, numbers: list[int]) -> None:
        carrier, settings = self._carrier, self._carrier.settings
        size = self._writer.most if url else _SILENT_GROUP
        for start in range(0, len(numbers), size):
            group = numbers[start : start + size]
            recipient = carrier.memory.messages[group[0]].recipient
            draws = Draws(settings.seed, f"group|{recipient}", carrier.memory.people[recipient].attempts)
            wait = draws.lognormal(Purpose.DELIVERY_TIME, settings.delivery_seconds, settings.delivery_sigma)
            carrier.timeline.after(wait, self._finish, url, group, draws)

    def _finish(self, url: str, numbers: list[int], draws: Draws) -> None:
        """The final status of a group, the webhook that tells of it, and what its people do."""
        carrier, settings, messages = self._carrier, self._carrier.settings, self._carrier.memory.messages
        drawn = bool(settings.errors) or settings.callbacks_lost > 0 or carrier.people_answer
        now = int(time.time())
        reported: list[tuple[str, Message]] = []
        for number in numbers:
            message = messages[number]
            own = (
                Draws(settings.seed, message.recipient, carrier.memory.people[message.recipient].taken)
                if drawn
                else None
            )
            message.error = carrier.delivery_errors.pick(own.uniform(Purpose.DELIVERY_ERROR)) if own else 0
            if message.error:
                message.status = "failed" if message.error in NEVER_SENT else "undelivered"
            else:
                message.status = "delivered"
            message.sent = message.updated = now
            carrier.stats_now.final_statuses[message.status] += 1
            if url and (own is None or own.uniform(Purpose.LOST) >= settings.callbacks_lost):
                reported.append((message.given_id or carrier.memory.id_of(number), message))
            if own is not None and carrier.people_answer and not message.error:
                answer = reaction(settings, own)
                if answer is not None:
                    carrier.react(message, answer)
        if reported:
            webhook = self._writer.reports(settings, url, reported)
            repeated = draws.uniform(Purpose.REPEAT_FINAL) < settings.callbacks_repeated
            carrier.call_back(webhook, 0.0, repeated=repeated)
