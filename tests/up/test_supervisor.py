"""The supervisor: starts, prefixes, restarts, stops in order, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from broadcast.core.config import BASE_DIR
from broadcast.supervisor import processes
from broadcast.supervisor.lock import FolderLock, FolderTaken
from broadcast.supervisor.processes import Program, ProgramError, Supervisor
from tests.up.processes import eventually, is_running, recording_terminal, script

WAIT_FOR_TERM = """
import os, signal, sys
def end(*_):
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[2] + "\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    signal.pause()
"""

WITH_A_CHILD = """
import os, signal, sys, time
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, lambda *_: open(sys.argv[1] + ".told", "w").close())
    open(sys.argv[1] + ".child", "w").write(str(os.getpid()))
    while True:
        signal.pause()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("ready", flush=True)
while True:
    signal.pause()
"""

IGNORES_TERM = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""

COUNTS_ITS_STARTS = """
import os, signal, sys
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
while True:
    signal.pause()
"""


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_each_line_carries_the_name_of_its_program(tmp_path: Path) -> None:
    terminal, text = recording_terminal()
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        supervisor.start(script("console", "import sys; print('hello'); print('oh no', file=sys.stderr)"))
        # Each comes through a pipe of its own.
        eventually(lambda: "hello" in text.getvalue() and "oh no" in text.getvalue(), "the program's lines")

    assert "console   │ hello\n" in text.getvalue()
    assert "console   │ oh no\n" in text.getvalue()


def test_programs_stop_by_stage_and_the_last_started_is_not_forgotten(tmp_path: Path) -> None:
    terminal, text = recording_terminal()
    record = tmp_path / "ended"
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        for name, stage in (("valkey", 0), ("cluster", 3), ("console", 2)):
            supervisor.start(script(name, WAIT_FOR_TERM, record, name, stage=stage))
        eventually(lambda: text.getvalue().count("ready") == 3, "all programs to run")

    assert lines(record) == ["cluster", "console", "valkey"]


def test_only_the_main_process_is_asked_to_stop_and_its_children_do_not_outlive_it(tmp_path: Path) -> None:
    terminal, text = recording_terminal()
    base = tmp_path / "cluster"
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        supervisor.start(script("cluster", WITH_A_CHILD, base))
        eventually(lambda: "ready" in text.getvalue() and lines(Path(f"{base}.child")), "the program and its child")
        child = int(lines(Path(f"{base}.child"))[0])

    assert not Path(f"{base}.told").exists()
    eventually(lambda: not is_running(child), "the child to be gone")


def test_a_program_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    terminal, text = recording_terminal()
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        supervisor.start(script("stubborn", IGNORES_TERM, grace_seconds=0.3))
        eventually(lambda: "ready" in text.getvalue(), "the program to run")
        process = supervisor.process_id("stubborn")

    assert process is not None
    assert not is_running(process)
    assert "stubborn does not stop; it is killed" in text.getvalue()


def test_who_hurries_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    terminal, text = recording_terminal()
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        supervisor.start(script("stubborn", IGNORES_TERM, grace_seconds=3600))
        eventually(lambda: "ready" in text.getvalue(), "the program to run")
        process = supervisor.process_id("stubborn")
        supervisor.hurry()

    assert process is not None
    assert not is_running(process)


def test_what_dies_is_started_again_with_growing_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.01)
    terminal, text = recording_terminal()
    starts = tmp_path / "starts"
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        supervisor.start(script("console", COUNTS_ITS_STARTS, starts))
        for deaths in (1, 2):
            eventually(lambda deaths=deaths: len(lines(starts)) == deaths, f"start {deaths}")  # type: ignore[misc]
            os.kill(int(lines(starts)[-1]), signal.SIGKILL)
        eventually(lambda: len(lines(starts)) == 3, "the third start")
        assert supervisor.is_running("console")

    assert "console was killed (SIGKILL); it is started again in 0.01 s" in text.getvalue()
    assert "it is started again in 0.02 s" in text.getvalue()


def test_a_program_that_is_killed_for_a_reason_loses_its_whole_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.01)
    terminal, text = recording_terminal()
    base = tmp_path / "cluster"
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        supervisor.start(script("cluster", WITH_A_CHILD, base))
        eventually(lambda: lines(Path(f"{base}.child")), "the child")
        child = int(lines(Path(f"{base}.child"))[0])
        supervisor.kill("cluster", "no worker was heard")
        eventually(lambda: not is_running(child), "the child to be gone")
        eventually(lambda: text.getvalue().count("ready") == 2, "the cluster to run again")

    assert "cluster: no worker was heard" in text.getvalue()


def test_a_program_that_cannot_start_is_told_once_and_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_BACKOFF_SECONDS", 0.01)
    terminal, _ = recording_terminal()
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        program = script("console", "raise SystemExit('no such module')")
        supervisor.start(Program(program.name, program.command, ready=lambda: False))
        with pytest.raises(ProgramError, match="console ends again and again"):
            supervisor.wait_until_ready("console")


def test_a_program_that_is_never_ready_is_not_waited_for_forever(tmp_path: Path) -> None:
    terminal, _ = recording_terminal()
    with Supervisor(terminal, folder=tmp_path) as supervisor:
        program = script("console", COUNTS_ITS_STARTS, tmp_path / "starts")
        supervisor.start(Program(program.name, program.command, ready=lambda: False))
        with pytest.raises(ProgramError, match=r"console was not ready within 0\.2 seconds"):
            supervisor.wait_until_ready("console", timeout_seconds=0.2)


SUPERVISOR_TO_KILL = """
import sys
from pathlib import Path
from broadcast.supervisor.lock import FolderLock
from broadcast.supervisor.processes import Program, Supervisor
from broadcast.supervisor.terminal import Terminal
folder = Path(sys.argv[1])
lock = FolderLock(folder)
lock.take()
supervisor = Supervisor(Terminal(), folder=folder, lock=lock)
command = (sys.executable, "-I", "-c", sys.argv[2], str(folder / "cluster"))
supervisor.start(Program("cluster", command, grace_seconds=1))
supervisor.wait_until_ready("cluster")
print(supervisor.process_id("cluster"), flush=True)
sys.stdin.read()
"""


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR_TO_KILL, str(tmp_path), WITH_A_CHILD],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert supervisor.stdout is not None
    cluster = int(supervisor.stdout.readline())
    child_file = tmp_path / "cluster.child"
    eventually(lambda: lines(child_file), "the cluster's child")
    child = int(lines(child_file)[0])

    with pytest.raises(FolderTaken, match=str(supervisor.pid)):
        FolderLock(tmp_path).take()
    supervisor.kill()
    supervisor.communicate()

    # Whoever comes next waits until the last of them is gone.
    with FolderLock(tmp_path):
        assert not is_running(cluster)
        assert not is_running(child)
