"""The demo: an installation of its own, nothing of anybody else's emptied, and a result that notices what is broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import Account
from broadcast.core.config import config
from broadcast.core.redis import get_redis
from broadcast.demo import clean, environment
from broadcast.demo.clean import MARKER, NotADemo, clean_database, clean_folder, clean_redis
from broadcast.demo.result import evaluate, text_hash
from broadcast.demo.scenario import Scenario
from broadcast.supervisor import ports
from broadcast.supervisor.lock import FolderLock, FolderTaken
from campaigns.models import Campaign, CampaignList
from messaging.models import Message
from messaging.states import MessageState
from tests.factories import (
    BatchFactory,
    CampaignFactory,
    MessageFactory,
    PhoneNumberFactory,
    SubscriberListFactory,
    UserFactory,
)


@pytest.fixture(autouse=True)
def _locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports that a test reserves are its own."""
    monkeypatch.setattr(ports, "_reservations", [])


def test_the_demo_s_settings_are_its_own(tmp_path: Path) -> None:
    environ = {
        "BROADCAST_DATA_DIR": str(tmp_path / "demo"),
        "DATABASE_URL": "postgres://real",
        "REDIS_URL": "redis://real",
        "BROADCAST_ENV": "production",
        "BROADCAST_PUBLIC_URL": "https://real.example.com",
    }
    lock = environment.prepare(["--once"], environ)

    assert lock is not None
    assert environ["DATABASE_URL"] == ""
    assert environ["REDIS_URL"] == ""
    assert environ["BROADCAST_ENV"] == "local"
    assert environ["BROADCAST_PUBLIC_URL"] == f"http://{environ['BROADCAST_CONSOLE_BIND']}"
    assert environ["BROADCAST_WEBHOOK_URL"] == f"http://{environ['BROADCAST_WEBHOOK_BIND']}"
    assert environ["BROADCAST_CONSOLE_BIND"] != environ["BROADCAST_WEBHOOK_BIND"]
    lock.release()


def test_the_environment_s_engines_are_used_only_when_asked_for(tmp_path: Path) -> None:
    environ = {"BROADCAST_DATA_DIR": str(tmp_path), "DATABASE_URL": "postgres://mine", "REDIS_URL": "redis://mine"}
    lock = environment.prepare(["--use-environment"], environ)

    assert lock is not None
    assert (environ["DATABASE_URL"], environ["REDIS_URL"]) == ("postgres://mine", "redis://mine")
    lock.release()


def test_a_second_demo_has_a_folder_and_ports_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "BASE_DIR", tmp_path)
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    locks = [environment.prepare([], first), environment.prepare([], second)]

    assert Path(first["BROADCAST_DATA_DIR"]) == tmp_path / ".broadcast" / "demo"
    assert Path(second["BROADCAST_DATA_DIR"]) == tmp_path / ".broadcast" / "demo-2"
    binds = [
        values[name] for values in (first, second) for name in ("BROADCAST_CONSOLE_BIND", "BROADCAST_WEBHOOK_BIND")
    ]
    assert len(set(binds)) == 4
    for lock in locks:
        assert lock is not None
        lock.release()


