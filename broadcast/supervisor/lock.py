"""One supervisor a data folder: a lock that the operating system takes back however its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

#: Seconds to wait for the programs of a supervisor that was killed; they have about this long to end.
_ABANDONED_SECONDS = 40.0
_POLL_SECONDS = 0.1


class FolderTaken(Exception):
    """Another supervisor uses the data folder; the text names it."""


class FolderLock:
    """A lock on a data folder.

    Args:
        folder: the data folder; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock and leave our process id in it.

        Raises:
            FolderTaken: another supervisor holds it.
        """
        if self._handle is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "up.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _ABANDONED_SECONDS
        while not _try_lock(handle):
            holder = path.read_text().strip()
            if _is_running(holder) or time.monotonic() > deadline:
                os.close(handle)
                process = f" (process {holder})" if holder else ""
                raise FolderTaken(
                    f"The data folder {self.folder} is in use by another `manage.py up` or `demo`{process}: stop that "
                    "one, or set BROADCAST_DATA_DIR to another folder."
                )
            # A blocking flock knows no deadline, and would not see that a living supervisor has taken the lock meanwhile.
            time.sleep(_POLL_SECONDS)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def fileno(self) -> int:
        """The lock's file descriptor, for a process that shall hold it too.

        Raises:
            ValueError: the lock is not held.
        """
        if self._handle is None:
            raise ValueError(f"The lock on {self.folder} is not held.")
        return self._handle

    def release(self) -> None:
        """Give the lock back; whoever shares it may hold it longer."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> FolderLock:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_running(holder: str) -> bool:
    if not holder.isdigit():
        return False
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
