"""Journals: exact to the message, readable after any kill, and not believed where they cannot be."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from broadcast.core.config import BASE_DIR, config
from integrations.sms.contract import SendResult
from integrations.sms.events import DeliveryState
from messaging.engine import journal, stream
from messaging.engine.journal import Journal

IDS = [70, 30, 50]


@pytest.fixture
def token() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def kept(token: str) -> Journal:
    made = Journal.create(token, IDS)
    assert made is not None
    return made


def path(token: str) -> Path:
    return config().data_dir / "leases" / token


def answer(message_id: int) -> bytes:
    return stream.pack_results([SendResult(message_id, "SM1", DeliveryState.ACCEPTED, 1)], 1_700_000_000.0)


def test_it_tells_what_left_and_what_was_answered(kept: Journal, token: str) -> None:
    assert kept.leave(30)
    assert kept.leave(50)
    kept.answer(answer(50))

    traces = journal.seal(token)

    assert traces is not None
    assert traces.left == {30, 50}
    assert [record.message_id for packed in traces.answers for record in stream.unpack_results(1, packed)] == [50]


def test_what_the_provider_never_had_has_not_left(kept: Journal, token: str) -> None:
    kept.leave(30)
    kept.back(30)

    assert journal.seal(token) == journal.Traces(frozenset(), ())


def test_nothing_leaves_once_it_is_sealed(kept: Journal, token: str) -> None:
    assert kept.leave(30)
    journal.seal(token)

    assert not kept.leave(70)
    assert not kept.leave(30)


def test_an_answer_that_was_cut_off_is_none(kept: Journal, token: str) -> None:
    kept.answer(answer(30))
    with path(token).open("ab") as file:
        file.write(answer(50)[:20])

    traces = journal.seal(token)

    assert traces is not None
    assert traces.answers == (answer(30),)


def test_an_answer_that_was_half_written_in_memory_is_none(kept: Journal, token: str) -> None:
    kept.answer(answer(30))
    kept._page[kept._next : kept._next + 20] = answer(50)[:20]

    traces = journal.seal(token)

    assert traces is not None
    assert traces.answers == (answer(30),)


def test_answers_that_find_no_room_follow_behind(kept: Journal, token: str) -> None:
    many = [answer(30)] * 20
    for packed in many:
        kept.answer(packed)

    traces = journal.seal(token)

    assert traces is not None
    assert traces.answers == tuple(many)


def test_without_a_journal_nothing_is_told(token: str) -> None:
    assert journal.seal(token) is None


def test_a_copy_is_not_believed(kept: Journal, token: str) -> None:
    shutil.copy(path(token), path(f"{token}0"))

    assert journal.seal(f"{token}0") is None
    assert kept.leave(30), "nor does it seal what it was copied from"


def test_a_journal_from_before_the_machines_start_is_not_believed(
    kept: Journal, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_boot", lambda: b"another start")

    assert journal.seal(token) is None


def test_one_that_was_never_finished_is_not_believed(kept: Journal, token: str) -> None:
    os.truncate(path(token), path(token).stat().st_size - 1)

    assert journal.seal(token) is None


def test_without_the_name_of_the_machines_start_none_is_kept(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_boot", lambda: b"")

    assert Journal.create(token, IDS) is None


def test_a_folder_that_cannot_be_written_costs_only_the_journal(
    token: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(journal, "_folder", lambda: tmp_path / "file" / "leases")

    assert Journal.create(token, IDS) is None
    assert "Redis' marks decide" in caplog.text


def test_only_journals_that_nobody_needs_are_removed(token: str) -> None:
    needed, over, young = (f"{token}{name}" for name in ("needed", "over", "young"))
    for name in (needed, over, young):
        Journal.create(name, IDS)
    for name in (needed, over):
        os.utime(path(name), (time.time() - 100,) * 2)

    journal.tidy(needed={needed}, older_than_seconds=50)

    assert [path(name).exists() for name in (needed, over, young)] == [True, False, True]


WRITER = """
import sys
from messaging.engine.journal import Journal
journal = Journal.create(sys.argv[1], [1, 2, 3])
journal.leave(1)
journal.leave(3)
journal.answer(b"[3]")
print("written", flush=True)
sys.stdin.read()
"""


def test_it_outlives_the_kill_of_its_writer(token: str) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, token],
        cwd=BASE_DIR,
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"written\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=10)

    assert journal.seal(token) == journal.Traces(frozenset({1, 3}), (b"[3]",))
