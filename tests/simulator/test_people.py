"""People who write back, and what happens to their wishes."""

from __future__ import annotations

import httpx
import pytest

from integrations.simulator.process import SimulatorProcess, SimulatorProcessError
from tests.simulator.conftest import ACCOUNT, SENDER, SHORT_CODE, Receiver, send, wait_for
from tests.simulator.test_webhooks import is_signed

PERSON = "+14155550001"


@pytest.fixture
def listening(simulator: SimulatorProcess, receiver: Receiver) -> str:
    """The URL that inbound messages go to."""
    url = f"{receiver.url}/inbound"
    simulator.settings(inbound_url=url)
    return url


def test_person_writes_with_a_signed_webhook(simulator: SimulatorProcess, receiver: Receiver, listening: str) -> None:
    told = simulator.inbound(sender=PERSON, recipient=SHORT_CODE, body="Hëllo  & ünïcode 😀")

    [webhook] = receiver.received
    assert told == {"sid": webhook.form["MessageSid"], "status": 200, "answered": True}
    assert is_signed(webhook, listening)
    assert webhook.form["Body"] == "Hëllo  & ünïcode 😀"
    assert (webhook.form["From"], webhook.form["To"]) == (PERSON, SHORT_CODE)
    assert (webhook.form["NumMedia"], webhook.form["NumSegments"]) == ("0", "1")
    assert webhook.form["SmsMessageSid"] == webhook.form["SmsSid"] == told["sid"]


def test_number_s_own_url_comes_before_the_default(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver, listening: str
) -> None:
    owned = api.post(
        f"{ACCOUNT}/IncomingPhoneNumbers.json", data={"AreaCode": "312", "SmsUrl": f"{receiver.url}/own"}
    ).json()

    simulator.inbound(sender=PERSON, recipient=owned["phone_number"], body="hi")

    assert [webhook.path for webhook in receiver.received] == ["/own"]
    api.delete(owned["uri"])


def test_number_without_url_or_owner_is_refused_with_what_to_do(simulator: SimulatorProcess) -> None:
    with pytest.raises(SimulatorProcessError, match="inbound_url"):
        simulator.inbound(sender=PERSON, recipient=SENDER, body="hi")
    with pytest.raises(SimulatorProcessError, match="buy it"):
        simulator.inbound(sender=PERSON, recipient="+14155559999", body="hi")


def test_sends_after_an_answered_stop_are_counted_but_for_one_confirmation(
    simulator: SimulatorProcess, api: httpx.Client, listening: str
) -> None:
    send(api, PERSON, "Sale!")
    simulator.inbound(sender=PERSON, recipient=SENDER, body=" stop ")
    send(api, PERSON, "You are unsubscribed.")
    assert simulator.stats()["sent_after_stop"] == 0
    assert simulator.stats()["stop_confirmations"] == 1

    send(api, PERSON, "You are unsubscribed, really.")
    send(api, PERSON, "Another sale!")
    send(api, "+14155550002", "Another sale!")

    stats = simulator.stats()
    assert stats["sent_after_stop"] == 2
    assert stats["sent_after_stop_max_seconds"] > 0
    assert stats["opted_out"] == 1
    simulator.inbound(sender=PERSON, recipient=SENDER, body="START")
    send(api, PERSON, "Welcome back")
    assert simulator.stats()["sent_after_stop"] == 2
    assert simulator.stats()["opted_out"] == 0


def test_stop_that_nobody_answered_does_not_count(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver, listening: str
) -> None:
    simulator.settings(callback_attempts=1)
    receiver.answers = [500]

    told = simulator.inbound(sender=PERSON, recipient=SENDER, body="STOP")
    send(api, PERSON)

    assert told["answered"] is False
    assert simulator.stats()["sent_after_stop"] == 0
    assert simulator.stats()["inbound"]["failed"] == 1


def test_carrier_blocks_after_stop_only_when_asked_to(
    simulator: SimulatorProcess, api: httpx.Client, listening: str
) -> None:
    simulator.inbound(sender=PERSON, recipient=SENDER, body="STOP")
    assert send(api, PERSON).status_code == 201

    simulator.settings(carrier_blocks_stop=True)
    assert send(api, PERSON).json()["code"] == 21610
    assert send(api, PERSON, From=SHORT_CODE).status_code == 201
    simulator.inbound(sender=PERSON, recipient=SENDER, body="unstop")
    assert send(api, PERSON).status_code == 201


def test_people_answer_once_at_the_given_rates(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver, listening: str
) -> None:
    simulator.settings(stop_rate=0.25, help_rate=0.25, keyword_rate=0.25, keywords=["PIZZA"], chatter_rate=0.25)
    for number in range(80):
        send(api, f"+1415555{number:04}")
    wait_for(lambda: simulator.stats()["inbound"]["answered"] == 80)

    words = simulator.stats()["inbound"]["words"]
    assert all(8 <= words[word] <= 35 for word in ("STOP", "HELP"))
    keywords = [webhook for webhook in receiver.received if webhook.form["Body"] == "PIZZA"]
    assert 8 <= len(keywords) <= 35
    send(api, "+14155550000", "again")
    wait_for(lambda: simulator.stats()["scheduled"] == 0)
    assert simulator.stats()["inbound"]["sent"] == 80
    assert simulator.stats()["replies"] == 1


def test_same_seed_makes_the_same_people_write_the_same(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver, listening: str
) -> None:
    simulator.settings(stop_rate=0.2, chatter_rate=0.3)

    def run(people: list[str]) -> dict[str, str]:
        simulator.reset()
        receiver.received.clear()
        for person in people:
            send(api, person)
        wait_for(lambda: simulator.stats()["scheduled"] == 0 and simulator.stats()["inbound"]["pending"] == 0)
        return {webhook.form["From"]: webhook.form["Body"] for webhook in receiver.received}

    people = [f"+1415555{number:04}" for number in range(60)]
    first = run(people)

    assert 10 < len(first) < 50
    assert run(people[::-1]) == first


def test_same_answer_to_a_second_question_is_no_duplicate(
    simulator: SimulatorProcess, api: httpx.Client, listening: str
) -> None:
    for _ in range(2):
        simulator.inbound(sender=PERSON, recipient=SENDER, body="HELP")
        send(api, PERSON, "Reply STOP to end.")
    assert simulator.stats()["duplicate_sends"] == 0
    assert simulator.stats()["replies"] == 2

    send(api, PERSON, "Reply STOP to end.")
    assert simulator.stats()["duplicate_sends"] == 1


def test_message_in_a_webhook_s_answer_reaches_the_person(
    simulator: SimulatorProcess, api: httpx.Client, receiver: Receiver, listening: str
) -> None:
    receiver.reply_body = b"<Response><Message>Fish &amp; chips</Message></Response>"

    simulator.inbound(sender=PERSON, recipient=SENDER, body="menu")

    [message] = api.get(f"{ACCOUNT}/Messages.json", params={"To": PERSON}).json()["messages"]
    assert message["body"] == "Fish & chips"
    assert simulator.stats()["replies"] == 1
