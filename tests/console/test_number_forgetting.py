"""Forgetting a number whose provider cannot be asked any more, on the word of somebody who saw to it there."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import Gateway
from integrations.simulator.process import SimulatorProcess
from messaging.models import PhoneNumber
from messaging.services.numbers import (
    ProvisioningError,
    forget_number,
    give_up_number,
    provision_number,
    release_number,
)
from tests.console.test_campaigns import page_of
from tests.console.test_numbers import url
from tests.factories import AccountFactory, PhoneNumberFactory
from tests.messaging.number_tools import again, break_numbers, offers, owned, work_off

pytestmark = pytest.mark.django_db


def revoke(gateway: Gateway) -> Gateway:
    """The provider takes the gateway's credentials no more."""
    gateway.credentials = {**gateway.credentials, "auth_token": "revoked-for-good"}
    gateway.save()
    return gateway


@pytest.mark.parametrize(("state", "step"), [("pending", "wanted"), ("pending", "bought"), ("leaving", "wired")])
def test_a_number_is_forgotten_on_somebodys_word(operator: Client, gateway: Gateway, state: str, step: str) -> None:
    """Given revoked credentials, when staff say that they saw to it at the provider, then the number is released here."""
    number = PhoneNumberFactory(
        gateway=revoke(gateway),
        state=state,
        step=step,
        problem="Refused.",
        release_at=timezone.now(),
        provider_id="PN1",
    )
    assert "Forget…" in page_of(operator.get(url("change", number)))
    assert "then say so" in page_of(operator.post(url("forget", number), {}))
    assert again(number).state == state, "nobody has said so"
    operator.post(url("forget", number), {"is_given_back": "on"})
    work_off()
    assert "is forgotten" in page_of(operator.get(url("change", number)))
    assert (again(number).state, again(number).problem) == ("released", "")


def test_what_the_provider_lists_is_not_forgotten(gateway: Gateway, simulator: SimulatorProcess) -> None:
    number = provision_number(account=AccountFactory(), gateway=gateway, number=offers(gateway)[0])
    break_numbers(simulator, "release:refuse")
    with pytest.raises(ProvisioningError):
        release_number(number=number, after_days=0)
    break_numbers(simulator)
    with pytest.raises(ProvisioningError, match="so it is paid for"):
        forget_number(number=again(number))
    assert (again(number).state, len(owned(gateway, number.number))) == ("leaving", 1)


def test_giving_up_still_asks(gateway: Gateway) -> None:
    number = PhoneNumberFactory(gateway=revoke(gateway), state="pending", step="wanted")
    with pytest.raises(ProvisioningError):
        give_up_number(number=again(number))
    assert again(number).state == "pending"


@pytest.mark.parametrize(("state", "problem"), [("active", "Refused."), ("pending", ""), ("released", "")])
def test_a_number_that_is_in_use_or_has_no_problem_is_not_forgotten(
    operator: Client, gateway: Gateway, state: str, problem: str
) -> None:
    number = PhoneNumberFactory(gateway=gateway, state=state, step="wanted", problem=problem)
    assert "Forget…" not in page_of(operator.get(url("change", number)))
    if state != "pending":
        with pytest.raises(ProvisioningError, match="by now"):
            forget_number(number=number)
    assert PhoneNumber.objects.get(pk=number.pk).state == state
