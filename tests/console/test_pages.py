"""Every page of the console, for every role: what opens, what does not, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from broadcast.schedules import ensure_schedules
from tests import factories
from tests.console.conftest import ROLES
from tests.factories.integrations import AUTH_TOKEN

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label_lower for model in MODELS]

#: Which factory fills which list; Django's own models fill themselves.
FACTORIES: dict[str, Any] = {
    "accounts.account": factories.AccountFactory,
    "accounts.membership": factories.MembershipFactory,
    "accounts.user": factories.UserFactory,
    "campaigns.callendpoint": factories.CallEndpointFactory,
    "campaigns.campaign": factories.CampaignFactory,
    "campaigns.consentevent": factories.ConsentEventFactory,
    "campaigns.chain": factories.ChainFactory,
    "campaigns.chainrun": factories.ChainRunFactory,
    "campaigns.customfield": factories.CustomFieldFactory,
    "campaigns.optoutrequest": factories.OptOutRequestFactory,
    "campaigns.keyword": factories.KeywordFactory,
    "campaigns.subscriber": factories.SubscriberFactory,
    "campaigns.subscriberimport": factories.SubscriberImportFactory,
    "campaigns.subscriberlist": factories.SubscriberListFactory,
    "campaigns.tag": factories.TagFactory,
    "integrations.gateway": factories.GatewayFactory,
    "messaging.alert": factories.AlertFactory,
    "messaging.batch": factories.BatchFactory,
    "messaging.brand": factories.BrandFactory,
    "messaging.cannedreply": factories.CannedReplyFactory,
    "messaging.inboundmessage": factories.InboundMessageFactory,
    "messaging.message": factories.MessageFactory,
    "messaging.phonenumber": factories.PhoneNumberFactory,
    "messaging.rejectedwebhook": factories.RejectedWebhookFactory,
    "messaging.route": factories.RouteFactory,
    "messaging.senderpool": factories.SenderPoolFactory,
    "messaging.suppression": factories.SuppressionFactory,
    "messaging.tendlccampaign": factories.TenDlcCampaignFactory,
    "messaging.tollfreeverification": factories.TollFreeVerificationFactory,
}

#: Models that each role may add, beside those that only administrators see.
MAY_ADD: dict[str, set[str]] = {
    "Superuser": {
        "accounts.account",
        "accounts.membership",
        "accounts.user",
        "auth.group",
        "campaigns.callendpoint",
        "campaigns.campaign",
        "campaigns.chain",
        "campaigns.customfield",
        "campaigns.optoutrequest",
        "campaigns.keyword",
        "campaigns.subscriber",
        "campaigns.subscriberlist",
        "campaigns.tag",
        "integrations.gateway",
        "messaging.brand",
        "messaging.cannedreply",
        "messaging.phonenumber",
        "messaging.route",
        "messaging.senderpool",
        "messaging.suppression",
        "messaging.tendlccampaign",
        "messaging.tollfreeverification",
    },
    "Support": {"campaigns.optoutrequest", "messaging.suppression"},
    "Read-only": set(),
}
MAY_ADD["Operator"] = MAY_ADD["Superuser"] - {"auth.group", "integrations.gateway"}

ADMINISTRATORS_ONLY = {"auth.group"}
OPERATORS_TOO = {"django_q.schedule", "django_q.failure"}


def may_view(role: str, label: str) -> bool:
    if role == "Superuser":
        return True
    return label not in ADMINISTRATORS_ONLY and (role == "Operator" or label not in OPERATORS_TOO)


def url_of(label: str, page: str, *args: Any) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", LABELS)
def test_list_opens_for_those_who_may_see_it(label: str, role: str, as_role: Callable[[str], Client]) -> None:
    if label in FACTORIES:
        FACTORIES[label]()
    ensure_schedules()
    response = as_role(role).get(url_of(label, "changelist"))
    assert response.status_code == (200 if may_view(role, label) else 403)
    assert AUTH_TOKEN not in response.content.decode()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", LABELS)
def test_add_page_opens_for_those_who_may_add(label: str, role: str, as_role: Callable[[str], Client]) -> None:
    response = as_role(role).get(url_of(label, "add"))
    assert response.status_code == (200 if label in MAY_ADD[role] else 403)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", sorted(FACTORIES))
def test_change_page_opens_and_holds_no_secret(label: str, role: str, as_role: Callable[[str], Client]) -> None:
    made: Model = FACTORIES[label]()
    response = as_role(role).get(url_of(label, "change", made.pk))
    assert response.status_code == 200
    page = response.content.decode()
    assert AUTH_TOKEN not in page
    assert "(&#x27;" not in page, "a label is for lists; elsewhere it would show as a pair"


@pytest.mark.parametrize("label", sorted(FACTORIES))
def test_list_costs_the_same_for_more_rows(label: str, superuser: Client) -> None:
    url = url_of(label, "changelist")
    FACTORIES[label].create_batch(2)
    superuser.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        superuser.get(url)
    FACTORIES[label].create_batch(8)
    with CaptureQueriesContext(connection) as many:
        assert superuser.get(url).status_code == 200
    assert len(many) == len(few), "\n".join(query["sql"] for query in many.captured_queries)


@pytest.mark.parametrize("label", sorted(FACTORIES))
def test_search_finds_nothing_without_failing(label: str, superuser: Client) -> None:
    FACTORIES[label]()
    assert superuser.get(url_of(label, "changelist"), {"q": "(415) 555-0000"}).status_code == 200


@pytest.mark.parametrize(
    "label",
    [
        "messaging.message",
        "messaging.batch",
        "messaging.inboundmessage",
        "messaging.alert",
        "campaigns.subscriberimport",
        "campaigns.consentevent",
    ],
)
def test_nobody_writes_records_by_hand(label: str, superuser: Client) -> None:
    made: Model = FACTORIES[label]()
    assert superuser.post(url_of(label, "add"), {}).status_code == 403
    assert superuser.post(url_of(label, "change", made.pk), {}).status_code == 403
    assert superuser.post(url_of(label, "delete", made.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/admin/live/"])
def test_console_asks_strangers_to_log_in(path: str, client: Client, db: None) -> None:
    assert client.get(path).status_code == 302
    client.force_login(factories.UserFactory())
    assert client.get(path).status_code == 302


@pytest.mark.django_db
def test_log_in_with_the_e_mail_address(client: Client) -> None:
    factories.StaffFactory(email="ann@example.com")
    response = client.post(
        "/admin/login/?next=/admin/", {"username": "Ann@Example.com", "password": factories.accounts.PASSWORD}
    )
    assert response.status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("label", sorted(FACTORIES))
def test_pages_of_lists_are_in_a_fixed_order(label: str, superuser: Client) -> None:
    FACTORIES[label].create_batch(2)
    response = superuser.get(url_of(label, "changelist"))
    assert response.context["cl"].queryset.query.order_by or label in ("messaging.message", "campaigns.subscriber")


@pytest.mark.parametrize(
    ("app", "model", "field"),
    [
        ("campaigns", "campaign", "account"),
        ("campaigns", "campaign", "number"),
        ("campaigns", "campaign", "pool"),
        ("messaging", "senderpool", "numbers"),
        ("messaging", "tendlcnumber", "number"),
        ("messaging", "tollfreeverification", "numbers"),
        ("messaging", "batch", "pool"),
        ("campaigns", "campaign", "lists"),
        ("campaigns", "subscription", "list"),
        ("messaging", "phonenumber", "gateway"),
        ("messaging", "message", "batch"),
        ("accounts", "membership", "user"),
    ],
)
def test_autocomplete_answers_in_a_fixed_order(app: str, model: str, field: str, operator: Client) -> None:
    factories.CampaignFactory.create_batch(2)
    factories.BatchFactory.create_batch(2)
    factories.SenderPoolFactory.create_batch(2)
    factories.UserFactory.create_batch(2)
    where = {"app_label": app, "model_name": model, "field_name": field}
    first = operator.get("/admin/autocomplete/", where)
    assert first.status_code == 200
    assert first.json() == operator.get("/admin/autocomplete/", where).json()
    assert len(first.json()["results"]) >= 2
