"""Twilio's signatures in every form, and what its webhooks say."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import quote_plus

import pytest

from integrations.sms.contract import Webhook
from integrations.sms.errors import SignatureError, UnparsableWebhook
from integrations.sms.events import DeliveryState, OptOutAction
from tests.integrations import twilio_payloads as twilio

SHARED_KEY = "a-shared-key"


def form_webhook(body: str, url: str = twilio.INBOUND_URL, **headers: str) -> Webhook:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Webhook(url, {**twilio.FORM, **given}, body.encode())


def json_webhook(body: bytes, digest: str | None = None) -> Webhook:
    digest = hashlib.sha256(body).hexdigest() if digest is None else digest
    url = f"{twilio.INBOUND_URL}?a=b&bodySHA256={digest}"
    return Webhook(url, {"content-type": "application/json"}, body)


def test_signature_of_twilios_own_example() -> None:
    # From Twilio's "Secure webhooks" page: token 12345 and this URL and form give this signature.
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items())
    url = "https://example.com/myapp.php?foo=1&bar=2"
    expected = twilio.sign(form_webhook(body, url), key="12345").headers["x-twilio-signature"]
    assert expected == "L/OH5YylLD5NRKLltdqwSvS0BnU="
    twilio.adapter(auth_token="12345").verify(form_webhook(body, url, x_twilio_signature=expected))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Body=",
        "b=2&a=1&B=3",
        "a=2&a=1&a=2",
        "Body=caf%C3%A9+%26+%F0%9F%99%82+%2B&To=%2B1",
        "a+b=c+d&a=",
        "Body=+lead+and+trail+",
    ],
)
def test_forms_of_all_kinds_are_verified(body: str) -> None:
    twilio.adapter().verify(twilio.sign(form_webhook(body)))


@pytest.mark.parametrize(
    ("ours", "signed"),
    [
        ("https://sms.example.com/in?x=1", "https://sms.example.com:443/in?x=1"),
        ("https://sms.example.com:443/in?x=1", "https://sms.example.com/in?x=1"),
        ("http://sms.example.com/in", "http://sms.example.com:80/in"),
        ("http://[::1]/in", "http://[::1]:80/in"),
        ("https://sms.example.com:8443/in", "https://sms.example.com:8443/in"),
    ],
)
def test_default_port_may_be_in_the_signed_url(ours: str, signed: str) -> None:
    twilio.adapter().verify(twilio.sign(form_webhook("a=1", ours), url=signed))


@pytest.mark.parametrize(
    ("ours", "signed"),
    [
        ("https://sms.example.com:8443/in", "https://sms.example.com/in"),
        ("https://sms.example.com/in", "https://sms.example.com:80/in"),
        ("https://sms.example.com/in", "https://sms.example.com/in?x=1"),
    ],
)
def test_other_ports_and_queries_are_refused(ours: str, signed: str) -> None:
    with pytest.raises(SignatureError) as caught:
        twilio.adapter().verify(twilio.sign(form_webhook("a=1", ours), url=signed))
    assert caught.value.matching_url == ""


@pytest.mark.parametrize(
    ("signed", "headers"),
    [
        ("http://sms.example.com/in", {}),
        ("https://sms.example.com/in/", {}),
        ("https://public.example.org/in", {"host": "public.example.org"}),
        ("https://public.example.org/in/", {"x_forwarded_host": "public.example.org, proxy"}),
        ("http://public.example.org/in", {"x_forwarded_host": "public.example.org", "x_forwarded_proto": "http"}),
    ],
)
def test_signature_for_another_url_is_refused_and_the_url_named(signed: str, headers: dict[str, str]) -> None:
    webhook = form_webhook("a=1", "https://sms.example.com/in", **headers)
    with pytest.raises(SignatureError) as caught:
        twilio.adapter().verify(twilio.sign(webhook, url=signed))
    assert caught.value.matching_url == signed
    assert signed in str(caught.value)


def test_another_accounts_token_is_refused() -> None:
    with pytest.raises(SignatureError):
        twilio.adapter().verify(twilio.sign(twilio.inbound_webhook(), key="other"))


def test_json_body_is_signed_by_its_digest_in_the_url() -> None:
    webhook = twilio.sign(json_webhook(b'{"a": 1}'))
    twilio.adapter().verify(webhook)
    with pytest.raises(SignatureError):
        twilio.adapter().verify(replace(webhook, body=b'{"a": 2}'))


@pytest.mark.parametrize("digest", ["", "é", "0" * 64])
def test_json_body_without_its_digest_is_refused(digest: str) -> None:
    with pytest.raises(SignatureError):
        twilio.adapter().verify(twilio.sign(json_webhook(b"{}", digest)))


def test_form_cannot_pass_as_json_to_escape_its_signature() -> None:
    signed = twilio.sign(Webhook(twilio.INBOUND_URL, {}, b""))
    forged = replace(signed, headers={**signed.headers, "content-type": "application/json"}, body=b"From=%2B1")
    with pytest.raises(SignatureError):
        twilio.adapter().verify(forged)


def test_get_webhook_is_signed_by_its_url_alone() -> None:
    url = f"{twilio.INBOUND_URL}?From=%2B14155552671&To=%2B14155550100&Body=Hi&MessageSid=SM1"
    webhook = twilio.sign(Webhook(url, {}, b"", method="GET"))
    twilio.adapter().verify(webhook)
    (inbound,) = twilio.adapter().parse_inbound(webhook)
    assert inbound.body == "Hi"


@pytest.mark.parametrize("settings", ["key=AuthToken,algorithm=HMAC_SHA256", "algorithm = hmac_sha256, key=x"])
def test_newer_signatures_name_their_algorithm(settings: str) -> None:
    webhook = replace(
        twilio.inbound_webhook(), headers={**twilio.FORM, "x-twilio-webhooks-signature-settings": settings}
    )
    twilio.adapter().verify(twilio.sign(webhook, algorithm="sha256"))
    with pytest.raises(SignatureError):
        twilio.adapter().verify(twilio.sign(webhook, algorithm="sha1"))


def test_unknown_algorithm_is_refused_by_name() -> None:
    headers = {**twilio.FORM, "x-twilio-webhooks-signature-settings": "key=x,algorithm=NONE"}
    with pytest.raises(SignatureError, match="NONE"):
        twilio.adapter().verify(twilio.sign(replace(twilio.inbound_webhook(), headers=headers)))


def test_shared_key_signs_beside_the_auth_token() -> None:
    adapter = twilio.adapter(webhook_shared_key=SHARED_KEY)
    adapter.verify(twilio.sign(twilio.inbound_webhook(), key=SHARED_KEY))
    adapter.verify(twilio.sign(twilio.inbound_webhook()))


def test_form_with_too_many_fields_is_refused() -> None:
    with pytest.raises(SignatureError):
        twilio.adapter().verify(twilio.sign(form_webhook("&".join(f"f{i}=1" for i in range(1001)))))


# Statuses


def test_delivered_callback() -> None:
    (report,) = twilio.adapter().parse_status(twilio.status_webhook())
    assert report.provider_id == twilio.MESSAGE_SID
    assert report.state is DeliveryState.DELIVERED
    assert report.error_code == ""


def test_failed_delivery_says_why() -> None:
    (report,) = twilio.adapter().parse_status(
        Webhook(twilio.STATUS_URL, twilio.FORM, twilio.payload("status_undelivered.form"), message_id=7)
    )
    assert report.state is DeliveryState.UNDELIVERED
    assert report.error_code == "30006"
    assert "landline" in report.error_text
    assert report.bad_number
    assert not report.opts_out


def test_opt_out_at_the_provider_arrives_with_a_failure() -> None:
    (report,) = twilio.adapter().parse_status(twilio.status_webhook(MessageStatus="failed", ErrorCode="21610"))
    assert report.state is DeliveryState.FAILED
    assert report.opts_out


def test_unknown_failure_keeps_twilios_words() -> None:
    fields = {"MessageStatus": "failed", "ErrorCode": "39999", "ErrorMessage": "Moon in the way"}
    (report,) = twilio.adapter().parse_status(twilio.status_webhook(**fields))
    assert report.error_code == "39999"
    assert "Moon in the way" in report.error_text


@pytest.mark.parametrize(("status", "code"), [("canceled", "canceled"), ("failed", "failed")])
def test_failure_without_a_code_has_a_word(status: str, code: str) -> None:
    (report,) = twilio.adapter().parse_status(twilio.status_webhook(MessageStatus=status, ErrorCode="0"))
    assert report.state is DeliveryState.FAILED
    assert report.error_code == code


def test_status_of_an_inbound_message_says_nothing_new() -> None:
    assert twilio.adapter().parse_status(twilio.status_webhook(MessageStatus="received")) == []


@pytest.mark.parametrize(
    "fields",
    [{"MessageStatus": "levitating"}, {"MessageStatus": "", "SmsStatus": ""}, {"MessageSid": "", "SmsSid": ""}],
)
def test_strange_status_is_kept_for_staff(fields: dict[str, str]) -> None:
    with pytest.raises(UnparsableWebhook):
        twilio.adapter().parse_status(twilio.status_webhook(**fields))


# Inbound


def test_inbound_text_is_read_as_written() -> None:
    (inbound,) = twilio.adapter().parse_inbound(twilio.inbound_webhook())
    assert inbound.body == "Yes please! ☺ café & cake"
    assert inbound.handled_by_provider is OptOutAction.NONE
    assert inbound.media == ()
    assert inbound.segments == 1


def test_inbound_media_may_have_no_body() -> None:
    (inbound,) = twilio.adapter().parse_inbound(twilio.inbound_webhook("inbound_media.form"))
    assert inbound.body == ""
    assert [kind for _, kind in inbound.media] == ["image/jpeg", "image/png"]
    assert inbound.segments == 2


def test_advanced_opt_out_has_been_answered_already() -> None:
    (inbound,) = twilio.adapter().parse_inbound(twilio.inbound_webhook("inbound_opt_out.form"))
    assert inbound.handled_by_provider is OptOutAction.STOP


@pytest.mark.parametrize(
    "fields",
    [{"NumMedia": "-1"}, {"NumMedia": "9" * 5000}, {"NumSegments": "none"}, {"OptOutType": "PAUSE"}, {"New": "x"}],
)
def test_odd_or_new_fields_do_no_harm(fields: dict[str, str]) -> None:
    (inbound,) = twilio.adapter().parse_inbound(twilio.inbound_webhook(**fields))
    assert inbound.segments == 1
    assert inbound.handled_by_provider is OptOutAction.NONE


@pytest.mark.parametrize("name", ["From", "To"])
def test_inbound_without_a_party_is_kept_for_staff(name: str) -> None:
    with pytest.raises(UnparsableWebhook, match=name):
        twilio.adapter().parse_inbound(twilio.inbound_webhook(**{name: ""}))


def test_answer_is_empty_twiml() -> None:
    reply = twilio.adapter().webhook_reply()
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "text/xml", b"<Response/>")
