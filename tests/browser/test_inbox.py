"""The inbox in a real browser: a reply that arrives, a message that appears by itself, texts that are not lost."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable

import pytest
from django.db import connections
from playwright.sync_api import Page, Route, expect

from integrations.simulator.process import SimulatorProcess
from integrations.sms.segments import count
from messaging.jobs import inbound
from messaging.models import Conversation, InboundMessage, Message, PhoneNumber
from messaging.services.conversations import note_inbound, reply
from tests.factories import CannedReplyFactory, InboundMessageFactory, StaffFactory, SubscriberFactory
from tests.fixtures import gateway as gateway
from tests.fixtures import number as number
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.fixtures import webhook_process as webhook_process
from tests.messaging.tools import send_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PERSON = "+14155552671"


def says(number: PhoneNumber, body: str, person: str = PERSON) -> Conversation:
    """Somebody writes, and it waits."""
    message = InboundMessageFactory.create(number=number, sender=person, body=body, handler="inbox")
    note_inbound(message=message, waits=True)
    return Conversation.objects.get(number=message.number, person=message.sender)


def in_a_thread_of_its_own(work: Callable[..., object], *args: object) -> None:
    """The sender has an event loop; Playwright's runs in this thread."""

    def run() -> None:
        try:
            work(*args)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def open_conversation(page: Page, live_server: object, name: str) -> None:
    page.goto(f"{live_server}/admin/")
    page.get_by_role("link", name="Conversations").click()
    page.locator(".inbox-entry", has_text=name).click()


def test_a_reply_arrives_and_an_answer_appears_by_itself(
    console: Page,
    live_server: object,
    simulator: SimulatorProcess,
    number: PhoneNumber,
    webhook_process: subprocess.Popen[bytes],
) -> None:
    SubscriberFactory.create(account=number.account, number=PERSON, first_name="Ann", last_name="Lee")
    simulator.inbound(sender=PERSON, recipient=number.number, body="Is the matinee on?")
    inbound.drain()
    open_conversation(console, live_server, "Ann Lee")
    console.evaluate("window.sameDocument = true")
    box = console.get_by_label("Text", exact=True)
    box.fill("Yes, at 2 pm.")
    box.press("Control+Enter")
    expect(console.locator(".inbox-bubble.is-ours")).to_contain_text("Yes, at 2 pm.")
    expect(box).to_have_value("")
    in_a_thread_of_its_own(send_all, number)
    stats = simulator.stats(recipients=True)
    assert (list(stats["by_recipient"]), stats["messages_taken"]) == ([PERSON], 1)

    box.fill("By the way")
    simulator.inbound(sender=PERSON, recipient=number.number, body="Wonderful, two seats please")
    inbound.drain()
    expect(console.locator(".inbox-bubble.is-theirs").last).to_contain_text("Wonderful, two seats please")
    expect(console.locator(".inbox-entry.is-selected")).to_contain_text("Wonderful")
    expect(box).to_have_value("By the way")
    expect(box).to_be_focused()
    assert console.evaluate("window.sameDocument") is True
    assert InboundMessage.objects.count() == 2


def test_looking_at_it_makes_it_read(console: Page, live_server: object, number: PhoneNumber) -> None:
    made = says(number, "Hello")
    with console.expect_response("**/read/"):
        open_conversation(console, live_server, PERSON)
    made.refresh_from_db()
    assert not made.is_unread
    expect(console.locator(".inbox-entry.is-unread")).to_have_count(0)
    badge = console.locator("[data-inbox-badge]")
    expect(badge).to_be_hidden()
    says(number, "Hello", "+14155550199")
    expect(badge).to_have_text("1", timeout=10_000)
    expect(console).to_have_title(re.compile(r"^\(1\) "))


