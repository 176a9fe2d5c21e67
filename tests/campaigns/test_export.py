"""Files that leave the console."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from accounts.models import User
from campaigns.admin.imports import export_recipients_view
from campaigns.models import Campaign, Subscriber
from campaigns.services import exports
from campaigns.services.exports import (
    Export,
    ExportError,
    export_recipients,
    export_rejected,
    export_subscribers,
    safe_cell,
)
from campaigns.services.imports import import_file
from tests.factories.accounts import StaffFactory
from tests.factories.campaigns import (
    CampaignFactory,
    CustomFieldFactory,
    SubscriberFactory,
    SubscriberImportFactory,
    SubscriberListFactory,
    SubscriptionFactory,
)
from tests.factories.messaging import BatchFactory, MessageFactory, SuppressionFactory


def rows_of(export: Export) -> list[list[str]]:
    """A CSV export's rows, its header first."""
    return list(csv.reader(io.StringIO(b"".join(export.chunks).decode("utf-8-sig"))))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1+1", "'+1+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("＝1+1", "'＝1+1"),
        ("+44 (0)20 7946 0018", "'+44 (0)20 7946 0018"),
        ("+14155552671", "+14155552671"),
        ("-5", "-5"),
        ("1,5", "1,5"),
        ("Ada = Bob", "Ada = Bob"),
        ("a\x00\x07b", "ab"),
        (None, ""),
        (17, "17"),
    ],
)
def test_no_cell_can_act_as_a_formula_and_numbers_stay(value: object, written: str) -> None:
    assert safe_cell(value) == written


@pytest.mark.django_db
def test_a_list_is_exported_with_custom_fields_and_states() -> None:
    list_ = SubscriberListFactory(name="VIP guests")
    CustomFieldFactory(account=list_.account, key="city", label="=City")
    ada = SubscriberFactory(
        account=list_.account,
        number="+14155552671",
        first_name="=cmd()",
        email="a@example.com",
        fields={"city": "Bath"},
        time_zone="America/Denver",
    )
    bob = SubscriberFactory(account=list_.account, number="+14155552672", first_name="Bob", last_name="Ümlaut")
    SubscriptionFactory(list=list_, subscriber=ada, source="people.csv")
    SubscriptionFactory(list=list_, subscriber=bob, state="unsubscribed")
    SubscriberFactory(account=list_.account)
    SuppressionFactory(account=list_.account, recipient=bob.number, reason="opt_out")
    export = export_subscribers(list_)
    assert export.file_name == f"vip-guests-{timezone.localdate():%Y-%m-%d}.csv"
    header, first, second = rows_of(export)
    assert header == [
        *(
            "Number",
            "First name",
            "Last name",
            "E-mail",
            "Time zone",
            "'=City",
            "On the list",
            "Suppressed",
            "Came from",
            "Added",
        )
    ]
    assert first[:9] == [
        "+14155552671",
        "'=cmd()",
        ada.last_name,
        "a@example.com",
        "America/Denver",
        "Bath",
        "Subscribed",
        "",
        "people.csv",
    ]
    assert second[:8] == ["+14155552672", "Bob", "Ümlaut", "", "", "", "Unsubscribed", "Opted out"]


@pytest.mark.django_db
def test_an_exported_list_can_be_imported_elsewhere_as_it_was() -> None:
    list_ = SubscriberListFactory()
    CustomFieldFactory(account=list_.account, key="city", label="City")
    person = SubscriberFactory(
        account=list_.account,
        first_name="=Ada",
        last_name="+King",
        fields={"city": "-Bath"},
        time_zone="America/Denver",
    )
    SubscriptionFactory(list=list_, subscriber=person)
    other = SubscriberListFactory()
    for file_format in ("csv", "xlsx"):
        export = export_subscribers(list_, file_format=file_format)
        import_file(list_=other, file=io.BytesIO(b"".join(export.chunks)), name=export.file_name)
        copy = Subscriber.objects.get(account=other.account)
        assert (copy.number, copy.first_name, copy.last_name) == (person.number, "=Ada", "+King")
        assert copy.time_zone == "America/Denver"
        assert copy.fields == {"city": "-Bath"}
    assert other.account.custom_fields.get().key == "city"


@pytest.mark.django_db
def test_a_workbook_holds_text_that_is_no_formula() -> None:
    list_ = SubscriberListFactory()
    person = SubscriberFactory(account=list_.account, number="+14155552671", first_name="=1+1", last_name="x" * 80)
    SubscriptionFactory(list=list_, subscriber=person)
    export = export_subscribers(list_, file_format="xlsx")
    sheet = load_workbook(io.BytesIO(b"".join(export.chunks))).active
    cells = next(sheet.iter_rows(min_row=2))
    assert [(cell.value, cell.data_type) for cell in cells[:2]] == [("+14155552671", "s"), ("'=1+1", "s")]


