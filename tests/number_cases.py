"""The cases that every gateway with ``capabilities.numbers`` passes. Its test class inherits them and says how its provider talks.

    class TestTwilioNumbers(NumberCases):
        kind = "twilio"
        ...

The hooks are what the provider answers, in the order in which it is asked. Nothing here knows a provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from integrations.http.values import Reply, Request
from integrations.sms.contract import GatewayConfig, NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import NumberPending, ProviderError
from integrations.sms.registry import make_adapter
from integrations.sms.steps import Outcome, Steps
from tests.gateway_cases import BASE_URL

#: What is searched, bought and released.
NUMBER = "+14155552671"
INBOUND_URL = "https://sms.example.com/webhooks/3/inbound"
STATUS_URL = "https://sms.example.com/webhooks/3/status"
HTML = b"<html><body>Not the API</body></html>"


class Script:
    """A provider that answers what it is told to, in that order.

    Args:
        replies: one for each request.
    """

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.left = list(replies)
        self.asked: list[Request] = []

    def follow(self, steps: Steps[Outcome]) -> Outcome:
        """Carry an adapter's requests; its outcome."""
        try:
            request = next(steps)
            while True:
                self.asked.append(request)
                assert self.left, f"Nobody expected {request.method} {request.url}."
                request = steps.send(self.left.pop(0))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def address_of(adapter: SmsAdapter, page: str) -> str:
    """Where a page of numbers would be asked for, without the query; empty when it is refused."""
    try:
        return adapter.build_list(page=page).url.partition("?")[0]
    except ValueError:
        return ""


