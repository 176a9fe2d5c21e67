"""System checks of what several layers must agree on; the settings' own are in ``broadcast.core.checks``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from broadcast.core import checks
from broadcast.core.config import config
from messaging.engine import limits

#: Seconds that a sender needs to give back what it holds when its time is up.
LEAVE_SECONDS = 10.0


def register_all() -> None:
    """Register every check with Django; called once, when the apps are ready."""
    checks.register_all()
    register(check_sender_ends_in_time, "settings")


def check_sender_ends_in_time(**_: object) -> list[CheckMessage]:
    """E016: a sender's last request is answered before the cluster takes the sender for hung and kills it."""
    return sender_problems(
        request_timeout_seconds=config().request_timeout_seconds, task_timeout_seconds=_task_timeout(settings.Q_CLUSTER)
    )


def sender_problems(*, request_timeout_seconds: float, task_timeout_seconds: float) -> list[CheckMessage]:
    """What is wrong with the times of a sender.

    Args:
        request_timeout_seconds: until a provider's answer is given up.
        task_timeout_seconds: until the cluster kills a task.
    """
    most = task_timeout_seconds - limits.LONGEST_RUN_SECONDS - LEAVE_SECONDS
    if request_timeout_seconds < most:
        return []
    return [
        Error(
            f"BROADCAST_REQUEST_TIMEOUT is {request_timeout_seconds:g} seconds: the cluster would kill a sender that "
            "still waits for an answer, and its messages would become unknown.",
            hint=f"Set it below {most:g} seconds; 10 is usual.",
            id="broadcast.E016",
        )
    ]


def _task_timeout(cluster: dict[str, Any]) -> float:
    return float(cluster["timeout"])
