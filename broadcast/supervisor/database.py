"""Makes the database ready before the programs that use it start."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections

from broadcast.core.config import Config
from broadcast.schedules import ensure_schedules


def prepare(config: Config, *, migrate: bool = True) -> None:
    """Bring the tables up to date, make the schedules and, in production, collect the console's static files.

    Args:
        config: the settings.
        migrate: False where another machine has migrated already.
    """
    if migrate:
        call_command("migrate", interactive=False, verbosity=0)
    ensure_schedules()
    if config.is_production:
        call_command("collectstatic", interactive=False, verbosity=0)


def nobody_can_log_in() -> bool:
    """Whether there is no superuser yet."""
    return not get_user_model()._default_manager.filter(is_superuser=True, is_active=True).exists()


def let_go() -> None:
    """Close this process's connections: a supervisor that runs for months holds none."""
    connections.close_all()
