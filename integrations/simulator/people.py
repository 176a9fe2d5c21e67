"""People: what they write back, how soon, and what they have asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.randomness import Draws, Purpose

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

_STOPS = ("STOP", "Stop", "stop", "STOP ", "UNSUBSCRIBE", "Quit", "CANCEL", "End")
_HELPS = ("HELP", "Help", "help", "INFO")
_CHATTER = (
    "Thanks!",
    "ok",
    "Who is this?",
    "Sounds good, see you there 👍",
    "Can I bring a friend?",
    "wrong number i think",
    "What time does it start? I can’t make it before 7",
    "Merci beaucoup, à bientôt !",
)


def standard_word(body: str) -> str:
    """``STOP``, ``START`` or ``HELP`` when the whole text is one of the standard words, else nothing."""
    word = body.strip().upper()
    if word in STOP_WORDS:
        return "STOP"
    if word in START_WORDS:
        return "START"
    return "HELP" if word in HELP_WORDS else ""


#: What people write to a picture of theirs; most write nothing.
_WITH_PICTURE = ("", "", "Look where we sat last time!")


@dataclass(frozen=True, slots=True)
class Reaction:
    """What somebody writes back, this many seconds after the message reached them; with a picture, or not."""

    body: str
    delay_seconds: float
    repeated: bool
    picture: bool = False


def reaction(settings: SimulatorSettings, draws: Draws) -> Reaction | None:
    """What the recipient of a delivered message does; None for most."""
    draw = draws.uniform(Purpose.REACTION)
    choices: tuple[tuple[float, tuple[str, ...]], ...] = (
        (settings.stop_rate, _STOPS),
        (settings.help_rate, _HELPS),
        (settings.keyword_rate, settings.keywords),
        (settings.chatter_rate, _CHATTER),
        (settings.picture_rate, _WITH_PICTURE),
    )
    for rate, texts in choices:
        if draw < rate and texts:
            return Reaction(
                texts[int(draws.uniform(Purpose.REACTION_TEXT) * len(texts))],
                draws.lognormal(Purpose.REACTION_TIME, settings.reply_delay_seconds, settings.reply_delay_sigma),
                draws.uniform(Purpose.REPEAT_INBOUND) < settings.callbacks_repeated,
                picture=texts is _WITH_PICTURE,
            )
        draw -= rate
        if draw < 0:
            return None
    return None


class Wishes:
    """Who has asked for what, and whether it was honoured.

    A STOP counts from the moment its webhook was answered 2xx: from then on we know of it.
    """

    def __init__(self) -> None:
        self.wrote: set[str] = set()
        self.unanswered: dict[str, int] = {}
        self.reactions: dict[str, int] = {}
        self.blocked: set[tuple[str, str]] = set()
        self.replies = 0
        self.sent_after_stop = 0
        self.stop_confirmations = 0
        self.latest_after_stop_seconds = 0.0
        self._stopped_at: dict[str, float] = {}
        self._awaits_confirmation: set[str] = set()

    @property
    def opted_out(self) -> int:
        """People whose last wish was STOP."""
        return len(self._stopped_at)

    def person_wrote(self, person: str, number: str, word: str) -> None:
        """A person's message left their phone."""
        if word == "STOP":
            self.blocked.add((person, number))
        elif word == "START":
            self.blocked.discard((person, number))

    def webhook_answered(self, person: str, word: str, now: float) -> None:
        """The webhook of a person's message was answered 2xx for the first time.

        Args:
            person: who wrote.
            word: the standard word they wrote, if any.
            now: monotonic seconds.
        """
        self.wrote.add(person)
        self.unanswered[person] = self.unanswered.get(person, 0) + 1
        if word == "STOP":
            self._stopped_at[person] = now
            self._awaits_confirmation.add(person)
        elif word == "START":
            self._stopped_at.pop(person, None)
            self._awaits_confirmation.discard(person)

    def message_taken(self, person: str, body: str, now: float, confirmation: re.Pattern[str]) -> bool:
        """A message to a person was taken; tells whether it answers something they wrote."""
        if person not in self.wrote:
            return False
        self.replies += 1
        if person in self._stopped_at:
            if person in self._awaits_confirmation and confirmation.search(body):
                self._awaits_confirmation.discard(person)
                self.stop_confirmations += 1
            else:
                self.sent_after_stop += 1
                gap = now - self._stopped_at[person]
                self.latest_after_stop_seconds = max(self.latest_after_stop_seconds, gap)
        waiting = self.unanswered.get(person, 0)
        if waiting:
            self.unanswered[person] = waiting - 1
        return waiting > 0
