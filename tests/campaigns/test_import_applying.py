"""What an import does to a list."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.models import CustomField, Subscriber, SubscriberImport, SubscriberList, Subscription
from campaigns.services.imports import (
    ImportPlan,
    Outcome,
    UnreadableFile,
    apply_import,
    applying,
    import_file,
    import_stream,
    plan_import,
    read_table,
)
from messaging.models import Suppression
from tests.factories.base import number_at
from tests.factories.campaigns import (
    CustomFieldFactory,
    SubscriberFactory,
    SubscriberListFactory,
    SubscriptionFactory,
)
from tests.factories.messaging import SuppressionFactory

pytestmark = pytest.mark.django_db

ADA, BOB, CY = "+14155552671", "+14155552672", "+14155552673"


def bring(list_: SubscriberList, text: str, name: str = "people.csv") -> SubscriberImport:
    """Import a file."""
    return import_file(list_=list_, file=io.BytesIO(text.encode()), name=name)


def plan_of(list_: SubscriberList, text: str) -> ImportPlan:
    """Plan an import."""
    return plan_import(list_=list_, table=read_table(io.BytesIO(text.encode()), "people.csv"))


def counts(record: SubscriberImport) -> dict[str, int]:
    """The counts of outcomes that are not 0; they always add up to the rows."""
    found = {outcome.value: getattr(record, f"rows_{outcome.value}") for outcome in Outcome}
    assert sum(found.values()) == record.rows_read
    return {name: count for name, count in found.items() if count}


def test_new_people_are_on_the_list_with_all_their_values() -> None:
    list_ = SubscriberListFactory()
    record = bring(list_, "Mobile;Vorname;Nachname;E-Mail;T-Shirt\n(415) 555-2671;Ada;King;ada@example.com;M\n")
    person = Subscriber.objects.get()
    assert (person.account, person.number) == (list_.account, ADA)
    assert (person.first_name, person.last_name, person.email) == ("Ada", "King", "ada@example.com")
    assert person.fields == {"t_shirt": "M"}
    subscription = Subscription.objects.get(list=list_, subscriber=person)
    assert (subscription.state, subscription.source) == ("subscribed", "people.csv")
    field = CustomField.objects.get()
    assert (field.account, field.key, field.label) == (list_.account, "t_shirt", "T-Shirt")
    assert counts(record) == {"new": 1}
    assert (record.encoding, record.delimiter) == ("utf-8", ";")
    assert record.columns[4] == {"header": "T-Shirt", "field": "t_shirt"}


def test_a_whole_name_is_taken_apart() -> None:
    bring(SubscriberListFactory(), 'Name,Phone\n"King, Ada",4155552671\nBob van Dyk,4155552672\nCy,4155552673\n')
    people = Subscriber.objects.order_by("number").values_list("first_name", "last_name")
    assert list(people) == [("Ada", "King"), ("Bob", "van Dyk"), ("Cy", "")]


def test_importing_the_same_file_twice_changes_nothing() -> None:
    list_ = SubscriberListFactory()
    text = "Phone,First name,City\n4155552671,Ada,Bath\n4155552672,Bob,\n"
    bring(list_, text)
    before = list(Subscriber.objects.order_by("pk").values()), list(Subscription.objects.order_by("pk").values())
    assert counts(bring(list_, text)) == {"unchanged": 2}
    after = list(Subscriber.objects.order_by("pk").values()), list(Subscription.objects.order_by("pk").values())
    assert after == before


def test_a_known_person_gets_new_values_and_keeps_those_that_the_file_does_not_have() -> None:
    list_ = SubscriberListFactory()
    person = SubscriberFactory(
        account=list_.account,
        number=ADA,
        first_name="Ada",
        last_name="K.",
        email="a@example.com",
        fields={"city": "Bath"},
    )
    text = "Phone,First name,Last name,Email,City,Size\n4155552671,,King,n/a,,M\n"
    (row,) = plan_of(list_, text).rows
    assert row.outcome == Outcome.UPDATED
    assert [(change.field, change.old, change.new) for change in row.changes] == [
        ("Last name", "K.", "King"),
        ("Size", "", "M"),
    ]
    assert counts(bring(list_, text)) == {"updated": 1}
    person.refresh_from_db()
    assert (person.first_name, person.last_name, person.email) == ("Ada", "King", "a@example.com")
    assert person.fields == {"city": "Bath", "size": "M"}
    assert list_.subscriptions.get().subscriber == person


def test_a_known_person_who_is_not_on_the_list_is_added() -> None:
    list_ = SubscriberListFactory()
    SubscriberFactory(account=list_.account, number=ADA)
    (row,) = plan_of(list_, "phone\n4155552671\n").rows
    assert (row.outcome, row.changes) == (Outcome.UPDATED, ())
    assert "added to the list" in row.reason
    bring(list_, "phone\n4155552671\n")
    assert list_.subscriptions.count() == 1


@pytest.mark.parametrize("reason", ["opt_out", "provider_opt_out"])
def test_who_has_opted_out_is_kept_out(reason: str) -> None:
    list_ = SubscriberListFactory()
    SuppressionFactory(account=list_.account, recipient=ADA, reason=reason)
    record = bring(list_, "phone,name\n4155552671,Ada\n4155552672,Bob\n")
    assert counts(record) == {"new": 1, "opted_out": 1}
    assert set(Subscriber.objects.values_list("number", flat=True)) == {BOB}
    (refused,) = record.rejected
    assert (refused["row"], refused["values"]) == (2, ["4155552671", "Ada"])
    assert "Opted out" in refused["reason"]


def test_who_opted_out_and_came_back_is_imported() -> None:
    list_ = SubscriberListFactory()
    SuppressionFactory(account=list_.account, recipient=ADA, reason="opt_out", lifted_at=timezone.now())
    assert counts(bring(list_, "phone\n4155552671\n")) == {"new": 1}


def test_who_opted_out_of_another_account_is_imported() -> None:
    SuppressionFactory(recipient=ADA, reason="opt_out")
    assert counts(bring(SubscriberListFactory(), "phone\n4155552671\n")) == {"new": 1}


def test_who_left_the_list_stays_out_and_unchanged() -> None:
    list_ = SubscriberListFactory()
    person = SubscriberFactory(account=list_.account, number=ADA, first_name="Ada")
    SubscriptionFactory(list=list_, subscriber=person, state="unsubscribed")
    record = bring(list_, "phone,first name\n4155552671,Eve\n")
    assert counts(record) == {"opted_out": 1}
    person.refresh_from_db()
    assert person.first_name == "Ada"
    assert list_.subscriptions.get().state == "unsubscribed"


def test_who_left_one_list_can_be_on_another() -> None:
    left = SubscriberListFactory()
    person = SubscriberFactory(account=left.account, number=ADA)
    SubscriptionFactory(list=left, subscriber=person, state="unsubscribed")
    assert counts(bring(SubscriberListFactory(account=left.account), "phone\n4155552671\n")) == {"updated": 1}


def test_who_staff_suppressed_is_imported_with_a_note() -> None:
    list_ = SubscriberListFactory()
    SuppressionFactory(account=list_.account, recipient=ADA, reason=Suppression.Reason.STAFF)
    (row,) = plan_of(list_, "phone\n4155552671\n").rows
    assert row.outcome == Outcome.NEW
    assert "nothing is sent to this number" in row.reason


def test_the_first_row_of_a_number_wins_and_later_ones_fill_its_blanks() -> None:
    list_ = SubscriberListFactory()
    text = "phone,first name,email\n4155552671,Ada,\n+1 (415) 555-2671,Eve,ada@example.com\n4155552671.0,,\n"
    rows = plan_of(list_, text).rows
    assert [row.outcome for row in rows] == [Outcome.NEW, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert rows[1].reason == "The same number as in row 2, which counts. Its E-mail filled a blank there."
    assert rows[2].reason == "The same number as in row 2, which counts."
    assert counts(bring(list_, text)) == {"new": 1, "duplicate": 2}
    assert Subscriber.objects.values_list("first_name", "email").get() == ("Ada", "ada@example.com")


def test_ragged_rows_are_read_or_refused_with_a_reason() -> None:
    list_ = SubscriberListFactory()
    record = bring(list_, "phone,name,city\n4155552671\n4155552672,Bob,Bath,,\n4155552673,Cy,Bath,oops\nAda\n")
    assert counts(record) == {"new": 2, "invalid": 2}
    assert [(row["row"], row["values"]) for row in record.rejected] == [
        (4, ["4155552673", "Cy", "Bath", "oops"]),
        (5, ["Ada"]),
    ]
    assert "4 cells, but there are 3 columns" in record.rejected[0]["reason"]


def test_values_that_do_not_fit_are_cut_or_left_out_and_the_person_is_kept() -> None:
    list_ = SubscriberListFactory()
    text = f"phone,first name,email\n4155552671,{'A' * 100},not an address\n"
    (row,) = plan_of(list_, text).rows
    assert "first name: cut after 80 characters." in row.reason
    assert "“not an address” is not an e-mail address: left out." in row.reason
    bring(list_, text)
    assert Subscriber.objects.values_list("first_name", "email").get() == ("A" * 80, "")


def test_what_programs_write_around_values_is_taken_away() -> None:
    bring(
        SubscriberListFactory(),
        'phone,first name,note\n4155552671," =""Ada"" ","a\tb\n\x07c"\n4155552672,\'=Bob,NULL\n',
    )
    people = Subscriber.objects.order_by("number").values_list("first_name", "fields")
    assert list(people) == [("Ada", {"note": "a b\nc"}), ("=Bob", {})]


def test_a_column_headed_like_a_known_field_is_that_field() -> None:
    list_ = SubscriberListFactory()
    CustomFieldFactory(account=list_.account, key="size", label="T-Shirt")
    CustomFieldFactory(key="other", label="t-shirt")
    bring(list_, "phone,t-shirt\n4155552671,M\n")
    assert Subscriber.objects.get().fields == {"size": "M"}
    assert CustomField.objects.filter(account=list_.account).count() == 1


def test_columns_without_values_make_no_fields() -> None:
    bring(SubscriberListFactory(), "phone,a,b,\n4155552671,x,,\n")
    assert list(CustomField.objects.values_list("key", flat=True)) == ["a"]


def test_other_accounts_people_and_lists_are_not_touched() -> None:
    other = SubscriberFactory(number=ADA, first_name="Theirs")
    theirs = SubscriberListFactory(account=other.account, people=[other])
    before = (
        list(Subscription.objects.filter(list=theirs).values()),
        Subscriber.objects.filter(pk=other.pk).values().get(),
    )
    list_ = SubscriberListFactory()
    assert counts(bring(list_, "phone,first name,city\n4155552671,Ours,Bath\n")) == {"new": 1}
    after = (
        list(Subscription.objects.filter(list=theirs).values()),
        Subscriber.objects.filter(pk=other.pk).values().get(),
    )
    assert after == before
    assert not CustomField.objects.filter(account=other.account).exists()
    assert set(Subscriber.objects.values_list("account", "first_name")) == {
        (other.account_id, "Theirs"),
        (list_.account_id, "Ours"),
    }


def test_numbers_without_country_code_are_of_the_accounts_region() -> None:
    list_ = SubscriberListFactory(account__default_region="GB")
    bring(list_, "phone\n020 7946 0018\n")
    assert Subscriber.objects.get().number == "+442079460018"


def test_a_file_that_cannot_be_read_leaves_no_trace() -> None:
    with pytest.raises(UnreadableFile):
        bring(SubscriberListFactory(), "phone\n")
    assert not SubscriberImport.objects.exists()


def test_a_plan_is_judged_again_when_it_is_applied() -> None:
    list_ = SubscriberListFactory()
    plan = plan_of(list_, "phone,name\n4155552671,Ada\n4155552672,Bob\n")
    assert plan.counts == {Outcome.NEW: 2}
    assert not Subscriber.objects.exists()
    SuppressionFactory(account=list_.account, recipient=ADA, reason="opt_out")
    SubscriberFactory(account=list_.account, number=BOB)
    assert counts(apply_import(plan, user=None)) == {"updated": 1, "opted_out": 1}


def test_applying_an_upload_twice_imports_it_once() -> None:
    plan = plan_of(SubscriberListFactory(), "phone\n4155552671\n")
    first = apply_import(plan, user=None, upload="a" * 32)
    assert apply_import(plan, user=None, upload="a" * 32) == first
    assert SubscriberImport.objects.count() == 1


def a_file_of(people: int) -> str:
    rows = (f"{number_at(n)},First{n},Town{n % 7}\n" for n in range(people))
    return "phone,first name,town\n" + "".join(rows)


def queries_of(list_: SubscriberList, text: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        bring(list_, text)
    return len([q for q in queries if "SAVEPOINT" not in q["sql"]])


def test_the_number_of_queries_does_not_grow_with_the_rows() -> None:
    few, many = (queries_of(SubscriberListFactory(), a_file_of(people)) for people in (50, 1500))
    assert many == few <= 15
    again = SubscriberListFactory()
    bring(again, a_file_of(1500))
    assert queries_of(again, a_file_of(1500)) < few


def stream(list_: SubscriberList, text: str, **options: Any) -> SubscriberImport:
    return import_stream(list_=list_, file=io.BytesIO(text.encode()), name="people.csv", **options)


def test_a_streamed_import_gives_the_same_result_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "ROWS_PER_BLOCK", 3)
    list_, told = SubscriberListFactory(), []
    text = (
        "phone,first name,email\n4155552671,Ada,\n4155552672,,\nbad,,\n"
        "4155552671,Eve,ada@example.com\n4155552672,Bob,\n4155552673,Cy,\n"
        "4155552671,,late@example.com\n4155552672,Bert,bob@example.com\n"
    )
    record = stream(list_, text, on_block=lambda progress: told.append(progress.rows))
    assert told == [3, 6, 8]
    assert counts(record) == {"new": 3, "duplicate": 4, "invalid": 1}
    assert list(Subscriber.objects.order_by("number").values_list("number", "first_name", "email")) == [
        (ADA, "Ada", "ada@example.com"),
        (BOB, "Bob", "bob@example.com"),
        (CY, "Cy", ""),
    ]
    record.refresh_from_db()
    assert counts(record) == {"new": 3, "duplicate": 4, "invalid": 1}
    assert counts(stream(list_, text))["unchanged"] == 3


def test_a_streamed_import_keeps_the_blocks_before_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "ROWS_PER_BLOCK", 250)
    list_ = SubscriberListFactory()
    with pytest.raises(UnreadableFile, match="In row 402"):
        stream(list_, a_file_of(400) + '4155552671,"Ada\n')
    assert list_.subscriptions.count() == 250
    assert list_.imports.get().rows_read == 250


def test_no_more_refused_rows_are_kept_than_fit_and_the_count_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SubscriberImport, "MAX_REJECTED", 2)
    record = bring(SubscriberListFactory(), "phone\n4155552671\n1\n2\n3\n")
    assert record.rows_invalid == 3
    assert [row["row"] for row in record.rejected] == [3, 4]


def test_a_time_zone_is_taken_from_a_file_and_an_unclear_one_is_left_out_with_a_note() -> None:
    list_ = SubscriberListFactory()
    text = f"Phone,Time zone\n{ADA},US/Eastern\n{BOB},MST\n{CY},\n"
    plan = plan_of(list_, text)
    assert [row.outcome for row in plan.rows] == [Outcome.NEW] * 3
    assert plan.rows[1].reason.startswith("“MST” may be several time zones. Write America/Denver or America/Phoenix.")
    bring(list_, text)
    zones = dict(Subscriber.objects.values_list("number", "time_zone"))
    assert zones == {ADA: "America/New_York", BOB: "", CY: ""}

    plan = plan_of(list_, f"Phone,Timezone\n{ADA},PST\n{CY},Mars\n")
    assert [(change.field, change.old, change.new) for change in plan.rows[0].changes] == [
        ("Time zone", "America/New_York", "America/Los_Angeles")
    ]
    bring(list_, f"Phone,Timezone\n{ADA},PST\n{CY},Mars\n")
    assert Subscriber.objects.get(number=ADA).time_zone == "America/Los_Angeles"
    assert not CustomField.objects.exists()


def test_a_second_column_of_zones_is_a_custom_field_of_another_name() -> None:
    list_ = SubscriberListFactory()
    bring(list_, f"Phone,Time zone,Time zone\n{ADA},EST,nonsense\n")
    person = Subscriber.objects.get()
    assert (person.time_zone, person.fields) == ("America/New_York", {"custom_time_zone": "nonsense"})
