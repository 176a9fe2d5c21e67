"""What runs by the clock."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

from broadcast.schedules import SCHEDULES, ensure_schedules

pytestmark = pytest.mark.django_db


def test_each_schedule_calls_something_that_exists() -> None:
    ensure_schedules()

    assert {schedule.func for schedule in Schedule.objects.all()} == {function for _, function, _ in SCHEDULES}
    assert all(callable(import_string(schedule.func)) for schedule in Schedule.objects.all())


def test_starting_again_changes_nothing() -> None:
    ensure_schedules()
    soon = timezone.now() + dt.timedelta(seconds=40)
    Schedule.objects.update(next_run=soon)

    ensure_schedules()

    assert Schedule.objects.count() == len(SCHEDULES)
    assert set(Schedule.objects.values_list("next_run", flat=True)) == {soon}


def test_two_machines_that_start_at_once_leave_one_schedule_each() -> None:
    ensure_schedules()
    Schedule.objects.create(func=SCHEDULES[0][1], schedule_type=Schedule.MINUTES, minutes=1)

    ensure_schedules()

    assert Schedule.objects.count() == len(SCHEDULES)


def test_a_schedule_that_was_changed_by_hand_is_put_right() -> None:
    ensure_schedules()
    Schedule.objects.update(minutes=60, repeats=3)

    ensure_schedules()

    wanted = {(function, minutes, -1) for _, function, minutes in SCHEDULES}
    assert set(Schedule.objects.values_list("func", "minutes", "repeats")) == wanted
