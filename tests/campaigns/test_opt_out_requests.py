"""Opt-outs by e-mail, telephone or letter: honoured at once, or held against the legal clock."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.models import ConsentEvent, OptOutRequest
from campaigns.services.consent.clock import clock, due_date, federal_holidays
from campaigns.services.consent.requests import (
    RequestRefused,
    clock_of,
    close_request,
    enter_request,
    honour_request,
)
from messaging.models import Suppression
from tests.factories import AccountFactory, OptOutRequestFactory, StaffFactory, SuppressionFactory

PERSON = "+14155552671"
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def enter(**fields: Any) -> OptOutRequest:
    """A letter that came two days ago."""
    fields.setdefault("account", AccountFactory.create())
    fields.setdefault("user", StaffFactory.create())
    fields.setdefault("received_at", timezone.now() - dt.timedelta(days=2))
    return enter_request(who="Ada King", channel="letter", words="No more texts, please.", **fields)


@pytest.mark.django_db
def test_a_known_number_is_opted_out_at_once_as_of_the_letter() -> None:
    request = enter(number="(415) 555-2671")
    assert (request.state, request.number) == ("honoured", PERSON)
    suppression = Suppression.objects.active().get()
    assert (suppression.recipient, suppression.reason, suppression.note) == (PERSON, "opt_out", request.words)
    event = ConsentEvent.objects.get()
    assert (event.action, event.how, event.at) == ("withdrawn", "staff", request.received_at)
    assert (event.wording, event.source, event.by) == (
        request.words,
        f"Letter, request {request.pk}",
        request.entered_by,
    )


@pytest.mark.django_db
def test_somebody_who_had_opted_out_is_recorded_again() -> None:
    account = AccountFactory.create()
    SuppressionFactory.create(account=account, recipient=PERSON)
    enter(account=account, number=PERSON)
    assert Suppression.objects.active().count() == 1
    assert ConsentEvent.objects.values_list("action", "wording").get() == ("withdrawn", "No more texts, please.")


@pytest.mark.django_db
def test_it_takes_the_place_of_a_doubt_under_its_own_name() -> None:
    account = AccountFactory.create()
    SuppressionFactory.create(account=account, recipient=PERSON, reason="review", note="stop it?")
    request = enter(account=account, number=PERSON)
    suppression = Suppression.objects.active().get()
    assert (suppression.reason, suppression.note, suppression.created_by) == (
        "opt_out",
        request.words,
        request.entered_by,
    )


@pytest.mark.django_db
def test_an_unknown_number_waits_until_it_is_found() -> None:
    request, user = enter(), StaffFactory.create()
    assert (request.state, request.number) == ("open", "")
    assert not Suppression.objects.exists()
    done = honour_request(request_id=request.pk, number="415 555 2671", user=user)
    assert (done.state, done.number, done.settled_by) == ("honoured", PERSON, user)
    assert ConsentEvent.objects.get().at == request.received_at
    assert Suppression.objects.active().get().recipient == PERSON
    with pytest.raises(RequestRefused, match="honoured before"):
        honour_request(request_id=request.pk, number="+14155550000", user=user)
    with pytest.raises(RequestRefused, match="honoured before"):
        close_request(request_id=request.pk, reason="x", user=user)


@pytest.mark.django_db
def test_it_is_closed_with_a_reason_only() -> None:
    request, user = enter(), StaffFactory.create()
    with pytest.raises(RequestRefused, match="Say why"):
        close_request(request_id=request.pk, reason="  ", user=user)
    closed = close_request(request_id=request.pk, reason="No answer.", user=user)
    assert (closed.state, closed.closed_reason, closed.settled_by) == ("closed", "No answer.", user)
    assert not Suppression.objects.exists()


@pytest.mark.django_db
def test_what_is_no_number_or_has_not_come_yet_is_refused() -> None:
    with pytest.raises(RequestRefused):
        enter(number="12")
    with pytest.raises(RequestRefused, match="in the future"):
        enter(received_at=timezone.now() + dt.timedelta(hours=1))
    assert not OptOutRequest.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values", [{"state": "honoured"}, {"state": "closed"}, {"state": "open", "settled_at": timezone.now()}]
)
def test_the_database_refuses_half_settled_requests(values: dict[str, Any]) -> None:
    request = OptOutRequestFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        OptOutRequest.objects.filter(pk=request.pk).update(**{"settled_at": timezone.now(), **values})


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-03-02", "2026-03-16"),  # two weekends
        ("2026-03-07", "2026-03-20"),  # on a Saturday: Monday is the first day
        ("2026-11-16", "2026-12-01"),  # Thanksgiving
        ("2026-06-25", "2026-07-10"),  # 4 July 2026 is a Saturday, kept on Friday the 3rd
        ("2021-12-22", "2022-01-07"),  # Christmas kept on the 24th, New Year's Day 2022 on the 31st
        ("2022-06-13", "2022-06-28"),  # Juneteenth 2022 is a Sunday, kept on Monday
    ],
)
def test_it_is_due_on_the_tenth_business_day(received: str, due: str) -> None:
    assert due_date(day(received)) == day(due)


def test_holidays_are_those_that_the_government_publishes() -> None:
    published = (
        "2026-01-01 2026-01-19 2026-02-16 2026-05-25 2026-06-19 2026-07-03 2026-09-07 2026-10-12 2026-11-11 2026-11-26 "
        "2026-12-25"
    )
    assert {kept for kept in federal_holidays(2026) if kept.year == 2026} == set(map(day, published.split()))


@pytest.mark.parametrize(
    ("now", "said", "is_over"),
    [
        ("2026-03-02 09:00", "10 business days left", False),
        ("2026-03-13 23:59", "1 business day left", False),
        ("2026-03-16 23:59", "due today", False),
        ("2026-03-17 00:00", "1 business day over", True),
        ("2026-03-20 12:00", "4 business days over", True),
    ],
)
def test_the_clock_says_what_is_left_and_what_is_over(now: str, said: str, *, is_over: bool) -> None:
    received = dt.datetime(2026, 3, 2, 8, tzinfo=NEW_YORK)
    shown = clock(received, NEW_YORK, now=dt.datetime.fromisoformat(now).replace(tzinfo=NEW_YORK))
    assert (str(shown), shown.is_over, shown.due) == (said, is_over, day("2026-03-16"))


def test_it_is_late_on_the_weekend_after_already() -> None:
    received = dt.datetime(2026, 3, 6, 8, tzinfo=NEW_YORK)
    assert clock(received, NEW_YORK, now=dt.datetime(2026, 3, 21, 8, tzinfo=NEW_YORK)).is_over


def test_the_day_of_receipt_is_the_accounts() -> None:
    received = dt.datetime(2026, 3, 3, 3, tzinfo=dt.UTC)
    assert clock(received, NEW_YORK, now=received).due == day("2026-03-16")
    assert clock(received, zoneinfo.ZoneInfo("Europe/London"), now=received).due == day("2026-03-17")


@pytest.mark.django_db
def test_the_clock_of_a_settled_request_stands_still() -> None:
    with time_machine.travel(dt.datetime(2026, 3, 3, 15, tzinfo=dt.UTC)):
        request = enter(received_at=timezone.now())
        close_request(request_id=request.pk, reason="No answer.", user=StaffFactory.create())
    request.refresh_from_db()
    with time_machine.travel(dt.datetime(2026, 6, 1, tzinfo=dt.UTC)):
        assert clock_of(request).days_left == 10