def test_what_a_colleague_answered_is_seen_first_and_the_text_kept(
    console: Page, live_server: object, number: PhoneNumber
) -> None:
    made = says(number, "Is it on?")
    open_conversation(console, live_server, PERSON)
    # The page does not learn of it by itself before it is sent.
    console.route("**/thread/**", lambda route: route.abort())
    console.get_by_label("Text", exact=True).fill("No.")
    colleague = StaffFactory.create(first_name="Maria", last_name="Ruiz")
    reply(conversation_id=made.pk, body="Yes.", user=colleague)
    console.get_by_role("button", name="Send").click()
    expect(console.get_by_role("alert")).to_contain_text("Maria Ruiz has answered")
    expect(console.get_by_label("Text", exact=True)).to_have_value("No.")
    expect(console.locator(".inbox-bubble.is-ours")).to_have_count(1)
    console.get_by_role("button", name="Send").click()
    expect(console.locator(".inbox-bubble.is-ours")).to_have_count(2)
    assert Message.objects.count() == 2


def test_what_came_after_the_first_keystroke_is_seen_first_though_the_page_shows_it(
    console: Page, live_server: object, number: PhoneNumber
) -> None:
    made = says(number, "Is it on?")
    open_conversation(console, live_server, PERSON)
    box, send = console.get_by_label("Text", exact=True), console.get_by_role("button", name="Send")
    box.fill("N")
    reply(conversation_id=made.pk, body="Yes.", user=StaffFactory.create(first_name="Maria", last_name="Ruiz"))
    expect(console.locator(".inbox-bubble.is-ours")).to_have_count(1)
    box.press_sequentially("o.")
    send.click()
    expect(console.get_by_role("alert")).to_contain_text("Maria Ruiz has answered")
    assert Message.objects.count() == 1
    # Who begins anew has seen what is there.
    box.fill("")
    says(number, "Thanks, and on Sunday?")
    expect(console.locator(".inbox-bubble.is-theirs").last).to_contain_text("on Sunday")
    box.fill("On Sunday too.")
    send.click()
    expect(console.locator(".inbox-bubble.is-ours")).to_have_count(2)


def test_pressing_again_after_a_lost_answer_sends_once(console: Page, live_server: object, number: PhoneNumber) -> None:
    says(number, "Is it on?")
    # A window beside it: an answer that is lost is an error in its console, and is meant to be.
    window = console.context.new_page()
    open_conversation(window, live_server, PERSON)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    window.route("**/write/**", lose, times=1)
    window.get_by_label("Text", exact=True).fill("Yes, at 2 pm.")
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_role("alert")).to_contain_text("it may have been sent")
    expect(window.locator(".inbox-bubble.is-ours")).to_have_count(1)
    expect(window.get_by_label("Text", exact=True)).to_have_value("Yes, at 2 pm.")
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_label("Text", exact=True)).to_have_value("")
    assert Message.objects.count() == 1


def test_the_keys_send_and_the_note_button_keeps(console: Page, live_server: object, number: PhoneNumber) -> None:
    says(number, "Is it on?")
    open_conversation(console, live_server, PERSON)
    box, note = console.get_by_label("Text", exact=True), console.get_by_role("button", name="Keep as note")
    box.fill("She sounds upset.")
    note.click()
    expect(console.locator(".inbox-bubble.is-note")).to_have_count(1)
    assert not Message.objects.exists()
    box.fill("Yes.")
    note.focus()
    note.press("Control+Enter")
    expect(console.locator(".inbox-bubble.is-ours")).to_have_count(1)
    expect(console.locator(".inbox-bubble.is-note")).to_have_count(1)


def test_close_leaves_open_what_the_page_has_not_shown(console: Page, live_server: object, number: PhoneNumber) -> None:
    made = says(number, "Hello")
    open_conversation(console, live_server, PERSON)
    console.route("**/thread/**", lambda route: route.abort())
    says(number, "wait, my order is wrong!!")
    console.get_by_role("button", name="Close", exact=True).click()
    expect(console.get_by_text("has written again. It was not closed")).to_be_visible()
    expect(console.locator(".inbox-bubble.is-theirs").last).to_contain_text("my order is wrong")
    console.get_by_role("button", name="Close", exact=True).click()
    expect(console.get_by_text("Closed. It opens again when they write.")).to_be_visible()
    made.refresh_from_db()
    assert not made.is_open


