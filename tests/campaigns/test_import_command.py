"""``manage.py import_subscribers``."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from campaigns.models import Subscriber, SubscriberImport
from tests.factories.campaigns import SubscriberListFactory

pytestmark = pytest.mark.django_db

PEOPLE = "phone,name\n4155552671,Ada\n4155552671,Ada\nbad,=Eve\n"


def run(*arguments: object) -> str:
    """The command's output."""
    out = io.StringIO()
    call_command("import_subscribers", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A file with one good row."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    return path


def test_a_file_is_imported_and_counted(people: Path) -> None:
    list_ = SubscriberListFactory()
    output = run(list_.pk, people)
    counted = (
        "3 rows: 1 new, 0 updated, 0 already on the list, 0 opted out: kept out, 1 duplicate in the file, 1 invalid"
    )
    assert counted in output
    record = list_.imports.get()
    assert f"(import {record.pk})" in output
    assert (record.file_name, record.rows_new) == ("people.csv", 1)


def test_refused_rows_are_written_to_a_file(people: Path, tmp_path: Path) -> None:
    refused = tmp_path / "refused.csv"
    run(SubscriberListFactory().pk, people, "--rejected", refused)
    header, row = refused.read_text("utf-8-sig").splitlines()
    assert header == "Refused because,Row in the file,phone,name"
    assert row.endswith(",4,bad,'=Eve")


def test_a_dry_run_changes_nothing(people: Path) -> None:
    assert "3 rows: 1 new" in run(SubscriberListFactory().pk, people, "--dry-run")
    assert not Subscriber.objects.exists()
    assert not SubscriberImport.objects.exists()


def test_what_cannot_be_done_is_said_in_a_sentence(people: Path, tmp_path: Path) -> None:
    list_ = SubscriberListFactory(name="Guests")
    with pytest.raises(CommandError, match=rf"no list 0\. There are: {list_.pk} \(Guests\)"):
        run(0, people)
    with pytest.raises(CommandError, match="No such file"):
        run(list_.pk, tmp_path / "missing.csv")
    people.write_text("phone\n")
    with pytest.raises(CommandError, match="no rows below it"):
        run(list_.pk, people)
