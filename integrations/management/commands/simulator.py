"""``manage.py simulator``: a carrier to send to and to hear from, without a provider's account."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.simulator.cli import add_arguments, run
from integrations.simulator.config import SettingsError
from integrations.simulator.server import SimulatorError


class Command(BaseCommand):
    """Runs the simulator in this process; the same options as ``python -m integrations.simulator``."""

    help = "Run the carrier simulator: the providers' HTTP APIs, with people behind them. Prints its URL as a line of JSON."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let our ``--settings-json`` stand beside Django's ``--settings`` without abbreviations in between."""
        return super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the simulator's options."""
        add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until SIGINT or SIGTERM."""
        try:
            run(options, self._ready)
        except (SettingsError, SimulatorError) as error:
            raise CommandError(str(error)) from error

    def _ready(self, url: str) -> None:
        self.stdout.write(orjson.dumps({"url": url}).decode())
        self.stdout.flush()