def test_a_folder_of_one_s_own_is_not_replaced_by_another(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(FolderTaken):
        environment.prepare([], {"BROADCAST_DATA_DIR": str(tmp_path)})


def test_help_changes_nothing() -> None:
    environ: dict[str, str] = {}

    assert environment.prepare(["--help"], environ) is None
    assert environ == {}


def test_only_a_demo_s_folder_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").write_text("real data")
    with pytest.raises(NotADemo, match="not a demo's"):
        clean_folder(tmp_path)
    assert (tmp_path / "db.sqlite3").exists()


def test_an_earlier_demo_is_emptied_and_its_secrets_stay(tmp_path: Path) -> None:
    clean_folder(tmp_path)
    (tmp_path / "valkey").mkdir()
    for name in ("db.sqlite3", "db.sqlite3-wal", "valkey/aof", "secrets.json"):
        (tmp_path / name).write_text("x")

    clean_folder(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {MARKER, "secrets.json"}


@pytest.mark.django_db
def test_a_database_with_real_accounts_is_not_emptied(settings_with_database: Any) -> None:
    UserFactory()
    PhoneNumberFactory()

    with pytest.raises(NotADemo, match="real accounts"):
        clean_database(settings_with_database)
    assert Account.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_earlier_demo_s_database_is_emptied_but_for_what_migrations_made(settings_with_database: Any) -> None:
    groups = Group.objects.count()
    number = PhoneNumberFactory(account__name=clean.ACCOUNT_NAME)
    MessageFactory(batch=BatchFactory(number=number))

    clean_database(settings_with_database)

    assert not Account.objects.exists()
    assert not Message.objects.exists()
    assert Group.objects.count() == groups


def test_a_redis_with_somebody_else_s_keys_is_not_emptied(settings_with_database: Any) -> None:
    get_redis().set("precious", 1)
    with pytest.raises(NotADemo, match="somebody else's"):
        clean_redis(settings_with_database)
    assert get_redis().exists("precious")

    get_redis().delete("precious")
    clean_redis(settings_with_database)
    get_redis().set("left by the demo", 1)
    clean_redis(settings_with_database)
    assert get_redis().keys() == [MARKER.encode()]


@pytest.fixture
def settings_with_database() -> Any:
    """Settings that name a database and a Redis."""
    return replace(config(), database_url="postgres://demo", redis_embedded=False)


class Played:
    """A campaign that is over, and a carrier that saw the same."""

    def __init__(self) -> None:
        number = PhoneNumberFactory()
        lists = [SubscriberListFactory(account=number.account, people=2) for _ in range(2)]
        batch = BatchFactory(number=number, state="finished", template="Hello {{ first_name }}")
        self.campaign = CampaignFactory(
            account=number.account, number=number, batch=batch, state=Campaign.State.FINISHED, body=batch.template
        )
        CampaignList.objects.filter(campaign=self.campaign).delete()
        members = {}
        self.texts: dict[str, dict[str, int]] = {}
        self.messages = []
        for position, list_ in enumerate(lists):
            CampaignList.objects.create(campaign=self.campaign, list=list_, position=position)
            numbers = list(list_.subscribers.values_list("number", flat=True))
            members[list_.pk] = set(numbers)
            for recipient in numbers:
                self.messages.append(
                    MessageFactory(
                        batch=batch,
                        recipient=recipient,
                        cohort=1 << position,
                        state=MessageState.DELIVERED,
                        provider_id=f"SM{recipient}",
                        accepted_at=timezone.now(),
                    )
                )
                self.texts[recipient] = {text_hash("Hello Ada"): 1}
        self.scenario = Scenario(number.account, self.campaign, [], [], (number, number), members)
        self.carrier: dict[str, Any] = {
            "outcomes": {"201": 3, "fail_after/500": 1},
            "replies": 0,
            "max_in_flight": 40,
            "duplicate_sends": 0,
            "sent_after_stop": 0,
            "opted_out": 0,
            "by_recipient": self.texts,
            "statuses": {"delivered": len(self.messages)},
            "callbacks": {"failed": 0},
            "inbound": {"failed": 0},
        }

    def broken(self) -> str:
        return " ".join(evaluate(self.scenario, carrier=self.carrier, seconds_until_finished=1).broken)


@pytest.fixture
def played(db: None) -> Played:
    return Played()


def test_a_campaign_on_which_both_sides_agree_is_ok(played: Played) -> None:
    result = evaluate(played.scenario, carrier=played.carrier, seconds_until_finished=1)

    assert result.broken == []
    assert result.ok
    values = result.as_json()
    assert (values["recipients"], values["accepted"], values["delivered"]) == (4, 4, 4)
    assert values["answers_lost"] == 1
    assert [item["delivered"] for item in values["lists"]] == [2, 2]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("duplicate_sends", 1, "sent more than once"),
        ("sent_after_stop", 1, "opted out"),
        ("max_in_flight", 41, "41 requests were in flight"),
        ("opted_out", 1, "opted out at the carrier"),
        ("statuses", {"delivered": 3}, "The carrier delivered 3 messages, we count 4"),
        ("callbacks", {"failed": 2}, "2 reports"),
    ],
)
def test_what_the_carrier_saw_is_not_overlooked(played: Played, name: str, value: Any, text: str) -> None:
    played.carrier[name] = value

    assert text in played.broken()


def test_a_message_that_the_carrier_never_took_is_noticed(played: Played) -> None:
    del played.texts[played.messages[0].recipient]

    assert "1 messages count as taken, but the carrier did not take them once" in played.broken()


def test_a_message_that_was_taken_twice_is_noticed(played: Played) -> None:
    played.texts[played.messages[0].recipient] = {text_hash("Hello Ada"): 2}

    assert "did not take them once" in played.broken()


def test_a_message_that_counts_as_failed_but_was_taken_is_noticed(played: Played) -> None:
    Message.objects.filter(pk=played.messages[0].pk).update(state=MessageState.FAILED, provider_id="")

    assert "1 messages were taken by the carrier but count as not taken" in played.broken()


def test_a_recipient_without_a_message_is_noticed(played: Played) -> None:
    played.messages[0].delete()

    assert "The audience is 4 people, but there are 3 messages" in played.broken()


def test_a_message_that_is_not_settled_is_noticed(played: Played) -> None:
    Message.objects.filter(pk=played.messages[0].pk).update(state=MessageState.SENDING)

    assert "states that are not final" in played.broken()


def test_a_campaign_that_is_not_finished_is_noticed(played: Played) -> None:
    Campaign.objects.update(state=Campaign.State.PAUSED)

    assert "The campaign is paused, not finished" in played.broken()


def test_counts_of_a_list_that_are_not_its_members_are_noticed(played: Played) -> None:
    Message.objects.filter(pk=played.messages[0].pk).update(cohort=2)

    assert "but the messages of its members are 2 and 2" in played.broken()
