"""``manage.py up`` as a person runs it: a process of its own, real servers, real signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from broadcast.core.config import BASE_DIR, embedded_socket_path
from broadcast.core.redis import connect
from broadcast.supervisor.ports import free_bind
from tests.up.processes import eventually, is_running

#: Seconds for a first answer on a machine that is busy with other tests.
PATIENCE = 60.0


class Up:
    """An ``up`` with a data folder and ports of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.console, self.webhooks = free_bind(), free_bind()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BROADCAST_")},
            "DJANGO_SETTINGS_MODULE": "broadcast.settings",
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "BROADCAST_DATA_DIR": str(folder),
            "BROADCAST_CONSOLE_BIND": self.console,
            "BROADCAST_WEBHOOK_BIND": self.webhooks,
            "BROADCAST_WORKERS": "4",
            **environment,
        }
        self.log = folder / "up.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "up", *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def processes(self) -> list[int]:
        """Every process that runs in this data folder."""
        wanted = f"BROADCAST_DATA_DIR={self.folder}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                environment = path.read_bytes().split(b"\0")
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
            if wanted in environment and is_running(int(path.parent.name)):
                found.append(int(path.parent.name))
        return found


@contextmanager
def running(up: Up, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    process = up.start(*options)
    try:
        eventually(lambda: up.says("Running. Ctrl-C") or process.poll() is not None, "everything to run")
        assert process.poll() is None, up.log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()
        eventually(lambda: not up.processes(), "everything to be gone")


def test_everything_runs_and_stops_in_order(short_folder: Path) -> None:
    up = Up(short_folder)
    with running(up) as process:
        login = httpx.get(f"http://{up.console}/admin/login/", headers={"Host": up.console}, timeout=PATIENCE)
        assert login.status_code == 200
        assert httpx.get(f"http://{up.webhooks}/healthz", timeout=PATIENCE).status_code == 200
        with connect(f"unix://{embedded_socket_path(short_folder)}") as client:
            # The sweep that `up` asks for at its start is taken by the cluster: the queue is empty and a worker was heard.
            eventually(lambda: client.keys("up:*:heard"), "the cluster's first task")
        assert up.says("Nobody can log in yet")

        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, up.log.read_text()
        assert up.processes() == []
        assert not up.says("does not stop"), up.log.read_text()


def test_a_part_may_run_alone_and_what_is_killed_leaves_nothing(short_folder: Path) -> None:
    up = Up(short_folder)
    with running(up, "--only", "webhooks") as process:
        assert httpx.get(f"http://{up.webhooks}/healthz", timeout=PATIENCE).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{up.console}/", timeout=PATIENCE)
        second = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), "up"],
            env={**up.environment, "BROADCAST_WEBHOOK_BIND": free_bind()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert f"is in use by another `manage.py up` or `demo` (process {process.pid})" in second.stderr

        process.kill()
        eventually(lambda: not up.processes(), "everything to be gone")


def test_a_port_that_is_taken_is_refused_by_the_name_of_its_setting(short_folder: Path) -> None:
    up = Up(short_folder)
    host, port = up.webhooks.split(":")
    with socket.create_server((host, int(port))):
        process = up.start()
        assert process.wait(60) == 1

    assert up.says(f"The webhooks process cannot listen at {up.webhooks}")
    assert up.says("BROADCAST_WEBHOOK_BIND")
    assert up.processes() == []


def test_production_settings_that_are_not_safe_are_refused(short_folder: Path) -> None:
    up = Up(short_folder, BROADCAST_ENV="production", BROADCAST_PUBLIC_URL="https://broadcast.example.com")
    process = up.start()

    assert process.wait(60) == 1
    for identifier in ("broadcast.E001", "broadcast.E003", "broadcast.E006", "broadcast.E007"):
        assert up.says(identifier), up.log.read_text()
