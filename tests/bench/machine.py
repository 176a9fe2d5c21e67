"""What a bench needs to know of the machine: cores, ports, a process's memory and processor time (Linux)."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores a bench uses.

    Args:
        subject: the one core of what is measured.
        others: the cores of what stands around it; the same one when there is no other.
    """

    subject: frozenset[int]
    others: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        """Every core."""
        return self.subject | self.others


def cores() -> Cores:
    """The cores this process may use: the first for the subject, the rest for everything else."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(frozenset(allowed[:1]), frozenset(allowed[1:] or allowed))


def resident_megabytes(*, peak: bool = False) -> float:
    """Memory of this process, now or at its peak since ``forget_peak``."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_peak() -> None:
    """Begin a new peak of this process's memory; without the right to, the peak since its start stays."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(pid: int, to: Collection[int]) -> None:
    """Keep a process, with all the threads it has, on some cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), to)
