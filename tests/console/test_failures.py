"""Pages that cannot be made say why, and whether something was saved."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.urls import reverse

from campaigns.models import SubscriberList
from tests.factories import AccountFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(operator: Client) -> Client:
    """A browser that is shown failures as people are."""
    operator.raise_request_exception = False
    return operator


@pytest.fixture(params=[OperationalError, InterfaceError])
def away(request: pytest.FixtureRequest, failing: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    def refuse(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> None:
        raise request.param("connection refused by 10.0.0.7, user broadcast")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", refuse)
    return failing


def test_a_page_that_needs_the_database_says_that_it_is_away_and_tries_again(away: Client) -> None:
    reply = away.get(reverse("admin:index"))
    page = reply.content.decode()
    assert (reply.status_code, reply["Retry-After"]) == (503, "10")
    assert 'http-equiv="refresh"' in page
    assert "cannot use its database" in page
    assert "10.0.0.7" not in page


def test_what_was_entered_meanwhile_was_not_saved_and_is_not_sent_again(failing: Client) -> None:
    account = AccountFactory.create()
    with pytest.MonkeyPatch.context() as patch:

        def refuse(self: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> None:
            raise OperationalError("gone")

        patch.setattr(BaseDatabaseWrapper, "cursor", refuse)
        reply = failing.post(reverse("admin:campaigns_subscriberlist_add"), {"account": account.pk, "name": "Friends"})
    page = reply.content.decode()
    assert reply.status_code == 503
    assert "most likely not saved" in page
    assert "http-equiv" not in page
    assert not SubscriberList.objects.exists()


def test_a_mistake_of_ours_is_not_blamed_on_the_database(failing: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("accounts.admin.AccountAdmin.get_queryset", fail)
    reply = failing.get(reverse("admin:accounts_account_changelist"))
    assert reply.status_code == 500
    assert "a mistake of ours" in reply.content.decode()
    assert "secret" not in reply.content.decode()


def test_what_is_not_there_and_what_is_not_allowed_lead_back(failing: Client) -> None:
    missing = failing.get("/nothing-here/")
    assert missing.status_code == 404
    assert "nothing at this address" in missing.content.decode()
    forbidden = failing.get(reverse("admin:integrations_gateway_add"))
    assert forbidden.status_code == 403
    assert "Your role does not allow it" in forbidden.content.decode()
    for reply in (missing, forbidden):
        assert reply.content.decode().count('<a href="/">To the first page</a>') == 1
    assert failing.get("/", follow=True).redirect_chain[-1][0] == reverse("admin:index")


def test_a_refusal_that_has_a_reason_of_its_own_says_it(failing: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionDenied("Only the account's <owner> may do this.")

    monkeypatch.setattr("accounts.admin.AccountAdmin.get_queryset", refuse)
    reply = failing.get(reverse("admin:accounts_account_changelist"))
    page = reply.content.decode()
    assert reply.status_code == 403
    assert "Only the account&#x27;s &lt;owner&gt; may do this." in page
    assert "Your role does not allow it" not in page


def test_a_form_that_was_open_for_too_long_saves_nothing_and_says_what_to_do() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(StaffFactory.create(role="Operator"))
    account = AccountFactory.create()
    reply = browser.post(reverse("admin:campaigns_subscriberlist_add"), {"account": account.pk, "name": "Friends"})
    page = reply.content.decode()
    assert reply.status_code == 403
    assert "nothing was saved" in page
    assert "reload the page and try again" in page
    assert "allow cookies" in page
    assert "CSRF" not in page
    assert not SubscriberList.objects.exists()
