"""Importing in the console: who may, what the preview shows, what the confirmation does."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.admin import import_preview
from campaigns.admin.import_forms import UploadForm
from campaigns.admin.imports import forget_old_uploads
from campaigns.models import Subscriber, SubscriberImport, SubscriberList
from campaigns.resources import AnyTable, SubscriberResource
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.campaigns import SubscriberFactory, SubscriberImportFactory, SubscriberListFactory
from tests.factories.messaging import SuppressionFactory

pytestmark = pytest.mark.django_db

IMPORT = "admin:campaigns_subscriberlist_import"
CONFIRM = "admin:campaigns_subscriberlist_process_import"
PEOPLE = "Phone;First name;City\n4155552671;Zoë;Bath\n4155552672;Bob;\n(415) 555-2671;;\nbad;<b>Eve</b>;\n"


@pytest.fixture(autouse=True)
def _own_files(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def operator(client: Client) -> Client:
    """A member of staff who may import, logged in."""
    client.force_login(StaffFactory(role="Operator"))
    return client


def upload(client: Client, list_: SubscriberList, content: bytes | str, name: str = "people.csv") -> Any:
    """The form, sent."""
    data = content.encode("cp1252") if isinstance(content, str) else content
    file = SimpleUploadedFile(name, data)
    return client.post(reverse(IMPORT), {"list": list_.pk, "import_file": file, "format": "0", "resource": "0"})


def confirmation(response: Any) -> dict[str, str]:
    """The hidden fields of the preview's form."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', response.content.decode()))
    assert {"import_file_name", "original_file_name", "list"} <= fields.keys()
    return fields


def test_a_lists_page_leads_to_the_import_with_the_list_chosen(operator: Client) -> None:
    list_ = SubscriberListFactory()
    page = operator.get(reverse("admin:campaigns_subscriberlist_change", args=[list_.pk])).content.decode()
    path = reverse("admin:campaigns_subscriberlist_import_subscribers", args=[list_.pk])
    assert path in page
    form = operator.get(path, follow=True).content.decode()
    assert f'<option value="{list_.pk}" selected' in form


def test_the_preview_shows_what_will_happen_and_changes_nothing(operator: Client) -> None:
    list_ = SubscriberListFactory()
    SubscriberFactory(account=list_.account, number="+14155552672", first_name="Rob")
    SuppressionFactory(account=list_.account, recipient="+14155552673", reason="opt_out")
    page = upload(operator, list_, PEOPLE + "4155552673;Cy;\n").content.decode()
    for outcome, count in {
        "new": 1,
        "updated": 1,
        "unchanged": 0,
        "opted_out": 1,
        "duplicate": 1,
        "invalid": 1,
    }.items():
        assert re.search(rf'data-outcome="{outcome}".*?>{count}</span>', page, re.DOTALL), outcome
    for text in (
        "Windows-1252, delimiter semicolon",
        "Zoë",
        "<s>Rob</s> → <strong>Bob</strong>",
        "{{ city }}",
        "5 rows read",
    ):
        assert text in page, text
    assert "The same number as in row 2" in page
    assert "&lt;b&gt;Eve&lt;/b&gt;" in page
    assert "<b>Eve</b>" not in page
    assert Subscriber.objects.count() == 1
    assert not SubscriberImport.objects.exists()


def test_the_confirmation_imports_and_shows_the_result(operator: Client) -> None:
    list_ = SubscriberListFactory()
    fields = confirmation(upload(operator, list_, PEOPLE))
    response = operator.post(reverse(CONFIRM), fields, follow=True)
    record = SubscriberImport.objects.get()
    assert response.redirect_chain[-1][0] == reverse("admin:campaigns_subscriberimport_change", args=[record.pk])
    page = response.content.decode()
    assert "2 new, 0 updated, 0 already on the list, 0 opted out, 1 duplicate, 1 invalid." in page
    assert (record.list, record.file_name, record.created_by) == (list_, "people.csv", response.wsgi_request.user)
    assert list_.subscriptions.count() == 2
    assert "Imported people.csv" in LogEntry.objects.get(object_id=str(list_.pk)).change_message
    assert default_storage.listdir("django-import-export") == ([], [])


def test_a_confirmation_sent_twice_imports_once_and_shows_the_same_result(operator: Client) -> None:
    fields = confirmation(upload(operator, SubscriberListFactory(), PEOPLE))
    first: Any = operator.post(reverse(CONFIRM), fields)
    second: Any = operator.post(reverse(CONFIRM), fields)
    assert first.url == second.url
    assert SubscriberImport.objects.count() == 1


def test_the_world_may_change_between_preview_and_confirmation(operator: Client) -> None:
    list_ = SubscriberListFactory()
    fields = confirmation(upload(operator, list_, PEOPLE))
    SuppressionFactory(account=list_.account, recipient="+14155552671", reason="opt_out")
    operator.post(reverse(CONFIRM), fields)
    record = SubscriberImport.objects.get()
    assert (record.rows_new, record.rows_opted_out) == (1, 1)


