"""The project's own app: what runs and checks the whole."""

from __future__ import annotations

from django.apps import AppConfig


class BroadcastConfig(AppConfig):
    """Registers the system checks and lets the cluster's workers be heard."""

    name = "broadcast"
    verbose_name = "Broadcast"

    def ready(self) -> None:
        """Register both."""
        from django_q.signals import post_execute_in_worker, pre_execute

        from broadcast import checks
        from broadcast.supervisor import canary

        checks.register_all()
        pre_execute.connect(canary.task_begins, dispatch_uid="broadcast.canary")
        post_execute_in_worker.connect(canary.task_ends, dispatch_uid="broadcast.canary")
