"""Pictures that people send: kept as links, shown without being loaded, and no way in for anything else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.services.consent.evidence import evidence_of
from integrations.simulator.config import SimulatorSettings
from integrations.simulator.infobip_values import InfobipWebhooks
from integrations.simulator.memory import Message as CarriedMessage
from integrations.simulator.twilio_values import TwilioWebhooks
from integrations.sms.contract import Webhook
from integrations.sms.events import InboundSms
from integrations.sms.providers.infobip.webhooks import read_inbound as read_infobip
from integrations.sms.providers.twilio.webhooks import read_inbound as read_twilio
from messaging.inbound import router
from messaging.models import Conversation, InboundMessage, PhoneNumber, Suppression
from tests.console.conftest import client_of
from tests.integrations import infobip_payloads as infobip
from tests.integrations.twilio_payloads import FORM
from tests.messaging.hooks import receive

PERSON = "+14155552671"
PICTURE = "https://api.example.com/media/ME1?a=1&b=2"
SCRIPT = "javascript:alert(1)"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def support() -> Client:
    """A browser of somebody who answers people."""
    return client_of("Support")


def with_media(line: PhoneNumber, body: str = "") -> InboundMessage:
    """A message with a picture and what only looks like one."""
    return receive(
        line,
        body,
        NumMedia="2",
        MediaUrl0=PICTURE,
        MediaContentType0="image/jpeg",
        MediaUrl1=SCRIPT,
        MediaContentType1="text/html<b>",
    )


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def check_shown(html: str) -> None:
    """The picture is a link that tells nobody where it was followed from; the script is no link at all."""
    escaped = PICTURE.replace("&", "&amp;")
    assert f'href="{escaped}" target="_blank" rel="noopener noreferrer" referrerpolicy="no-referrer"' in html
    assert f'src="{escaped}"' not in html
    assert f'href="{SCRIPT}' not in html
    assert SCRIPT in html
    assert "text/html<b>" not in html


def test_the_thread_the_message_and_the_lists_show_media(line: PhoneNumber, support: Client) -> None:
    message = with_media(line)
    conversation = Conversation.objects.get()
    thread = page(support, reverse("admin:messaging_conversation_change", args=[conversation.pk]))
    check_shown(thread)
    assert "(no text)" not in thread
    assert conversation.last_excerpt == "(media)"
    check_shown(page(support, reverse("admin:messaging_inboundmessage_change", args=[message.pk])))
    assert "2 files" in page(support, reverse("admin:messaging_inboundmessage_changelist"))


def test_words_beside_a_picture_are_read_and_shown(line: PhoneNumber, support: Client) -> None:
    with_media(line, "Is this the right door?")
    assert Conversation.objects.get().last_excerpt == "(media) Is this the right door?"
    listed = page(support, reverse("admin:messaging_inboundmessage_changelist"))
    assert "Is this the right door?" in listed
    assert "2 files" in listed


def test_the_evidence_names_media(line: PhoneNumber) -> None:
    with_media(line, "Look")
    (item,) = evidence_of(account=line.account, number=PERSON).items()
    assert item.words == f"Look\nimage/jpeg: {PICTURE}\ntext/html<b>: {SCRIPT}"
    assert item.how == "Text with media (MMS)"


def test_infobips_mms_has_its_words_and_media_in_parts(line: PhoneNumber) -> None:
    parts = [
        {"contentType": "image/jpeg", "url": PICTURE},
        {"contentType": "text/plain", "value": "STOP"},
        {"contentType": "application/smil"},
        "not a part",
    ]
    (sms,) = read_infobip(infobip.inbound(text=None, message=parts))
    assert (sms.body, sms.media) == ("STOP", ((PICTURE, "image/jpeg"),))
    sms = replace(sms, recipient=line.number, sender=PERSON)
    message = router.receive(gateway_id=line.gateway_id, sms=sms, received_at=line.created_at)
    assert message is not None
    assert message.handler == "opt_out"
    assert Suppression.objects.active().exists()


def test_the_simulators_mms_is_read_as_the_providers_are() -> None:
    settings, media = SimulatorSettings(), [(PICTURE, "image/jpeg"), ("https://x.example/2", "video/mp4")]
    carried = CarriedMessage(
        "+14155552600", PERSON, "Hello", "received", direction="inbound", segments=1, media=len(media)
    )
    hook = TwilioWebhooks().inbound(settings, "0" * 32, carried, "http://hooks.test/", media)
    (twilio,) = read_twilio(Webhook(hook.url, FORM, hook.body))
    hook = InfobipWebhooks().inbound(settings, "0" * 32, carried, "http://hooks.test/", media)
    (other,) = read_infobip(Webhook(hook.url, {}, hook.body))
    expected = InboundSms("MM" + "0" * 32, PERSON, "+14155552600", "Hello", tuple(media))
    assert twilio == expected
    assert other == replace(expected, provider_id="0" * 32)