def test_the_place_in_a_long_thread_is_kept(console: Page, live_server: object, number: PhoneNumber) -> None:
    for index in range(30):
        says(number, f"Message {index}")
    open_conversation(console, live_server, PERSON)
    scroll = console.locator("[data-inbox-scroll]")
    assert scroll.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight") < 5
    scroll.evaluate("box => { box.scrollTop = 120; }")
    says(number, "The newest")
    expect(console.locator(".inbox-bubble.is-theirs").last).to_contain_text("The newest")
    assert scroll.evaluate("box => box.scrollTop") == 120
    scroll.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    says(number, "One more")
    expect(console.locator(".inbox-bubble.is-theirs").last).to_contain_text("One more")
    assert scroll.evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight") < 5


SCROLLS_WHILE_IT_SETTLES = """() => { window.settled = new Promise((done) => {
    const box = document.querySelector("[data-inbox-scroll]");
    let answer = null;
    document.addEventListener("htmx:afterSwap", (event) => {
        answer = event.detail.xhr;
        box.scrollTop = 300;
    }, { once: true });
    document.addEventListener("htmx:afterSettle", (event) => {
        if (event.detail.xhr === answer) {
            done(box.scrollTop);
        }
    });
}); }"""


def test_whoever_scrolls_while_the_page_settles_is_not_taken_back(
    console: Page, live_server: object, number: PhoneNumber
) -> None:
    for index in range(30):
        says(number, f"Message {index}")
    open_conversation(console, live_server, PERSON)
    console.locator("[data-inbox-scroll]").evaluate("box => { box.scrollTop = 120; }")
    console.evaluate(SCROLLS_WHILE_IT_SETTLES)
    says(number, "The newest")
    assert console.evaluate("window.settled") == 300


@pytest.mark.parametrize(
    "text",
    ["a", "a" * 160, "a" * 161, "€" * 80, "€" * 81, "a" * 152 + "€" * 10, "ñandú ", "Олег" * 20, "x" + "😀" * 40],
)
def test_the_counter_counts_as_the_sender_does(
    console: Page, live_server: object, number: PhoneNumber, text: str
) -> None:
    made = says(number, "Hello")
    console.goto(f"{live_server}/admin/messaging/conversation/{made.pk}/change/")
    console.get_by_label("Text", exact=True).fill(text)
    expected = count(text.strip())
    counter = console.locator("#inbox-counter")
    plural = "segment" if expected.segments == 1 else "segments"
    expect(counter).to_contain_text(f"{expected.segments} {plural}, {expected.remaining} left")
    expect(counter).to_contain_text(expected.encoding)


def test_a_canned_reply_is_filled_in(console: Page, live_server: object, number: PhoneNumber) -> None:
    SubscriberFactory.create(account=number.account, number=PERSON, first_name="Ann", last_name="Lee")
    CannedReplyFactory.create(account=number.account, name="Hours")
    says(number, "When are you open?")
    open_conversation(console, live_server, "Ann Lee")
    console.get_by_label("Text", exact=True).fill("Thanks!")
    console.get_by_label("Canned replies").select_option(label="Hours")
    expect(console.get_by_label("Text", exact=True)).to_have_value("Thanks! Hi Ann, we open at 10.")


def test_on_a_phone_the_list_comes_first_and_then_the_thread_alone(
    console: Page, live_server: object, number: PhoneNumber
) -> None:
    says(number, "Hello from a phone")
    console.set_viewport_size({"width": 390, "height": 844})
    console.goto(f"{live_server}/admin/messaging/conversation/")
    expect(console.locator(".inbox-talk")).to_be_hidden()
    console.locator(".inbox-entry").click()
    expect(console.locator(".inbox-index")).to_be_hidden()
    expect(console.locator(".inbox-bubble.is-theirs")).to_be_visible()
    assert console.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    side = console.locator("#inbox-side")
    expect(side).to_be_hidden()
    console.get_by_role("button", name="About them").click()
    expect(side).to_be_visible()
    console.get_by_role("link", name="Back to the list").click()
    expect(console.locator(".inbox-index")).to_be_visible()
