"""Addresses to listen at. Plain Python: the demo chooses its ports before Django reads its settings."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from contextlib import closing
from pathlib import Path

_reservations: list[int] = []


def split_bind(bind: str) -> tuple[str, int]:
    """``host:port`` taken apart.

    Raises:
        ValueError: there is no port.
    """
    host, _, port = bind.rpartition(":")
    # As gunicorn reads it, no host means every address.
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104


def reachable(bind: str) -> tuple[str, int]:
    """Host and port at which a program that listens at ``bind`` is reached from this machine."""
    host, port = split_bind(bind)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def is_free(bind: str) -> bool:
    """Whether a program could listen at ``host:port``."""
    host, port = split_bind(bind)
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_bind(*, host: str = "127.0.0.1", wanted: int = 0) -> str:
    """``host:port`` that nobody listens at, reserved for this process among those that choose their ports here.

    Args:
        host: address of this machine.
        wanted: used if it is free; 0 for any.
    """
    if wanted and _reserve(wanted) and is_free(f"{host}:{wanted}"):
        return f"{host}:{wanted}"
    while True:
        with closing(socket.socket()) as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        if _reserve(port):
            return f"{host}:{port}"


def _reserve(port: int) -> bool:
    """Whether nobody else has chosen this port and is about to listen there; ours until this process ends."""
    path = Path(tempfile.gettempdir()) / f"broadcast-{os.getuid()}-port-{port}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    _reservations.append(handle)
    return True
