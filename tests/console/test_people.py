"""Subscribers, suppressions, users and memberships in the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Membership, User
from campaigns.models import Subscriber, Subscription
from messaging.models import Suppression
from tests.console.test_campaigns import page_of
from tests.factories import (
    AccountFactory,
    CustomFieldFactory,
    InboundMessageFactory,
    MessageFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def url(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


def inline(prefix: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """An inline's part of a form."""
    existing = sum("id" in row for row in rows)
    fields = {f"{prefix}-{n}-{name}": value for n, row in enumerate(rows) for name, value in row.items()}
    counts = {"TOTAL_FORMS": len(rows), "INITIAL_FORMS": existing, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}
    return {**fields, **{f"{prefix}-{name}": value for name, value in counts.items()}}


def test_subscribers_number_is_stored_in_one_way(operator: Client) -> None:
    account = AccountFactory(default_region="GB")
    form = {"account": account.pk, "number": "020 7946 0000", **inline("subscriptions")}
    response = operator.post(url("campaigns_subscriber", "add"), form)
    assert response.status_code == 302, response.context["errors"]
    assert Subscriber.objects.get().number == "+442079460000"


@pytest.mark.parametrize(
    ("written", "reason"), [("12", ""), ("(415) 555-0000", "has a subscriber with +14155550000 already")]
)
def test_bad_or_known_number_is_refused_with_the_reason(operator: Client, written: str, reason: str) -> None:
    account = AccountFactory()
    SubscriberFactory(account=account, number="+14155550000")
    form = {"account": account.pk, "number": written, **inline("subscriptions")}
    response = operator.post(url("campaigns_subscriber", "add"), form)
    (error,) = response.context["adminform"].form.errors["number"]
    assert reason in error
    assert Subscriber.objects.count() == 1


def test_custom_fields_have_inputs_and_lost_ones_stay(operator: Client) -> None:
    subscriber = SubscriberFactory(fields={"city": "Oslo", "old": "kept"})
    CustomFieldFactory(account=subscriber.account, key="city")
    page = page_of(operator.get(url("campaigns_subscriber", "change", subscriber.pk)))
    assert 'name="field__city" value="Oslo"' in page
    operator.post(
        url("campaigns_subscriber", "change", subscriber.pk),
        {"number": subscriber.number, "field__city": "Bergen", **inline("subscriptions")},
    )
    subscriber.refresh_from_db()
    assert subscriber.fields == {"city": "Bergen", "old": "kept"}


def test_leaving_a_list_by_hand_keeps_the_time(operator: Client) -> None:
    subscription = SubscriptionFactory()
    subscriber = subscription.subscriber
    row = {"id": subscription.pk, "subscriber": subscriber.pk, "list": subscription.list_id, "state": "unsubscribed"}
    response = operator.post(
        url("campaigns_subscriber", "change", subscriber.pk),
        {"number": subscriber.number, **inline("subscriptions", row)},
    )
    assert response.status_code == 302
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.UNSUBSCRIBED
    assert subscription.unsubscribed_at is not None


def test_another_accounts_list_is_refused(operator: Client) -> None:
    subscriber, stranger = SubscriberFactory(), SubscriberListFactory()
    row = {"subscriber": subscriber.pk, "list": stranger.pk, "state": "subscribed"}
    response = operator.post(
        url("campaigns_subscriber", "change", subscriber.pk),
        {"number": subscriber.number, **inline("subscriptions", row)},
    )
    assert response.status_code == 200
    assert "is a list of another account" in page_of(response)
    assert not Subscription.objects.exists()


def test_subscribers_page_shows_their_history_and_no_one_elses(operator: Client) -> None:
    subscriber = SubscriberFactory()
    SuppressionFactory(account=subscriber.account, recipient=subscriber.number, note="please stop")
    InboundMessageFactory(
        number=None,
        account=subscriber.account,
        gateway=MessageFactory().number.gateway,
        recipient="60001",
        sender=subscriber.number,
        body="Where is it?",
    )
    InboundMessageFactory(sender=subscriber.number, body="Words for another account")
    page = page_of(operator.get(url("campaigns_subscriber", "change", subscriber.pk)))
    assert "Suppressed: opted out." in page
    assert "please stop" in page
    assert "Where is it?" in page
    assert "Words for another account" not in page


def test_subscribers_page_shows_what_was_sent_and_by_whom(operator: Client) -> None:
    number = PhoneNumberFactory.create()
    subscriber = SubscriberFactory.create(account=number.account)
    colleague = StaffFactory.create(first_name="Ann", last_name="Lee")
    for body, author in (("Row F is free.", colleague), ("We are closed.", None)):
        MessageFactory.create(
            account=number.account,
            number=number,
            batch=None,
            recipient=subscriber.number,
            kind="reply",
            body=body,
            author=author,
        )
    page = page_of(operator.get(reverse("admin:campaigns_subscriber_change", args=[subscriber.pk])))
    for text in ("Row F is free.", str(colleague), "We are closed.", "Reply"):
        assert text in page


