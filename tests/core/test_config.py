"""Settings: what is read, what is generated, what is documented."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from environs import EnvError

from broadcast.core.config import BASE_DIR, MAX_SOCKET_PATH_BYTES, embedded_socket_path, read_config


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BROADCAST_DATA_DIR", str(tmp_path / "data"))


def settings_names() -> set[str]:
    """Every variable that the code reads."""
    source = (BASE_DIR / "broadcast" / "core" / "config.py").read_text()
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))


def test_a_local_installation_needs_no_settings(tmp_path: Path) -> None:
    config = read_config()

    assert not config.is_production
    assert config.debug
    assert len(config.secret_key) >= 50
    assert Fernet(config.encryption_keys[0])
    assert config.allowed_hosts == ("*",)
    assert config.public_url == "http://127.0.0.1:8000"
    assert config.webhook_url == "http://127.0.0.1:8001"
    assert config.redis_embedded
    assert config.redis_url == f"unix://{config.socket_path}"
    assert config.data_dir == tmp_path / "data"


def test_generated_secrets_stay_the_same_and_are_private(tmp_path: Path) -> None:
    first, second = read_config(), read_config()

    assert (first.secret_key, first.encryption_keys) == (second.secret_key, second.encryption_keys)
    assert stat.S_IMODE((tmp_path / "data" / "secrets.json").stat().st_mode) == 0o600


def test_production_assumes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BROADCAST_ENV", "production")

    config = read_config()

    assert config.is_production
    assert not config.debug
    assert config.secret_key == ""
    assert config.encryption_keys == ()
    assert config.allowed_hosts == ()
    assert config.public_url == ""
    assert config.webhook_url == ""
    assert not (tmp_path / "data").exists()


def test_what_is_set_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Fernet.generate_key().decode()
    older = Fernet.generate_key().decode()
    monkeypatch.setenv("BROADCAST_ENCRYPTION_KEYS", f"{key},{older}")
    monkeypatch.setenv("BROADCAST_PUBLIC_URL", "https://broadcast.example.com/")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.com:6379/2")
    monkeypatch.setenv("BROADCAST_REQUEST_TIMEOUT", "7.5")
    monkeypatch.setenv("BROADCAST_LOG_LEVEL", "debug")

    config = read_config()

    assert config.encryption_keys == (key, older)
    assert config.public_url == "https://broadcast.example.com"
    assert config.redis_url == "redis://cache.example.com:6379/2"
    assert not config.redis_embedded
    assert config.request_timeout_seconds == 7.5
    assert config.log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "value"),
    [("BROADCAST_ENV", "staging"), ("BROADCAST_WORKERS", "many"), ("BROADCAST_DEBUG", "perhaps")],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(EnvError, match=name):
        read_config()


def test_a_socket_in_a_deep_folder_moves_to_the_temporary_one(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * MAX_SOCKET_PATH_BYTES)
    short = Path("/tmp/here")

    assert embedded_socket_path(short) == short / "valkey.sock"
    moved = embedded_socket_path(deep)
    assert len(str(moved)) <= MAX_SOCKET_PATH_BYTES
    assert moved == embedded_socket_path(deep)
    assert moved != embedded_socket_path(deep.with_name("e" * MAX_SOCKET_PATH_BYTES))


def test_every_setting_is_documented() -> None:
    text = (BASE_DIR / "docs" / "settings.md").read_text()

    assert len(settings_names()) > 15
    assert not {name for name in settings_names() if f"`{name}`" not in text}
