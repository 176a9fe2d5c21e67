"""The canary: a silent cluster is reported, a busy one is left alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
import redis
import time_machine
from redis.backoff import NoBackoff
from redis.retry import Retry

from broadcast.core.redis import get_redis
from broadcast.supervisor import canary
from broadcast.supervisor.canary import CLUSTER_VARIABLE, Canary, task_begins, task_ends

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "c1"


def no_redis() -> redis.Redis:
    """A client of a server that is not there, and that says so at once."""
    return redis.Redis(unix_socket_path="/tmp/there-is-no-such.sock", retry=Retry(NoBackoff(), 0))


class Watched:
    """A cluster as the canary sees it."""

    def __init__(self, workers: int = 2) -> None:
        self.process: int | None = 4711
        self.reports: list[str] = []
        self.canary = Canary(
            cluster=NAME,
            process=lambda: self.process,
            workers=workers,
            on_silence=self.reports.append,
            silence_seconds=60,
        )

    def look(self, *, after_seconds: float) -> None:
        with time_machine.travel(START + timedelta(seconds=after_seconds), tick=False):
            self.canary.look()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setenv(CLUSTER_VARIABLE, NAME)
    cluster = Watched()
    cluster.look(after_seconds=0)
    return cluster


def worked(*, after_seconds: float) -> None:
    with time_machine.travel(START + timedelta(seconds=after_seconds), tick=False):
        task_begins()
        task_ends()


def test_each_look_asks(watched: Watched) -> None:
    assert get_redis().llen("django_q:broadcast:q") == 1


def test_a_silent_cluster_is_reported_once(watched: Watched) -> None:
    watched.look(after_seconds=59)
    assert watched.reports == []

    watched.look(after_seconds=61)
    watched.look(after_seconds=62)
    assert len(watched.reports) == 1
    assert "no worker was heard for 61 s" in watched.reports[0]


def test_a_cluster_that_answers_is_left_alone(watched: Watched) -> None:
    worked(after_seconds=50)
    watched.look(after_seconds=100)

    assert watched.reports == []


def test_a_cluster_whose_workers_are_all_at_work_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLUSTER_VARIABLE, NAME)
    cluster = Watched(workers=1)
    cluster.look(after_seconds=0)
    with time_machine.travel(START, tick=False):
        task_begins()

    cluster.look(after_seconds=300)

    assert cluster.reports == []


def test_a_worker_that_died_at_work_does_not_count_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLUSTER_VARIABLE, NAME)
    cluster = Watched(workers=1)
    cluster.look(after_seconds=0)
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    get_redis().sadd(canary._busy_key(NAME), gone)

    cluster.look(after_seconds=61)

    assert len(cluster.reports) == 1


def test_a_new_process_has_its_own_minute(watched: Watched) -> None:
    watched.process = 4712
    watched.look(after_seconds=61)
    watched.look(after_seconds=100)
    assert watched.reports == []

    watched.look(after_seconds=122)
    assert len(watched.reports) == 1


def test_a_cluster_that_is_not_running_is_not_asked(watched: Watched) -> None:
    watched.process = None
    get_redis().flushdb()

    watched.look(after_seconds=300)

    assert watched.reports == []
    assert get_redis().llen("django_q:broadcast:q") == 0


def test_while_redis_is_away_silence_says_nothing(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "get_redis", no_redis)
    watched.look(after_seconds=300)
    monkeypatch.undo()
    monkeypatch.setenv(CLUSTER_VARIABLE, NAME)

    watched.look(after_seconds=301)
    assert watched.reports == []

    watched.look(after_seconds=400)
    assert len(watched.reports) == 1


def test_a_redis_that_lost_its_data_is_no_silence(watched: Watched) -> None:
    worked(after_seconds=50)
    watched.look(after_seconds=100)
    get_redis().flushall()

    watched.look(after_seconds=105)
    watched.look(after_seconds=160)
    assert watched.reports == []

    watched.look(after_seconds=166)
    assert len(watched.reports) == 1


def test_a_task_survives_redis_being_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLUSTER_VARIABLE, NAME)
    monkeypatch.setattr(canary, "get_redis", no_redis)

    task_begins()
    task_ends()


def test_a_cluster_without_a_supervisor_notes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CLUSTER_VARIABLE, raising=False)

    task_begins()
    task_ends()

    assert get_redis().keys("up:*") == []
