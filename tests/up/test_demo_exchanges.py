"""What the demo's people write ends where the demo wants to show it."""

from __future__ import annotations

import pytest

from broadcast.demo import exchanges
from broadcast.demo.exchanges import PARTS, Stage
from campaigns.models import ChainRun, OptInRequest
from campaigns.services.chains.runs import start
from messaging.models import Conversation, InboundMessage, OptOutReview, PhoneNumber
from tests.factories import (
    BatchFactory,
    MessageFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import receive, reply_to

PICTURE = "http://127.0.0.1:8000/static/logo.svg"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stage() -> Stage:
    """Two numbers of an account, with what the demo puts there."""
    campaign = PhoneNumberFactory.create()
    talk = PhoneNumberFactory.create(account=campaign.account, gateway=campaign.gateway)
    chain = exchanges.furnish(campaign.account, number=campaign)
    return Stage(campaign, talk, chain, StaffFactory.create(), PICTURE)


def reach(number: PhoneNumber, person: str, *, name: str = "Ada", state: str = "delivered") -> None:
    """Have somebody get the campaign."""
    SubscriberFactory.create(account=number.account, number=person, first_name=name)
    batch = BatchFactory.create(account=number.account, gateway=number.gateway, number=number)
    MessageFactory.create(batch=batch, number=number, account=number.account, recipient=person, state=state)


def test_the_parts_go_to_people_who_got_the_campaign_and_have_said_nothing(stage: Stage) -> None:
    number = stage.campaign_number
    expected = [f"+1415555267{index}" for index in range(len(PARTS))]
    reach(number, "+14155552660", name="")
    reach(number, "+14155552661", state="failed")
    reach(number, "+14155552662")
    SuppressionFactory.create(account=number.account, recipient="+14155552662")
    reach(number, "+14155552663")
    receive(number, "Who is this?", "+14155552663")
    for person in [*expected, "+14155552679"]:
        reach(number, person)
    assert exchanges.audience(number) == expected


def test_every_line_has_the_effect_that_the_demo_shows(stage: Stage) -> None:
    people = {part: f"+1415555267{index}" for index, part in enumerate(PARTS)}
    for part in ("guest", "late_guest"):
        start(chain=stage.chain, number=stage.talk_number, person=people[part], how="the demo")
    numbers = {number.number: number for number in (stage.campaign_number, stage.talk_number)}
    for line in exchanges.lines(stage, people):
        count = "1" if line.picture_url else "0"
        receive(numbers[line.number], line.body, line.person, NumMedia=count, MediaUrl0=line.picture_url)
    assert dict(ChainRun.objects.values_list("person", "state")) == {
        people["guest"]: "finished",
        people["late_guest"]: "running",
    }
    assert dict(OptInRequest.objects.values_list("subscriber__number", "state")) == {
        people["fan"]: "confirmed",
        people["shy_fan"]: "waiting",
    }
    assert OptOutReview.objects.get().recipient == people["sleeper"]
    seats = InboundMessage.objects.get(sender=people["seat"])
    assert (seats.handler, "box office" in (reply_to(seats) or "")) == ("keyword", True)
    assert InboundMessage.objects.get(sender=people["photographer"]).media == [[PICTURE, ""]]
    unread = Conversation.objects.filter(is_unread=True).values_list("person", flat=True)
    assert set(unread) == {people["sleeper"], people["photographer"], people["driver"]}
