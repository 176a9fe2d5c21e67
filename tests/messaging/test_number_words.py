"""What is said of a number when its provider's answer is no help: certain where it is certain, and without secrets."""

from __future__ import annotations

import orjson
import pytest

from integrations.http.httpx_driver import HttpxDriver
from integrations.http.values import Reply, Request
from integrations.models import Gateway
from integrations.services.redaction import HIDDEN
from messaging.models import NumberCheck, PhoneNumber
from messaging.services.numbers import ProvisioningError, adopt_number, find_number, provision_number
from messaging.services.provider_numbers import NumbersUnavailable, ProviderNumbers
from messaging.tasks import reconcile_gateway
from tests.factories import AccountFactory, GatewayFactory
from tests.messaging.numbers_at_provider import QUICKLY, A
from tests.messaging.test_number_gateways import CREDENTIALS

pytestmark = pytest.mark.django_db(transaction=True)


def gateway_of(kind: str) -> Gateway:
    made: Gateway = GatewayFactory.create(kind=kind, base_url="https://127.0.0.1:9", credentials=CREDENTIALS[kind])
    return made


def answer(monkeypatch: pytest.MonkeyPatch, *replies: tuple[int, object]) -> list[Request]:
    """Have the provider answer so, the last one again and again; the requests that were made."""
    left, seen = list(replies), list[Request]()

    def send(_self: HttpxDriver, request: Request) -> Reply:
        seen.append(request)
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return Reply(status, {"content-type": "application/json"}, orjson.dumps(body))

    monkeypatch.setattr(HttpxDriver, "send", send)
    return seen


REFUSALS = {
    "sinch": {"error": {"code": 409, "status": "ALREADY_EXISTS", "message": "The number is not available."}},
    "telnyx": {"errors": [{"code": "85001", "title": "Number already reserved", "detail": "It is gone."}]},
}


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_a_conflict_that_says_sold_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Given a purchase that is answered with 409 and the provider's words, then nothing was bought, and nothing is left."""
    answer(monkeypatch, (409, REFUSALS[kind]))
    with pytest.raises(ProvisioningError, match="nothing was bought") as refused:
        provision_number(account=AccountFactory(), gateway=gateway_of(kind), number=A)
    assert "not known whether" not in refused.value.text
    assert refused.value.number is None
    assert not PhoneNumber.objects.exists()


def test_a_number_that_no_plan_has_is_tied_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a number that was ported in to Sinch, when it is entered, then it is tied to the service plan."""
    gateway = gateway_of("sinch")
    entry = {"phoneNumber": A, "regionCode": "US", "capability": ["SMS", "VOICE"]}
    tied = {**entry, "smsConfiguration": {"servicePlanId": CREDENTIALS["sinch"]["service_plan_id"]}}
    seen = answer(monkeypatch, (200, entry), (200, entry), (200, tied))
    row = adopt_number(account=AccountFactory(), gateway=gateway, number=A, kind="local")
    assert (row.state, row.problem) == ("active", "")
    assert [request.method for request in seen] == ["GET", "GET", "PATCH"]


def test_a_number_that_cannot_text_is_still_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, (200, {"phoneNumber": A, "regionCode": "US", "capability": ["VOICE"]}))
    row = adopt_number(account=AccountFactory(), gateway=gateway_of("sinch"), number=A, kind="local")
    assert (row.state, "cannot send texts" in row.problem) == ("pending", True)


def test_a_providers_words_are_shown_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = gateway_of("telnyx")
    key = CREDENTIALS["telnyx"]["api_key"]
    answer(monkeypatch, (422, {"errors": [{"code": "10015", "title": "Bad", "detail": f"{key} may not do that"}]}))
    with pytest.raises(ProvisioningError) as told:
        find_number(gateway=gateway, number=A)
    with pytest.raises(NumbersUnavailable) as unread, ProviderNumbers(gateway, patience=QUICKLY) as numbers:
        numbers.find(A)
    for text in (str(told.value), str(unread.value)):
        assert f"{HIDDEN} may not do that" in text
        assert key not in text


@pytest.mark.parametrize("error", [TypeError, AttributeError])
def test_an_answer_of_a_new_shape_ends_a_comparison_in_words(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Given an answer that the adapter trips over, when lists are compared at night, then that is written down."""
    gateway = gateway_of("twilio")
    answer(monkeypatch, (200, {}))

    def trips(*_args: object) -> None:
        raise error("unsupported operand")

    monkeypatch.setattr(type(gateway.adapter), "parse_list", trips)
    reconcile_gateway(gateway.pk)
    check = NumberCheck.objects.get()
    assert check.failed
    assert "cannot be read" in check.text
