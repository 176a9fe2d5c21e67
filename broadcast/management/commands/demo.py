"""``manage.py demo``: the whole way, from messy files to true counts, on a simulated carrier."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any

import httpx
import orjson
from django.core.management.base import BaseCommand, CommandError

from broadcast.core.config import config
from broadcast.core.valkey import ValkeyError
from broadcast.demo import environment
from broadcast.demo.clean import NotADemo, clean_folder
from broadcast.demo.performance import Performance
from broadcast.demo.progress import TookTooLong
from broadcast.demo.summary import show_console, show_result
from broadcast.supervisor.installation import PortTaken
from broadcast.supervisor.lock import FolderLock, FolderTaken
from broadcast.supervisor.processes import ProgramError
from broadcast.supervisor.signals import Stopped, stop_signals
from broadcast.supervisor.terminal import Terminal
from campaigns.services.imports import UnreadableFile
from campaigns.services.launch import LaunchError
from messaging.services.numbers import ProvisioningError

TIMEOUT_SECONDS = 180.0

#: What can go wrong and says so in a sentence for people.
EXPECTED = (
    FolderTaken,
    LaunchError,
    NotADemo,
    PortTaken,
    ProgramError,
    ProvisioningError,
    TookTooLong,
    ValkeyError,
)


class Command(BaseCommand):
    """Shows everything at work; ``--once --json`` is the same as a test."""

    help = (
        "Start an installation of its own with a simulated carrier, import three messy lists, launch a campaign, show "
        "what became of it and keep running until Ctrl-C."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--once", action="store_true", help="end when the campaign is finished")
        parser.add_argument(
            "--json", action="store_true", help="print the result as one JSON object on standard output"
        )
        parser.add_argument(
            "--timeout",
            type=float,
            default=TIMEOUT_SECONDS,
            metavar="SECONDS",
            help="how long the campaign may take (180)",
        )
        parser.add_argument(
            "--use-environment",
            action="store_true",
            help="use DATABASE_URL and REDIS_URL; both are emptied, so they must be a demo's or empty",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the demo.

        Raises:
            CommandError: something did not start, took too long, or an invariant did not hold.
        """
        try:
            broken = self._run(options)
        except EXPECTED as error:
            raise CommandError(str(error)) from error
        except UnreadableFile as error:
            raise CommandError(f"A list of the demo could not be read: {error}") from error
        except httpx.HTTPError as error:
            raise CommandError(f"The simulated carrier did not answer: {error}") from error
        if broken:
            raise CommandError("The demo's invariants did not hold: " + " ".join(broken))

    def _run(self, options: dict[str, Any]) -> list[str]:
        """Run until the end or until told to stop; returns the invariants that did not hold."""
        settings, terminal = config(), Terminal()
        lock = environment.lock or FolderLock(settings.data_dir)
        lock.take()
        clean_folder(settings.data_dir)
        broken: list[str] = []
        with stop_signals() as further_signals:
            performance = Performance(settings, terminal=terminal, lock=lock)
            try:
                performance.start()
                scenario = performance.prepare()
                result = performance.perform(scenario, timeout_seconds=options["timeout"])
                broken = result.broken
                show_result(result, terminal)
                if options["json"]:
                    self.stdout.write(orjson.dumps(result.as_json()).decode())
                    self.stdout.flush()
                if not options["once"]:
                    show_console(scenario, settings, terminal)
                    terminal.say("Running; now and then somebody writes. Ctrl-C stops everything.")
                    performance.go_on(scenario)
                    threading.Event().wait()
            except Stopped:
                terminal.status("")
                terminal.say("Stopping; once more to hurry.")
            finally:
                further_signals(performance.hurry)
                performance.stop(at_once=options["once"])
        return broken
