"""What is not known of a number at its provider is not taken for granted: it may be billed, or given back already."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from django.utils import timezone

from integrations.models import Gateway
from messaging.models import PhoneNumber
from messaging.services.numbers import (
    ProvisioningError,
    give_up_number,
    keep_number,
    provision_number,
    release_due,
    release_number,
    write_off_number,
)
from messaging.services.numbers.provider import Provider
from tests.factories import AccountFactory, PhoneNumberFactory
from tests.messaging.number_tools import again, offers, owned, take_numbers_api_away

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "cannot be asked about numbers as it is set up now"


class Killed(BaseException):
    """The process ends at this moment."""


def bought(gateway: Gateway) -> PhoneNumber:
    return provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])


def kill_in(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process end when the provider has released a number, and nothing is written down of it."""
    carried = getattr(Provider, step)

    def killed(self: Provider, *args: object) -> None:
        carried(self, *args)
        raise Killed

    monkeypatch.setattr(Provider, step, killed)


def test_a_bought_number_is_not_forgotten_without_its_provider(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a gateway whose numbers API is not set up any more, when its number is released, then it stays and says so."""
    number = bought(gateway)
    with monkeypatch.context() as without:
        take_numbers_api_away(without)
        with pytest.raises(ProvisioningError, match=FIRST):
            release_number(number=number, after_days=0)
        assert release_due() == 0
        with pytest.raises(ProvisioningError, match=FIRST):
            keep_number(number=again(number))
        assert (again(number).state, FIRST in again(number).problem) == ("leaving", True)
    assert release_due() == 1
    assert owned(gateway, number.number) == []


@pytest.mark.parametrize(("step", "provider_id"), [("bought", ""), ("wired", ""), ("", "PN1")])
def test_whatever_says_that_it_was_seen_keeps_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, step: str, provider_id: str
) -> None:
    number = PhoneNumberFactory(gateway=gateway, step=step, provider_id=provider_id)
    take_numbers_api_away(monkeypatch)
    with pytest.raises(ProvisioningError, match=FIRST):
        release_number(number=number, after_days=0)
    assert again(number).state == "leaving"


@pytest.mark.parametrize(("step", "is_given_up"), [("wanted", False), ("awaited", True)])
def test_what_may_have_been_bought_is_not_given_up_unasked(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, step: str, is_given_up: bool
) -> None:
    number = PhoneNumberFactory(gateway=gateway, state="pending", step=step)
    take_numbers_api_away(monkeypatch)
    if is_given_up:
        assert give_up_number(number=number).state == "released"
        return
    with pytest.raises(ProvisioningError, match=FIRST):
        give_up_number(number=number)
    assert again(number).state == "pending"


def test_a_number_that_was_never_seen_is_forgotten(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    number = PhoneNumberFactory(gateway=gateway)
    take_numbers_api_away(monkeypatch)
    assert release_number(number=number, after_days=0).state == "released"


@pytest.mark.parametrize("has_id", [True, False])
def test_a_release_whose_process_was_killed_is_not_kept(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, has_id: bool
) -> None:
    """Given a number that was given back by a process that was killed, when it is kept, then the provider is asked."""
    number = bought(gateway)
    if not has_id:
        PhoneNumber.objects.filter(pk=number.pk).update(provider_id="", step="bought")
    with monkeypatch.context() as dying:
        kill_in("release", dying)
        with pytest.raises(Killed):
            release_number(number=number, after_days=0)
    assert "not known whether" in again(number).problem
    with pytest.raises(ProvisioningError, match="It is released"):
        keep_number(number=again(number))
    assert again(number).state == "released"


def test_a_number_that_is_due_is_looked_for_before_it_is_kept(gateway: Gateway) -> None:
    """Whoever gave it back may have been an older version, which wrote nothing down."""
    number = PhoneNumberFactory(
        gateway=gateway, number="+14155550188", state="leaving", step="wired", release_at=timezone.now()
    )
    with pytest.raises(ProvisioningError, match="It is released"):
        keep_number(number=number)


def test_a_slow_provider_does_not_hold_the_queue(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given two numbers that are due, when giving back the first takes a minute, then the second waits for the next call."""
    clock = iter([0.0, 0.0, 61.0])
    for _ in range(2):
        PhoneNumberFactory(gateway=gateway, state="leaving", release_at=timezone.now() - dt.timedelta(minutes=1))
    monkeypatch.setattr("messaging.services.numbers.leaving.time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert release_due() == 1
    assert PhoneNumber.objects.filter(state="leaving").count() == 1


@pytest.mark.parametrize(("step", "is_refused"), [("wanted", True), ("awaited", True), ("bought", False)])
def test_only_what_was_there_is_written_off(gateway: Gateway, step: str, is_refused: bool) -> None:
    number = PhoneNumberFactory(gateway=gateway, state="pending", step=step)
    if is_refused:
        with pytest.raises(ProvisioningError, match="Give it up instead"):
            write_off_number(number=number)
    else:
        write_off_number(number=number)
    assert again(number).state == ("pending" if is_refused else "released")
