#!/usr/bin/env python
"""Broadcast's command line."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "broadcast.settings")
    if sys.argv[1:2] == ["demo"]:
        # The settings are read once, when Django starts, so the demo's have to be there before.
        from broadcast.demo import environment
        from broadcast.supervisor.lock import FolderTaken

        try:
            environment.lock = environment.prepare(sys.argv[2:], os.environ)
        except FolderTaken as error:
            sys.exit(f"{error}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
