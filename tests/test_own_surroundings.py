"""Each process that runs tests has surroundings of its own, and each test begins with what migrations leave."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from accounts.models import Account
from tests.database import copies
from tests.factories import AccountFactory
from tests.settings import new_folder


@pytest.mark.django_db(transaction=True)
def test_what_migrations_left_is_back_after_a_test_that_committed() -> None:
    before = {copy.insert: sorted(copy.rows) for copy in copies()}
    assert any("auth_group_permissions" in insert for insert in before)
    Group.objects.all().delete()
    AccountFactory.create()

    # As Django does at the end of such a test.
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)

    assert {copy.insert: sorted(copy.rows) for copy in copies()} == before
    assert not Account.objects.exists()


def test_a_worker_has_a_folder_in_that_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADCAST_TEST_DIR", str(tmp_path))
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw5")

    assert new_folder() == tmp_path / "gw5"
    assert (tmp_path / "gw5" / "static").is_dir()


@pytest.mark.parametrize("worker", ["", "gw5"])
def test_a_process_that_a_test_starts_shares_the_folder_of_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    monkeypatch.setenv("BROADCAST_TEST_DIR", str(tmp_path / worker))
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)

    assert new_folder() is None
