"""Phone numbers in the console."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from messaging.models import Message, PhoneNumber
from tests.console.test_campaigns import page_of
from tests.factories import BatchFactory, PhoneNumberFactory

pytestmark = pytest.mark.django_db

ALL_ACTIONS = ("enable", "disable", "release", "keep", "resume", "check_again", "give_up", "send_test", "wire")


def url(page: str, number: PhoneNumber | None = None) -> str:
    return reverse(f"admin:messaging_phonenumber_{page}", args=[number.pk] if number else [])


def test_disable_and_enable(operator: Client) -> None:
    number = PhoneNumberFactory()
    assert operator.get(url("disable", number)).status_code == 200
    number.refresh_from_db()
    assert number.state == "active"
    operator.post(url("disable", number))
    number.refresh_from_db()
    assert number.state == "disabled"
    assert "is disabled by now" in page_of(operator.post(url("disable", number), follow=True))
    operator.post(url("enable", number))
    number.refresh_from_db()
    assert number.state == "active"


def test_disabling_a_number_pauses_what_it_sends(operator: Client) -> None:
    batch, other = BatchFactory(), BatchFactory()
    page = page_of(operator.post(url("disable", batch.number), follow=True))
    assert f"{batch.number.number} is disabled. 1 campaign was paused." in page
    batch.refresh_from_db()
    other.refresh_from_db()
    assert (batch.state, batch.pause_code, other.state) == ("paused", "number", "sending")


def test_number_that_sends_is_not_released(operator: Client) -> None:
    batch = BatchFactory(label="Gala")
    page = page_of(operator.post(url("release", batch.number), {"after_days": 7}, follow=True))
    assert "is needed for" in page
    assert "Gala" in page
    batch.number.refresh_from_db()
    assert batch.number.state == "active"


@pytest.mark.parametrize("role", ["Support", "Read-only"])
@pytest.mark.parametrize("state", ["active", "disabled", "pending", "leaving"])
def test_only_operators_touch_numbers(as_role: Callable[[str], Client], role: str, state: str) -> None:
    number = PhoneNumberFactory(state=state, release_at=timezone.now())
    client = as_role(role)
    for action in ("enable", "disable", "release", "keep", "resume", "check_again", "give_up", "send_test", "wire"):
        assert client.get(url(action, number)).status_code == 403
        assert client.post(url(action, number), {"after_days": 0, "recipient": "+14155552671"}).status_code == 403
    assert client.get(url("buy")).status_code == 403
    assert client.get(url("add")).status_code == 403
    number.refresh_from_db()
    assert number.state == state


@pytest.mark.parametrize(
    ("state", "step", "actions"),
    [
        ("pending", "wanted", {"resume", "give_up"}),
        ("pending", "", {"resume", "give_up"}),
        ("pending", "awaited", {"check_again", "give_up"}),
        ("pending", "bought", {"resume", "release"}),
        ("active", "wired", {"send_test", "disable", "wire", "release"}),
        ("disabled", "", {"enable", "wire", "release"}),
        ("leaving", "", {"keep"}),
        ("released", "", set()),
    ],
)
def test_a_number_offers_what_its_state_allows(operator: Client, state: str, step: str, actions: set[str]) -> None:
    number = PhoneNumberFactory(state=state, step=step, release_at=timezone.now())
    page = page_of(operator.get(url("change", number)))
    links = {name for name in ALL_ACTIONS if f'href="{url(name, number)}"' in page}
    assert links == actions


def test_the_list_says_what_is_wrong_and_filters_it(operator: Client) -> None:
    fine = PhoneNumberFactory()
    half_way = PhoneNumberFactory(state="pending", step="bought", problem="It was not wired: the line broke.")
    leaving = PhoneNumberFactory(state="leaving", release_at=timezone.now(), problem="The provider refused it.")
    gone = PhoneNumberFactory(state="released", problem="Old.")
    page = page_of(operator.get(url("changelist")))
    assert "Pending: bought" in page
    assert half_way.problem in page
    shown = operator.get(url("changelist"), {"attention": "yes"}).context["cl"].result_list
    assert set(shown) == {half_way, leaving}
    assert set(operator.get(url("changelist")).context["cl"].result_list) == {fine, half_way, leaving, gone}


def test_the_list_asks_the_database_as_often_for_many_numbers(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    PhoneNumberFactory.create_batch(3)
    with CaptureQueriesContext(connection) as few:
        operator.get(url("changelist"))
    PhoneNumberFactory.create_batch(12, state="pending", step="wanted", problem="It stopped.")
    with django_assert_max_num_queries(len(few)):
        operator.get(url("changelist"))


def test_release_asks_for_the_days_and_keep_takes_it_back(operator: Client) -> None:
    number = PhoneNumberFactory()
    asked = page_of(operator.get(url("release", number)))
    assert "sends no more campaigns" in asked
    assert 'value="7"' in asked
    assert "0 to 30" in page_of(operator.post(url("release", number), {"after_days": 31}))
    number.refresh_from_db()
    assert number.state == "active"
    page = page_of(operator.post(url("release", number), {"after_days": 5}, follow=True))
    assert "Until then it receives and answers" in page
    number.refresh_from_db()
    assert number.state == "leaving"
    assert number.release_at is not None
    assert number.release_at > timezone.now() + dt.timedelta(days=4)
    assert "It leaves on" in page_of(operator.get(url("change", number)))
    operator.post(url("keep", number))
    number.refresh_from_db()
    assert number.state == "active"
    assert number.release_at is None
    assert "is active by now" in page_of(operator.post(url("keep", number), follow=True))


def test_a_test_message_is_sent_and_shown(operator: Client) -> None:
    number = PhoneNumberFactory()
    assert operator.post(url("send_test", number), {"recipient": "12"}).context["form"].errors
    assert not Message.objects.exists()
    page = page_of(operator.post(url("send_test", number), {"recipient": "(415) 555-2671"}, follow=True))
    assert "The test message to +14155552671 is queued." in page
    test = Message.objects.get()
    assert reverse("admin:messaging_message_change", args=[test.pk]) in page
    Message.objects.update(state="undelivered", reason="30003", reason_text="Unreachable.")
    assert "Unreachable." in page_of(operator.get(url("change", number)))


def test_the_page_saves_only_what_it_shows(operator: Client) -> None:
    """Given a page that was opened while a number was pending, when it is saved later, then the state is not put back."""
    number = PhoneNumberFactory(state="pending", step="wanted")
    PhoneNumber.objects.filter(pk=number.pk).update(state="active", step="wired")
    operator.post(url("change", number), {"label": "Front desk", "pace_segments": "7", "can_receive": "on"})
    number.refresh_from_db()
    assert (number.label, number.pace_segments, number.state, number.step) == ("Front desk", 7, "active", "wired")