@pytest.mark.parametrize("name", ["0" * 32, "../../secrets.json", "x"])
def test_a_confirmation_of_an_upload_that_is_not_there_is_refused(operator: Client, name: str) -> None:
    list_ = SubscriberListFactory()
    fields = {"import_file_name": name, "original_file_name": "people.csv", "format": "0", "list": str(list_.pk)}
    page = operator.post(reverse(CONFIRM), fields, follow=True).content.decode()
    assert "Choose the file again." in page
    assert not SubscriberImport.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"phone\n", "no rows below it"),
        (b"phone\n1\x00\n", "NUL bytes"),
        (b"PK\x03\x04" + bytes(100), "compressed file"),
        (b"name\nAda\n", "No column of phone numbers"),
        (b" ", "is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_the_form(operator: Client, content: bytes, words: str) -> None:
    response = upload(operator, SubscriberListFactory(), content)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not default_storage.exists("django-import-export")


class Huge(SimpleUploadedFile):
    """An upload of 200 MB that nobody may read."""

    def __init__(self) -> None:
        super().__init__("people.csv", b"phone")
        self.size = 200 * 1024 * 1024

    def read(self, *_args: Any) -> bytes:
        """Fails the test."""
        raise AssertionError("It was read.")


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    list_ = SubscriberListFactory()
    data = {"list": list_.pk, "format": "0", "resource": "0"}
    form = UploadForm([AnyTable], [SubscriberResource], data=data, files={"import_file": Huge()})
    assert not form.is_valid()
    (error,) = form.errors["import_file"]
    assert error == (
        "“people.csv” has 200.0 MB; this form takes up to 5 MB. Copy it to the server and run manage.py "
        f"import_subscribers {list_.pk} FILE, which takes files of any size, or split it."
    )


def test_many_rows_are_counted_and_the_first_are_shown(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_preview, "ROWS_SHOWN", 3)
    rows = "".join(f"415555{n:04d}\n" for n in range(2000, 2010))
    page = upload(operator, SubscriberListFactory(), f"phone\n{rows}").content.decode()
    assert page.count("+1415555") == 3
    assert "The first 3 are shown, 7 more are like them." in page


@pytest.mark.parametrize("role", ["Read-only", "Support"])
def test_staff_who_may_not_change_lists_can_neither_import_nor_export(client: Client, role: str) -> None:
    list_ = SubscriberListFactory(people=1)
    record = SubscriberImportFactory(list=list_)
    client.force_login(StaffFactory(role=role))
    page = client.get(reverse("admin:campaigns_subscriberlist_change", args=[list_.pk])).content.decode()
    assert "Import subscribers" not in page
    assert "Export" not in page
    assert client.get(reverse(IMPORT)).status_code == 403
    assert upload(client, list_, PEOPLE).status_code == 403
    assert client.post(reverse(CONFIRM), {}).status_code == 403
    for name in ("import_subscribers", "export_csv", "export_xlsx"):
        assert client.get(reverse(f"admin:campaigns_subscriberlist_{name}", args=[list_.pk])).status_code == 403
    assert client.get(reverse("admin:campaigns_subscriberimport_change", args=[record.pk])).status_code == 200
    refused = reverse("admin:campaigns_subscriberimport_download_refused", args=[record.pk])
    assert client.get(refused).status_code == 403


def test_clients_and_strangers_get_no_page(client: Client) -> None:
    list_ = SubscriberListFactory()
    for user in (None, UserFactory()):
        if user:
            client.force_login(user)
        assert client.get(reverse(IMPORT)).status_code == 302
        assert client.post(reverse(CONFIRM), {}).status_code == 302
        assert client.get(reverse("admin:campaigns_subscriberlist_export_csv", args=[list_.pk])).status_code == 302


def test_a_confirmation_by_get_does_nothing(operator: Client) -> None:
    assert operator.get(reverse(CONFIRM)).status_code == 405


def test_imports_are_listed_and_shown_and_cannot_be_changed(
    operator: Client, django_assert_max_num_queries: Any
) -> None:
    records = [SubscriberImportFactory() for _ in range(10)]
    with django_assert_max_num_queries(20):
        page = operator.get(reverse("admin:campaigns_subscriberimport_changelist")).content.decode()
    assert page.count("people.csv") >= 10
    page = operator.get(reverse("admin:campaigns_subscriberimport_change", args=[records[0].pk])).content.decode()
    assert "Not a number." in page
    assert "Download refused rows" in page
    assert operator.get(reverse("admin:campaigns_subscriberimport_add")).status_code == 403
    assert operator.post(reverse("admin:campaigns_subscriberimport_delete", args=[records[0].pk])).status_code == 403


def test_refused_rows_come_back_corrected(operator: Client) -> None:
    list_ = SubscriberListFactory()
    operator.post(reverse(CONFIRM), confirmation(upload(operator, list_, PEOPLE)))
    record = SubscriberImport.objects.get()
    response: Any = operator.get(reverse("admin:campaigns_subscriberimport_download_refused", args=[record.pk]))
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    header, row = text.splitlines()
    assert header == "Refused because,Row in the file,Phone,First name,City"
    assert row.endswith(",5,bad,<b>Eve</b>,")
    operator.post(reverse(CONFIRM), confirmation(upload(operator, list_, text.replace("bad", "4155552679"))))
    person = Subscriber.objects.get(number="+14155552679")
    assert (person.first_name, person.fields) == ("<b>Eve</b>", {})


def test_uploads_that_nobody_confirmed_are_forgotten(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(operator, SubscriberListFactory(), PEOPLE)
    assert len(default_storage.listdir("django-import-export")[1]) == 1
    forget_old_uploads()
    assert len(default_storage.listdir("django-import-export")[1]) == 1
    later = timezone.now() + dt.timedelta(hours=25)
    monkeypatch.setattr("campaigns.admin.imports.timezone.now", lambda: later)
    forget_old_uploads()
    assert default_storage.listdir("django-import-export")[1] == []
