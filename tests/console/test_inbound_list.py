"""The list of what people wrote to us."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.console.test_campaigns import page_of
from tests.factories import InboundMessageFactory

pytestmark = pytest.mark.django_db


def test_the_newest_comes_first_and_the_times_header_says_so(operator: Client) -> None:
    now = timezone.now()
    old, new = (
        InboundMessageFactory.create(sender=sender, received_at=now - dt.timedelta(minutes=ago))
        for sender, ago in (("+14155550102", 9), ("+14155550101", 1))
    )
    response = operator.get(reverse("admin:messaging_inboundmessage_changelist"))
    assert list(response.context["cl"].result_list) == [new, old]
    (sorted_header,) = re.findall(r"<th[^>]*\bsorted\b[^>]*>", page_of(response))
    assert "column-display_received" in sorted_header