class NumberCases:
    """Cases for one gateway. What is in capitals or raises ``NotImplementedError`` belongs to the subclass."""

    kind: ClassVar[str]
    credentials: ClassVar[Mapping[str, str]]
    options: ClassVar[Mapping[str, str]] = {"key": "0123456789abcdef"}
    #: ``NUMBER`` as the search maps it.
    offered: ClassVar[ProviderNumber]
    #: The provider's id of ``NUMBER`` once it is owned.
    provider_id: ClassVar[str]

    # What the provider says

    def found(self) -> Reply:
        """The answer to a search: ``NUMBER`` and nothing else."""
        raise NotImplementedError

    def nothing_found(self) -> list[Reply]:
        """How the provider may say that there is nothing."""
        raise NotImplementedError

    def bought(self) -> list[Reply]:
        """The answers to a purchase of ``NUMBER``, up to where it is ours."""
        raise NotImplementedError

    def sold(self) -> list[list[Reply]]:
        """The answers to purchases of ``NUMBER`` that somebody else was faster with."""
        raise NotImplementedError

    def wired(self) -> list[Reply]:
        """The answers when the address of ``NUMBER``, which is ours, is set."""
        raise NotImplementedError

    def gone(self) -> Reply:
        """The answer to the release of a number that is not ours."""
        raise NotImplementedError

    def released(self) -> Reply:
        """The answer to a release."""
        raise NotImplementedError

    def pages(self, numbers: Sequence[str]) -> list[Reply]:
        """The answers to a list of these owned numbers, each on a page of its own where the provider has pages."""
        raise NotImplementedError

    def bad_credentials(self) -> Reply:
        """The answer to wrong credentials."""
        raise NotImplementedError

    def throttled(self, seconds: int) -> Reply:
        """The answer to one request too many."""
        raise NotImplementedError

    def too_poor(self) -> Reply:
        """The answer to a purchase that the account has no money for."""
        raise NotImplementedError

    def needs_papers(self) -> Reply:
        """The answer to a purchase in a country that asks for an address."""
        raise NotImplementedError

    #: Which request of a purchase spends the money, from 0.
    purchase_is: ClassVar[int] = 0

    # What is told apart from it

    @pytest.fixture
    def adapter(self) -> SmsAdapter:
        return make_adapter(self.kind, GatewayConfig(self.credentials, BASE_URL, self.options))

    def buying(self, adapter: SmsAdapter) -> Steps[ProviderNumber]:
        return adapter.buying(NUMBER, inbound_url=INBOUND_URL, status_url=STATUS_URL, friendly_name="")

    def refused_purchase(self, adapter: SmsAdapter, reply: Reply) -> ProviderError:
        """The error of a purchase whose spending request is answered with this."""
        script = Script([*self.bought()[: self.purchase_is], reply])
        with pytest.raises(ProviderError) as caught:
            script.follow(self.buying(adapter))
        assert not script.left
        return caught.value

    def is_wired(self, adapter: SmsAdapter, number: ProviderNumber) -> bool:
        return adapter.is_wired(number, inbound_url=INBOUND_URL, status_url=STATUS_URL)

    def test_numbers_are_promised(self, adapter: SmsAdapter) -> None:
        assert type(adapter).capabilities.numbers
        assert adapter.capabilities.numbers
        assert adapter.capabilities.wiring in ("number", "profile", "account")
        assert bool(adapter.wiring_help) == (adapter.capabilities.wiring == "account")

    def test_offer_is_mapped(self, adapter: SmsAdapter) -> None:
        assert adapter.parse_search(self.found()) == [self.offered]
        assert self.offered.number == NUMBER

    def test_nothing_found_is_an_empty_list(self, adapter: SmsAdapter) -> None:
        for reply in self.nothing_found():
            assert adapter.parse_search(reply) == []

    def test_search_asks_what_was_wanted(self, adapter: SmsAdapter) -> None:
        assert "415" in adapter.build_search(NumberQuery(area_code="415")).url
        assert "2671" in adapter.build_search(NumberQuery(contains="2671")).url
        assert "GB" in adapter.build_search(NumberQuery(country="gb")).url

    @pytest.mark.parametrize(
        "query",
        [NumberQuery(kind="vanity"), NumberQuery(country="USA/../x"), NumberQuery(area_code="41a")],
    )
    def test_senseless_search_is_refused_before_it_is_sent(self, adapter: SmsAdapter, query: NumberQuery) -> None:
        with pytest.raises(ValueError, match=r"Choose|Give"):
            adapter.build_search(query)

    @pytest.mark.parametrize(
        ("name", "value"), [("locality", "Springfield"), ("region", "CA"), ("postal_code", "94103")]
    )
    def test_filter_is_sent_or_refused_and_never_dropped(self, adapter: SmsAdapter, name: str, value: str) -> None:
        query = replace(NumberQuery(), **{name: value})  # type: ignore[arg-type]
        if name in adapter.capabilities.number_filters:
            assert value in adapter.build_search(query).url
        else:
            with pytest.raises(ValueError, match=r"Leave the .* empty"):
                adapter.build_search(query)

    def test_number_is_bought_once_and_wired(self, adapter: SmsAdapter) -> None:
        script = Script(self.bought())
        number = script.follow(self.buying(adapter))
        assert (number.number, number.provider_id) == (NUMBER, self.provider_id)
        assert not script.left
        if not self.is_wired(adapter, number):
            wiring = Script(self.wired())
            number = wiring.follow(adapter.wiring(number, inbound_url=INBOUND_URL, status_url=STATUS_URL))
            script.asked += wiring.asked
        assert self.is_wired(adapter, number)
        spending = script.asked[self.purchase_is]
        assert [item.method for item in script.asked if item.url == spending.url and item.method == "POST"] == ["POST"]

    def test_number_is_wired_again(self, adapter: SmsAdapter) -> None:
        owned = ProviderNumber(NUMBER, self.provider_id, country="US")
        script = Script(self.wired())
        number = script.follow(adapter.wiring(owned, inbound_url=INBOUND_URL, status_url=STATUS_URL))
        assert not script.left
        assert (number.number, number.provider_id) == (NUMBER, self.provider_id)
        assert self.is_wired(adapter, number)
        if adapter.capabilities.wiring != "account":
            assert not self.is_wired(adapter, owned)
            sent = b" ".join(request.body for request in script.asked)
            assert b"webhooks" in sent

    def test_sold_meanwhile_is_final_and_says_so(self, adapter: SmsAdapter) -> None:
        for replies in self.sold():
            script = Script(replies)
            with pytest.raises(ProviderError, match="choose another one") as caught:
                script.follow(self.buying(adapter))
            assert not caught.value.retryable
            assert not isinstance(caught.value, NumberPending)

    def test_release_is_done_when_the_number_is_gone(self, adapter: SmsAdapter) -> None:
        assert self.provider_id.removeprefix("+") in adapter.build_release(self.provider_id).url
        adapter.parse_release(self.released())
        adapter.parse_release(self.gone())
        with pytest.raises(ProviderError):
            adapter.parse_release(Reply(404, {}, HTML))
        with pytest.raises(ProviderError) as caught:
            adapter.parse_release(Reply(503, {}, b""))
        assert caught.value.retryable

    def test_list_follows_its_pages(self, adapter: SmsAdapter) -> None:
        numbers = [NUMBER, "+14155552672", "+14155552673"]
        script = Script(self.pages(numbers))
        assert [number.number for number in script.follow(adapter.listing())] == numbers
        assert not script.left
        assert len({(request.method, request.url) for request in script.asked}) == len(script.asked)
        assert all(request.url.startswith(f"{BASE_URL}/") for request in script.asked)

    @pytest.mark.parametrize(
        "page", ["https://evil.example/x", "//evil.example/x", "@evil.example/", "/\\evil", "../../../evil"]
    )
    def test_next_page_elsewhere_never_gets_the_credentials(self, adapter: SmsAdapter, page: str) -> None:
        first = adapter.build_list().url.partition("?")[0]
        assert address_of(adapter, page) in ("", first)

    def test_an_owned_number_is_found_and_another_is_not(self, adapter: SmsAdapter) -> None:
        for reply in self.not_owned():
            assert Script(reply).follow(adapter.finding(NUMBER)) is None

    def not_owned(self) -> list[list[Reply]]:
        """The answers when ``NUMBER``, which is not ours, is looked for."""
        raise NotImplementedError

    # Refusals

    def errors(self, adapter: SmsAdapter, reply: Reply) -> dict[str, ProviderError]:
        """What is raised when the first request of each operation is answered with this."""
        owned = ProviderNumber(NUMBER, self.provider_id)
        asks: dict[str, Callable[[], object]] = {
            "list": lambda: Script([reply]).follow(adapter.listing()),
            "find": lambda: Script([reply]).follow(adapter.finding(NUMBER)),
            "wire": lambda: Script([reply]).follow(
                adapter.wiring(owned, inbound_url=INBOUND_URL, status_url=STATUS_URL)
            ),
            "search": lambda: adapter.parse_search(reply),
            "release": lambda: adapter.parse_release(reply),
        }
        raised = {"buy": self.refused_purchase(adapter, reply)}
        for name, ask in asks.items():
            with pytest.raises(ProviderError) as caught:
                ask()
            raised[name] = caught.value
        for name, error in raised.items():
            assert error.text, name
            assert error.text[0].isupper(), error.text
            assert error.text.rstrip().endswith("."), error.text
            assert len(error.code) <= 32
        return raised

    def test_bad_credentials_say_what_to_check(self, adapter: SmsAdapter) -> None:
        for name, error in self.errors(adapter, self.bad_credentials()).items():
            assert not error.retryable, name
            assert "Check the" in error.text, name

    def test_secrets_are_not_in_a_refusal(self, adapter: SmsAdapter) -> None:
        secrets = [field.name for field in type(adapter).credential_fields if field.secret]
        for error in self.errors(adapter, self.bad_credentials()).values():
            assert not [name for name in secrets if self.credentials.get(name, "\0") in error.text]

    def test_throttled_request_may_be_repeated_and_says_when(self, adapter: SmsAdapter) -> None:
        for name, error in self.errors(adapter, self.throttled(17)).items():
            assert error.retryable, name
            assert "17 seconds" in error.text or "minute" in error.text, name

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    @pytest.mark.parametrize("body", [b"", HTML, b"{}"])
    def test_server_error_may_be_repeated(self, adapter: SmsAdapter, status: int, body: bytes) -> None:
        for name, error in self.errors(adapter, Reply(status, {}, body)).items():
            assert error.retryable, name

    @pytest.mark.parametrize("body", [b"", HTML, b"null", b"[1]", b'"text"', b"\xff\xfe", b'{"surprise": 1}'])
    def test_purchase_that_cannot_be_read_is_never_lost(self, adapter: SmsAdapter, body: bytes) -> None:
        for status in (200, 201):
            script = Script([*self.bought()[: self.purchase_is], Reply(status, {}, body), *self.nothing_owned_yet()])
            with pytest.raises(ProviderError) as caught:
                script.follow(self.buying(adapter))
            assert caught.value.retryable

    def nothing_owned_yet(self) -> list[Reply]:
        """What is answered where a purchase that cannot be read makes the adapter look for its number at once."""
        return []

    @pytest.mark.parametrize("body", [HTML, b"null", b'"text"', b"\xff\xfe", b'{"surprise": 1}', b'{"data": 3}'])
    def test_list_that_cannot_be_read_is_an_error(self, adapter: SmsAdapter, body: bytes) -> None:
        reply = Reply(200, {}, body)
        with pytest.raises(ProviderError, match="could not be read"):
            Script([reply] * 3).follow(adapter.listing())
        with pytest.raises(ProviderError, match="could not be read"):
            adapter.parse_search(reply)

    def test_purchase_without_money_says_where_to_add_some(self, adapter: SmsAdapter) -> None:
        error = self.refused_purchase(adapter, self.too_poor())
        assert not error.retryable
        assert "money" in error.text

    def test_purchase_that_needs_an_address_says_so(self, adapter: SmsAdapter) -> None:
        error = self.refused_purchase(adapter, self.needs_papers())
        assert not error.retryable
        assert "address" in error.text
