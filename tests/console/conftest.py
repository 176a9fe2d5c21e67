"""Staff of each role, logged in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import StaffFactory
from tests.fixtures import gateway as gateway
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process

ROLES = ("Superuser", "Operator", "Support", "Read-only")


def client_of(role: str) -> Client:
    """A browser in which somebody of this role is logged in."""
    client = Client()
    client.force_login(StaffFactory(is_superuser=True) if role == "Superuser" else StaffFactory(role=role))
    return client


@pytest.fixture
def as_role(db: None) -> Callable[[str], Client]:
    """``as_role("Support")`` is a logged-in client."""
    return client_of


@pytest.fixture
def operator(db: None) -> Client:
    """An operator's browser."""
    return client_of("Operator")


@pytest.fixture
def superuser(db: None) -> Client:
    """An administrator's browser."""
    return client_of("Superuser")
