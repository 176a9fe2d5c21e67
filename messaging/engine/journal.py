"""Journals: what a lease's sender did, kept on its own machine, exact to the message and readable after any kill.

A journal is a small file in ``BROADCAST_DATA_DIR/leases``, one a lease: a byte for each message, set just before its request
leaves, and behind those bytes the answers, in lines. It is mapped into memory and never synced: whatever processes are
killed, the kernel keeps what they wrote, and no call of the kernel is needed to write it. Only the machine itself can lose it,
and a journal from before its last start is not believed. Where there is none, the marks in Redis decide, which name a little
more than what left.

Whoever takes a lease apart *seals* its journal first. A sender sets a message's byte, then looks at the seal, and lets the
request go only if there is none; the sealer sets the seal, then reads the bytes. So each message was either seen to have left
or never leaves, also when the sender stood still for hours in between.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from broadcast.core.config import config

logger = logging.getLogger(__name__)

#: Magic, the machine's start, the file's own device and inode (a copy is not believed), number of messages, seal.
_HEADER = struct.Struct("=8s36sQQI?")
_MAGIC = b"lease-01"
_SEAL = _HEADER.size - 1
_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: Room for each message's answer.
_ANSWER_BYTES = 96
#: A byte that one processor has written is seen by the others within microseconds; a sealer waits this long.
_SEEN_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Traces:
    """What a sealed journal tells.

    Args:
        left: ids of messages whose request may have left, answered or not.
        answers: packed answers, as ``stream.pack_results`` made them.
    """

    left: frozenset[int]
    answers: tuple[bytes, ...]


class Journal:
    """A lease's journal, as its sender writes it.

    Args:
        file: descriptor, open for appending; owned from now on.
        page: the mapped head of the file.
        ids: the lease's messages, in the order of their bytes.
    """

    __slots__ = ("_end", "_file", "_next", "_page", "_places")

    def __init__(self, file: int, page: mmap.mmap, ids: Sequence[int]) -> None:
        self._file = file
        self._page = page
        self._next = _HEADER.size + 9 * len(ids)
        self._end = len(page)
        self._places = {pk: place for place, pk in enumerate(ids, start=_HEADER.size + 8 * len(ids))}

    @classmethod
    def create(cls, token: str, ids: Sequence[int]) -> Self | None:
        """A new journal; to be made before the lease's messages are claimed, so that no claimed message is without.

        Args:
            token: the lease.
            ids: all that may be claimed under it.

        Returns:
            None where none can be kept (a full disk, not Linux): the marks in Redis decide then.
        """
        boot = _boot()
        if not boot:
            return None
        try:
            _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(_path(token), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            logger.warning("No journal of lease %s can be kept in %s; Redis' marks decide: %s", token, _folder(), error)
            return None
        try:
            page = mmap.mmap(file, _write_head(file, boot, ids))
        except OSError as error:
            logger.warning("No journal of lease %s can be kept in %s; Redis' marks decide: %s", token, _folder(), error)
            os.close(file)
            remove(token)
            return None
        return cls(file, page, ids)

    def leave(self, message_id: int) -> bool:
        """Note that a message's request is about to leave; False when it must not, because the lease was taken apart."""
        self._page[self._places[message_id]] = 1
        return not self._page[_SEAL]

    def back(self, message_id: int) -> None:
        """Note that the provider never had a message: it may leave again."""
        self._page[self._places[message_id]] = 0

    def answer(self, packed: bytes) -> None:
        """Keep an answer, as ``stream.pack_results`` made it."""
        end = self._next + len(packed) + 1
        if end <= self._end:
            self._page[self._next : end] = packed + b"\n"
            self._next = end
            return
        try:
            os.write(self._file, packed + b"\n")
        except OSError as error:
            # Its message is unknown then if the sender is killed before the stream has the answer.
            logger.warning("An answer cannot be kept in the journal of its lease: %s", error)

    def close(self) -> None:
        """Write no more; the file stays until nobody can need it (``tidy``)."""
        if self._file >= 0:
            self._page.close()
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()


def seal(token: str) -> Traces | None:
    """End a lease for its sender, wherever that stands, and tell what it did; None where there is no journal to be believed.

    Args:
        token: the lease.
    """
    try:
        file = os.open(_path(token), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        count = _believed(file)
        if count is None:
            return None
        first = _HEADER.size + 8 * count
        with mmap.mmap(file, _mapped(count)) as page:
            page[_SEAL] = 1
            time.sleep(_SEEN_SECONDS)
            ids = array("q", page[_HEADER.size : first])
            marks = page[first : first + count]
            mapped = page[first + count :].rstrip(b"\0")
        os.lseek(file, _mapped(count), os.SEEK_SET)
        # What follows the last line end was cut off in the middle.
        answers = [*mapped.split(b"\n")[:-1], *_rest(file).split(b"\n")[:-1]]
    except OSError as error:
        logger.warning("The journal of lease %s cannot be read; Redis' marks decide: %s", token, error)
        return None
    finally:
        os.close(file)
    return Traces(frozenset(pk for pk, mark in zip(ids, marks, strict=True) if mark), tuple(answers))


def tidy(*, needed: set[str], older_than_seconds: float) -> int:
    """Remove journals that nobody can need any more; how many there were.

    Args:
        needed: leases under which the database still has messages being sent.
        older_than_seconds: younger ones stay: their messages may be about to be claimed.
    """
    removed = 0
    before = time.time() - older_than_seconds
    try:
        found = [entry for entry in os.scandir(_folder()) if entry.name not in needed]
    except FileNotFoundError:
        return 0
    for entry in found:
        try:
            if entry.stat().st_mtime < before:
                remove(entry.name)
                removed += 1
        except FileNotFoundError:
            # Another sweeper was quicker.
            continue
    return removed


def remove(token: str) -> None:
    """Remove a journal, if there is one."""
    _path(token).unlink(missing_ok=True)


def _write_head(file: int, boot: bytes, ids: Sequence[int]) -> int:
    """Write the part of a new journal that is mapped; its size in bytes."""
    own = os.fstat(file)
    head = _HEADER.pack(_MAGIC, boot, own.st_dev, own.st_ino, len(ids), False)
    # Written, not only made longer: a full disk shows itself here and not as a fault of the mapped memory.
    head += array("q", ids).tobytes()
    head = head.ljust(_mapped(len(ids)), b"\0")
    if os.write(file, head) != len(head):
        raise OSError("The disk is full.")
    return len(head)


def _mapped(count: int) -> int:
    """Size of the part of a journal that is mapped, in bytes; more answers than have room there follow behind it."""
    return _HEADER.size + (9 + _ANSWER_BYTES) * count


def _believed(file: int) -> int | None:
    """How many messages a journal has; None when it is incomplete, a copy, or from before the machine's last start."""
    own = os.fstat(file)
    head = os.read(file, _HEADER.size)
    if len(head) < _HEADER.size:
        return None
    magic, boot, device, inode, count, _ = _HEADER.unpack(head)
    if (magic, boot, device, inode) != (_MAGIC, _boot(), own.st_dev, own.st_ino):
        return None
    return int(count) if own.st_size >= _mapped(count) else None


def _rest(file: int) -> bytes:
    parts = []
    while part := os.read(file, 1 << 20):
        parts.append(part)
    return b"".join(parts)


@cache
def _boot() -> bytes:
    """Which start of which machine this is; empty where the kernel does not say."""
    try:
        return _BOOT.read_bytes().strip()
    except OSError:
        return b""


def _folder() -> Path:
    return config().data_dir / "leases"


def _path(token: str) -> Path:
    return _folder() / token
