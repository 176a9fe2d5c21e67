"""What the demo's people write once the campaign is out: keywords, a text chain, an opt-in, a doubt, a picture, a question."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import httpx
from django.db import connections

from accounts.models import Account, User
from broadcast.demo.carrier import Carrier
from campaigns.models import Chain, Keyword, KeywordAction, Subscriber, SubscriberList
from campaigns.services.chains.lifecycle import activate
from campaigns.services.chains.runs import ChainError, start
from campaigns.services.chains.templates import create_from_template
from messaging.models import CannedReply, Conversation, Message, PhoneNumber, Suppression
from messaging.services.conversations import ConversationRefused, reply
from messaging.states import MessageState

logger = logging.getLogger(__name__)

#: How long an answer waits for the question to arrive in the inbox, and how often it looks.
ARRIVAL_SECONDS = 20.0
LOOK_SECONDS = 0.25

QUESTION = "Is there parking near the theatre? We come by car on Saturday"
ANSWER = "Hi! Yes: the Pier 4 garage, two minutes on foot, 8 dollars with your ticket. See you on Saturday!"
THANKS = "Perfect, thank you so much!"
DOUBT = "could you stop sending these at night?"

CANNED = (
    ("Opening hours", 'Hi {{ first_name | default: "there" }}! The box office is open daily from 10 to 6.'),
    ("Parking", "The Pier 4 garage is two minutes on foot; it is 8 dollars with your ticket."),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is for people to write to.

    Args:
        campaign_number: the campaign left from it.
        talk_number: the text chain talks from it.
        chain: an active one.
        staff: who answers.
        picture_url: where the picture is that somebody sends.
    """

    campaign_number: PhoneNumber
    talk_number: PhoneNumber
    chain: Chain
    staff: User
    picture_url: str


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody writes, and to which of our numbers; with a picture, or not."""

    person: str
    number: str
    body: str
    picture_url: str = ""


def furnish(account: Account, *, number: PhoneNumber) -> Chain:
    """Make keywords, a list with double opt-in, canned replies and a text chain.

    Args:
        account: whose.
        number: where the double opt-in asks from.

    Returns:
        The chain, active.
    """
    first_nights = SubscriberList.objects.create(
        account=account,
        name="First nights",
        description="Whoever writes FIRST NIGHTS and then YES.",
        double_opt_in=True,
        opt_in_number=number,
    )
    Keyword.objects.create(
        account=account,
        name="Seats",
        words="seats\nseat\ntickets",
        reply='Hi {{ first_name | default: "there" }}, seats for tonight are at the box office until 6:15 pm.',
    )
    joining = Keyword.objects.create(account=account, name="First nights", words="first nights\nfirst night")
    KeywordAction.objects.create(keyword=joining, kind="join", list=first_nights)
    for name, text in CANNED:
        CannedReply.objects.create(account=account, name=name, text=text)
    chain = create_from_template(account=account, template="rsvp", name="Patrons' evening", user=None)
    activate(chain_id=chain.pk)
    chain.refresh_from_db()
    return chain


def perform(carrier: Carrier, stage: Stage, *, stop: threading.Event) -> None:
    """Have people write, one after the other, and somebody of us answer.

    Args:
        carrier: the simulator.
        stage: what they write to.
        stop: ends it early.
    """
    try:
        people = audience(stage.campaign_number)
        if len(people) == len(PARTS):
            _perform(carrier, stage, dict(zip(PARTS, people, strict=True)), stop)
    except (httpx.HTTPError, ChainError, ConversationRefused) as error:
        logger.info("The demo's exchanges end here: %s", error)
    finally:
        connections.close_all()


#: Who has which part.
PARTS = ("guest", "late_guest", "fan", "shy_fan", "seat", "sleeper", "photographer", "driver")


def audience(number: PhoneNumber) -> list[str]:
    """People with a name who got the campaign and have said nothing yet, one for each part.

    Args:
        number: the campaign's.
    """
    reached = Message.objects.filter(number=number, kind=Message.Kind.CAMPAIGN, state=MessageState.DELIVERED)
    named = Subscriber.objects.filter(account=number.account_id, number__in=reached.values("recipient")).exclude(
        first_name=""
    )
    stopped = Suppression.objects.filter(account=number.account_id)
    heard = Conversation.objects.filter(account=number.account_id)
    silent = named.exclude(number__in=stopped.values("recipient")).exclude(number__in=heard.values("person"))
    return list(silent.order_by("id").values_list("number", flat=True)[: len(PARTS)])


def lines(stage: Stage, people: dict[str, str]) -> list[Line]:
    """What people write, in the order in which they do.

    Args:
        stage: what they write to.
        people: their numbers, by part.
    """
    campaign, talk = stage.campaign_number.number, stage.talk_number.number
    return [
        Line(people["guest"], talk, "Yes!"),
        Line(people["guest"], talk, "4"),
        Line(people["guest"], talk, "fish"),
        Line(people["late_guest"], talk, "let me ask my wife"),
        Line(people["late_guest"], talk, "YES"),
        Line(people["fan"], campaign, "First nights"),
        Line(people["fan"], campaign, "Yes"),
        Line(people["shy_fan"], campaign, "FIRST NIGHTS please"),
        Line(people["seat"], campaign, "Seats for two?"),
        Line(people["sleeper"], campaign, DOUBT),
        Line(people["photographer"], campaign, "", stage.picture_url),
        Line(people["driver"], campaign, QUESTION),
    ]


def _perform(carrier: Carrier, stage: Stage, people: dict[str, str], stop: threading.Event) -> None:
    for part in ("guest", "late_guest"):
        start(chain=stage.chain, number=stage.talk_number, person=people[part], how="the demo")
    for line in lines(stage, people):
        if stop.is_set():
            return
        carrier.person_writes(
            sender=line.person, recipient=line.number, body=line.body, picture_url=line.picture_url, waits=True
        )
    conversation = _arrival(stage.campaign_number, people["driver"], stop)
    if conversation is None:
        return
    reply(conversation_id=conversation.pk, body=ANSWER, user=stage.staff)
    carrier.person_writes(sender=people["driver"], recipient=stage.campaign_number.number, body=THANKS)


def _arrival(number: PhoneNumber, person: str, stop: threading.Event) -> Conversation | None:
    """The conversation in which somebody's question waits; None when it does not arrive in time."""
    for _ in range(round(ARRIVAL_SECONDS / LOOK_SECONDS)):
        found = Conversation.objects.filter(number=number, person=person, is_unread=True).first()
        if found is not None:
            return found
        if stop.wait(LOOK_SECONDS):
            return None
    return None
