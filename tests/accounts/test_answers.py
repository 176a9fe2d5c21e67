"""The answer to HELP: who, whom to ask, how to stop."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.answers import help_answer, help_lacks
from accounts.models import Account
from integrations.sms.segments import count
from messaging.models import PhoneNumber
from tests.console.conftest import client_of
from tests.factories import AccountFactory, PhoneNumberFactory, SubscriberFactory
from tests.messaging.hooks import receive, reply_to

CONTACT = "+1 415 555 2600"
MADE = f"Blue Door Books, help: {CONTACT}. Reply STOP to stop. Message and data rates may apply."

pytestmark = pytest.mark.django_db(transaction=True)


def books(**values: str) -> Account:
    """An account that is not stored."""
    return Account(**{"name": "Blue Door Books", "contact": CONTACT} | values)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("HELP", MADE),
        ("info please", MADE),
        ("Hilfe", MADE),
        (
            "¡Ayuda por favor!",
            f"Blue Door Books, ayuda: {CONTACT}. Responda STOP para cancelar. "
            "Pueden aplicar tarifas de mensajes y datos.",
        ),
        (
            "aide",
            f"Blue Door Books, aide: {CONTACT}. Répondez STOP pour ne plus rien recevoir. "
            "Des frais peuvent s'appliquer.",
        ),
    ],
)
def test_help_is_answered_in_the_language_of_the_word(body: str, answer: str) -> None:
    line = PhoneNumberFactory.create(account__name="Blue Door Books", account__contact=CONTACT)
    message = receive(line, body)
    assert reply_to(message) == answer
    assert message.decision == "Asked for help."
    counted = count(answer)
    assert (counted.encoding, counted.segments) == ("GSM-7", 1)


def test_without_a_contact_the_answer_is_still_of_use() -> None:
    said = help_answer(account=books(contact="")).text
    assert said == "Blue Door Books. Reply STOP to stop. Message and data rates may apply."


def test_an_own_text_is_filled_in_for_the_person() -> None:
    text = "{{ first_name | default: 'Hello' }}, this is {{ account }}. Questions: {{ contact }}. STOP ends it."
    line = PhoneNumberFactory.create(account__name="Blue Door Books", account__contact=CONTACT, account__help_text=text)
    SubscriberFactory.create(account=line.account, number="+14155552671", first_name="Zoë")
    assert reply_to(receive(line, "HELP")) == f"Zoë, this is Blue Door Books. Questions: {CONTACT}. STOP ends it."
    assert (reply_to(receive(line, "HELP", "+14155552672")) or "").startswith("Hello, this is")
    assert (reply_to(receive(line, "AYUDA", "+14155552673")) or "").startswith("Blue Door Books, ayuda:")


def test_an_own_text_answers_in_any_language_where_there_is_no_contact_to_tell() -> None:
    assert (
        help_answer(account=books(contact="", help_text="Ask at the desk."), language="es").text == "Ask at the desk."
    )


@pytest.mark.parametrize(
    ("text", "why"), [("{% if %}", "cannot be made"), ("{{ first_name }}", "empty for this person")]
)
def test_an_own_text_that_cannot_be_made_leaves_nobody_without_help(text: str, why: str) -> None:
    line = PhoneNumberFactory.create(account__name="Blue Door Books", account__contact=CONTACT, account__help_text=text)
    message = receive(line, "HELP")
    assert reply_to(message) == MADE
    assert why in message.decision


@pytest.mark.parametrize(
    ("values", "lacks"),
    [
        ({}, []),
        ({"contact": ""}, ["whom to ask"]),
        ({"help_text": "Ask."}, ["who sends (Blue Door Books)", "whom to ask", "how to stop (Reply STOP to stop.)"]),
        ({"help_text": "{{ account }}: {{ contact }}. Reply STOP to stop."}, []),
        ({"help_text": "{{ account }}: {{ contact }}. Reply STOP to stop.", "contact": ""}, ["whom to ask"]),
        ({"help_text": "BLUE DOOR BOOKS, 415-555-2600, STOP ends", "contact": ""}, []),
        ({"help_text": "Blue Door Books, a@b.example, STOP ends", "contact": ""}, []),
        ({"help_text": "Blue Door Books, bluedoor.example/help, STOP ends", "contact": ""}, []),
        ({"help_text": "Blue Door Books 24/7. We never stop. STOP ends", "contact": ""}, ["whom to ask"]),
        ({"help_text": f"Blue Door Books {CONTACT}. We never stop."}, ["how to stop (Reply STOP to stop.)"]),
    ],
)
def test_what_an_answer_lacks(values: dict[str, str], lacks: list[str]) -> None:
    assert help_lacks(books(**values)) == lacks


def form_of(account: Account, **values: str) -> dict[str, str]:
    """What the account's page sends."""
    fields = {
        "name": account.name,
        "status": "active",
        "time_zone": "Europe/London",
        "default_region": "GB",
        "quiet_start": "21:00",
        "quiet_end": "08:00",
        "max_per_day": "0",
        "max_per_week": "0",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
        "registration_policy-TOTAL_FORMS": "0",
        "registration_policy-INITIAL_FORMS": "0",
    }
    return fields | values


