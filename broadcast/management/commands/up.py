"""``manage.py up``: run the whole installation."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from broadcast.core.config import Config, config
from broadcast.core.valkey import ValkeyError
from broadcast.supervisor import database
from broadcast.supervisor.installation import CLUSTER, CONSOLE, PARTS, WEBHOOKS, Installation, PortTaken, check_ports
from broadcast.supervisor.lock import FolderLock, FolderTaken
from broadcast.supervisor.processes import ProgramError
from broadcast.supervisor.signals import Stopped, stop_signals
from broadcast.supervisor.terminal import Terminal


class Command(BaseCommand):
    """Starts what the settings ask for and keeps it running until Ctrl-C."""

    help = (
        "Start everything the settings ask for: Valkey if there is no REDIS_URL, migrations, the console, the webhook "
        "process and the cluster. Ctrl-C stops all of it in order."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--only",
            action="append",
            choices=PARTS,
            help="start only this part, for several machines; repeatable (all of them)",
        )
        parser.add_argument(
            "--no-migrate",
            action="store_true",
            help="leave the tables as they are; another machine brings them up to date",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until told to stop."""
        settings = config()
        parts = options["only"] or list(PARTS)
        if settings.is_production:
            self.check(include_deployment_checks=True)
        try:
            check_ports(settings, parts)
            with FolderLock(settings.data_dir) as lock:
                run(settings, parts, migrate=not options["no_migrate"], lock=lock)
        except (FolderTaken, PortTaken, ProgramError, ValkeyError) as error:
            raise CommandError(str(error)) from error


def run(settings: Config, parts: list[str], *, migrate: bool, lock: FolderLock) -> None:
    """Start the parts and wait; returns when told to stop.

    Args:
        settings: the installation's.
        parts: some of ``PARTS``.
        migrate: whether to bring the tables up to date.
        lock: the data folder's lock, taken.

    Raises:
        ProgramError: a program did not start.
        ValkeyError: the embedded Valkey did not start.
    """
    terminal = Terminal()
    with stop_signals() as further_signals:
        installation = Installation(settings, terminal=terminal, lock=lock)
        try:
            installation.start_redis()
            database.prepare(settings, migrate=migrate)
            installation.start_servers(parts)
            if CLUSTER in parts:
                installation.start_cluster()
            installation.wait_for_servers(parts)
            _greet(terminal, settings, parts)
            database.let_go()
            threading.Event().wait()
        except Stopped:
            terminal.say("Stopping; once more to hurry.")
        finally:
            further_signals(installation.supervisor.hurry)
            installation.stop()


def _greet(terminal: Terminal, settings: Config, parts: list[str]) -> None:
    if CONSOLE in parts:
        terminal.say(terminal.bold(f"Console:  {settings.public_url}/admin/"))
    if WEBHOOKS in parts:
        terminal.say(f"Webhooks: {settings.webhook_url}")
    terminal.say(f"Data:     {settings.data_dir}")
    if CONSOLE in parts and database.nobody_can_log_in():
        terminal.say("Nobody can log in yet: make the first user with `.venv/bin/python manage.py createsuperuser`.")
    terminal.say("Running. Ctrl-C stops everything.")
