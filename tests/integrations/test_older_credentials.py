"""Several rotations in a row: what was promised of each set of former credentials is kept."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from integrations.models import CredentialChange, Gateway
from integrations.services.rotation import RotationRefused, enter, forget_former, roll_back, rotate, stop_former
from integrations.simulator.process import SimulatorProcess
from tests.factories import GatewayFactory
from tests.fixtures import simulator as simulator
from tests.fixtures import simulator_process as simulator_process
from tests.rotation_dialects import at_simulator

pytestmark = pytest.mark.django_db

What = CredentialChange.What


def again(gateway: Gateway, *, keep_hours: int, **entered: str) -> Gateway:
    rotate(
        gateway_id=gateway.pk,
        entered=entered,
        version=gateway.credentials_version,
        keep_hours=keep_hours,
        by=None,
    )
    gateway.refresh_from_db()
    return gateway


def accepted(gateway: Gateway, name: str) -> list[str | None]:
    """What webhooks may be signed with besides the present value, latest first."""
    return [former.credentials.get(name) for former in gateway.lasting]


@pytest.fixture
def gateway(simulator: SimulatorProcess) -> Gateway:
    """At a provider that takes three keys, with webhooks signed with a secret of its own."""
    simulator.settings(also_accepted=["key-two", "key-three"])
    made = at_simulator(simulator, "infobip")
    made.credentials = {**made.credentials, "webhook_secret": "s1gning-one"}
    made.save()
    return made


def test_another_rotation_forgets_no_webhook_secret_that_is_still_promised(gateway: Gateway) -> None:
    again(gateway, keep_hours=168, webhook_secret="s1gning-two")
    again(gateway, keep_hours=1, api_key="key-two")
    assert accepted(gateway, "webhook_secret") == ["s1gning-two", "s1gning-one"]
    again(gateway, keep_hours=1, webhook_secret="s1gning-three")
    assert accepted(gateway, "webhook_secret") == ["s1gning-two", "s1gning-two", "s1gning-one"]


def test_each_set_ends_at_its_own_time_and_is_wiped_then(gateway: Gateway) -> None:
    again(gateway, keep_hours=24, webhook_secret="s1gning-two")
    again(gateway, keep_hours=48, webhook_secret="s1gning-three")
    again(gateway, keep_hours=1, webhook_secret="s1gning-four")
    assert forget_former() == 0
    for hours, left in ((2, ["s1gning-two", "s1gning-one"]), (25, ["s1gning-two"]), (49, [])):
        with time_machine.travel(timezone.now() + dt.timedelta(hours=hours)):
            gateway.refresh_from_db()
            assert accepted(gateway, "webhook_secret") == left, "nobody has to wipe it for that"
            assert forget_former() == 1
            assert forget_former() == 0
            gateway.refresh_from_db()
            assert [former.credentials["webhook_secret"] for former in gateway.all_former] == left
    ended = gateway.credential_changes.filter(what=What.FORMER_ENDED)
    assert [change.fields for change in ended] == [["Webhook secret"]] * 3
    assert (gateway.former_until, gateway.older_credentials) == (None, None)


def test_what_has_leaked_is_accepted_in_no_older_set(gateway: Gateway) -> None:
    again(gateway, keep_hours=24, api_key="key-two")
    again(gateway, keep_hours=24, webhook_secret="s1gning-two")
    # Both older sets hold one of the two values that are dropped now.
    again(gateway, keep_hours=0, webhook_secret="s1gning-three")
    assert accepted(gateway, "webhook_secret") == ["s1gning-one", "s1gning-one"]
    again(gateway, keep_hours=24, webhook_secret="s1gning-four")
    again(gateway, keep_hours=24, webhook_secret="s1gning-five")
    # The present one leaks, and a set of before had it too.
    roll_back(gateway_id=gateway.pk, version=gateway.credentials_version, by=None)
    gateway.refresh_from_db()
    again(gateway, keep_hours=0, webhook_secret="s1gning-six")
    assert "s1gning-four" not in accepted(gateway, "webhook_secret")
    again(gateway, keep_hours=0, api_key="key-three")
    assert "key-two" not in accepted(gateway, "api_key")


def test_going_back_leaves_what_is_older_alone(gateway: Gateway) -> None:
    again(gateway, keep_hours=48, webhook_secret="s1gning-two")
    again(gateway, keep_hours=24, webhook_secret="s1gning-three")
    roll_back(gateway_id=gateway.pk, version=gateway.credentials_version, by=None)
    gateway.refresh_from_db()
    assert gateway.credentials["webhook_secret"] == "s1gning-two"
    assert accepted(gateway, "webhook_secret") == ["s1gning-three", "s1gning-one"]


def test_stopping_wipes_all_sets(gateway: Gateway) -> None:
    again(gateway, keep_hours=48, webhook_secret="s1gning-two")
    again(gateway, keep_hours=24, api_key="key-two")
    assert stop_former(gateway_id=gateway.pk, by=None)
    gateway.refresh_from_db()
    assert gateway.all_former == []
    assert (gateway.former_credentials, gateway.older_credentials) == (None, None)
    assert gateway.credential_changes.filter(what=What.FORMER_STOPPED).get().fields == ["API key", "Webhook secret"]


def test_a_changed_host_takes_what_would_go_back_there_away(gateway: Gateway) -> None:
    again(gateway, keep_hours=48, webhook_secret="s1gning-two")
    again(gateway, keep_hours=24, api_key="key-two")
    gateway.name = "Renamed"
    enter(gateway=gateway, before=gateway.credentials, changed=["name"], by=None)
    assert len(Gateway.objects.get().all_former) == 2
    gateway.base_url = "http://evil.example"
    enter(gateway=gateway, before=gateway.credentials, changed=["base_url"], by=None)
    gateway = Gateway.objects.get()
    assert (gateway.base_url, gateway.all_former) == ("http://evil.example", [])
    with pytest.raises(RotationRefused, match="no former credentials"):
        roll_back(gateway_id=gateway.pk, version=gateway.credentials_version, by=None)


def test_older_sets_are_encrypted_and_never_without_an_end(gateway: Gateway) -> None:
    again(gateway, keep_hours=48, webhook_secret="s1gning-two")
    again(gateway, keep_hours=24, api_key="key-two")
    with connection.cursor() as cursor:
        cursor.execute("SELECT older_credentials FROM integrations_gateway")
        stored = str(cursor.fetchone()[0])
    assert stored.startswith("gAAAA")
    assert "s1gning" not in stored
    plain = GatewayFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        Gateway.objects.filter(pk=plain.pk).update(older_credentials=[])