@pytest.mark.django_db
def test_a_list_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PIECE_BYTES", 100)
    list_ = SubscriberListFactory(people=20)
    pieces = list(export_subscribers(list_).chunks)
    assert len(pieces) > 5
    assert len(list(csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))) == 21


def launched() -> Campaign:
    """A campaign to two overlapping lists with three messages."""
    campaign = CampaignFactory(name="Spring sale", lists=[])
    campaign.account.time_zone = "America/New_York"
    campaign.account.save()
    for position, name in enumerate(("Guests", "=VIP")):
        list_ = SubscriberListFactory(account=campaign.account, name=name)
        campaign.campaign_lists.create(list=list_, position=position)
    campaign.batch = BatchFactory(account=campaign.account, number=campaign.number)
    campaign.save()
    moment = dt.datetime(2025, 1, 31, 17, 0, tzinfo=dt.UTC)
    common = {"batch": campaign.batch, "changed_at": moment, "context": None, "segments": 0}
    told = {"context": {"first_name": "@Ada"}, "segments": 2, "accepted_at": moment}
    MessageFactory(**{**common, **told}, recipient="+14155552671", cohort=3, state="delivered")
    MessageFactory(
        **common, recipient="+14155552672", cohort=1, state="failed", reason="21614", reason_text="Not a mobile number."
    )
    MessageFactory(**common, recipient="+14155552673", cohort=2, state="suppressed", reason="opt_out")
    return campaign


@pytest.mark.django_db
def test_a_campaigns_recipients_are_exported_with_what_became_of_them() -> None:
    MessageFactory()
    header, *rows = rows_of(export_recipients(launched()))
    assert header == [
        *("Number", "First name", "Last name", "Lists", "State", "Reason", "Segments"),
        *("Accepted (America/New_York)", "Last change (America/New_York)"),
    ]
    noon = "2025-01-31 12:00:00"
    assert rows == [
        ["+14155552671", "'@Ada", "", "Guests; =VIP", "Delivered", "", "2", noon, noon],
        ["+14155552672", "", "", "Guests", "Failed", "Not a mobile number.", "", "", noon],
        ["+14155552673", "", "", "'=VIP", "Suppressed", "opt_out", "", "", noon],
    ]


@pytest.mark.django_db
def test_a_draft_has_no_recipients() -> None:
    assert len(rows_of(export_recipients(CampaignFactory()))) == 1


@pytest.mark.django_db
def test_more_rows_than_a_sheet_holds_are_refused_for_excel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_SHEET_ROWS", 3)
    list_ = SubscriberListFactory(people=3)
    with pytest.raises(ExportError, match="Choose CSV"):
        export_subscribers(list_, file_format="xlsx")
    assert len(rows_of(export_subscribers(list_))) == 4


@pytest.mark.django_db
def test_refused_rows_are_safe_for_spreadsheets() -> None:
    columns = [{"header": "=Phone", "field": "number"}]
    record = SubscriberImportFactory(
        columns=columns, rejected=[{"row": 2, "reason": "No.", "values": ['="0"', "+1 (2)"]}]
    )
    assert rows_of(export_rejected(record)) == [
        ["Refused because", "Row in the file", "'=Phone"],
        ["No.", "2", '\'="0"', "'+1 (2)"],
    ]


def get(client: Client, name: str, pk: int) -> Any:
    return client.get(reverse(f"admin:campaigns_subscriberlist_{name}", args=[pk]))


@pytest.mark.django_db
def test_operators_download_a_list(client: Client) -> None:
    list_ = SubscriberListFactory(name="Guests", people=2)
    client.force_login(StaffFactory(role="Operator"))
    response = get(client, "export_csv", list_.pk)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="guests-')
    assert b"".join(response.streaming_content).count(b"\r\n") == 3
    response = get(client, "export_xlsx", list_.pk)
    assert load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.max_row == 3
    assert get(client, "export_csv", list_.pk + 1).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "allowed"), [("Operator", True), ("Support", False), ("Read-only", False)])
def test_only_who_may_change_campaigns_takes_recipients_away(role: str, allowed: bool) -> None:
    request = RequestFactory().get("/", {"format": "xlsx"})
    request.user = User.objects.get(pk=StaffFactory(role=role).pk)
    if not allowed:
        with pytest.raises(PermissionDenied):
            export_recipients_view(request, launched())
        return
    response: Any = export_recipients_view(request, launched())
    assert load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.max_row == 4
