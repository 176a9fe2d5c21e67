"""Asking people whether they want a list's messages: once in 30 days for each list, never the suppressed."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from broadcast.core.merge import TemplateError
from broadcast.core.queue import enqueue_on_commit
from campaigns.models import OptInRequest, Subscriber, SubscriberList, Subscription
from campaigns.services.double_opt_in import texts
from messaging.engine.places import open_now
from messaging.models import PhoneNumber, Suppression
from messaging.services.singles import submit

logger = logging.getLogger(__name__)

#: So long a YES counts, and nobody is asked about the same list again.
ANSWER_DAYS = 30
#: Seconds that one run of the task asks a list's people; it calls itself again.
RUN_SECONDS = 20.0
_PEOPLE_PER_READ = 1000


class CannotAsk(Exception):
    """Asking a list's people cannot begin, or end; the text says why."""


def is_suppressed(account_id: int, number: str) -> bool:
    """Whether nothing may be asked of somebody, a possible opt-out under review included."""
    return Suppression.objects.active().filter(account_id=account_id, recipient=number).exists()


def latest_request(subscriber: Subscriber, list_: SubscriberList, now: dt.datetime) -> OptInRequest | None:
    """What somebody was asked about a list in the last 30 days, at the number that they have now."""
    since = now - dt.timedelta(days=ANSWER_DAYS)
    asked = OptInRequest.objects.filter(subscriber=subscriber, list=list_, asked_at__gt=since)
    return asked.filter(recipient=subscriber.number).order_by("-id").first()


def asking_number(list_: SubscriberList, preferred: PhoneNumber | None) -> PhoneNumber | None:
    """Where a question leaves from: the list's number, else the preferred one, else the account's first; None without one."""
    for number in (list_.opt_in_number, preferred):
        if number and number.account_id == list_.account_id and number.state == PhoneNumber.State.ACTIVE:
            return number
    active = PhoneNumber.objects.filter(account_id=list_.account_id, state=PhoneNumber.State.ACTIVE)
    return active.order_by("pk").first()


def ask(*, subscriber: Subscriber, list_: SubscriberList, number: PhoneNumber | None, now: dt.datetime) -> str:
    """Ask a pending person; inside a transaction that has locked the subscriber.

    Args:
        subscriber: pending on the list.
        list_: of the same account.
        number: where the question should leave from unless the list has a number of its own.
        now: the same for all lists that one act is about: one YES confirms them together.

    Returns:
        Why they were not asked, empty when they were.
    """
    if not list_.account.is_active:
        return f"{list_.account} is {list_.account.get_status_display().lower()}"
    if is_suppressed(list_.account_id, subscriber.number):
        return "they are suppressed"
    sender = asking_number(list_, number)
    if sender is None:
        return f"{list_.account} has no active number"
    try:
        wording = texts.question(list_, subscriber)
    except TemplateError as error:
        return f"the question of “{list_}” cannot be made: {error}"
    message = submit(account=list_.account, number=sender, recipient=subscriber.number, body=wording)
    OptInRequest.objects.create(
        list=list_,
        subscriber=subscriber,
        recipient=subscriber.number,
        number=sender,
        message=message,
        wording=wording,
        asked_at=now,
        last_asked_at=now,
    )
    return ""


def unasked(list_: SubscriberList) -> QuerySet[Subscription]:
    """Pending people of a list who may be asked now: not asked in the last 30 days, not suppressed."""
    since = timezone.now() - dt.timedelta(days=ANSWER_DAYS)
    asked = OptInRequest.objects.filter(
        list=list_,
        subscriber=OuterRef("subscriber"),
        recipient=OuterRef("subscriber__number"),
        asked_at__gt=since,
    )
    suppressed = Suppression.objects.active().filter(
        account_id=list_.account_id, recipient=OuterRef("subscriber__number")
    )
    return list_.subscriptions.pending().filter(~Exists(asked), ~Exists(suppressed))


def choose_to_ask(*, list_: SubscriberList) -> int:
    """Have everybody asked who is pending now and was not asked lately, in the background.

    Returns:
        How many that will be.

    Raises:
        CannotAsk: nobody can be asked as it stands; the text says why.
    """
    if problem := obstacle(list_):
        raise CannotAsk(problem)
    with transaction.atomic():
        SubscriberList.objects.filter(pk=list_.pk).update(ask_joined_until=timezone.now(), ask_problem="")
        enqueue_on_commit("campaigns.tasks.ask_pending", list_.pk)
        return unasked(list_).count()


