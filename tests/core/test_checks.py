"""System checks: each unsafe setting is named, with an id and a hint; safe ones are quiet."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import checks as django_checks

from broadcast.checks import check_sender_ends_in_time, sender_problems
from broadcast.core import checks
from broadcast.core.config import BASE_DIR, Config


@pytest.fixture
def production(tmp_path: Path) -> Config:
    """Settings of a sound production installation."""
    return Config(
        environment="production",
        debug=False,
        secret_key="k" * 60,
        encryption_keys=(Fernet.generate_key().decode(),),
        allowed_hosts=("broadcast.example.com",),
        public_url="https://broadcast.example.com",
        webhook_url="https://hooks.example.com",
        database_url="postgres://broadcast@db.example.com/broadcast",
        redis_url="redis://redis.example.com/0",
        redis_embedded=False,
        data_dir=tmp_path,
        console_bind="0.0.0.0:8000",
        webhook_bind="0.0.0.0:8001",
        workers=8,
        calls_private_networks=False,
        request_timeout_seconds=10.0,
        lease_seconds=30.0,
        expire_seconds=14_400,
        report_wait_seconds=3600,
        import_max_megabytes=10,
        alert_emails=("ops@example.com",),
        email_url="submission://broadcast@mail.example.com",
        log_level="INFO",
    )


def run(settings: Config) -> list[django_checks.CheckMessage]:
    return [message for check in (*checks.ALWAYS, *checks.BEFORE_DEPLOYMENT) for message in check(settings)]


def test_a_sound_production_installation_is_passed(production: Config) -> None:
    assert run(production) == []


CASES: list[tuple[str, dict[str, Any]]] = [
    ("broadcast.E001", {"secret_key": ""}),
    ("broadcast.E002", {"secret_key": "short"}),
    ("broadcast.E003", {"encryption_keys": ()}),
    ("broadcast.E004", {"encryption_keys": ("not-a-key",)}),
    ("broadcast.E005", {"debug": True}),
    ("broadcast.E006", {"allowed_hosts": ()}),
    ("broadcast.W001", {"allowed_hosts": ("*",)}),
    ("broadcast.W002", {"allowed_hosts": ("other.example.com",)}),
    ("broadcast.E007", {"public_url": ""}),
    ("broadcast.E007", {"webhook_url": ""}),
    ("broadcast.E008", {"webhook_url": "hooks.example.com"}),
    ("broadcast.W003", {"webhook_url": "http://hooks.example.com"}),
    ("broadcast.W004", {"webhook_url": "https://127.0.0.1:8001"}),
    ("broadcast.W004", {"webhook_url": "https://localhost:8001"}),
    ("broadcast.W004", {"webhook_url": "https://192.168.1.7"}),
    ("broadcast.W005", {"database_url": ""}),
    ("broadcast.W005", {"database_url": "sqlite:////srv/db.sqlite3"}),
    ("broadcast.W006", {"redis_embedded": True}),
    ("broadcast.W007", {"environment": "local"}),
    ("broadcast.E009", {"redis_url": "memcached://redis.example.com"}),
    ("broadcast.W008", {"database_url": "", "redis_url": "redis://redis.example.com/0"}),
    ("broadcast.W008", {"database_url": "", "redis_url": "redis+sentinel://s1.example.com:26379,s2:26379/main/0"}),
    ("broadcast.E010", {"workers": 0}),
    ("broadcast.W009", {"workers": 3}),
    ("broadcast.E011", {"request_timeout_seconds": 0.0}),
    ("broadcast.E012", {"report_wait_seconds": 0}),
    ("broadcast.E018", {"lease_seconds": 2.0}),
    ("broadcast.E019", {"expire_seconds": 0}),
    ("broadcast.W010", {"report_wait_seconds": 30}),
    ("broadcast.E020", {"alert_emails": ("ops@example.com", "nobody")}),
    ("broadcast.E021", {"email_url": "imap://mail.example.com"}),
    ("broadcast.W011", {"email_url": ""}),
    ("broadcast.E013", {"console_bind": "127.0.0.1"}),
    ("broadcast.E013", {"webhook_bind": "127.0.0.1:99999"}),
    ("broadcast.E014", {"webhook_bind": "0.0.0.0:8000"}),
    ("broadcast.E015", {"data_dir": Path("/dev/null/broadcast")}),
]


@pytest.mark.parametrize(("identifier", "change"), CASES)
def test_an_unsafe_setting_is_named(production: Config, identifier: str, change: dict[str, Any]) -> None:
    messages = [message for message in run(replace(production, **change)) if message.id == identifier]

    assert messages, f"{identifier} was silent"
    assert all(message.hint for message in messages)


def test_a_sender_must_end_before_the_cluster_kills_it() -> None:
    assert sender_problems(request_timeout_seconds=10, task_timeout_seconds=120) == []
    problems = sender_problems(request_timeout_seconds=100, task_timeout_seconds=120)
    assert [problem.id for problem in problems] == ["broadcast.E016"]
    assert "50 seconds" in str(problems[0].hint)


def test_every_check_has_a_case() -> None:
    source = Path(checks.__file__).read_text()

    assert set(re.findall(r'id="(broadcast\.\w\d+)"', source)) == {identifier for identifier, _ in CASES}


def test_every_check_is_documented() -> None:
    text = (BASE_DIR / "docs" / "settings.md").read_text()

    assert not {identifier for identifier, _ in [*CASES, ("broadcast.E016", {})] if identifier not in text}


def test_secrets_are_not_shown(production: Config) -> None:
    messages = run(replace(production, secret_key="hush-hush", encryption_keys=("hush-hush",)))

    assert messages
    assert not [message for message in messages if "hush" in f"{message.msg} {message.hint}"]


@pytest.mark.parametrize("host", [".example.com", "broadcast.example.com"])
def test_a_host_may_be_named_with_its_domain(production: Config, host: str) -> None:
    assert run(replace(production, allowed_hosts=(host,))) == []


def test_a_local_installation_is_quiet(production: Config) -> None:
    local = replace(
        production,
        environment="local",
        debug=True,
        allowed_hosts=("*",),
        public_url="http://127.0.0.1:8000",
        webhook_url="http://127.0.0.1:8001",
        database_url="",
        redis_url="unix:///tmp/valkey.sock",
        redis_embedded=True,
    )

    assert [message for check in checks.ALWAYS for message in check(local)] == []


def test_the_checks_are_registered() -> None:
    registry = django_checks.registry.registry
    always = [str(check) for check in registry.get_checks()]
    with_deployment = [str(check) for check in registry.get_checks(include_deployment_checks=True)]

    assert str(checks.check_settings) in always
    assert str(check_sender_ends_in_time) in always
    assert str(checks.check_deployment) not in always
    assert str(checks.check_deployment) in with_deployment
