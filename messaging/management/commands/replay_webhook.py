"""``manage.py replay_webhook``: have kept webhooks take effect after all."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from messaging.jobs.replay import NotReplayed, replay
from messaging.models import RejectedWebhook


class Command(BaseCommand):
    """For webhooks that an earlier version could not read, or that came while something was set wrongly."""

    help = "Replay webhooks that were kept because they were not understood."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ones."""
        parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="As in the console's list.")
        parser.add_argument("--all", action="store_true", help="Every one that waits for a person.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  Django's signature
        """Replay one after the other, the oldest first; one that fails keeps no other from it.

        Raises:
            CommandError: no id was given, or some were not replayed.
        """
        if bool(options["ids"]) == options["all"]:
            raise CommandError("Give the ids of kept webhooks, or --all.")
        waiting = RejectedWebhook.objects.filter(state=RejectedWebhook.State.KEPT).order_by("id")
        ids = list(waiting.values_list("pk", flat=True)) if options["all"] else options["ids"]
        failed = 0
        for webhook_id in ids:
            try:
                count = replay(webhook_id=webhook_id)
            except NotReplayed as error:
                failed += 1
                self.stderr.write(str(error))
            else:
                self.stdout.write(f"Webhook {webhook_id}: {count} new.")
        if failed:
            raise CommandError(f"{failed} of {len(ids)} were not replayed; the reasons stand above.")