def test_support_corrects_people_but_adds_none(as_role: Callable[[str], Client]) -> None:
    subscriber = SubscriberFactory()
    support = as_role("Support")
    form = {"number": subscriber.number, "first_name": "Corrected", **inline("subscriptions")}
    assert support.post(url("campaigns_subscriber", "change", subscriber.pk), form).status_code == 302
    subscriber.refresh_from_db()
    assert subscriber.first_name == "Corrected"
    assert support.post(url("campaigns_subscriber", "add"), {}).status_code == 403
    assert support.post(url("campaigns_subscriber", "delete", subscriber.pk), {"post": "yes"}).status_code == 403


def test_support_suppresses_and_lifts(as_role: Callable[[str], Client]) -> None:
    support, account = as_role("Support"), AccountFactory()
    form = {"account": account.pk, "recipient": "(415) 555-2671", "reason": "opt_out", "note": "By phone"}
    assert support.post(url("messaging_suppression", "add"), form).status_code == 302
    suppression = Suppression.objects.active().get(recipient="+14155552671")
    assert suppression.created_by is not None

    again = support.post(url("messaging_suppression", "add"), form)
    assert "suppressed for" in str(again.context["adminform"].form.errors["recipient"])

    lift = url("messaging_suppression", "lift", suppression.pk)
    assert support.get(lift).status_code == 200
    assert support.post(lift, {"note": ""}).status_code == 200, "a reason is asked for"
    assert Suppression.objects.active().exists()
    support.post(lift, {"note": "Asked to come back"})
    suppression.refresh_from_db()
    assert suppression.lifted_at is not None
    assert "Asked to come back" in suppression.lifted_note
    assert "lifted before" in page_of(support.post(lift, {"note": "again"}, follow=True))


def test_read_only_staff_lift_nothing(as_role: Callable[[str], Client]) -> None:
    suppression = SuppressionFactory()
    response = as_role("Read-only").post(url("messaging_suppression", "lift", suppression.pk), {"note": "x"})
    assert response.status_code == 403
    assert Suppression.objects.active().exists()


def test_suppressions_are_never_changed_or_deleted(superuser: Client) -> None:
    suppression = SuppressionFactory()
    assert superuser.post(url("messaging_suppression", "change", suppression.pk), {"note": "x"}).status_code == 403
    assert superuser.post(url("messaging_suppression", "delete", suppression.pk), {"post": "yes"}).status_code == 403


def test_new_account_gets_its_owner(operator: Client) -> None:
    form = {
        "name": "Bakery",
        "owner_email": "mia@example.com",
        "status": "active",
        "time_zone": "Europe/London",
        "default_region": "GB",
        "quiet_start": "21:00",
        "quiet_end": "08:00",
        **inline("memberships"),
        **inline("registration_policy"),
    }
    response = operator.post(url("accounts_account", "add"), form)
    assert response.status_code == 302, response.context["errors"]
    membership = Membership.objects.get()
    assert (membership.account.name, membership.user.email, membership.role) == ("Bakery", "mia@example.com", "owner")


def test_unknown_time_zone_is_refused(operator: Client) -> None:
    account = AccountFactory()
    form = {
        "name": "X",
        "status": "active",
        "time_zone": "Mars/Olympus",
        "default_region": "us",
        **inline("memberships"),
    }
    errors = operator.post(url("accounts_account", "change", account.pk), form).context["adminform"].form.errors
    assert "is not a time zone" in str(errors["time_zone"])
    assert "is not a country code" in str(errors["default_region"])
    assert Account.objects.get().time_zone == account.time_zone


def test_operator_cannot_make_staff(operator: Client) -> None:
    client = UserFactory()
    form = {"email": client.email, "is_active": "on", "is_staff": "on", "is_superuser": "on", **inline("memberships")}
    assert operator.post(url("accounts_user", "change", client.pk), form).status_code == 302
    client.refresh_from_db()
    assert not client.is_staff
    assert not client.is_superuser


@pytest.mark.parametrize("fields", [{"is_superuser": True}, {}])
def test_operator_cannot_take_a_colleagues_place(operator: Client, fields: dict[str, bool]) -> None:
    colleague = StaffFactory(**fields)
    form = {"email": "mine@example.com", "is_active": "on", **inline("memberships")}
    assert operator.post(url("accounts_user", "change", colleague.pk), form).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[colleague.pk])
    new = {"password1": "an0ther-passw0rd", "password2": "an0ther-passw0rd", "usable_password": "true"}
    assert operator.post(password, new).status_code == 403
    colleague.refresh_from_db()
    assert not colleague.check_password("an0ther-passw0rd")


def test_new_user_logs_in_by_e_mail(superuser: Client, client: Client) -> None:
    form = {
        "email": "new@example.com",
        "usable_password": "true",
        "password1": "an0ther-passw0rd",
        "password2": "an0ther-passw0rd",
        **inline("memberships"),
    }
    response = superuser.post(url("accounts_user", "add"), form)
    assert response.status_code == 302, response.context["errors"]
    assert User.objects.get(email="new@example.com").check_password("an0ther-passw0rd")
