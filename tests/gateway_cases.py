"""The cases that every SMS gateway passes. A gateway's test class inherits them and says how its provider talks.

    class TestTwilio(GatewayCases):
        kind = "twilio"
        ...

The hooks return what the provider really sends, from files in ``tests/payloads/<kind>/``. Nothing here knows a
provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from integrations.http.values import Reply, TransportFailure
from integrations.sms.contract import GatewayConfig, OutboundSms, SendResult, SmsAdapter, Webhook
from integrations.sms.errors import ErrorKind, SendError, SignatureError, UnparsableWebhook
from integrations.sms.events import DeliveryState
from integrations.sms.registry import adapter_class, make_adapter

PAYLOADS = Path(__file__).parent / "payloads"
BASE_URL = "https://gateway.example"
MESSAGE = OutboundSms(
    id=7,
    sender="+14155550100",
    recipient="+14155552671",
    body="Café & cake? 100% “yes” 🙂\nReply STOP to end",
    status_url="https://sms.example.com/webhooks/3/status/7",
)
ORDER = tuple(DeliveryState)


def _another(number: int) -> OutboundSms:
    """A message like the first, to somebody else with a text of their own."""
    return MESSAGE._replace(
        id=1000 + number,
        recipient=f"+1415555{2700 + number}",
        body=f"{MESSAGE.body} {number}",
        status_url=f"https://sms.example.com/webhooks/3/status/{1000 + number}",
    )


class GatewayCases:
    """Cases for one gateway. What is in capitals or raises ``NotImplementedError`` belongs to the subclass."""

    kind: ClassVar[str]
    credentials: ClassVar[Mapping[str, str]]
    #: What every gateway has: its random name.
    options: ClassVar[Mapping[str, str]] = {"key": "0123456789abcdef"}
    #: The provider's id in ``accepted_reply`` and in the webhooks of ``status_webhook``.
    provider_id: ClassVar[str]
    #: The provider's own words for a message's life, in the order in which it lives it.
    status_words: ClassVar[tuple[str, ...]]

    # What the provider says

    def accepted_reply(self) -> Reply:
        """The reply to a send that is taken, in one segment."""
        raise NotImplementedError

    def accepted_replies(self, messages: Sequence[OutboundSms]) -> Reply:
        """The reply to a send of these messages, all of which are taken; for gateways that take many at once."""
        raise NotImplementedError

    def throttled_reply(self, retry_after_seconds: int) -> Reply:
        """The reply to one request too many."""
        raise NotImplementedError

    def rejected_reply(self) -> Reply:
        """The reply to a message that is refused for good, for a reason that is neither opt-out nor number."""
        raise NotImplementedError

    def opted_out_reply(self) -> Reply:
        """The reply to a message for a recipient who has opted out at the provider."""
        raise NotImplementedError

    def bad_number_reply(self) -> Reply:
        """The reply to a message for a number that can never receive one."""
        raise NotImplementedError

    def bad_credentials_reply(self) -> Reply:
        """The reply to wrong credentials."""
        raise NotImplementedError

    def status_webhook(self, word: str) -> Webhook:
        """A delivery status in the provider's word, unsigned."""
        raise NotImplementedError

    def inbound_webhook(self) -> Webhook:
        """An inbound message of ``MESSAGE.recipient`` to ``MESSAGE.sender``, unsigned."""
        raise NotImplementedError

    def sign(self, webhook: Webhook) -> Webhook:
        """The webhook as the provider would sign it with ``credentials``."""
        raise NotImplementedError

    # What is told apart from it

    @pytest.fixture
    def adapter(self) -> SmsAdapter:
        return make_adapter(self.kind, GatewayConfig(self.credentials, BASE_URL, self.options))

    @pytest.fixture
    def messages(self, adapter: SmsAdapter) -> list[OutboundSms]:
        """As many messages as fit into one request, three at most."""
        count = min(adapter.capabilities.recipients_per_request, 3)
        return [MESSAGE, *(_another(number) for number in range(1, count))]

    def result(self, adapter: SmsAdapter, reply: Reply) -> SendResult:
        (result,) = adapter.parse_send([MESSAGE], reply)
        assert result.message_id == MESSAGE.id
        return result

    def error(self, adapter: SmsAdapter, reply: Reply) -> SendError:
        error = self.result(adapter, reply).error
        assert error is not None
        assert error.text
        assert len(error.code) <= 32
        return error

    # Sending

    def test_request_goes_to_the_gateways_address(self, adapter: SmsAdapter) -> None:
        request = adapter.build_send([MESSAGE])
        assert request.method == "POST"
        assert request.url.startswith(f"{BASE_URL}/")

    def test_request_takes_as_many_messages_as_the_gateway_says(self, adapter: SmsAdapter) -> None:
        most = adapter.capabilities.recipients_per_request
        messages = [_another(number) for number in range(most + 1)]
        body = adapter.build_send(messages[:most]).body.decode()
        assert all(message.recipient.removeprefix("+") in body for message in messages[:most])
        for wrong in ([], messages):
            with pytest.raises(ValueError):
                adapter.build_send(wrong)

    def test_messages_like_each_other_fit_into_one_request(self, adapter: SmsAdapter) -> None:
        most = adapter.capabilities.recipients_per_request
        messages = [_another(number) for number in range(most)]
        assert adapter.fits(messages[:1]) == 1
        assert adapter.fits(messages) == most

    def test_what_fits_into_a_request_can_be_built(self, adapter: SmsAdapter) -> None:
        messages = [
            message
            for number in range(4)
            for message in (
                _another(number),
                _another(number)._replace(id=9000 + number, sender="24365", body="${a} $"),
            )
        ][: adapter.capabilities.recipients_per_request]
        while messages:
            count = adapter.fits(messages)
            assert 1 <= count <= len(messages)
            adapter.build_send(messages[:count])
            del messages[:count]

    def test_each_message_of_a_request_has_its_result_in_order(
        self, adapter: SmsAdapter, messages: list[OutboundSms]
    ) -> None:
        if len(messages) == 1:
            replies = [self.accepted_reply()]
        else:
            replies = [self.accepted_replies(messages), self.accepted_replies(messages[::-1])]
        for reply in replies:
            results = adapter.parse_send(messages, reply)
            assert [result.message_id for result in results] == [message.id for message in messages]
            assert {result.state for result in results} == {DeliveryState.ACCEPTED}
            assert len({result.provider_id for result in results}) == len(messages)

    def test_refused_request_is_a_result_for_each_of_its_messages(
        self, adapter: SmsAdapter, messages: list[OutboundSms]
    ) -> None:
        refusals = {
            ErrorKind.THROTTLED: self.throttled_reply(3),
            ErrorKind.NOT_SENT: self.bad_credentials_reply(),
            ErrorKind.UNKNOWN: Reply(502, {}, b"<html>"),
        }
        for kind, reply in refusals.items():
            results = adapter.parse_send(messages, reply)
            assert [(result.message_id, result.error and result.error.kind) for result in results] == [
                (message.id, kind) for message in messages
            ]

    def test_message_that_a_reply_does_not_tell_of_is_unknown(
        self, adapter: SmsAdapter, messages: list[OutboundSms]
    ) -> None:
        nothing = Reply(self.accepted_reply().status, {}, b"{}")
        reply = nothing if len(messages) == 1 else self.accepted_replies(messages[:-1])
        *others, last = adapter.parse_send(messages, reply)
        assert {result.state for result in others} <= {DeliveryState.ACCEPTED}
        assert last.message_id == messages[-1].id
        assert last.error is not None
        assert last.error.kind is ErrorKind.UNKNOWN

    def test_secrets_are_not_in_the_url(self, adapter: SmsAdapter) -> None:
        url = adapter.build_send([MESSAGE]).url
        secrets = {field.name for field in adapter_class(self.kind).credential_fields if field.secret}
        assert not [name for name, value in self.credentials.items() if name in secrets and value in url]

    def test_accepted_message_has_an_id_and_a_state(self, adapter: SmsAdapter) -> None:
        result = self.result(adapter, self.accepted_reply())
        assert result == SendResult(MESSAGE.id, self.provider_id, DeliveryState.ACCEPTED, 1)

    def test_throttled_message_may_be_sent_again_after_a_while(self, adapter: SmsAdapter) -> None:
        error = self.error(adapter, self.throttled_reply(3))
        assert error.kind is ErrorKind.THROTTLED
        assert error.retry_after_seconds == 3

    def test_rejected_message_blames_nobody(self, adapter: SmsAdapter) -> None:
        error = self.error(adapter, self.rejected_reply())
        assert error.kind is ErrorKind.REJECTED
        flags = (error.opts_out, error.bad_number, error.stops_gateway, error.stops_number)
        assert not any(flags)

    def test_opted_out_recipient_is_to_be_suppressed(self, adapter: SmsAdapter) -> None:
        error = self.error(adapter, self.opted_out_reply())
        assert error.kind is ErrorKind.REJECTED
        assert error.opts_out

    def test_bad_number_is_marked(self, adapter: SmsAdapter) -> None:
        error = self.error(adapter, self.bad_number_reply())
        assert error.kind is ErrorKind.REJECTED
        assert error.bad_number
        assert not error.opts_out

    def test_bad_credentials_stop_the_gateway_and_fail_nobody(self, adapter: SmsAdapter) -> None:
        error = self.error(adapter, self.bad_credentials_reply())
        assert error.kind is ErrorKind.NOT_SENT
        assert error.stops_gateway

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_server_error_leaves_the_message_unknown(self, adapter: SmsAdapter, status: int) -> None:
        assert self.error(adapter, Reply(status, {}, b"<html>oops</html>")).kind is ErrorKind.UNKNOWN
        assert self.error(adapter, Reply(status, {}, self.opted_out_reply().body)).kind is ErrorKind.UNKNOWN

    @pytest.mark.parametrize(
        "body", [b"", b"OK", b"{", b"null", b"[]", b"{}", b'"text"', b"\xff\xfe", b"[[1]]", b'{"sid": 5}', b"7"]
    )
    def test_success_that_cannot_be_read_leaves_the_message_unknown(self, adapter: SmsAdapter, body: bytes) -> None:
        status = self.accepted_reply().status
        assert self.error(adapter, Reply(status, {}, body)).kind is ErrorKind.UNKNOWN

    @pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b'{"code": null, "message": null}', b"\xff"])
    @pytest.mark.parametrize("status", [100, 204, 302, 304, 308, 400, 404, 409, 418, 429, 599])
    def test_no_reply_makes_parsing_raise(self, adapter: SmsAdapter, status: int, body: bytes) -> None:
        self.error(adapter, Reply(status, {"retry-after": "soon"}, body))

    def test_time_out_after_the_request_left_is_unknown(self, adapter: SmsAdapter) -> None:
        (result,) = adapter.failed_send([MESSAGE], TransportFailure("no answer", request_left=True))
        assert result.error is not None
        assert result.error.kind is ErrorKind.UNKNOWN

    def test_refused_connection_is_not_sent(self, adapter: SmsAdapter) -> None:
        (result,) = adapter.failed_send([MESSAGE], TransportFailure("refused", request_left=False))
        assert result.error is not None
        assert result.error.kind is ErrorKind.NOT_SENT

    # Webhooks

    def test_good_signature_is_accepted(self, adapter: SmsAdapter) -> None:
        adapter.verify(self.sign(self.status_webhook(self.status_words[0])))
        adapter.verify(self.sign(self.inbound_webhook()))

    def test_missing_signature_is_refused(self, adapter: SmsAdapter) -> None:
        with pytest.raises(SignatureError):
            adapter.verify(self.inbound_webhook())

    def test_wrong_signature_is_refused(self, adapter: SmsAdapter) -> None:
        signed = self.sign(self.inbound_webhook())
        added = set(signed.headers) - set(self.inbound_webhook().headers)
        for forged in ("", "x", "é", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="):
            headers = {**signed.headers, **dict.fromkeys(added, forged)}
            with pytest.raises(SignatureError):
                adapter.verify(replace(signed, headers=headers))

    def test_almost_right_signature_is_refused(self, adapter: SmsAdapter) -> None:
        signed = self.sign(self.inbound_webhook())
        for name in set(signed.headers) - set(self.inbound_webhook().headers):
            value = signed.headers[name]
            other = "0" if value[-4] != "0" else "1"
            for forged in (value[:-1], value[:-4] + other + value[-3:], value + value[-1]):
                with pytest.raises(SignatureError):
                    adapter.verify(replace(signed, headers={**signed.headers, name: forged}))

    def test_changed_body_is_refused(self, adapter: SmsAdapter) -> None:
        signed = self.sign(self.inbound_webhook())
        for body in (signed.body + b"&x=1", signed.body + b" ", b"", b"\xff"):
            with pytest.raises(SignatureError):
                adapter.verify(replace(signed, body=body))

    def test_secrets_are_not_in_a_refusals_text(self, adapter: SmsAdapter) -> None:
        signed = self.sign(self.inbound_webhook())
        with pytest.raises(SignatureError) as caught:
            adapter.verify(replace(signed, body=b""))
        secrets = {field.name for field in adapter_class(self.kind).credential_fields if field.secret}
        assert not [name for name in secrets if self.credentials.get(name, "\0") in str(caught.value)]

    def test_statuses_come_in_the_order_of_the_catalogue(self, adapter: SmsAdapter) -> None:
        reports = [report for word in self.status_words for report in adapter.parse_status(self.status_webhook(word))]
        ranks = [ORDER.index(report.state) for report in reports]
        assert ranks == sorted(ranks)
        assert reports[-1].state is DeliveryState.DELIVERED
        assert {report.provider_id for report in reports} == {self.provider_id}

    def test_status_means_the_same_whenever_it_arrives(self, adapter: SmsAdapter) -> None:
        forwards = {word: adapter.parse_status(self.status_webhook(word)) for word in self.status_words}
        backwards = {word: adapter.parse_status(self.status_webhook(word)) for word in reversed(self.status_words)}
        assert forwards == backwards

    def test_status_carries_our_id_from_the_path(self, adapter: SmsAdapter) -> None:
        webhook = replace(self.status_webhook(self.status_words[-1]), message_id=MESSAGE.id)
        (report,) = adapter.parse_status(webhook)
        assert report.message_id == MESSAGE.id

    def test_inbound_message_is_read(self, adapter: SmsAdapter) -> None:
        (inbound,) = adapter.parse_inbound(self.inbound_webhook())
        assert inbound.provider_id
        assert inbound.sender == MESSAGE.recipient
        assert inbound.recipient == MESSAGE.sender
        assert inbound.body

    def test_repeat_of_an_inbound_message_has_the_same_id(self, adapter: SmsAdapter) -> None:
        first, second = (adapter.parse_inbound(self.inbound_webhook()) for _ in range(2))
        assert first == second

    @pytest.mark.parametrize("body", [b"", b"hello", b"{", b"\xff\xfe", b"a=%FF", b"<xml/>", b"&=&="])
    def test_garbage_webhook_is_kept_for_staff(self, adapter: SmsAdapter, body: bytes) -> None:
        with pytest.raises(UnparsableWebhook):
            adapter.parse_status(replace(self.status_webhook(self.status_words[0]), body=body))
        with pytest.raises(UnparsableWebhook):
            adapter.parse_inbound(replace(self.inbound_webhook(), body=body))

    def test_provider_hears_that_a_webhook_is_stored(self, adapter: SmsAdapter) -> None:
        assert 200 <= adapter.webhook_reply().status < 300
