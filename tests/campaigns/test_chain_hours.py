"""What nobody has just written for leaves at a decent hour where the person is: reminders, time-outs, questions in bulk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Account
from campaigns.models import ChainRun, SubscriberList
from campaigns.services.chains import runs
from campaigns.services.chains.runs import start, wake_due
from campaigns.services.double_opt_in import ask_list, choose_to_ask, remind, reminding
from messaging.engine.places import open_now, opens_at
from messaging.models import Message, PhoneNumber
from tests.factories import (
    AccountFactory,
    ChainFactory,
    PhoneNumberFactory,
    SubscriberFactory,
    SubscriberListFactory,
)
from tests.messaging.hooks import receive, reply_to

NEW_YORK, CALIFORNIA = "+12125550123", "+14155552671"
#: 20:45 in New York, 17:45 in California, in winter.
EVENING = dt.datetime(2026, 1, 14, 1, 45, tzinfo=dt.UTC)
#: 08:00 in New York on the next morning.
MORNING = dt.datetime(2026, 1, 14, 13, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> PhoneNumber:
    """A number of an account with quiet hours from 21 to 8."""
    return PhoneNumberFactory.create(account=AccountFactory.create(quiet_start="21:00", quiet_end="08:00"))


@pytest.fixture
def clock() -> Iterator[Any]:
    """The time; it stands still."""
    with time_machine.travel(EVENING, tick=False) as traveller:
        yield traveller


def begin(line: PhoneNumber, person: str = NEW_YORK, **values: Any) -> ChainRun:
    chain = ChainFactory.create(account=Account.objects.get(pk=line.account_id), **values)
    return start(chain=chain, number=line, person=person, how="test").run


def sent() -> list[str]:
    return list(Message.objects.order_by("id").values_list("body", flat=True))


def test_a_reminder_that_is_due_at_night_comes_in_the_morning(line: PhoneNumber, clock: Any) -> None:
    run = begin(line)
    clock.shift(dt.timedelta(minutes=31))
    assert wake_due() == 0
    run.refresh_from_db()
    assert (run.wakes_at, run.reminded, sent()) == (MORNING, False, ["How many?"])
    clock.move_to(MORNING - dt.timedelta(minutes=1))
    assert wake_due() == 0
    clock.move_to(MORNING)
    assert wake_due() == 1
    run.refresh_from_db()
    assert sent() == ["How many?", "Still there?"]
    # They have as long after the reminder as ever.
    assert run.wakes_at == MORNING + dt.timedelta(minutes=30)


def test_a_text_of_a_time_out_waits_for_the_morning_and_an_answer_comes_first(line: PhoneNumber, clock: Any) -> None:
    steps = (
        {"label": "q", "kind": "ask", "text": "Well?", "timeout_minutes": 60, "timeout_to": "late"},
        {"label": "thanks", "kind": "end", "text": "Thanks."},
        {"label": "late", "kind": "end", "text": "Too late."},
    )
    waiting, answering = begin(line, steps=steps), begin(line, "+12125550124", steps=steps)
    clock.shift(dt.timedelta(minutes=61))
    assert wake_due() == 0
    # What somebody has just written is answered at any hour.
    assert reply_to(receive(line, "here I am", "+12125550124")) == "Thanks."
    clock.move_to(MORNING)
    assert wake_due() == 1
    for run in (waiting, answering):
        run.refresh_from_db()
    assert (waiting.state, answering.state) == ("finished", "finished")
    assert sorted(sent()) == ["Thanks.", "Too late.", "Well?", "Well?"]


def test_a_time_out_without_a_word_is_followed_at_night(line: PhoneNumber, clock: Any) -> None:
    run = begin(line, steps=({"label": "q", "kind": "ask", "text": "Well?", "timeout_minutes": 60},))
    clock.shift(dt.timedelta(minutes=61))
    assert wake_due() == 1
    run.refresh_from_db()
    assert run.state == "timed_out"


def test_the_persons_own_place_counts(line: PhoneNumber, clock: Any) -> None:
    """Given people in two zones and one whose zone is known, when it is night in New York only, then two are reminded."""
    SubscriberFactory.create(account=line.account, number="+12125550124", time_zone="America/Denver")
    asleep = begin(line)
    for person in (CALIFORNIA, "+12125550124"):
        begin(line, person)
    clock.shift(dt.timedelta(minutes=31))
    assert wake_due() == 2
    asleep.refresh_from_db()
    assert not asleep.reminded
    reminded = Message.objects.filter(body="Still there?").values_list("recipient", flat=True)
    assert sorted(reminded) == ["+12125550124", CALIFORNIA]


def test_legal_hours_hold_without_quiet_hours(line: PhoneNumber, clock: Any) -> None:
    Account.objects.update(quiet_start="00:00", quiet_end="00:00", keeps_legal_hours=True)
    run = begin(line)
    clock.shift(dt.timedelta(minutes=31))
    assert wake_due() == 0
    run.refresh_from_db()
    assert run.wakes_at == MORNING


def test_a_run_whose_longest_time_is_over_before_the_morning_ends_without_a_word(line: PhoneNumber, clock: Any) -> None:
    run = begin(line, run_limit_hours=3)
    clock.shift(dt.timedelta(minutes=31))
    assert wake_due() == 0
    run.refresh_from_db()
    assert run.wakes_at == run.ends_at
    clock.shift(dt.timedelta(hours=3))
    assert wake_due() == 1
    run.refresh_from_db()
    assert (run.state, sent()) == ("timed_out", ["How many?"])


def test_a_sweeper_that_was_late_does_not_undo_an_answer_at_night(line: PhoneNumber, clock: Any) -> None:
    """Given a reminder that is due at night, when the answer comes before a late sweeper, then nothing is moved or said."""
    run = begin(line, steps=({"label": "q", "kind": "ask", "text": "Well?", "timeout_minutes": 20, "timeout_to": "q"},))
    due_at = run.wakes_at
    clock.shift(dt.timedelta(minutes=31))
    receive(line, "fine", NEW_YORK)
    assert not runs._wake(run.pk, due_at, timezone.now())
    run.refresh_from_db()
    assert (run.state, run.wakes_at) == ("finished", None)


def test_a_place_opens_now_in_the_morning_or_never(line: PhoneNumber) -> None:
    account = Account.objects.get(pk=line.account_id)

    def opening(moment: dt.datetime, number: str = NEW_YORK, zone: str = "") -> dt.datetime | None:
        return opens_at(account=account, number=number, zone=zone, now=moment)

    assert opening(EVENING) == EVENING
    assert opening(EVENING + dt.timedelta(minutes=16)) == MORNING
    # What is said in the last minute would arrive after it.
    assert opening(EVENING + dt.timedelta(minutes=14, seconds=30)) == MORNING
    assert opening(MORNING, CALIFORNIA) == MORNING + dt.timedelta(hours=3)
    assert opening(MORNING, CALIFORNIA, "America/New_York") == MORNING
    is_open = open_now(account, MORNING)
    assert [is_open(NEW_YORK, ""), is_open(CALIFORNIA, ""), is_open(CALIFORNIA, "Europe/Paris")] == [True, False, True]
    # Russia's zones share three hours between 8 and 21.
    account.quiet_start, account.quiet_end = dt.time(11), dt.time(10)
    assert opening(MORNING, "+79161234567") is None


@pytest.fixture
def news(line: PhoneNumber) -> SubscriberList:
    """A list that asks first."""
    return SubscriberListFactory.create(account=line.account, name="News", double_opt_in=True)


def add_pending(news: SubscriberList, *numbers: str, **values: Any) -> None:
    for number in numbers:
        person = SubscriberFactory.create(account=news.account, number=number, **values)
        news.subscriptions.create(subscriber=person, state="pending")


def asked() -> list[str]:
    return sorted(Message.objects.values_list("recipient", flat=True))


def test_questions_in_bulk_pass_over_who_is_asleep_and_reach_them_later(news: SubscriberList, clock: Any) -> None:
    add_pending(news, CALIFORNIA, NEW_YORK)
    add_pending(news, "+14155552672", time_zone="America/New_York")
    clock.move_to(MORNING)
    choose_to_ask(list_=news)
    assert not ask_list(list_id=news.pk)
    assert asked() == [NEW_YORK, "+14155552672"]
    assert not ask_list(list_id=news.pk)
    assert len(asked()) == 2
    clock.shift(dt.timedelta(hours=3))
    assert ask_list(list_id=news.pk)
    assert asked() == [NEW_YORK, CALIFORNIA, "+14155552672"]
    assert SubscriberList.objects.get().ask_joined_until is None


def test_opt_in_reminders_pass_over_who_is_asleep(
    news: SubscriberList, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    SubscriberList.objects.update(reminder_hours=12, reminder_text="Still there?")
    add_pending(news, CALIFORNIA, NEW_YORK, "+12125550124")
    choose_to_ask(list_=news)
    assert ask_list(list_id=news.pk)
    # The one in California is first, and must not stand in the way.
    monkeypatch.setattr(reminding, "MOST", 1)
    clock.move_to(EVENING + dt.timedelta(hours=12))
    assert remind() == 1
    assert Message.objects.get(body="Still there?").recipient == NEW_YORK
    assert [remind(), remind()] == [1, 0]
    clock.shift(dt.timedelta(hours=3))
    assert remind() == 1
    assert Message.objects.filter(body="Still there?").count() == 3
