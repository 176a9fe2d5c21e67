"""The sidebar: everything once, and cheap to show."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from broadcast.unfold_settings import UNFOLD
from tests.console.test_campaigns import page_of
from tests.factories import AlertFactory, OptOutRequestFactory

pytestmark = pytest.mark.django_db

#: What has a number beside it.
BADGES = ("messaging_alert", "messaging_conversation", "messaging_optoutreview", "campaigns_optoutrequest")
#: Lists that are opened from elsewhere: django-q2's own, and what the console shows in other pages.
ELSEWHERE = {"django_q_success", "django_q_ormq"}


def links() -> Counter[str]:
    """How often each address is in the sidebar."""
    groups = UNFOLD["SIDEBAR"]["navigation"]
    return Counter(str(item["link"]) for group in groups for item in group["items"])


def test_every_list_has_one_place() -> None:
    found = links()
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        expected = 0 if name in ELSEWHERE else 1
        assert found[reverse(f"admin:{name}_changelist")] == expected, name


def test_no_two_items_look_the_same() -> None:
    items = [item for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]
    for what in ("title", "icon"):
        doubled = [value for value, count in Counter(item[what] for item in items).items() if count > 1]
        assert doubled == [], what


def test_each_badge_costs_one_query(superuser: Client) -> None:
    AlertFactory.create()
    OptOutRequestFactory.create_batch(2)
    url = reverse("admin:campaigns_tag_changelist")
    superuser.get(url)
    with CaptureQueriesContext(connection) as queries:
        page = page_of(superuser.get(url))
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    for table in BADGES:
        assert sum(f'FROM "{table}"' in sql for sql in counts) == 1, table
    # Session, user, the list itself with its filters, and the badges.
    assert len(queries) <= 12, "\n".join(query["sql"] for query in queries)
    beside = re.search(r"Opt-out requests.{0,600}?>\s*2\s*<", page, re.DOTALL)
    assert beside
