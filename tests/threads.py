"""Calls that happen at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections


def at_once(*calls: Callable[[], object]) -> None:
    """Make these calls at the same moment, each in a thread with database connections of its own.

    Raises:
        AssertionError: one of them raised, or has not ended after a minute.
    """
    barrier, failed = threading.Barrier(len(calls)), []

    def run(call: Callable[[], object]) -> None:
        try:
            barrier.wait(10)
            call()
        except Exception as error:
            failed.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert not any(thread.is_alive() for thread in threads)