def stop_asking(*, list_: SubscriberList) -> None:
    """Ask nobody more of those who were to be asked; what was asked stays asked.

    Raises:
        CannotAsk: nobody is being asked; the text says so.
    """
    running = SubscriberList.objects.filter(pk=list_.pk).exclude(ask_joined_until=None)
    if not running.update(ask_joined_until=None, ask_problem=""):
        raise CannotAsk(f"Nobody of “{list_}” is being asked any more; there is nothing to stop.")


def obstacle(list_: SubscriberList) -> str:
    """Why nobody of a list can be asked, and what to do; empty when they can."""
    if not list_.double_opt_in:
        return "Double opt-in is off for this list. Switch it on first."
    if not list_.account.is_active:
        return f"{list_.account} is {list_.account.get_status_display().lower()}. Activate it first."
    if asking_number(list_, None) is None:
        return f"{list_.account} has no active number. Add or activate one first."
    try:
        texts.question(list_, Subscriber(account=list_.account))
    except TemplateError as error:
        return f"The question of “{list_}” cannot be made: {error}. Correct it on the list's page."[:255]
    return ""


def ask_waiting_lists() -> None:
    """Go on asking the people of all lists whose staff chose so."""
    for list_id in SubscriberList.objects.exclude(ask_joined_until=None).values_list("pk", flat=True):
        ask_list(list_id=list_id)


def ask_list(*, list_id: int, run_seconds: float = RUN_SECONDS) -> bool:
    """Ask a list's pending people, for a while.

    Who is asleep is passed over until it is a decent hour where they are. Nothing is asked while something is in the way, which the
    list then says; the schedule calls again. Switching double opt-in off ends it.

    Args:
        list_id: a list whose staff chose to ask.
        run_seconds: after so long it stops.

    Returns:
        Whether nobody is left to ask.
    """
    ends_at = time.monotonic() + run_seconds
    list_ = SubscriberList.objects.select_related("account", "opt_in_number").filter(pk=list_id).first()
    if list_ is None or list_.ask_joined_until is None:
        return True
    chosen = list_.ask_joined_until
    problem = obstacle(list_)
    _note(list_, chosen, problem, goes_on=list_.double_opt_in)
    if problem:
        return not list_.double_opt_in
    is_open = open_now(list_.account, timezone.now())
    after = left_out = asleep = 0
    why_not = ""
    while True:
        rows = list(
            unasked(list_)
            .filter(pk__gt=after, created_at__lte=chosen)
            .order_by("pk")
            .values_list("pk", "subscriber_id", "subscriber__number", "subscriber__time_zone")[:_PEOPLE_PER_READ]
        )
        for subscription_id, subscriber_id, number, zone in rows:
            after = subscription_id
            if time.monotonic() > ends_at:
                return False
            if not is_open(number, zone):
                asleep += 1
                continue
            if not _goes_on(list_, chosen):
                return False
            if said := _ask_one(subscription_id, subscriber_id, list_):
                left_out, why_not = left_out + 1, said
        if not rows:
            break
    if asleep:
        return False
    _note(list_, chosen, f"{left_out:,} could not be asked: {why_not}." if left_out else "", goes_on=False)
    return True


def _goes_on(list_: SubscriberList, chosen: dt.datetime) -> bool:
    """Whether staff still want it; a long list takes hours, and they may think better of it."""
    wanted = SubscriberList.objects.filter(pk=list_.pk, ask_joined_until=chosen, double_opt_in=True)
    return wanted.filter(account__status=list_.account.Status.ACTIVE).exists()


def _note(list_: SubscriberList, chosen: dt.datetime, problem: str, *, goes_on: bool) -> None:
    """Say on the list how it stands. Who chose again meanwhile is not forgotten."""
    mine = SubscriberList.objects.filter(pk=list_.pk, ask_joined_until=chosen)
    if not goes_on:
        mine.update(ask_joined_until=None, ask_problem=problem[:255])
    elif problem != list_.ask_problem:
        mine.update(ask_problem=problem[:255])


def _ask_one(subscription_id: int, subscriber_id: int, list_: SubscriberList) -> str:
    with transaction.atomic():
        subscriber = Subscriber.objects.select_for_update().filter(pk=subscriber_id).first()
        if subscriber is None or not unasked(list_).filter(pk=subscription_id).exists():
            return ""
        why_not = ask(subscriber=subscriber, list_=list_, number=None, now=timezone.now())
        if why_not:
            logger.warning("Subscription %s of list %s was not asked about: %s", subscription_id, list_.pk, why_not)
        return why_not
