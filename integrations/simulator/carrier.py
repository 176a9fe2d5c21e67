"""The carrier behind the API: takes messages, delivers them, and carries back what people write."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from integrations.simulator.client import Answer
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.memory import Memory, Message
from integrations.simulator.numbers import NumberBook
from integrations.simulator.outbox import Outbox, Webhook
from integrations.simulator.people import Reaction, Wishes, reaction, standard_word
from integrations.simulator.randomness import CodeShares, Draws, Purpose
from integrations.simulator.stats import Stats
from integrations.simulator.text import count_segments
from integrations.simulator.timeline import Timeline
from integrations.simulator.values import InboundWriter, Medium, StatusWriter, Submission, Unroutable, Verdict

logger = logging.getLogger(__name__)

#: Errors that belong to a moment and not to a recipient: drawn anew for each attempt.
_PASSING_ERRORS = frozenset({20429, 20500, 20503, 21611})
#: Delivery errors with which a message never leaves the provider.
NEVER_SENT = frozenset({30001, 30002, 30009, 30032, 30034})
#: The provider's code for a recipient who opted out.
BLOCKED_BY_STOP = 21610


class Carrier:
    """One simulated carrier.

    Args:
        settings: to begin with.
        timeline: what happens later.
        writers: status callbacks of messages that were sent one by one, by dialect.
        inbound_writers: webhooks of what people write, by dialect.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        timeline: Timeline,
        writers: Mapping[str, StatusWriter],
        inbound_writers: Mapping[str, InboundWriter],
        clock: Callable[[], float],
    ) -> None:
        self.timeline = timeline
        self.outbox = Outbox(timeline, lambda: self.settings)
        self.numbers = NumberBook(settings.numbers)
        self._writers = writers
        self._inbound_writers = inbound_writers
        self._clock = clock
        self.stats_now = Stats()
        self.memory = Memory()
        self.wishes = Wishes()
        self.apply(settings)

    def apply(self, settings: SimulatorSettings) -> None:
        """Use other settings from now on."""
        before = getattr(self, "settings", settings)
        self.settings = settings
        self.numbers.disown(set(before.numbers) - set(settings.numbers))
        self.numbers.own(settings.numbers)
        self.timeline.shuffled = settings.callbacks_reversed > 0
        api = {code: share for code, share in settings.errors.items() if code // 1000 != 30}
        self.lasting_errors = CodeShares({code: share for code, share in api.items() if code not in _PASSING_ERRORS})
        self.passing_errors = CodeShares({code: share for code, share in api.items() if code in _PASSING_ERRORS})
        self.delivery_errors = CodeShares({c: share for c, share in settings.errors.items() if c // 1000 == 30})
        rates = (settings.stop_rate, settings.help_rate, settings.keyword_rate, settings.chatter_rate)
        self.people_answer = any(rates) or settings.picture_rate > 0
        self._confirmation = re.compile(settings.stop_confirmation)

    def reset(self) -> None:
        """Forget messages, people and counters; settings and owned numbers stay."""
        self.timeline.clear()
        self.outbox.clear()
        self.stats_now = Stats(in_flight=self.stats_now.in_flight)
        self.memory = Memory()
        self.wishes = Wishes()

    def stats(self, *, recipients: bool = False) -> dict[str, Any]:
        """Everything ``GET /stats`` tells; with the texts of each recipient when asked for."""
        told = self.stats_now.as_json()
        told["callbacks"]["retried"] = self.outbox.retried
        told |= {
            "recipients": self.memory.recipients,
            "duplicates": len(self.memory.recipients_with_duplicates),
            "duplicate_sends": len(self.memory.duplicated),
            "per_recipient_max": self.memory.most_to_one,
            "replies": self.wishes.replies,
            "opted_out": self.wishes.opted_out,
            "sent_after_stop": self.wishes.sent_after_stop,
            "sent_after_stop_max_seconds": round(self.wishes.latest_after_stop_seconds, 6),
            "stop_confirmations": self.wishes.stop_confirmations,
            "scheduled": len(self.timeline),
        }
        if recipients:
            told["by_recipient"] = self.memory.by_recipient()
        return told

    # Sending

    def submit(self, submission: Submission) -> Verdict:
        """Decide about a message that the API found well-formed, and take it if so decided."""
        settings = self.settings
        person = self.memory.person(submission.recipient)
        person.attempts += 1
        draws = Draws(settings.seed, submission.recipient, person.attempts)
        delay = draws.lognormal(Purpose.LATENCY, settings.latency_ms, settings.latency_sigma) / 1000
        fate = draws.uniform(Purpose.FAILURE)
        if fate < settings.fail_before:
            return Verdict(delay, failure=self.failure(draws))
        error = self._refusal(submission, draws)
        if error:
            return Verdict(delay, error=error)
        number = self._take(submission, draws)
        failed = fate > 1 - settings.fail_after
        return Verdict(delay, number, failure=self.failure(draws) if failed else "")

    def failure(self, draws: Draws) -> str:
        """How a request fails that is to fail."""
        how = self.settings.fail_how
        if how in ("close", "hang"):
            return how
        kinds = ("500", "503") if how == "status" else ("500", "503", "close", "hang")
        return kinds[int(draws.uniform(Purpose.FAILURE_HOW) * len(kinds))]

    def _refusal(self, submission: Submission, draws: Draws) -> int:
        lasting = self.lasting_refusal(submission.recipient, submission.sender)
        if lasting or not self.settings.errors:
            return lasting
        return self.passing_errors.pick(draws.uniform(Purpose.API_ERROR))

    def lasting_refusal(self, recipient: str, sender: str) -> int:
        """The error with which every message to this recipient is refused, 0 for none."""
        settings = self.settings
        if settings.carrier_blocks_stop and (recipient, sender) in self.wishes.blocked:
            return BLOCKED_BY_STOP
        if not settings.errors:
            return 0
        return self.lasting_errors.pick(Draws(settings.seed, recipient, 0).uniform(Purpose.API_ERROR))

    def _take(self, submission: Submission, draws: Draws) -> int:
        settings = self.settings
        answers_person = self.answers_person(submission.recipient, submission.body)
        message = Message(
            submission.recipient,
            submission.sender,
            submission.body,
            "accepted" if submission.service else "queued",
            direction="outbound-api",
            segments=count_segments(submission.body),
            media=submission.media,
        )
        if settings.callbacks_share >= 1 or draws.uniform(Purpose.REPORTED) < settings.callbacks_share:
            message.status_url = submission.status_url
        message.service = submission.service
        message.dialect = submission.dialect
        number = self.memory.add_outbound(message, self.memory.person(message.recipient), answers_person=answers_person)
        self.stats_now.taken += 1
        final = draws.lognormal(Purpose.DELIVERY_TIME, settings.delivery_seconds, settings.delivery_sigma)
        error = self.delivery_errors.pick(draws.uniform(Purpose.DELIVERY_ERROR)) if settings.errors else 0
        if error in NEVER_SENT:
            self.timeline.after(final, self._finish, number, "failed", error, draws)
        elif not message.status_url:
            # Nobody is told of the step in between, so it would only cost time.
            self.timeline.after(final, self._finish, number, "undelivered" if error else "delivered", error, draws)
        else:
            sent = final * draws.uniform(Purpose.SENT_TIME)
            self.timeline.after(sent, self._send, number, final - sent, error, draws)
        return number

    def answers_person(self, recipient: str, body: str) -> bool:
        """Notice that a message to a person was taken; tells whether it answers something they wrote."""
        return self.wishes.message_taken(recipient, body, self._clock(), self._confirmation)

    # Delivery

    def _send(self, number: int, seconds_to_final: float, error: int, draws: Draws) -> None:
        message = self.memory.messages[number]
        message.status = "sent"
        message.updated = message.sent = int(time.time())
        late = draws.uniform(Purpose.REVERSED) < self.settings.callbacks_reversed
        repeated = draws.uniform(Purpose.REPEAT_SENT) < self.settings.callbacks_repeated
        # Late means behind the final status; some milliseconds more, because a batch is shuffled.
        wait = seconds_to_final + 0.02 if late else 0.0
        self.call_back(self._webhook(number, "sent"), wait, repeated=repeated)
        final = "undelivered" if error else "delivered"
        self.timeline.after(seconds_to_final, self._finish, number, final, error, draws)

    def _finish(self, number: int, status: str, error: int, draws: Draws) -> None:
        message = self.memory.messages[number]
        message.status = status
        message.error = error
        message.updated = int(time.time())
        if status != "failed" and not message.sent:
            message.sent = message.updated
        self.stats_now.final_statuses[status] += 1
        if message.status_url and draws.uniform(Purpose.LOST) >= self.settings.callbacks_lost:
            repeated = draws.uniform(Purpose.REPEAT_FINAL) < self.settings.callbacks_repeated
            self.call_back(self._webhook(number, status), 0.0, repeated=repeated)
        message.status_url = ""
        if status == "delivered" and self.people_answer:
            answer = reaction(self.settings, draws)
            if answer is not None:
                self.react(message, answer)

    def _webhook(self, number: int, status: str) -> Webhook:
        message = self.memory.messages[number]
        return self._writers[message.dialect].status(self.settings, self.memory.id_of(number), message, status)

    def call_back(self, webhook: Webhook, wait_seconds: float, *, repeated: bool) -> None:
        """Send a delivery report in so many seconds, and once more if it is to be repeated."""
        stats = self.stats_now

        def end(answer: Answer | None) -> None:
            if answer is not None and answer.status < 300:
                stats.callbacks_sent += 1
            else:
                stats.callbacks_failed += 1

        stats.callbacks_put += 1 + repeated
        stats.callbacks_repeated += repeated
        for wait in (wait_seconds, wait_seconds + 0.05) if repeated else (wait_seconds,):
            if wait:
                self.timeline.after(wait, self.outbox.put, webhook, end)
            else:
                self.outbox.put(webhook, end)

    # People

    def react(self, message: Message, answer: Reaction) -> None:
        """Have the recipient of a message write back."""
        person = message.recipient
        times = self.wishes.reactions.get(person, 0)
        if times >= self.settings.replies_per_person:
            return
        self.wishes.reactions[person] = times + 1
        self.timeline.after(answer.delay_seconds, self._write_back, person, message.sender, answer)

    def _write_back(self, person: str, number: str, answer: Reaction) -> None:
        try:
            media = ((self.settings.picture_url, "image/jpeg"),) if answer.picture else ()
            self.write(person, number, answer.body, media=media, repeated=answer.repeated)
        except Unroutable as error:
            self.stats_now.inbound_unroutable += 1
            logger.warning("%s", error)

    def write(
        self,
        person: str,
        number: str,
        body: str,
        *,
        media: Sequence[Medium] = (),
        repeated: bool = False,
        on_end: Callable[[Answer | None], None] | None = None,
    ) -> str:
        """A person writes to one of the account's numbers now.

        Args:
            person: E.164.
            number: E.164 or a short code's digits.
            body: what they write.
            media: what they attach.
            repeated: the webhook is sent twice.
            on_end: called with the webhook's answer, None if there was none.

        Returns:
            32 hexadecimal digits of the message's id.

        Raises:
            Unroutable: the number is not owned, or has no URL for inbound messages.
        """
        owned = self.numbers.owned.get(number)
        url = (owned.sms_url if owned else "") or self.settings.inbound_url
        if not self.numbers.owns(number):
            raise Unroutable(f"Nobody owns {number}: buy it, or start the simulator with --number {number}.")
        if not url:
            raise Unroutable(f"{number} has no URL for inbound messages: set its SmsUrl or the setting inbound_url.")
        word = standard_word(body)
        self.wishes.person_wrote(person, number, word)
        message = Message(
            number, person, body, "received", direction="inbound", segments=count_segments(body), media=len(media)
        )
        message_id = self.memory.id_of(self.memory.add(message))
        writer = self._inbound_writers[self.settings.inbound_dialect]
        webhook = writer.inbound(self.settings, message_id, message, url, media)
        self._carry_inbound(webhook, writer, person, number, word, on_end)
        if repeated:
            self.timeline.after(0.05, self._repeat_inbound, webhook)
        return message_id

    def _carry_inbound(
        self,
        webhook: Webhook,
        writer: InboundWriter,
        person: str,
        number: str,
        word: str,
        on_end: Callable[[Answer | None], None] | None,
    ) -> None:
        stats, wishes = self.stats_now, self.wishes

        def end(answer: Answer | None) -> None:
            if answer is not None and answer.status < 300:
                stats.inbound_answered += 1
                wishes.webhook_answered(person, word, self._clock())
                for text in writer.replies(answer):
                    self._take(Submission(person, number, text), Draws(self.settings.seed, person, 0))
            else:
                stats.inbound_failed += 1
            if on_end is not None:
                on_end(answer)

        stats.inbound_sent += 1
        stats.inbound_words[word or "other"] += 1
        self.outbox.put(webhook, end)

    def _repeat_inbound(self, webhook: Webhook) -> None:
        self.stats_now.callbacks_repeated += 1
        self.outbox.put(webhook, lambda _answer: None)
