"""What the preview of an import shows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from campaigns.services.imports import OUTCOME_LABELS, ImportPlan, Outcome, PlannedRow

#: Rows shown of each outcome; the counts are of all.
ROWS_SHOWN = 500
#: unfold's colours of labels.
_COLOURS = {
    Outcome.NEW: "success",
    Outcome.UPDATED: "info",
    Outcome.UNCHANGED: "default",
    Outcome.OPTED_OUT: "warning",
    Outcome.DUPLICATE: "default",
    Outcome.INVALID: "danger",
}
_FIELD_LABELS = {
    "number": "phone number",
    "first_name": "first name",
    "last_name": "last name",
    "full_name": "whole name",
    "email": "e-mail",
    "time_zone": "time zone",
    "ignored": "not used",
}


@dataclass(frozen=True, slots=True)
class Section:
    """The rows with one outcome."""

    outcome: str
    label: str
    colour: str
    count: int
    rows: list[PlannedRow]

    @property
    def left_out(self) -> int:
        """Rows that are not shown."""
        return self.count - len(self.rows)


def preview_of(plan: ImportPlan) -> dict[str, Any]:
    """Counts, rows by outcome, and how the file was read."""
    counts = plan.counts
    return {
        "list": plan.list_,
        "file_name": plan.table.name,
        "total": counts.total(),
        "adds": counts[Outcome.NEW] + counts[Outcome.UPDATED],
        "has_header": plan.table.has_header,
        "reading": {
            "format": plan.table.format_name,
            "columns": [(column.header, column_use(column.key or column.role.value)) for column in plan.table.columns],
        },
        "sections": [
            Section(
                outcome.value,
                OUTCOME_LABELS[outcome],
                _COLOURS[outcome],
                counts[outcome],
                list(islice(plan.rows_of(outcome), ROWS_SHOWN)),
            )
            for outcome in Outcome
        ],
        "shown": next((outcome.value for outcome in Outcome if counts[outcome]), Outcome.NEW.value),
        "rows_shown": ROWS_SHOWN,
    }


def column_use(field: str) -> str:
    """What a column is used for: one of our fields, or its own merge field."""
    return _FIELD_LABELS.get(field, "{{ " + field + " }}")
