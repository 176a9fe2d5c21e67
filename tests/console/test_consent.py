"""Consent in the console: the ledger on a person's page, their evidence, opt-out requests, the first page."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.models import ConsentEvent, OptOutRequest, Subscriber, SubscriberImport
from messaging.models import InboundMessage, OptOutReview, Suppression
from messaging.services.reviews import decide_keep
from messaging.services.suppressions import suppress
from tests.console.test_campaigns import page_of
from tests.console.test_people import inline, url
from tests.factories import (
    AccountFactory,
    BatchFactory,
    ConsentEventFactory,
    InboundMessageFactory,
    MessageFactory,
    OptOutRequestFactory,
    PhoneNumberFactory,
    StaffFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
    SuppressionFactory,
)
from tests.messaging.hooks import receive

pytestmark = pytest.mark.django_db

PERSON = "+14155552671"
MARCH = dt.datetime(2026, 3, 2, 15, 30, tzinfo=dt.UTC)


def evidence_url(account_id: int, number: str = PERSON) -> str:
    return reverse("admin:campaigns_consentevent_evidence", args=[account_id, number])


def cells(response: Any) -> list[list[str]]:
    """A downloaded CSV."""
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def test_subscribers_page_shows_the_ledger_newest_first_and_no_one_elses(operator: Client) -> None:
    subscriber = SubscriberFactory.create()
    person: dict[str, Any] = {"account": subscriber.account, "number": subscriber.number}
    ConsentEventFactory.create(**person, action="given", how="import", list_id=1, list_name="News", source="fair.csv")
    ConsentEventFactory.create(**person, wording="no more <b>please</b>")
    ConsentEventFactory.create(number=subscriber.number, wording="Words for another account")
    page = page_of(operator.get(url("campaigns_subscriber", "change", subscriber.pk)))
    assert page.index("Consent withdrawn: nothing more is sent to them") < page.index("Joined “News”")
    assert "no more &lt;b&gt;please&lt;/b&gt;" in page
    assert "By an import; fair.csv" in page
    assert "Words for another account" not in page
    assert "Export evidence" in page


def test_staff_actions_are_in_the_ledger_with_their_name(operator: Client) -> None:
    subscriber = SubscriberFactory.create()
    news = SubscriberListFactory.create(account=subscriber.account, name="News")
    change = url("campaigns_subscriber", "change", subscriber.pk)
    form: dict[str, Any] = {"number": subscriber.number}
    row = {"subscriber": subscriber.pk, "list": news.pk, "state": "subscribed"}
    operator.post(change, {**form, **inline("subscriptions", row)})
    kept = {**row, "id": subscriber.subscriptions.get().pk}
    operator.post(change, {**form, **inline("subscriptions", kept)})
    operator.post(change, {**form, **inline("subscriptions", {**kept, "state": "unsubscribed"})})
    operator.post(change, {**form, **inline("subscriptions", {**kept, "state": "subscribed"})})
    operator.post(change, {**form, **inline("subscriptions", {**kept, "DELETE": "on"})})
    suppression = {"account": subscriber.account_id, "recipient": subscriber.number, "reason": "staff", "note": "VIP"}
    operator.post(url("messaging_suppression", "add"), suppression)
    operator.post(url("messaging_suppression", "lift", Suppression.objects.get().pk), {"note": "A mistake."})
    said = ConsentEvent.objects.order_by("id").values_list("action", "how", "list_name", "wording")
    assert list(said) == [
        ("given", "staff", "News", ""),
        ("withdrawn", "staff", "News", ""),
        ("given", "staff", "News", ""),
        ("withdrawn", "staff", "News", ""),
        ("withdrawn", "staff", "", "VIP"),
        ("restored", "staff", "", "A mistake."),
    ]
    assert all("@example.com" in event.by_name and event.by for event in ConsentEvent.objects.all())


@pytest.mark.parametrize("many", [False, True])
def test_deleting_a_subscriber_is_in_the_ledger(operator: Client, *, many: bool) -> None:
    subscription = SubscriptionFactory.create()
    pk = subscription.subscriber_id
    if many:
        data = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        operator.post(url("campaigns_subscriber", "changelist"), data)
    else:
        operator.post(url("campaigns_subscriber", "delete", pk), {"post": "yes"})
    assert not Subscriber.objects.exists()
    assert ConsentEvent.objects.get().source == "Subscriber deleted"


def test_evidence_holds_every_event_and_message_in_the_accounts_zone(operator: Client) -> None:
    number = PhoneNumberFactory.create(account__time_zone="America/New_York", account__name="Blue Door Books")
    account = number.account
    batch = BatchFactory.create(number=number, template="=HYPERLINK({{ first_name }})")
    MessageFactory.create(batch=batch, recipient=PERSON, state="delivered", created_at=MARCH, accepted_at=MARCH)
    later = MARCH + dt.timedelta(minutes=5)
    InboundMessageFactory.create(number=number, sender=PERSON, body="STOP", received_at=later)
    ConsentEventFactory.create(account=account, number=PERSON, wording="STOP", at=later)
    MessageFactory.create(recipient=PERSON)
    ConsentEventFactory.create(number=PERSON, wording="Words for another account")
    header, *rows = cells(operator.get(evidence_url(account.pk), {"format": "csv"}))
    assert header[0] == "When (America/New_York)"
    assert [row[:5] for row in rows] == [
        ["2026-03-02 10:30:00", "To them", PERSON, "Delivered", "'=HYPERLINK(Ada)"],
        ["2026-03-02 10:35:00", "From them", PERSON, "Received", "STOP"],
        ["2026-03-02 10:35:00", "Consent", PERSON, "Consent withdrawn: nothing more is sent to them", "STOP"],
    ]
    response = operator.get(evidence_url(account.pk))
    page = page_of(response)
    assert "no-store" in response["Cache-Control"]
    for text in ("2026-03-02 10:35:00", "=HYPERLINK(Ada)", "The whole account: withdrawn", "not a subscriber"):
        assert text in page
    assert "Words for another account" not in page


def test_evidence_holds_media_suppressions_and_what_reviews_decided(operator: Client) -> None:
    number = PhoneNumberFactory.create()
    account, user = number.account, StaffFactory.create(first_name="Ann", last_name="Lee", email="ann@example.com")
    InboundMessageFactory.create(
        number=number, sender=PERSON, body="", media=[["https://cdn.example.com/1.png", "image/png"]], received_at=MARCH
    )
    inbound = receive(number, "cancel my order", sender=PERSON)
    review = decide_keep(review_id=OptOutReview.objects.get().pk, user=user)
    suppress(account_id=account.pk, recipient=PERSON, reason="bad_number", note="30003", how="provider")
    SuppressionFactory.create(recipient=PERSON, note="Another account's")
    _, *rows = cells(operator.get(evidence_url(account.pk), {"format": "csv"}))
    told = [row[1:2] + row[3:5] + row[8:9] for row in rows]
    assert ["From them", "Received", "image/png: https://cdn.example.com/1.png", ""] in told
    assert ["Review", "Decided: it was no opt-out", "cancel my order", "Ann Lee (ann@example.com)"] in told
    assert ["Suppression", "Suppressed: may have opted out: to be reviewed", "cancel my order", ""] in told
    assert ["Suppression", "Lifted", "Reviewed: not meant as an opt-out. (Ann Lee)", ""] in told
    assert ["Suppression", "Suppressed: number cannot receive texts", "30003", ""] in told
    assert not any("Another account" in cell for row in rows for cell in row)
    references = [row[-1] for row in rows]
    assert f"review {review.pk}, inbound message {inbound.pk}" in references


def test_no_cell_of_the_evidence_acts_as_a_formula(operator: Client) -> None:
    number = PhoneNumberFactory.create()
    for words in ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"):
        InboundMessageFactory.create(number=number, sender=PERSON, body=words)
        ConsentEventFactory.create(account=number.account, number=PERSON, wording=words, source=words, by_name=words)
    _, *rows = cells(operator.get(evidence_url(number.account_id), {"format": "csv"}))
    assert len(rows) == 12
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(("=", "-", "@", "+c"))]


def test_evidence_of_thousands_of_messages_is_streamed(operator: Client) -> None:
    number = PhoneNumberFactory.create()
    first = InboundMessageFactory.create(number=number, sender=PERSON, body="x" * 1000, received_at=MARCH)
    kept = {field.attname: getattr(first, field.attname) for field in InboundMessage._meta.concrete_fields}
    del kept["id"]
    times = (MARCH + dt.timedelta(seconds=n) for n in range(1, 5000))
    InboundMessage.objects.bulk_create(
        (InboundMessage(**{**kept, "provider_id": f"m{at.timestamp()}", "received_at": at}) for at in times),
        batch_size=500,
    )
    response: Any = operator.get(evidence_url(number.account_id), {"format": "csv"})
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in response.streaming_content)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 5_000_000
    assert peak < size, "all of them were in memory at once"
    assert operator.get(evidence_url(number.account_id)).content.count(b"<tr>") == 5001


@pytest.mark.parametrize(("role", "status"), [("Support", 200), ("Read-only", 403)])
def test_who_may_export_evidence(as_role: Callable[[str], Client], role: str, status: int) -> None:
    client, suppression = as_role(role), SuppressionFactory.create(recipient=PERSON, lifted_at=timezone.now())
    account_id = suppression.account_id
    assert client.get(evidence_url(account_id)).status_code == status
    assert client.get(evidence_url(account_id), {"format": "csv"}).status_code == status
    page = page_of(client.get(url("messaging_suppression", "change", suppression.pk)))
    assert ("Export evidence" in page) == (status == 200)
    response = client.get(url("messaging_suppression", "evidence", suppression.pk))
    if status == 200:
        assert response["Location"] == evidence_url(account_id)
        assert "Lift…" not in page
    else:
        assert response.status_code == 403


def test_evidence_of_what_is_no_number_or_no_account_is_not_found(operator: Client) -> None:
    assert operator.get(evidence_url(AccountFactory.create().pk, "x'y")).status_code == 404
    assert operator.get(evidence_url(999_999)).status_code == 404


def test_entering_a_request_with_a_number_opts_out_at_once(as_role: Callable[[str], Client]) -> None:
    account = AccountFactory.create(time_zone="America/New_York")
    form = {"account": account.pk, "who": "Ada", "channel": "telephone", "number": "(415) 555-2671", "words": "Stop."}
    times = {"received_0": "2026-03-02", "received_1": "10:30"}
    response = as_role("Support").post(url("campaigns_optoutrequest", "add"), {**form, **times}, follow=True)
    request = OptOutRequest.objects.get()
    assert (request.state, request.number, request.received_at) == ("honoured", PERSON, MARCH)
    assert Suppression.objects.active().get().recipient == PERSON
    assert f"{PERSON} is opted out of everything of {account}." in page_of(response)


def test_a_request_without_a_time_was_received_just_now(operator: Client) -> None:
    account = AccountFactory.create(time_zone="America/New_York")
    form = {"account": account.pk, "who": "Ada", "channel": "telephone", "number": "(415) 555-2671", "words": "Stop."}
    before = timezone.now()
    operator.post(url("campaigns_optoutrequest", "add"), {**form, "received_0": "", "received_1": ""})
    assert before <= OptOutRequest.objects.get().received_at <= timezone.now()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"number": "12"}, "number"),
        ({"received_0": "2999-01-01"}, "in the future"),
        ({"received_1": ""}, "Give a date and a time"),
        ({"words": ""}, "required"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(operator: Client, wrong: dict[str, str], said: str) -> None:
    form = {"account": AccountFactory.create().pk, "who": "Ada", "channel": "email", "words": "Stop.", "number": ""}
    form |= {"received_0": "2026-03-02", "received_1": "10:30", **wrong}
    response = operator.post(url("campaigns_optoutrequest", "add"), form)
    assert response.status_code == 200
    assert said in str(response.context["errors"])
    assert not OptOutRequest.objects.exists()


@pytest.mark.parametrize(
    ("action", "data", "state"),
    [("honour", {"number": "415 555 2671"}, "honoured"), ("close", {"reason": "No answer."}, "closed")],
)
def test_an_open_request_is_settled_once(
    as_role: Callable[[str], Client], action: str, data: dict[str, str], state: str
) -> None:
    request = OptOutRequestFactory.create()
    address = url("campaigns_optoutrequest", action, request.pk)
    assert as_role("Read-only").post(address, data).status_code == 403
    support = as_role("Support")
    assert support.get(address).status_code == 200
    request.refresh_from_db()
    assert request.state == "open", "nothing is done before it is confirmed"
    support.post(address, data)
    request.refresh_from_db()
    assert request.state == state
    assert f"It was {state} before" in page_of(support.get(address))
    assert f"was {state} before" in page_of(support.post(address, data, follow=True))
    assert "Number found…" not in page_of(support.get(url("campaigns_optoutrequest", "change", request.pk)))


def test_a_number_that_is_none_leaves_the_request_open(operator: Client) -> None:
    request = OptOutRequestFactory.create()
    operator.post(url("campaigns_optoutrequest", "honour", request.pk), {"number": "12"}, follow=True)
    request.refresh_from_db()
    assert request.state == "open"
    assert not Suppression.objects.exists()


def test_requests_are_never_changed_or_deleted(superuser: Client) -> None:
    request = OptOutRequestFactory.create()
    assert superuser.post(url("campaigns_optoutrequest", "change", request.pk), {"who": "x"}).status_code == 403
    assert superuser.post(url("campaigns_optoutrequest", "delete", request.pk), {"post": "yes"}).status_code == 403


def test_the_clock_is_on_the_list_on_the_page_and_on_the_first_page(as_role: Callable[[str], Client]) -> None:
    with time_machine.travel(MARCH + dt.timedelta(days=12), tick=False):
        late = OptOutRequestFactory.create(received_at=MARCH - dt.timedelta(days=5))
        OptOutRequestFactory.create(received_at=MARCH)
        client = as_role("Support")
        lists = page_of(client.get(url("campaigns_optoutrequest", "changelist")))
        assert lists.index("Wed 11 Mar 2026") < lists.index("Mon 16 Mar 2026")
        assert "2 business days over" in lists
        assert "1 business day left" in lists
        assert "2 business days over" in page_of(client.get(url("campaigns_optoutrequest", "change", late.pk)))
        first = page_of(client.get(reverse("admin:index")))
        assert "2 requests wait for a number; the first is due on Wednesday 11 March 2026" in first


def test_the_first_page_says_nothing_without_open_requests(operator: Client) -> None:
    OptOutRequestFactory.create(state="closed", closed_reason="x", settled_at=timezone.now())
    assert "Opt-out requests.</strong>" not in page_of(operator.get(reverse("admin:index")))


def test_an_imports_consent_statement_is_kept_in_the_ledger(operator: Client) -> None:
    list_ = SubscriberListFactory.create()
    file = SimpleUploadedFile("fair.csv", f"number\n{PERSON}\n".encode())
    form = {"list": list_.pk, "import_file": file, "format": "0", "consent_wording": "Yes, “text” me."}
    preview = operator.post(reverse("admin:campaigns_subscriberlist_import"), form)
    confirm = preview.context["confirm_form"].initial
    operator.post(reverse("admin:campaigns_subscriberlist_process_import"), confirm)
    assert SubscriberImport.objects.get().consent_wording == "Yes, “text” me."
    event = ConsentEvent.objects.get()
    assert (event.wording, event.source) == ("Yes, “text” me.", "fair.csv")
    assert event.by is not None
