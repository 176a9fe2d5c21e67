"""Text chains."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from campaigns.models import Chain, ChainRun
from campaigns.services.chains.templates import StepValues, set_steps
from tests.factories.accounts import AccountFactory
from tests.factories.base import ModelFactory, factory, number_at
from tests.factories.messaging import PhoneNumberFactory

#: Asks for a number of guests from 1 to 9 and says thanks.
GUESTS: tuple[StepValues, ...] = (
    {
        "label": "guests",
        "kind": "ask",
        "text": "How many?",
        "answer_kind": "number",
        "minimum": "1",
        "maximum": "9",
        "retry_text": "A number, please.",
        "reminder_minutes": 30,
        "reminder_text": "Still there?",
        "timeout_minutes": 60,
    },
    {"label": "thanks", "kind": "end", "text": "Thanks, {{ guests }} it is."},
)


class ChainFactory(ModelFactory[Chain]):
    """An active chain; ``steps=(…)`` gives it others than ``GUESTS``."""

    class Meta:
        model = Chain
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Chain {n}")
    state = "active"

    @factory.post_generation  # type: ignore[untyped-decorator]  # factory-boy has no types
    def steps(self: Chain, create: bool, steps: tuple[StepValues, ...] | None) -> None:
        """Give it its steps."""
        if create:
            set_steps(chain=self, steps=GUESTS if steps is None else steps)


class ChainRunFactory(ModelFactory[ChainRun]):
    """A run that waits at ``guests``, without the chain it was made from."""

    class Meta:
        model = ChainRun

    number = factory.SubFactory(PhoneNumberFactory)
    account = factory.SelfAttribute("number.account")
    chain = factory.SubFactory(ChainFactory, account=factory.SelfAttribute("..account"))
    person = factory.Sequence(number_at)
    step = "guests"
    ends_at = factory.LazyFunction(lambda: timezone.now() + dt.timedelta(days=3))
