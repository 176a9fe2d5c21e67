"""``manage.py import_subscribers LIST_ID FILE``."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.models import SubscriberList
from campaigns.services.exports import safe_cell
from campaigns.services.imports import (
    OUTCOME_LABELS,
    Outcome,
    Progress,
    UnreadableFile,
    import_stream,
    open_table,
    plan_import,
)


class Command(BaseCommand):
    """Imports a file of any size into a list, block by block."""

    help = "Import a CSV, TSV or Excel file of people into a list. Files of any size; each block is kept once it is in."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The list and the file."""
        parser.add_argument("list_id", type=int, help="the list's number, as in its address in the console")
        parser.add_argument("file", type=Path, help="the file")
        parser.add_argument(
            "--rejected", type=Path, metavar="CSV", help="write refused rows with their reasons to this file"
        )
        parser.add_argument(
            "--consent",
            default="",
            metavar="TEXT",
            help="what these people agreed to, in the words they saw; kept in the consent ledger of who joins",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only count what would happen (reads all into memory)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Import, and say how it goes after each block."""
        try:
            list_ = SubscriberList.objects.select_related("account").get(pk=options["list_id"])
        except SubscriberList.DoesNotExist:
            there_are = ", ".join(
                f"{pk} ({name})" for pk, name in SubscriberList.objects.values_list("pk", "name")[:20]
            )
            raise CommandError(
                f"There is no list {options['list_id']}. There are: {there_are or 'none yet'}."
            ) from None
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                if options["dry_run"]:
                    table = open_table(file, path.name, region=list_.account.default_region)
                    self._say(plan_import(list_=list_, table=table).counts)
                    return
                record = self._import(list_, file, path, options["rejected"], options["consent"])
        except OSError as error:
            raise CommandError(f"{error.filename or path} cannot be opened: {error.strerror}.") from error
        except UnreadableFile as error:
            raise CommandError(
                f"{error.text} Rows before it, if any, are imported; importing them again is safe."
            ) from error
        self.stdout.write(self.style.SUCCESS(f"{path.name} is in {list_} (import {record.pk})."))

    def _import(self, list_: SubscriberList, file: Any, path: Path, rejected: Path | None, consent: str) -> Any:
        if rejected is None:
            return import_stream(
                list_=list_,
                file=file,
                name=path.name,
                consent_wording=consent,
                on_block=lambda progress: self._say(progress.counts),
            )
        with rejected.open("w", newline="", encoding="utf-8-sig") as out:
            writer = csv.writer(out)
            header = [
                column.header for column in open_table(file, path.name, region=list_.account.default_region).columns
            ]
            writer.writerow(["Refused because", "Row in the file", *map(safe_cell, header)])

            def on_block(progress: Progress) -> None:
                self._say(progress.counts)
                for row in progress.rejected:
                    writer.writerow([safe_cell(cell) for cell in (row.reason, row.row, *row.cells)])

            return import_stream(list_=list_, file=file, name=path.name, consent_wording=consent, on_block=on_block)

    def _say(self, counts: Any) -> None:
        parts = (f"{counts[outcome]:,} {OUTCOME_LABELS[outcome].lower()}" for outcome in Outcome)
        self.stdout.write(f"{counts.total():,} rows: {', '.join(parts)}")
