"""What runs inside a cluster, read from the kernel (Linux)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_ESTABLISHED = "01"


def children(pid: int) -> list[int]:
    """The processes that a process has started and that are still there."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(text) for text in (task / "children").read_text().split()]
    return found


def descendants(pid: int) -> list[int]:
    """Its children, their children and so on."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def cluster_children(pid: int) -> list[int]:
    """The processes that a cluster's sentinel keeps alive: workers, pusher and monitor.

    Args:
        pid: the cluster's main process.
    """
    return [grandchild for sentinel in children(pid) for grandchild in children(sentinel)]


def owner_of_ports(ports: Iterable[int], among: Iterable[int], *, at_least: int = 1) -> int | None:
    """Which of some processes holds the most connections from these local ports.

    Args:
        ports: local ports.
        among: process ids.
        at_least: so many connections; None when no process has them.
    """
    inodes = {f"socket:[{inode}]" for inode in _inodes(set(ports))}
    counts: dict[int, int] = {}
    for pid in among:
        with contextlib.suppress(OSError):
            counts[pid] = sum(target in inodes for target in _open_files(pid))
    owner = max(counts, key=counts.__getitem__, default=None)
    return owner if owner is not None and counts[owner] >= at_least else None


def _inodes(ports: set[int]) -> Iterator[str]:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _ESTABLISHED and int(fields[1].rpartition(":")[2], 16) in ports:
            yield fields[9]


def _open_files(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(entry.readlink())
