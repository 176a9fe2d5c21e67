"""The factories make what the database accepts, within one account."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from broadcast.core.redis import get_redis
from tests import factories


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", sorted(name for name in factories.__all__ if name not in ("UserFactory", "StaffFactory"))
)
def test_factory_makes_a_valid_object(name: str) -> None:
    made: Any = getattr(factories, name)()
    try:
        made.full_clean()
    except ValidationError as error:
        pytest.fail(f"{name}: {error}")


@pytest.mark.django_db
def test_campaign_stays_in_its_account() -> None:
    campaign = factories.CampaignFactory()
    assert campaign.number.account == campaign.account
    assert {audience.account for audience in campaign.lists.all()} == {campaign.account}


def test_redis_is_the_runs_own(redis_server: str) -> None:
    assert redis_server.startswith("unix:///tmp/broadcast-test-")
    assert get_redis().ping()
