"""Opt-outs to review: asked once, blocking at once, decided once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from messaging.models import Message, OptOutReview, PhoneNumber, Suppression
from messaging.services.reviews import ReviewSettled, decide_keep, decide_opt_out
from tests.factories import StaffFactory, SuppressionFactory
from tests.messaging.hooks import receive

PERSON = "+14155552671"

pytestmark = pytest.mark.django_db(transaction=True)


def active() -> list[str]:
    return list(Suppression.objects.active().values_list("reason", flat=True))


def waiting() -> OptOutReview:
    return OptOutReview.objects.get(state="pending")


def test_an_unclear_message_blocks_at_once_and_is_asked_once(line: PhoneNumber) -> None:
    first = receive(line, "stop sending these at night?")
    second = receive(line, "remove the second ticket")
    review = waiting()
    assert (review.account, review.recipient, review.inbound) == (line.account, PERSON, first)
    assert list(review.messages.order_by("id")) == [first, second]
    assert review.score == 50
    assert "only at times -60" in review.rules
    assert active() == ["review"]
    assert not Message.objects.exists(), "nobody is told anything before it is decided"


def test_opting_out_holds_as_of_their_message_and_is_confirmed_once(line: PhoneNumber) -> None:
    message = receive(line, "how do I stop this?")
    user = StaffFactory.create()
    decide_opt_out(review_id=waiting().pk, user=user)
    suppression = Suppression.objects.active().get()
    assert (suppression.reason, suppression.created_at, suppression.created_by) == (
        "opt_out",
        message.received_at,
        user,
    )
    assert Message.objects.values_list("kind", "state", "in_reply_to").get() == ("service", "queued", message.pk)
    assert "you are unsubscribed" in Message.objects.get().body
    review = OptOutReview.objects.get()
    assert (review.state, review.decided_by) == ("opted_out", user)
    assert review.decided_at is not None


def test_keeping_lifts_the_block_and_nothing_else(line: PhoneNumber) -> None:
    receive(line, "cancel my order")
    decide_keep(review_id=waiting().pk, user=StaffFactory.create())
    assert active() == []
    assert OptOutReview.objects.get().state == "kept"
    assert not Message.objects.exists()


@pytest.mark.parametrize("second", [decide_opt_out, decide_keep])
def test_two_clicks_have_one_effect(line: PhoneNumber, second: Callable[..., object]) -> None:
    receive(line, "cancel my order")
    review, user = waiting(), StaffFactory.create()
    decide_opt_out(review_id=review.pk, user=user)
    with pytest.raises(ReviewSettled, match="decided before"):
        second(review_id=review.pk, user=user)
    assert active() == ["opt_out"]
    assert Message.objects.count() == 1


@pytest.mark.parametrize(("words", "state", "reasons"), [("STOP", "opted_out", ["opt_out"]), ("START", "kept", [])])
def test_their_own_clear_word_settles_it(line: PhoneNumber, words: str, state: str, reasons: list[str]) -> None:
    receive(line, "cancel my order")
    receive(line, words)
    review = OptOutReview.objects.get()
    assert (review.state, review.decided_by) == (state, None)
    assert active() == reasons
    assert Message.objects.count() == 1, "one confirmation"


def test_keeping_leaves_what_staff_suppressed(line: PhoneNumber) -> None:
    Suppression.objects.create(account=line.account, recipient=PERSON, reason="staff", created_at=timezone.now())
    receive(line, "cancel my order")
    decide_keep(review_id=waiting().pk, user=StaffFactory.create())
    assert active() == ["staff"]


def test_a_new_message_after_the_decision_is_asked_anew(line: PhoneNumber) -> None:
    receive(line, "cancel my order")
    decide_keep(review_id=waiting().pk, user=StaffFactory.create())
    receive(line, "how do I stop this?")
    assert OptOutReview.objects.count() == 2
    assert active() == ["review"]


@pytest.mark.parametrize("reason", ["opt_out", "provider_opt_out"])
def test_who_has_opted_out_already_is_not_asked_about(line: PhoneNumber, reason: str) -> None:
    SuppressionFactory.create(account=line.account, recipient=PERSON, reason=reason)
    message = receive(line, "stop sending these at night?")
    assert not OptOutReview.objects.exists()
    assert message.handler == "inbox"
    assert active() == [reason]