@pytest.fixture
def operator() -> Client:
    """An operator's browser."""
    return client_of("Operator")


def test_the_page_shows_the_answer_and_warns_of_what_it_lacks(operator: Client) -> None:
    account = AccountFactory.create(name="Blue Door Books")
    url = reverse("admin:accounts_account_change", args=[account.pk])
    saved = operator.post(url, form_of(account, help_text="Ask & see."), follow=True).content.decode()
    account.refresh_from_db()
    assert account.help_text == "Ask & see."
    assert "The answer to HELP does not say who sends (Blue Door Books), or whom to ask, or how to stop" in saved
    page = operator.get(url).content.decode()
    assert '<div class="console-bubble">Ask &amp; see.</div>' in page
    assert "It does not say who sends" in page
    operator.post(url, form_of(account, contact=CONTACT, help_text=""))
    page = operator.get(url).content.decode()
    assert MADE in page
    assert "It does not say" not in page


def test_the_page_refuses_merge_fields_that_there_are_not(operator: Client) -> None:
    account = AccountFactory.create(help_text="")
    url = reverse("admin:accounts_account_change", args=[account.pk])
    page = operator.post(url, form_of(account, help_text="Ask {{ nobody }}")).content.decode()
    assert "There is no merge field “nobody”. There are: account, contact, first_name, last_name." in page
    account.refresh_from_db()
    assert account.help_text == ""


def test_the_first_page_names_accounts_whose_answer_names_nobody(operator: Client) -> None:
    silent = PhoneNumberFactory.create(account__name="Silent Films", account__contact="").account
    PhoneNumberFactory.create(account__name="Told Tales", account__contact=CONTACT)
    PhoneNumberFactory.create(account__name="Own Words", account__contact="", account__help_text="Ask a@b.example")
    AccountFactory.create(name="Numberless", contact="")
    number = PhoneNumberFactory.create(account__name="Sleepers", account__contact="", state=PhoneNumber.State.DISABLED)

    def told() -> str:
        return operator.get("/admin/live/").content.decode()

    page = told()
    assert "Its answer to HELP names nobody to ask." in page
    assert "Silent Films" in page
    for other in ("Told Tales", "Own Words", "Numberless", "Sleepers"):
        assert other not in page
    PhoneNumber.objects.filter(pk=number.pk).update(state=PhoneNumber.State.ACTIVE)
    page = told()
    assert "The same is true of Silent Films" in page or "The same is true of Sleepers" in page
    Account.objects.filter(pk__in=[silent.pk, number.account_id]).update(contact=CONTACT)
    assert "answer to HELP" not in told()
