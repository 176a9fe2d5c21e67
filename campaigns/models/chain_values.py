"""What a text chain's steps, answers, branches, runs and records may be."""

from __future__ import annotations

from django.db import models


class StepKind(models.TextChoices):
    """What a step does. Only a question waits; all others go on at once."""

    SEND = "send", "Send a text"
    ASK = "ask", "Ask and wait for the answer"
    BRANCH = "branch", "Branch"
    JOIN = "join", "Put on a list"
    HAND_OVER = "hand_over", "Hand over to a person"
    END = "end", "End"


class AnswerKind(models.TextChoices):
    """How an answer is checked."""

    TEXT = "text", "Free text"
    CHOICE = "choice", "One of several choices"
    YES_NO = "yes_no", "Yes or no"
    NUMBER = "number", "A number"
    EMAIL = "email", "An e-mail address"
    DATE = "date", "A date"


class Operator(models.TextChoices):
    """How a branch compares."""

    IS = "is", "is"
    IS_NOT = "is_not", "is not"
    AT_LEAST = "at_least", "is at least"
    AT_MOST = "at_most", "is at most"
    CONTAINS = "contains", "contains"
    OTHERWISE = "otherwise", "otherwise"


class RunState(models.TextChoices):
    """Where a run stands; all but the first are for good."""

    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    TIMED_OUT = "timed_out", "Timed out"
    REPLACED = "replaced", "Replaced by a new start"
    OPTED_OUT = "opted_out", "Opted out"
    HANDED_OVER = "handed_over", "Handed over to a person"
    STOPPED = "stopped", "Ended by staff"
    FAILED = "failed", "Failed"


class EventKind(models.TextChoices):
    """A line of a run's record."""

    STARTED = "started", "Started"
    SAID = "said", "We wrote"
    ANSWERED = "answered", "They answered"
    NOT_UNDERSTOOD = "not_understood", "Not understood"
    SAVED = "saved", "Saved"
    SCORED = "scored", "Scored"
    MOVED = "moved", "Moved to"
    JOINED = "joined", "Put on a list"
    NOT_JOINED = "not_joined", "Not put on a list"
    REMINDED = "reminded", "Reminded"
    TIMED_OUT = "timed_out", "No answer in time"
    NOT_SENT = "not_sent", "Not sent"
    ENDED = "ended", "Ended"


#: Subjects of a branch beside the labels of questions.
LAST_ANSWER = "answer"
SCORE = "score"
#: Where a step may lead that is no step's label.
END_LABEL = "end"
RESERVED_LABELS = (LAST_ANSWER, SCORE, END_LABEL, "otherwise", "number", "first_name", "last_name", "email")
