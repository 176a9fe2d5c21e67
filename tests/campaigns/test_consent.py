"""The consent ledger: written by everything that changes consent, changed by nothing."""

from __future__ import annotations

import datetime as dt
import importlib
import io
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from campaigns.models import ConsentEvent, Subscriber, SubscriberList, Subscription
from campaigns.querysets import LedgerIsAppendOnly
from campaigns.services.chains.runs import start
from campaigns.services.consent import Entry, Origin, Standing, history, present_state, record, record_many
from campaigns.services.consent.in_words import in_words
from campaigns.services.consent.ledger import Action, How
from campaigns.services.consent.list_deletion import delete_lists
from campaigns.services.consent.subscriptions import delete_subscribers, save_subscriber, save_subscriptions
from campaigns.services.double_opt_in import join
from campaigns.services.imports import import_file, import_stream
from campaigns.services.imports.upserts import subscribe
from messaging.models import Message, OptOutReview, PhoneNumber, Suppression
from messaging.services.reviews import decide_keep, decide_opt_out
from messaging.services.suppressions import lift, suppress
from tests.factories import (
    AccountFactory,
    ChainFactory,
    ConsentEventFactory,
    MessageFactory,
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
append_only = importlib.import_module("campaigns.migrations._append_only")
carry_over = importlib.import_module("campaigns.migrations._carry_over")


@pytest.fixture
def line() -> PhoneNumber:
    """A number of Blue Door Books."""
    return PhoneNumberFactory.create(account__name="Blue Door Books")


@pytest.fixture
def reader(line: PhoneNumber) -> Subscriber:
    """A person on two lists of theirs."""
    subscriber = SubscriberFactory.create(account=line.account, number=PERSON)
    for name in ("News", "Events"):
        SubscriptionFactory.create(list=SubscriberListFactory(account=line.account, name=name), subscriber=subscriber)
    return subscriber


def rows(**where: Any) -> list[tuple[str, str, str, str]]:
    """Action, way, list and wording of all events, in the order they were recorded."""
    events = ConsentEvent.objects.filter(**where).order_by("id")
    return list(events.values_list("action", "how", "list_name", "wording"))


def test_stop_is_kept_word_by_word_for_the_account_and_each_list(line: PhoneNumber, reader: Subscriber) -> None:
    message = receive(line, "Stop, please!!")
    said = ("withdrawn", "message")
    assert rows() == [(*said, name, "Stop, please!!") for name in ("", "News", "Events")]
    event = history(line.account_id, PERSON)[0]
    assert (event.inbound_id, event.at, event.by) == (message.pk, message.received_at, None)
    receive(line, "STOP")
    assert len(rows()) == 3, "nothing changed"


def test_start_restores_what_the_opt_out_ended(line: PhoneNumber, reader: Subscriber) -> None:
    receive(line, "STOP")
    message = receive(line, "START")
    assert rows(action="restored") == [("restored", "message", name, "START") for name in ("", "News", "Events")]
    assert history(line.account_id, PERSON)[-1].inbound_id == message.pk


def test_long_words_are_kept_whole(line: PhoneNumber) -> None:
    words = f"Please stop texting me. {'I said so before. ' * 20}".strip()
    receive(line, words)
    assert history(line.account_id, PERSON)[0].wording == words


@pytest.mark.parametrize(
    ("decide", "expected"),
    [
        (decide_opt_out, [("withdrawn", "message", "", "cancel my order")]),
        (decide_keep, []),
    ],
)
def test_a_review_is_kept_once_it_is_decided(line: PhoneNumber, decide: Any, expected: list[Any]) -> None:
    message = receive(line, "cancel my order")
    assert rows() == [], "a doubt is no withdrawal"
    user = StaffFactory.create(first_name="Ann", last_name="Lee", email="ann@example.com")
    decide(review_id=OptOutReview.objects.get().pk, user=user)
    assert rows() == expected
    for event in ConsentEvent.objects.all():
        assert (event.by, event.by_name, event.inbound_id) == (user, "Ann Lee (ann@example.com)", message.pk)


def test_what_the_provider_says_names_the_message(line: PhoneNumber) -> None:
    message = MessageFactory.create(recipient=PERSON)
    suppress(
        account_id=message.account_id,
        recipient=PERSON,
        reason=Suppression.Reason.PROVIDER_OPT_OUT,
        note="21610",
        message_id=message.pk,
        how="provider",
    )
    assert rows() == [("withdrawn", "provider", "", "21610")]
    assert ConsentEvent.objects.get().message_id == message.pk


def test_a_bad_number_says_nothing_of_consent(line: PhoneNumber) -> None:
    person: dict[str, Any] = {"account_id": line.account_id, "recipient": PERSON}
    suppress(**person, reason=Suppression.Reason.BAD_NUMBER, how="provider")
    lift(**person)
    assert rows() == []


def test_import_records_those_who_joined_and_nobody_twice() -> None:
    list_ = SubscriberListFactory.create(name="Guests")
    user = StaffFactory.create()
    text = "number,first_name\n+14155552671,Ada\n+14155552672,Bob\n"
    options: dict[str, Any] = {"list_": list_, "name": "fair.csv", "user": user, "consent_wording": "I agree to texts."}
    import_file(file=io.BytesIO(text.encode()), **options)
    import_file(file=io.BytesIO((text + "+14155552673,Cy\n").encode()), **options)
    assert rows() == [("given", "import", "Guests", "I agree to texts.")] * 3
    event = ConsentEvent.objects.first()
    assert event is not None
    assert (event.number, event.source, event.by, event.list_id) == ("+14155552673", "fair.csv", user, list_.pk)


def test_import_writes_the_ledger_in_one_statement_a_block() -> None:
    list_ = SubscriberListFactory.create()
    lines = "".join(f"+1415555{n:04d},A\n" for n in range(300))
    with CaptureQueriesContext(connection) as queries:
        import_stream(list_=list_, file=io.BytesIO(f"number,first_name\n{lines}".encode()), name="many.csv")
    assert ConsentEvent.objects.count() == 300
    written = [query for query in queries.captured_queries if 'INSERT INTO "campaigns_consentevent"' in query["sql"]]
    assert len(written) == 1


def test_who_is_on_the_list_by_another_way_meanwhile_is_not_recorded_again(reader: Subscriber) -> None:
    news = reader.subscriptions.get(list__name="News").list
    new = SubscriberFactory.create(account=reader.account)
    subscribe(news, [reader.number, new.number], source="fair.csv")
    assert ConsentEvent.objects.get().number == new.number


def test_command_keeps_the_statement(tmp_path: Any) -> None:
    file = tmp_path / "people.csv"
    file.write_text("number\n+14155552671\n")
    call_command(
        "import_subscribers", SubscriberListFactory.create().pk, file, consent="Texts are fine.", stdout=io.StringIO()
    )
    assert ConsentEvent.objects.get().wording == "Texts are fine."


def test_staff_who_unsubscribe_somebody_are_not_undone_by_start(line: PhoneNumber, reader: Subscriber) -> None:
    user = StaffFactory.create()
    news = reader.subscriptions.get(list__name="News")
    receive(line, "STOP")
    receive(line, "START")
    news.refresh_from_db()
    news.state = "unsubscribed"
    save_subscriptions(changed=[news], user=user)
    receive(line, "STOP")
    receive(line, "START")
    news.refresh_from_db()
    assert (news.state, news.ended_by) == ("unsubscribed", "staff")
    assert present_state(history(line.account_id, PERSON))[news.list_id] is Standing.WITHDRAWN


def test_moving_a_subscription_leaves_one_list_and_joins_the_other(reader: Subscriber) -> None:
    news = reader.subscriptions.get(list__name="News")
    news.list = SubscriberListFactory.create(account=reader.account, name="Offers")
    save_subscriptions(changed=[news], user=StaffFactory.create())
    assert rows() == [("withdrawn", "staff", "News", ""), ("given", "staff", "Offers", "")]


def test_a_new_number_is_a_change_of_consent(reader: Subscriber) -> None:
    reader.number = "+14155559999"
    save_subscriber(subscriber=reader, user=StaffFactory.create())
    assert [row[0] for row in rows(number=PERSON)] == ["withdrawn", "withdrawn"]
    assert [row[0] for row in rows(number="+14155559999")] == ["given", "given"]
    reader.first_name = "New"
    save_subscriber(subscriber=reader, user=StaffFactory.create())
    assert len(rows()) == 4


def test_a_list_with_double_opt_in_asks_the_new_number(reader: Subscriber) -> None:
    asked = SubscriberListFactory.create(account=reader.account, name="Club", double_opt_in=True)
    SubscriptionFactory.create(list=asked, subscriber=reader)
    reader.number = "+14155559999"
    joined = save_subscriber(subscriber=reader, user=StaffFactory.create())
    assert str(joined[-1]) == "asked to confirm “Club”"
    assert reader.subscriptions.get(list=asked).state == "pending"
    assert rows(number="+14155559999", list_name="Club") == [("requested", "staff", "Club", "")]


def test_a_yes_from_the_new_number_is_no_answer_to_what_the_old_one_was_asked(
    line: PhoneNumber, reader: Subscriber
) -> None:
    club = SubscriberListFactory.create(account=reader.account, name="Club", double_opt_in=True)
    join(subscriber=reader, lists=[club], origin=Origin(how=How.STAFF), number=line)
    SubscriberList.objects.update(double_opt_in=False)
    reader.number = "+14155559999"
    save_subscriber(subscriber=reader, user=StaffFactory.create())
    receive(line, "YES", sender="+14155559999")
    assert reader.subscriptions.get(list=club).state == "unsubscribed"


def test_a_new_number_that_has_opted_out_joins_nothing(reader: Subscriber) -> None:
    SuppressionFactory.create(account=reader.account, recipient="+14155559999")
    reader.number = "+14155559999"
    joined = save_subscriber(subscriber=reader, user=StaffFactory.create())
    assert "did not join “News”: they are suppressed" in str(joined[0])
    assert not reader.subscriptions.live().exists()


def test_a_start_from_the_new_number_does_not_undo_the_old_ones_opt_out(line: PhoneNumber, reader: Subscriber) -> None:
    receive(line, "STOP")
    reader.refresh_from_db()
    reader.number = "+14155559999"
    save_subscriber(subscriber=reader, user=StaffFactory.create())
    for words in ("STOP", "START"):
        receive(line, words, sender="+14155559999")
    assert not reader.subscriptions.live().exists()


def test_a_deleted_list_is_withdrawn_for_everybody_on_it(reader: Subscriber) -> None:
    news = SubscriberList.objects.get(name="News")
    SubscriptionFactory.create(list=news, state="unsubscribed")
    user = StaffFactory.create(first_name="Ann", last_name="Lee", email="ann@example.com")
    delete_lists(lists=[news], user=user)
    assert rows() == [("withdrawn", "staff", "News", "")]
    event = ConsentEvent.objects.get()
    assert (event.number, event.by, event.by_name) == (PERSON, user, "Ann Lee (ann@example.com)")
    assert event.source == "List deleted"


def test_a_text_chain_joins_with_their_words_in_the_ledger_and_asks_where_the_list_asks(line: PhoneNumber) -> None:
    lists = [
        SubscriberListFactory.create(account=line.account, name=name, double_opt_in=double)
        for name, double in (("Fans", False), ("Club", True))
    ]
    joins = ({"label": f"join{n}", "kind": "join", "list": list_} for n, list_ in enumerate(lists))
    chain = ChainFactory.create(account=line.account, steps=({"label": "ask", "kind": "ask", "text": "In?"}, *joins))
    start(chain=chain, number=line, person=PERSON, how="test")
    message = receive(line, "I am in")
    assert rows() == [("given", "chain", "Fans", "I am in"), ("requested", "chain", "Club", "I am in")]
    assert {event.at for event in ConsentEvent.objects.all()} == {message.received_at}
    assert Message.objects.filter(recipient=PERSON, body__contains="YES").count() == 1


def test_staff_who_block_somebody_under_review_are_not_undone_by_the_review(line: PhoneNumber) -> None:
    receive(line, "cancel my order")
    user = StaffFactory.create()
    person: dict[str, Any] = {"account_id": line.account_id, "recipient": PERSON}
    assert suppress(**person, reason=Suppression.Reason.STAFF, note="A competitor", user=user)
    decide_keep(review_id=OptOutReview.objects.get().pk, user=user)
    blocked = Suppression.objects.active().get(**person)
    assert (blocked.reason, blocked.note, blocked.created_by) == ("staff", "A competitor", user)
    assert present_state(history(line.account_id, PERSON)) == {None: Standing.WITHDRAWN}


def test_a_deleted_subscriber_leaves_their_ledger_behind(reader: Subscriber) -> None:
    delete_subscribers(subscribers=[reader], user=StaffFactory.create())
    assert not Subscription.objects.exists()
    assert {row[:3] for row in rows()} == {("withdrawn", "staff", "News"), ("withdrawn", "staff", "Events")}


def test_the_ledger_goes_with_what_it_is_about_or_not_at_all(line: PhoneNumber) -> None:
    with transaction.atomic():
        suppress(account_id=line.account_id, recipient=PERSON, reason=Suppression.Reason.OPT_OUT)
        assert ConsentEvent.objects.exists()
        transaction.set_rollback(True)
    assert rows() == []


def test_the_model_refuses_changes() -> None:
    event = ConsentEventFactory.create()
    event.wording = "I love it"
    for change in (event.save, event.delete, ConsentEvent.objects.all().delete):
        with pytest.raises(LedgerIsAppendOnly, match="Record a new event"):
            change()
    with pytest.raises(LedgerIsAppendOnly):
        ConsentEvent.objects.update(wording="I love it")
    assert ConsentEvent.objects.get().wording == "STOP"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaigns_consentevent SET wording = 'I love it'",
        "DELETE FROM campaigns_consentevent",
        "TRUNCATE campaigns_consentevent",
    ],
)
def test_the_database_refuses_changes(statement: str) -> None:
    ConsentEventFactory.create()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # No table is truncated while a constraint of this transaction is still to be checked.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        else:
            statement = statement.replace("TRUNCATE", "DELETE FROM")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ConsentEvent.objects.get().wording == "STOP"


