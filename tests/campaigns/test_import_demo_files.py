"""The demo's files: what they hold, and what the import makes of them."""

from __future__ import annotations

import io

import pytest

from campaigns.models import Subscriber, SubscriberImport, Subscription
from campaigns.services.imports import import_file, read_table
from tests.data.make_demo_csv import FOLDER, MISTAKES, NEWSLETTER, PEOPLE, VIP, WALK_INS, make_files
from tests.factories.accounts import AccountFactory
from tests.factories.campaigns import SubscriberListFactory

SIZES = {"newsletter.csv": NEWSLETTER, "vip_guests.csv": VIP, "walk_ins.csv": WALK_INS}


def test_the_files_are_those_that_their_script_makes() -> None:
    files = make_files()
    assert {path.name: path.read_bytes() for path in FOLDER.glob("*.csv")} == files
    assert sum(map(len, files.values())) < 1_000_000


@pytest.mark.parametrize(
    ("name", "reading", "roles"),
    [
        ("newsletter.csv", "UTF-8, delimiter semicolon", "email first_name last_name number city notes"),
        ("vip_guests.csv", "Windows-1252, delimiter comma", "full_name number table diet comments"),
        ("walk_ins.csv", "UTF-16, delimiter tab", "first_name number column_3"),
    ],
)
def test_each_file_is_recognised(name: str, reading: str, roles: str) -> None:
    table = read_table(io.BytesIO((FOLDER / name).read_bytes()), name)
    assert table.format_name == reading
    assert [column.key or column.role.value for column in table.columns] == roles.split()
    assert table.has_header == (name != "walk_ins.csv")


@pytest.mark.django_db
def test_three_messy_files_become_three_clean_lists() -> None:
    account = AccountFactory()
    records: list[SubscriberImport] = []
    for name, size in SIZES.items():
        list_ = SubscriberListFactory(account=account)
        record = import_file(list_=list_, file=io.BytesIO((FOLDER / name).read_bytes()), name=name)
        assert list_.subscriptions.count() == size == record.rows_new + record.rows_updated
        records.append(record)
    assert Subscriber.objects.count() == PEOPLE
    assert Subscription.objects.count() == sum(SIZES.values()) == 5000
    assert [record.rows_duplicate for record in records] == [60, 25, 45]
    assert [record.rows_invalid for record in records] == [2 * len(MISTAKES) + 3, len(MISTAKES), len(MISTAKES)]
    reasons = {row["reason"] for record in records for row in record.rejected}
    assert len({reason.split("”")[-1] for reason in reasons}) >= 9
    assert Subscriber.objects.filter(number__startswith="+44").count() == 24
    assert Subscriber.objects.filter(first_name="Zoë").exists()
