"""The demo's settings, made before Django reads any: an installation of its own beside the real one."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from pathlib import Path

from broadcast.core.config import BASE_DIR
from broadcast.supervisor.lock import FolderLock, FolderTaken
from broadcast.supervisor.ports import free_bind, is_free

#: Ports that are used when nobody else does.
CONSOLE_PORT, WEBHOOK_PORT = 8000, 8001
#: Demos that can run at the same time in folders of their own.
MOST_DEMOS = 9

#: A report that does not come is waited for this long, so that the demo ends while somebody watches.
REPORT_WAIT_SECONDS = 12
REQUEST_TIMEOUT_SECONDS = 3

#: The lock on this process's data folder; ``manage.py`` takes it.
lock: FolderLock | None = None


def prepare(arguments: Sequence[str], environ: MutableMapping[str, str]) -> FolderLock | None:
    """Set the variables that the demo runs with.

    Args:
        arguments: what follows ``demo`` on the command line.
        environ: the environment; changed.

    Returns:
        The lock on the data folder, taken; None where only help is asked for.

    Raises:
        FolderTaken: BROADCAST_DATA_DIR is in use, or too many demos run.
    """
    if {"-h", "--help", "--version"} & set(arguments):
        return None
    folder = environ.get("BROADCAST_DATA_DIR")
    taken = _take(Path(folder).expanduser().resolve()) if folder else _take_first(BASE_DIR / ".broadcast")
    if "--use-environment" not in arguments:
        environ.update(DATABASE_URL="", REDIS_URL="")
    console = _bind(environ, "BROADCAST_CONSOLE_BIND", CONSOLE_PORT)
    webhooks = _bind(environ, "BROADCAST_WEBHOOK_BIND", WEBHOOK_PORT)
    environ.update(
        BROADCAST_ENV="local",
        BROADCAST_DEBUG="false",
        BROADCAST_DATA_DIR=str(taken.folder),
        BROADCAST_CONSOLE_BIND=console,
        BROADCAST_WEBHOOK_BIND=webhooks,
        BROADCAST_PUBLIC_URL=f"http://{console}",
        BROADCAST_WEBHOOK_URL=f"http://{webhooks}",
        BROADCAST_ALLOWED_HOSTS="*",
        BROADCAST_REPORT_WAIT=str(REPORT_WAIT_SECONDS),
        BROADCAST_REQUEST_TIMEOUT=str(REQUEST_TIMEOUT_SECONDS),
    )
    environ.setdefault("BROADCAST_LOG_LEVEL", "WARNING")
    return taken


def _bind(environ: MutableMapping[str, str], name: str, port: int) -> str:
    """The address that was asked for, if it is free, else the usual port or any."""
    asked = environ.get(name, "")
    return asked if asked and is_free(asked) else free_bind(wanted=port)


def _take(folder: Path) -> FolderLock:
    folder_lock = FolderLock(folder)
    folder_lock.take()
    return folder_lock


def _take_first(parent: Path) -> FolderLock:
    """The first demo folder that no other demo uses."""
    for number in range(1, MOST_DEMOS + 1):
        try:
            return _take(parent / ("demo" if number == 1 else f"demo-{number}"))
        except FolderTaken:
            continue
    raise FolderTaken(f"{MOST_DEMOS} demos run already: stop one of them, or set BROADCAST_DATA_DIR to another folder.")