def test_a_database_that_is_thrown_away_may_be_emptied_and_is_guarded_again_after_that() -> None:
    ConsentEventFactory.create()
    with transaction.atomic(), append_only.may_be_emptied(connection), connection.cursor() as cursor:
        postgresql = connection.vendor == "postgresql"
        if postgresql:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE campaigns_consentevent" if postgresql else "DELETE FROM campaigns_consentevent")
    assert not ConsentEvent.objects.exists()
    ConsentEventFactory.create()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM campaigns_consentevent")


def test_the_database_refuses_updates_as_it_was_migrated() -> None:
    ConsentEventFactory.create()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_consentevent SET by_name = 'x'")


def test_accounts_and_people_in_the_ledger_stay_and_lists_may_go(reader: Subscriber) -> None:
    user = StaffFactory.create()
    news = reader.subscriptions.get(list__name="News")
    news.state = "unsubscribed"
    save_subscriptions(changed=[news], user=user)
    news.list.delete()
    assert rows() == [("withdrawn", "staff", "News", "")]
    with pytest.raises(ProtectedError):
        user.delete()
    with pytest.raises(ProtectedError):
        reader.account.delete()


def test_what_was_known_before_the_ledger_is_carried_over(reader: Subscriber) -> None:
    since = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
    Subscription.objects.filter(list__name="News").update(source="old.csv", created_at=since)
    Subscription.objects.filter(list__name="Events").update(
        state="unsubscribed", ended_by="opt_out", unsubscribed_at=since
    )
    SuppressionFactory.create(account=reader.account, recipient=PERSON, note="stop it", created_at=since)
    SuppressionFactory.create(account=reader.account, reason="bad_number")
    carry_over.carry_over(None, SimpleNamespace(connection=connection))
    assert rows() == [
        ("given", "import", "News", ""),
        ("given", "staff", "Events", ""),
        ("withdrawn", "message", "", "stop it"),
        ("withdrawn", "message", "Events", ""),
    ]
    events = history(reader.account_id, PERSON)
    assert events[0].at == events[2].at == since
    assert set(present_state(events).values()) == {Standing.WITHDRAWN, Standing.GIVEN}


def test_an_opt_out_reads_as_one_line_newest_first() -> None:
    account = AccountFactory.create()
    entry: dict[str, Any] = {"account_id": account.pk, "number": PERSON}
    record(Entry(**entry, action=Action.GIVEN, how=How.IMPORT, list_id=1, list_name="News", source="fair.csv"))
    opt_out = {**entry, "action": Action.WITHDRAWN, "how": How.MESSAGE, "wording": "STOP"}
    lists: list[tuple[int | None, str]] = [(None, ""), (1, "News"), (2, "Events"), (3, "Offers")]
    when = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
    assert record_many(Entry(**opt_out, list_id=pk, list_name=name, at=when) for pk, name in lists) == 4
    newest, oldest = in_words(history(account.pk, PERSON))
    assert newest.text == ("Consent withdrawn: nothing more is sent to them. Left “News”, “Events” and “Offers”")
    assert (newest.how, newest.wording, newest.is_late) == ("by their message", "STOP", True)
    assert (oldest.text, oldest.how, oldest.source, oldest.is_late) == (
        "Joined “News”",
        "by an import",
        "fair.csv",
        False,
    )
