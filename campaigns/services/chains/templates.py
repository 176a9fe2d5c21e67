"""Chains to start from: an RSVP, a survey with a score, text-to-win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.models import Account
from campaigns.models import Chain, ChainBranch, ChainStep

if TYPE_CHECKING:
    from accounts.models import User

#: A step's values, with its branches as (subject, operator, value, goes to).
StepValues = dict[str, Any]
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class ChainTemplate:
    """A chain to start from.

    Args:
        name: as it is offered.
        about: what it does, in a sentence.
        steps: values of the steps by the model's field names, and ``branches``.
    """

    name: str
    about: str
    steps: tuple[StepValues, ...]


def _points(most: int) -> dict[str, int]:
    return {str(number): number for number in range(1, most + 1)}


RSVP = ChainTemplate(
    "RSVP",
    "Asks whether they come, with how many, and what they eat. Reminds once.",
    (
        {
            "label": "coming",
            "kind": "ask",
            "text": 'Hi {{ first_name | default: "there" }}! Will you join us on Friday at 7? Reply YES or NO.',
            "answer_kind": "yes_no",
            "retry_text": "Sorry, I did not get that. Will you come on Friday? YES or NO is enough.",
            "reminder_minutes": _DAY,
            "reminder_text": "Just a reminder: will you join us on Friday? Reply YES or NO.",
            "timeout_minutes": 2 * _DAY,
            "branches": (("answer", "is", "no", "pity"),),
        },
        {
            "label": "guests",
            "kind": "ask",
            "text": "Great! How many of you will come, yourself included?",
            "answer_kind": "number",
            "minimum": "1",
            "maximum": "10",
            "retry_text": "How many of you? Please reply with a number from 1 to 10.",
        },
        {
            "label": "meal",
            "kind": "ask",
            "text": "What would you like to eat? 1 Chicken, 2 Fish, 3 Vegetarian",
            "answer_kind": "choice",
            "choices": [
                {"value": "Chicken", "words": ["poultry", "pollo", "poulet"]},
                {"value": "Fish", "words": ["salmon", "pescado", "poisson"]},
                {"value": "Vegetarian", "words": ["veggie", "vegan", "veg"]},
            ],
        },
        {
            "label": "thanks",
            "kind": "end",
            "text": "Thank you! We look forward to seeing you: {{ guests }} in all, {{ meal }}.",
        },
        {"label": "pity", "kind": "end", "text": "What a pity. Thank you for telling us!"},
    ),
)
SURVEY = ChainTemplate(
    "Survey with a score",
    "Two marks and a comment. Whoever is unhappy is handed over to a person.",
    (
        {"label": "hello", "kind": "send", "text": "Two short questions about your visit."},
        {
            "label": "service",
            "kind": "ask",
            "text": "How was our service, from 1 (poor) to 5 (great)?",
            "answer_kind": "number",
            "minimum": "1",
            "maximum": "5",
            "weights": _points(5),
            "timeout_minutes": _DAY,
        },
        {
            "label": "again",
            "kind": "ask",
            "text": "Would you come again? YES or NO",
            "answer_kind": "yes_no",
            "weights": {"yes": 5, "no": 0},
            "timeout_minutes": _DAY,
        },
        {
            "label": "sort",
            "kind": "branch",
            "branches": (("score", "at_most", "5", "sorry"), ("score", "otherwise", "", "comment")),
        },
        {
            "label": "comment",
            "kind": "ask",
            "text": "Thank you! Is there anything you would like to tell us?",
            "answer_kind": "text",
            "timeout_minutes": _DAY,
        },
        {"label": "bye", "kind": "end", "text": "Thank you for your {{ score }} of 10 points. See you soon!"},
        {
            "label": "sorry",
            "kind": "hand_over",
            "text": "We are sorry to hear that. Somebody of us will write to you here.",
        },
    ),
)
TEXT_TO_WIN = ChainTemplate(
    "Text-to-win",
    "A question, the right answer of three, and an e-mail address to tell the winner.",
    (
        {
            "label": "quiz",
            "kind": "ask",
            "text": "Win two tickets! Which planet is the largest? A Mars, B Jupiter, C Venus",
            "answer_kind": "choice",
            "choices": [
                {"value": "Mars", "words": ["a"]},
                {"value": "Jupiter", "words": ["b"]},
                {"value": "Venus", "words": ["c"]},
            ],
            "weights": {"Jupiter": 1},
            "most_tries": 2,
            "then_to": "wrong",
            "timeout_minutes": 60,
            "branches": (("answer", "is", "Jupiter", "email_address"), ("answer", "otherwise", "", "wrong")),
        },
        {
            "label": "email_address",
            "kind": "ask",
            "text": "Right! Where can we reach you by e-mail if you win?",
            "answer_kind": "email",
            "save_to": "email",
            "reminder_minutes": 120,
            "reminder_text": "You are one e-mail address away from the draw. Where can we reach you?",
            "timeout_minutes": _DAY,
        },
        {"label": "entered", "kind": "end", "text": "You are in the draw. Good luck! We write to {{ email_address }}."},
        {"label": "wrong", "kind": "end", "text": "Sorry, it is Jupiter. Better luck next time!"},
    ),
)
TEMPLATES = {"rsvp": RSVP, "survey": SURVEY, "text_to_win": TEXT_TO_WIN}


@transaction.atomic
def create_from_template(*, account: Account, template: str, name: str, user: User | None) -> Chain:
    """A new draft made from a template.

    Args:
        account: whose chain it is.
        template: a key of ``TEMPLATES``.
        name: not yet taken in the account.
        user: who makes it.

    Raises:
        KeyError: there is no such template.
        django.db.IntegrityError: the name is taken.
    """
    chain = Chain.objects.create(account=account, name=name, created_by=user)
    set_steps(chain=chain, steps=TEMPLATES[template].steps)
    return chain


def set_steps(*, chain: Chain, steps: tuple[StepValues, ...]) -> None:
    """Give a chain that has none its steps, as in ``ChainTemplate.steps``."""
    for position, values in enumerate(steps):
        own = {name: value for name, value in values.items() if name != "branches"}
        step = ChainStep.objects.create(chain=chain, position=position, **own)
        ChainBranch.objects.bulk_create(
            ChainBranch(step=step, position=place, subject=subject, operator=operator, value=value, goes_to=goes_to)
            for place, (subject, operator, value, goes_to) in enumerate(values.get("branches", ()))
        )
